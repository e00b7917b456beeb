//! [`Langfuse`]: the exporter.

use crate::config::Config;
use crate::encode::{Envelope, Public};
use crate::error::ConfigError;
use crate::losses::Losses;
use crate::retry::{Backoff, Patience};
use crate::transport::{Answer, Transport};
use flate2::write::GzEncoder;
use flate2::Compression;
use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Delivery, ExportError, Exporter};
use opentelemetry_proto::tonic::trace::v1::Span;
use std::io::{self, Write};
use std::time::Duration;

/// Time that an export may need beyond its retries: for the encoding, and for the response to the last try.
const MARGIN: Duration = Duration::from_secs(10);

/// Sends finished spans to Langfuse as observations.
///
/// It sends one gzipped request for a batch, or several if the batch is too large. It runs on a separate thread behind a
/// bounded queue (see [`Exporter`]), so a server that is slow, hangs or is down never delays the program.
///
/// | the server | what happens |
/// |---|---|
/// | accepts the request except for some spans | those are counted as lost |
/// | 429, 502, 503, 504; no connection; no response in time | the request is sent again after 1, 2, 4, 8, 8, .. s, or after the time in `Retry-After` (at most an hour), for at most [`retry_for`](Config::retry_for). Meanwhile the queue fills; what finds no room is counted |
/// | 413 | the halves are sent; a single span is lost |
/// | 401, 403 | lost; the message names the variables to look at |
/// | any other status | lost; the message has the status |
///
/// A request without a response in time is sent again although it may have arrived. Its ids are the same, so the server
/// stores no span twice. `flush` and `finish` keep their deadlines in all of these cases. The ledger counts the lost spans.
/// The reason is a message to the operator ([`heirloom_core::diagnostics`], once per outage and at most once a minute), and
/// is in the result of `flush`. No message contains a key, a recorded
/// value or the text of a response.
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
    transport: Option<Transport>,
    patience: Patience,
    public: Public,
}

impl Config {
    /// The exporter of this client. No connection is made before the first batch.
    ///
    /// # Errors
    /// A key is missing, or a setting can't be used; or tracing is switched off.
    pub fn exporter(&self) -> Result<Langfuse, ConfigError> {
        if !self.enabled {
            return Err(ConfigError::Disabled);
        }
        self.check()?;
        Ok(Langfuse::new(self.clone()))
    }
}

impl Langfuse {
    fn new(config: Config) -> Self {
        let patience = Patience::new(config.retry_for);
        Self { config, transport: None, patience, public: Public::default() }
    }

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

    /// Sends the spans in as many requests as needed.
    fn deliver(&mut self, envelope: &mut Envelope, spans: Vec<Span>, losses: &mut Losses) {
        let mut parts = vec![spans];
        while let Some(mut spans) = parts.pop() {
            let outcome = match self.encoded(envelope, &mut spans) {
                Some(body) => self.send(body),
                None => Answer::TooLarge,
            };
            match outcome {
                Answer::Taken { rejected } => losses.add(rejected.min(spans.len() as u64), "the server rejected them"),
                Answer::TooLarge if spans.len() > 1 => {
                    let second = spans.split_off(spans.len() / 2);
                    parts.extend([second, spans]);
                }
                Answer::TooLarge => losses.add(1, "a single span is too large for a request"),
                Answer::Refused { why } | Answer::Later { why, .. } => losses.add(spans.len() as u64, &why),
            }
        }
    }

    /// The compressed request; `None` if it is too large.
    fn encoded(&self, envelope: &mut Envelope, spans: &mut Vec<Span>) -> Option<Vec<u8>> {
        if spans.len() > self.config.max_request_spans {
            return None;
        }
        let request = envelope.encode(spans, self.config.max_request_bytes)?;
        gzip(&request).ok()
    }

    /// Sends one request until the server accepts or rejects it, or the time for retries is over.
    fn send(&mut self, body: Vec<u8>) -> Answer {
        let Some(transport) = &self.transport else {
            return Answer::Refused { why: "the HTTP client is missing".to_owned() };
        };
        let mut backoff = Backoff::new(self.config.first_wait);
        loop {
            if let Err(why) = self.patience.wait() {
                return Answer::Refused { why };
            }
            let (why, after) = match transport.post(body.clone()) {
                Answer::Later { why, after } => (why, after),
                answer => {
                    self.patience.answered();
                    return answer;
                }
            };
            if self.patience.failed(why.clone(), after.unwrap_or_else(|| backoff.next())) {
                let message = format!("exporter \"langfuse\" can't deliver: {why}; it keeps retrying");
                report(Diagnostic::new(Level::Warn, Cause::Retrying, message).about("langfuse"));
            }
        }
    }

    /// Creates the client on the exporter's thread, which is inside no runtime, so it may wait for the client's own.
    fn connect(&mut self) -> Result<(), ExportError> {
        if self.transport.is_none() {
            self.transport = Some(Transport::new(&self.config).map_err(ExportError::new)?);
        }
        Ok(())
    }
}

impl Exporter for Langfuse {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.connect()?;
        self.patience.begin();
        let mut losses = Losses::default();
        for part in delivery.parts() {
            let mut envelope = Envelope::new(&self.config, part.resource());
            let spans = envelope.spans(part, &mut self.public);
            self.deliver(&mut envelope, spans, &mut losses);
        }
        losses.into_result(delivery.len())
    }

    fn export_timeout(&self) -> Option<Duration> {
        Some(self.config.retry_for.saturating_add(self.config.timeout).saturating_add(MARGIN))
    }

    fn name(&self) -> &str {
        "langfuse"
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
