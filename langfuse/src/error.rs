//! The errors of the configuration, and of the check of the keys.

use std::fmt;

/// The names of the environment variables.
pub(crate) mod variable {
    pub(crate) const PUBLIC_KEY: &str = "LANGFUSE_PUBLIC_KEY";
    pub(crate) const SECRET_KEY: &str = "LANGFUSE_SECRET_KEY";
    pub(crate) const BASE_URL: &str = "LANGFUSE_BASE_URL";
    pub(crate) const HOST: &str = "LANGFUSE_HOST";
    pub(crate) const PATH: &str = "LANGFUSE_OTEL_TRACES_EXPORT_PATH";
    pub(crate) const TIMEOUT: &str = "LANGFUSE_TIMEOUT";
    pub(crate) const MAX_BYTES: &str = "LANGFUSE_OTEL_MAX_BATCH_SIZE_BYTES";
    pub(crate) const ENVIRONMENT: &str = "LANGFUSE_TRACING_ENVIRONMENT";
    pub(crate) const RELEASE: &str = "LANGFUSE_RELEASE";
    pub(crate) const SAMPLE_RATE: &str = "LANGFUSE_SAMPLE_RATE";
    pub(crate) const FLUSH_AT: &str = "LANGFUSE_FLUSH_AT";
    pub(crate) const FLUSH_INTERVAL: &str = "LANGFUSE_FLUSH_INTERVAL";
    pub(crate) const ENABLED: &str = "LANGFUSE_TRACING_ENABLED";
    /// Those that are neither a key nor a part of a URL.
    pub(crate) const HARMLESS: &[&str] =
        &[TIMEOUT, MAX_BYTES, ENVIRONMENT, RELEASE, SAMPLE_RATE, FLUSH_AT, FLUSH_INTERVAL, ENABLED];
}

/// Why there is no exporter: a setting is missing or invalid.
///
/// The text names the setting by its variable, the expected value and what to do. It never contains a value, because any
/// value could contain a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key is missing.
    Missing {
        /// Its variable.
        variable: &'static str,
    },
    /// The public and the secret key are swapped.
    Swapped,
    /// A setting is invalid.
    Invalid {
        /// Its variable.
        variable: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// `LANGFUSE_TRACING_ENABLED` is false.
    Disabled,
}

impl ConfigError {
    /// The variable of the wrong setting.
    pub fn variable(&self) -> &'static str {
        match self {
            ConfigError::Missing { variable } | ConfigError::Invalid { variable, .. } => variable,
            ConfigError::Swapped => variable::SECRET_KEY,
            ConfigError::Disabled => variable::ENABLED,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Missing { variable } => {
                write!(f, "{variable} is missing: set it to the key of the project (in Langfuse: settings, API keys)")
            }
            ConfigError::Swapped => f.write_str(
                "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are swapped: the public key starts with pk-lf-, \
                 the secret key with sk-lf-; exchange them",
            ),
            ConfigError::Invalid { variable, expected } => write!(f, "{variable} is invalid: expected {expected}"),
            ConfigError::Disabled => f.write_str(
                "LANGFUSE_TRACING_ENABLED is false, so there is no exporter: start the tracer without it, or with \
                 `Config::tracer_builder`, whose tracer then records nothing",
            ),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why [`auth_check`](crate::Config::auth_check) failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The configuration is invalid.
    Config(ConfigError),
    /// The server rejected the keys: they are unknown (401) or lack the permission (403).
    Rejected {
        /// The status of the response.
        status: u16,
    },
    /// The keys are accepted, but belong to no project.
    NoProject,
    /// There was no response before the deadline, or there is no connection.
    Unreachable {
        /// Why, in words.
        why: String,
    },
    /// The response is not one of a Langfuse server.
    Unexpected {
        /// The status of the response.
        status: u16,
    },
}

/// What to check when the server rejects the keys.
pub(crate) const LOOK_AT_KEYS: &str =
    "check LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and whether LANGFUSE_BASE_URL is the server that they belong to";

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::Config(error) => error.fmt(f),
            AuthError::Rejected { status } => write!(f, "the server rejected the keys (status {status}): {LOOK_AT_KEYS}"),
            AuthError::NoProject => f.write_str(
                "the server accepted the keys, but they belong to no project: create new keys in Langfuse's project settings",
            ),
            AuthError::Unreachable { why } => write!(f, "the Langfuse server can't be reached: {why}; check LANGFUSE_BASE_URL"),
            AuthError::Unexpected { status } => {
                write!(f, "the response (status {status}) is not one of a Langfuse server: check LANGFUSE_BASE_URL")
            }
        }
    }
}

impl std::error::Error for AuthError {}

impl From<ConfigError> for AuthError {
    fn from(error: ConfigError) -> Self {
        AuthError::Config(error)
    }
}
