//! What Heirloom does with a span that finds no room in its ring.

#[cfg(feature = "heirloom")]
use heirloom_core::Builder;
use serde::{Deserialize, Serialize};

/// What Heirloom does with a span that finds no room in its ring. Other peers have no such setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overload {
    /// As `init` chooses.
    #[default]
    Init,
    /// It is refused, and its children attach to its parent.
    Coarsen,
    /// The thread waits for the collector, at most for the default time.
    Wait,
}

impl Overload {
    /// The settings to measure where rings overflow.
    pub const ALL: [Overload; 2] = [Overload::Coarsen, Overload::Wait];

    /// The name in tables and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Overload::Init => "init",
            Overload::Coarsen => "coarsen",
            Overload::Wait => "wait",
        }
    }

    /// A builder with this setting.
    #[cfg(feature = "heirloom")]
    pub(crate) fn set(self, builder: Builder) -> Builder {
        match self {
            Overload::Init => builder,
            Overload::Coarsen => builder.overload(heirloom_core::Overload::Coarsen),
            Overload::Wait => builder.overload(heirloom_core::Overload::Wait(heirloom_core::Overload::DEFAULT_WAIT)),
        }
    }
}
