//! [`ConfigError`]: a setting that can't be used.

use std::borrow::Cow;
use std::fmt;

/// Why there is no exporter: a setting can't be used.
///
/// The text names the setting (a variable, or a method of the builder), its value, and the expected value. It has no value of a
/// setting that may contain a credential: addresses, headers, certificates and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    value: Option<String>,
    expected: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self { setting, value: None, expected: expected.into() }
    }

    /// With the value, of a setting that can't contain a credential.
    pub(crate) fn of(mut self, value: &str) -> Self {
        self.value = Some(value.to_owned());
        self
    }

    /// The same for the variable that set it.
    pub(crate) fn set_by(mut self, variable: &'static str) -> Self {
        self.setting = variable;
        self
    }

    /// The variable, or the method of the builder.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The value, unless it may contain a credential.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The expected value, in words.
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value:?} is invalid: expected {}", self.setting, self.expected),
            None => write!(f, "{} is invalid: expected {}", self.setting, self.expected),
        }
    }
}

impl std::error::Error for ConfigError {}
