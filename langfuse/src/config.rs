//! [`Config`]: the configuration of one Langfuse client: keys, server, limits.

mod check;
mod env;

use crate::error::{variable, ConfigError};
use crate::key::Key;
use heirloom_core::{Builder, Sampler, Settings};
use std::time::Duration;

/// This crate's version, in the headers of a request and in the scope.
pub(crate) const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Langfuse's own server in Europe.
const CLOUD: &str = "https://cloud.langfuse.com";
/// Path of the endpoint for traces, below the base URL.
const TRACES: &str = "api/public/otel/v1/traces";
/// Path of the list of projects for a pair of keys, below the base URL.
const PROJECTS: &str = "api/public/projects";
/// Default timeout of one request, as in the Python SDK.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Default time for retries of one request: long enough for a server to be restarted, moved or repaired. The queue bounds the
/// memory meanwhile.
const RETRY_FOR: Duration = Duration::from_secs(3600);
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Default limit of a request before compression, in bytes: the endpoint accepts no more.
const MAX_REQUEST_BYTES: usize = 64 << 20;

/// The configuration of one Langfuse client: keys, server, limits. It makes the client's exporter.
///
/// | method | variable | default |
/// |---|---|---|
/// | [`new`](Self::new) | `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY` | none: an error |
/// | [`base_url`](Self::base_url) | `LANGFUSE_BASE_URL`, older `LANGFUSE_HOST` | `https://cloud.langfuse.com` |
/// | [`path`](Self::path) | `LANGFUSE_OTEL_TRACES_EXPORT_PATH` | `/api/public/otel/v1/traces` |
/// | [`timeout`](Self::timeout) | `LANGFUSE_TIMEOUT`, in seconds | 5 s |
/// | [`retry_for`](Self::retry_for) | | 1 hour |
/// | [`first_wait`](Self::first_wait) | | 1 s |
/// | [`max_request_bytes`](Self::max_request_bytes) | `LANGFUSE_OTEL_MAX_BATCH_SIZE_BYTES` | 64 MiB |
/// | [`max_request_spans`](Self::max_request_spans) | `LANGFUSE_FLUSH_AT` | no separate limit |
/// | [`flush_interval`](Self::flush_interval) | `LANGFUSE_FLUSH_INTERVAL`, in seconds | the tracer's `export_delay` |
/// | [`environment`](Self::environment) | `LANGFUSE_TRACING_ENVIRONMENT` | the resource's `deployment.environment.name` |
/// | [`release`](Self::release) | `LANGFUSE_RELEASE` | the resource's `service.version` |
/// | [`sample_rate`](Self::sample_rate) | `LANGFUSE_SAMPLE_RATE`, 0 to 1 | the tracer's sampler |
/// | [`enabled`](Self::enabled) | `LANGFUSE_TRACING_ENABLED` | true |
///
/// `sample_rate`, `flush_interval` and `enabled` belong to a tracer, not to an exporter: they take effect if
/// [`tracer_builder`](Self::tracer_builder) makes the tracer. `Debug` shows no key.
///
/// ```
/// let config = heirloom_langfuse::Config::new("pk-lf-1", "sk-lf-2").base_url("http://localhost:3000");
/// assert!(!format!("{config:?}").contains("lf-"));
/// let exporter = config.exporter()?;
/// # drop(exporter);
/// # Ok::<(), heirloom_langfuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) public_key: Key,
    pub(crate) secret_key: Key,
    base_url: Key,
    path: String,
    pub(crate) timeout: Duration,
    pub(crate) retry_for: Duration,
    pub(crate) first_wait: Duration,
    pub(crate) max_request_bytes: usize,
    pub(crate) max_request_spans: usize,
    flush_interval: Option<Duration>,
    pub(crate) environment: Option<String>,
    pub(crate) release: Option<String>,
    sample_rate: Option<f64>,
    pub(crate) enabled: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_key: Key::default(),
            secret_key: Key::default(),
            base_url: Key::new(CLOUD),
            path: TRACES.to_owned(),
            timeout: TIMEOUT,
            retry_for: RETRY_FOR,
            first_wait: FIRST_WAIT,
            max_request_bytes: MAX_REQUEST_BYTES,
            max_request_spans: usize::MAX,
            flush_interval: None,
            environment: None,
            release: None,
            sample_rate: None,
            enabled: true,
        }
    }
}

impl Config {
    /// A configuration with these keys of a project. Environment variables are ignored.
    pub fn new(public_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { public_key: Key::new(public_key), secret_key: Key::new(secret_key), ..Self::default() }
    }

    /// The server's URL: `http` or `https`, without user and password.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Key::new(url);
        self
    }

    /// Path of the endpoint for traces, below the base URL.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// How long one request may take, from the connection to the end of the response.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long the exporter retries a request while the server can't be reached or asks for a later one. Then its spans are lost,
    /// and counted. Meanwhile further spans wait in the exporter's queue, which is bounded (`queue_bytes` of the tracer).
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }

    /// The bound of the wait before the first retry. Each further bound is twice as large, up to 30 s. A wait is a random part of
    /// its bound. A `Retry-After` of the server takes precedence.
    #[must_use]
    pub fn first_wait(mut self, time: Duration) -> Self {
        self.first_wait = time;
        self
    }

    /// The largest request before compression, in bytes. More spans are sent in several requests. A larger single span is lost, and
    /// counted.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// The largest number of spans in a request.
    #[must_use]
    pub fn max_request_spans(mut self, spans: usize) -> Self {
        self.max_request_spans = spans;
        self
    }

    /// How long a finished span waits for others before it is sent.
    #[must_use]
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = Some(interval);
        self
    }

    /// The environment in which the program runs: `production`, `staging`, .. It has at most 40 letters of ASCII, digits,
    /// `-` and `_`, and doesn't start with `langfuse`. Upper-case letters are sent in lower case, which is reported once.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// The release of the program.
    #[must_use]
    pub fn release(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// The share of traces that is recorded: 0 to 1.
    #[must_use]
    pub fn sample_rate(mut self, rate: f64) -> Self {
        self.sample_rate = Some(rate);
        self
    }

    /// Whether spans are recorded.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// A tracer's builder with this client's exporter, sample rate and interval. Add further settings,
    /// then call `init` or `start`. The environment's other settings (`OTEL_*`, `HEIRLOOM_*`) apply, as in
    /// [`heirloom_core::builder`].
    ///
    /// The sample rate decides about roots; a remote parent's decision is kept. While tracing is switched off, the tracer
    /// records nothing, and keys may be missing.
    ///
    /// ```
    /// use heirloom_langfuse::Config;
    /// let production = Config::new("pk-lf-1", "sk-lf-1").environment("production").sample_rate(0.05);
    /// let beta = Config::new("pk-lf-2", "sk-lf-2").environment("beta").sample_rate(1.0);
    /// # let here = |config: Config| config.base_url("http://127.0.0.1:9").retry_for(std::time::Duration::ZERO);
    /// # let (production, beta) = (here(production), here(beta));
    /// let production = production.tracer_builder("shop")?.start()?;
    /// let beta = beta.tracer_builder("shop")?.start()?;
    /// let tracer = |user: u64| if user % 20 == 0 { beta.tracer() } else { production.tracer() };
    /// tracer(17).in_root("request", |_| ()); // it, and everything below it, goes to that project
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A key is missing, or a setting is invalid.
    pub fn tracer_builder(&self, service_name: &str) -> Result<Builder, ConfigError> {
        if !self.enabled {
            let (mut settings, _) = Settings::from_env(service_name);
            settings.disabled = true;
            return Ok(heirloom_core::builder(service_name).settings(settings));
        }
        let mut builder = heirloom_core::builder(service_name).exporter(self.exporter()?);
        if let Some(interval) = self.flush_interval {
            builder = builder.export_delay(interval);
        }
        if let Some(rate) = self.sample_rate {
            builder = builder.sampler(Sampler::TraceIdRatio(rate).parent_based());
        }
        Ok(builder)
    }

    pub(crate) fn traces_url(&self) -> String {
        self.below(&self.path)
    }

    pub(crate) fn projects_url(&self) -> String {
        self.below(PROJECTS)
    }

    /// The base URL and a path, joined with one `/`.
    fn below(&self, path: &str) -> String {
        format!("{}/{}", self.base_url.reveal().trim_end_matches('/'), path.trim_start_matches('/'))
    }

    /// All checks of `exporter`.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check::keys(self.public_key.reveal(), self.secret_key.reveal())?;
        check::url(self.base_url.reveal())?;
        check::positive(variable::TIMEOUT, self.timeout)?;
        check::at_least_one(variable::MAX_BYTES, self.max_request_bytes)?;
        check::at_least_one(variable::FLUSH_AT, self.max_request_spans)?;
        self.environment.as_deref().map_or(Ok(()), check::environment)?;
        self.sample_rate.map_or(Ok(()), check::rate)
    }
}
