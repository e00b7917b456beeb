//! Reads a [`Config`] from environment variables.

use super::Config;
use crate::error::{variable, ConfigError};
use crate::key::Key;
use heirloom_core::environment;
use std::ffi::OsString;
use std::time::Duration;

/// Upper bound of a duration in seconds: a year. A larger value is a mistake, and could overflow `Duration`.
const MAX_SECONDS: f64 = 31_536_000.0;

impl Config {
    /// The configuration from this process's environment; see the [table](Self). [`exporter`](Self::exporter) checks the
    /// keys when it needs them.
    ///
    /// In a program with more rights than its user, such as a setuid program, the keys and the variables of the URL are
    /// ignored ([all variables](environment)): set them in code.
    ///
    /// # Errors
    /// A variable is invalid. The error doesn't contain its value.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| environment::variable(name, variable::HARMLESS))
    }

    /// As [`from_env`](Self::from_env), with these variables instead of the environment's.
    ///
    /// ```
    /// use heirloom_langfuse::Config;
    /// let config = Config::from_variables(|name| match name {
    ///     "LANGFUSE_PUBLIC_KEY" => Some("pk-lf-1".into()),
    ///     _ => None,
    /// })?;
    /// let error = config.exporter().unwrap_err();
    /// assert_eq!(error.variable(), "LANGFUSE_SECRET_KEY");
    /// # Ok::<(), heirloom_langfuse::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As `from_env`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let read = Reader(&variable);
        let default = Self::default();
        let url = match read.text(variable::BASE_URL)? {
            Some(url) => Some(url),
            None => read.text(variable::HOST)?,
        };
        Ok(Self {
            public_key: Key::new(read.text(variable::PUBLIC_KEY)?.unwrap_or_default()),
            secret_key: Key::new(read.text(variable::SECRET_KEY)?.unwrap_or_default()),
            base_url: url.map_or(default.base_url, Key::new),
            path: read.text(variable::PATH)?.unwrap_or(default.path),
            timeout: read.seconds(variable::TIMEOUT)?.unwrap_or(default.timeout),
            max_request_bytes: read.number(variable::MAX_BYTES)?.unwrap_or(default.max_request_bytes),
            max_request_spans: read.number(variable::FLUSH_AT)?.unwrap_or(default.max_request_spans),
            flush_interval: read.seconds(variable::FLUSH_INTERVAL)?,
            environment: read.text(variable::ENVIRONMENT)?,
            release: read.text(variable::RELEASE)?,
            sample_rate: read.rate(variable::SAMPLE_RATE)?,
            enabled: read.switch(variable::ENABLED)?.unwrap_or(true),
            ..default
        })
    }
}

struct Reader<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Reader<'_> {
    /// The trimmed value; `None` if it is empty.
    fn text(&self, variable: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = (self.0)(variable) else { return Ok(None) };
        match value.into_string() {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(_) => Err(ConfigError::Invalid { variable, expected: "text in UTF-8" }),
        }
    }

    fn parsed<T>(
        &self,
        variable: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(variable)? else { return Ok(None) };
        parse(&text).map(Some).ok_or(ConfigError::Invalid { variable, expected })
    }

    fn seconds(&self, variable: &'static str) -> Result<Option<Duration>, ConfigError> {
        self.parsed(variable, "a number of seconds above zero", |text| {
            let seconds: f64 = text.parse().ok()?;
            (seconds > 0.0 && seconds <= MAX_SECONDS).then(|| Duration::from_secs_f64(seconds))
        })
    }

    fn number(&self, variable: &'static str) -> Result<Option<usize>, ConfigError> {
        self.parsed(variable, "a whole number above zero", |text| text.parse().ok().filter(|n| *n > 0))
    }

    fn rate(&self, variable: &'static str) -> Result<Option<f64>, ConfigError> {
        self.parsed(variable, "a number from 0 to 1", |text| text.parse().ok().filter(|r| (0.0..=1.0).contains(r)))
    }

    fn switch(&self, variable: &'static str) -> Result<Option<bool>, ConfigError> {
        self.parsed(variable, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })
    }
}
