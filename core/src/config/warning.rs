//! [`ConfigWarning`]: a setting that could not be used.

use std::fmt;

/// The length to which a wrong value is cut in a message, in characters, so that the message stays readable.
const MAX_VALUE_CHARS: usize = 80;

/// A setting whose value could not be used and was ignored.
///
/// Its text is one sentence that names the setting, the value (at most 80 characters of it) and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    name: &'static str,
    value: String,
    accepted: &'static str,
}

impl ConfigWarning {
    pub(super) fn new(name: &'static str, value: &str, accepted: &'static str) -> Self {
        let mut shown: String = value.chars().take(MAX_VALUE_CHARS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self { name, value: shown, accepted }
    }

    /// The environment variable, or the field of [`Settings`](super::Settings) that code set.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The value that it was set to.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The values that it accepts.
    pub fn accepted(&self) -> &'static str {
        self.accepted
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?} is ignored: it takes {}", self.name, self.value, self.accepted)
    }
}

impl std::error::Error for ConfigWarning {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_one_line_of_bounded_length() {
        let warning = ConfigWarning::new("HEIRLOOM_STRICT", &"\né".repeat(1000), "true or false");
        let text = warning.to_string();
        assert!(!text.contains('\n') && text.chars().count() < 250, "{text}");
        assert!(
            text.starts_with("HEIRLOOM_STRICT=\"\\né\\né") && text.ends_with("…\" is ignored: it takes true or false")
        );
    }
}
