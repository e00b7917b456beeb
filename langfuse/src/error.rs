//! What can be wrong with the configuration, and what a look at the keys can say.

use std::fmt;

/// The names of variables, as they are in the environment.
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
}

/// Why there is no exporter: a setting that is missing or can't be used.
///
/// Its text names the setting by its variable, says what is expected and what to do. It never holds a value: a key
/// could be in any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key is not there.
    Missing {
        /// Its variable.
        variable: &'static str,
    },
    /// The public key is where the secret one belongs, or the other way round.
    Swapped,
    /// A setting can't be used.
    Invalid {
        /// Its variable.
        variable: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// `LANGFUSE_TRACING_ENABLED` is false.
    Disabled,
}

impl ConfigError {
    /// The variable that it is about.
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
                "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are swapped: the public one begins with pk-lf-, \
                 the secret one with sk-lf-",
            ),
            ConfigError::Invalid { variable, expected } => write!(f, "{variable} can't be used: it takes {expected}"),
            ConfigError::Disabled => f.write_str(
                "LANGFUSE_TRACING_ENABLED is false: start the tracer without this exporter, or with \
                 `Config::tracer_builder`, which then records nothing",
            ),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why [`auth_check`](crate::Config::auth_check) failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The configuration can't be used.
    Config(ConfigError),
    /// The keys are not accepted (401), or may not do this (403).
    Rejected {
        /// The status of the answer.
        status: u16,
    },
    /// The keys are accepted, but there is no project behind them.
    NoProject,
    /// Nobody answered before the deadline, or there is no connection.
    Unreachable {
        /// Why, in words.
        why: String,
    },
    /// An answer that a Langfuse server doesn't give.
    Unexpected {
        /// The status of the answer.
        status: u16,
    },
}

/// What to look at when keys are refused.
pub(crate) const LOOK_AT_KEYS: &str =
    "look at LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and whether LANGFUSE_BASE_URL is \
                                       the server that they belong to";

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::Config(error) => error.fmt(f),
            AuthError::Rejected { status } => write!(f, "the keys are refused ({status}): {LOOK_AT_KEYS}"),
            AuthError::NoProject => {
                f.write_str("the keys are accepted, but belong to no project: make new ones in Langfuse")
            }
            AuthError::Unreachable { why } => write!(f, "no answer: {why}; look at LANGFUSE_BASE_URL"),
            AuthError::Unexpected { status } => {
                write!(f, "this is no answer of a Langfuse server (status {status}): look at LANGFUSE_BASE_URL")
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
