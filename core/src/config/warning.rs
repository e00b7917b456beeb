//! [`ConfigWarning`]: a setting that could not be used.

use std::borrow::Cow;
use std::fmt;

/// The length to which a wrong value is cut in a message, in characters, so that the message stays readable.
const MAX_VALUE_CHARS: usize = 80;

/// A setting that could not be used and was ignored.
///
/// Its text is one sentence that names the setting, the value (at most 80 characters of it) and what is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    name: Cow<'static, str>,
    value: Option<String>,
    what: What,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// The accepted values, in words.
    Takes(&'static str),
    /// In other words, to follow "is ignored".
    Said(String),
}

impl ConfigWarning {
    /// A setting whose value isn't one of those that it takes.
    ///
    /// ```
    /// use heirloom_core::ConfigWarning;
    /// let warning = ConfigWarning::new("APP_LEVEL", "loud", "a whole number");
    /// assert_eq!(warning.to_string(), "APP_LEVEL=\"loud\" is ignored: it takes a whole number");
    /// ```
    pub fn new(name: impl Into<Cow<'static, str>>, value: &str, accepted: &'static str) -> Self {
        Self { name: name.into(), value: Some(shown(value)), what: What::Takes(accepted) }
    }

    /// A setting that is ignored for another reason, or whose value must not be shown: `what` follows "is ignored".
    ///
    /// ```
    /// use heirloom_core::ConfigWarning;
    /// let warning = ConfigWarning::because("APP_KEY", None, ": it has characters that a key can't have");
    /// assert_eq!(warning.to_string(), "APP_KEY is ignored: it has characters that a key can't have");
    /// ```
    pub fn because(name: impl Into<Cow<'static, str>>, value: Option<&str>, what: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.map(shown), what: What::Said(what.into()) }
    }

    /// The environment variable, or the field of [`Settings`](super::Settings) that code set.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that it was set to. Empty if it isn't shown.
    pub fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    /// The values that it accepts. Empty if it is ignored for another reason.
    pub fn accepted(&self) -> &'static str {
        match self.what {
            What::Takes(accepted) => accepted,
            What::Said(_) => "",
        }
    }
}

fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(MAX_VALUE_CHARS).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(value) = &self.value {
            write!(f, "={value:?}")?;
        }
        match &self.what {
            What::Takes(accepted) => write!(f, " is ignored: it takes {accepted}"),
            What::Said(what) => write!(f, " is ignored{what}"),
        }
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
