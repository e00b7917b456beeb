//! [`Key`]: a text that is never printed.

use std::fmt;

/// A key of a project. `Debug` doesn't show it, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself: for headers and for the scope, nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(missing)" } else { "(not shown)" })
    }
}
