//! [`Secret`]: a text that is never printed.

use std::fmt;

/// The value of a header, a URL or a key: any of them may contain a credential. `Debug` doesn't show it, and there is no
/// `Display`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for a request, nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(missing)" } else { "(not shown)" })
    }
}
