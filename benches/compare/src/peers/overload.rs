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
}

impl Overload {
    /// The settings to measure where rings overflow.
    pub const ALL: [Overload; 1] = [Overload::Coarsen];

    /// The name in tables and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Overload::Init => "init",
            Overload::Coarsen => "coarsen",
        }
    }

    /// A builder with this setting.
    #[cfg(feature = "heirloom")]
    pub(crate) fn set(self, builder: Builder) -> Builder {
        match self {
            Overload::Init | Overload::Coarsen => builder,
        }
    }
}
