//! [`Why`]: what an arrow means.

use std::borrow::Cow;
use std::sync::Arc;

/// Why there is an arrow.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    Child,
    FanOut,
    Link,
    Message,
    /// What ended, to what waited for that and goes on.
    Join,
    /// What released a lock of this name, to what waited for it and has it.
    Lock(Arc<str>),
}

impl Why {
    /// The arrow's name.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Why::Child => "child".into(),
            Why::FanOut => "fan-out".into(),
            Why::Link => "link".into(),
            Why::Message => "message".into(),
            Why::Join => "join".into(),
            Why::Lock(name) => format!("lock {name}").into(),
        }
    }

    /// The arrow's category.
    pub(super) fn category(&self) -> &'static str {
        match self {
            Why::Join => "join",
            Why::Lock(_) => "lock",
            _ => "arrow",
        }
    }

    /// Whether it leads from the end of a wait's cause to the end of the wait, and not from start to start.
    pub(super) fn is_end_of_wait(&self) -> bool {
        matches!(self, Why::Join | Why::Lock(_))
    }
}
