//! [`Langfuse`]: the exporter.

use crate::config::{Config, SDK_VERSION};
use crate::encode::Observations;
use crate::error::{variable, ConfigError, LOOK_AT_KEYS};
use base64::Engine;
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_otlp::{Hints, Otlp, OtlpBuilder};
use std::time::Duration;

/// The name of this crate in the headers of a request.
const SDK_NAME: &str = "heirloom";
/// The server's ingestion protocol: version 4 stores spans without a delay.
const INGESTION_VERSION: &str = "4";

/// Sends finished spans to Langfuse as observations.
///
/// It is [`Otlp`] with Langfuse's address, headers and attributes: one request at a time, gzipped, with as many spans as are
/// waiting, of one process or several. It runs on a separate thread behind a bounded queue (see [`Exporter`]), so a server that is
/// slow, hangs or is down never delays the program.
///
/// | the server | what happens |
/// |---|---|
/// | accepts the request except for some spans | those are counted as lost |
/// | 429, 502, 503, 504; no connection; no whole response in time | the request is sent again after a random time of at most 1, 2, 4, .. 30 s, or after the time in `Retry-After` (at most an hour), for at most [`retry_for`](Config::retry_for). Meanwhile the queue fills; what finds no room is counted |
/// | 413 | the halves are sent; a single span is lost |
/// | 401, 403 | lost; the message names the variables to look at |
/// | any other status, or a success with a body that isn't an answer (a login page) | lost; the message has the status |
///
/// A request without a response in time is sent again although it may have arrived. Its ids are the same, so the server stores no
/// span twice. `flush` and `finish` keep their deadlines in all of these cases, and `finish` ends each wait for a last try. The
/// ledger counts the lost spans. The reason is a message to the operator ([`heirloom_core::diagnostics`], once per outage and at
/// most once a minute), and is in the result of `flush`. No message contains a key, a recorded value or the text of a response.
///
/// ```
/// use heirloom_langfuse::{Config, Langfuse};
/// let langfuse = match Langfuse::from_env() {
///     Ok(langfuse) => langfuse,
///     Err(error) => return eprintln!("{error}"), // LANGFUSE_PUBLIC_KEY is missing: ..
/// };
/// let guard = heirloom_core::builder("shop").exporter(langfuse).start();
/// # drop(guard);
/// ```
#[derive(Debug)]
pub struct Langfuse {
    config: Config,
    otlp: Otlp<Observations>,
}

impl Config {
    /// The exporter of this client. No connection is made before the first spans.
    ///
    /// # Errors
    /// A key is missing, or a setting can't be used; or tracing is switched off.
    pub fn exporter(&self) -> Result<Langfuse, ConfigError> {
        if !self.enabled {
            return Err(ConfigError::Disabled);
        }
        self.check()?;
        let otlp = self.otlp().mapping(Observations::new(self.clone())).build();
        // All else was checked.
        let otlp =
            otlp.map_err(|_| ConfigError::Invalid { variable: variable::PATH, expected: "the path of a URL" })?;
        Ok(Langfuse { config: self.clone(), otlp })
    }

    /// The settings of the transport.
    pub(crate) fn otlp(&self) -> OtlpBuilder {
        let (public, secret) = (self.public_key.reveal(), self.secret_key.reveal());
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{public}:{secret}"));
        Otlp::builder()
            .name("langfuse")
            .traces_endpoint(self.traces_url())
            .header("user-agent", concat!("heirloom-langfuse/", env!("CARGO_PKG_VERSION")))
            .header("authorization", format!("Basic {credentials}"))
            .header("x-langfuse-public-key", public)
            .header("x-langfuse-ingestion-version", INGESTION_VERSION)
            .header("x-langfuse-sdk-name", SDK_NAME)
            .header("x-langfuse-sdk-version", SDK_VERSION)
            .timeout(self.timeout)
            .retry_for(self.retry_for)
            .first_wait(self.first_wait)
            .max_request_bytes(self.max_request_bytes)
            .max_request_spans(self.max_request_spans)
            .hints(Hints {
                credentials: LOOK_AT_KEYS,
                address: "check LANGFUSE_BASE_URL",
                format: "check LANGFUSE_BASE_URL",
            })
    }
}

impl Langfuse {
    /// The exporter with the settings of the environment: see [`Config`].
    ///
    /// # Errors
    /// A key is missing, a variable is invalid, or tracing is switched off.
    pub fn from_env() -> Result<Self, ConfigError> {
        Config::from_env()?.exporter()
    }

    /// The exporter's configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Exporter for Langfuse {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.otlp.export(delivery)
    }

    fn request_bytes(&self) -> usize {
        self.otlp.request_bytes()
    }

    fn export_timeout(&self) -> Option<Duration> {
        self.otlp.export_timeout()
    }

    fn name(&self) -> &str {
        self.otlp.name()
    }
}
