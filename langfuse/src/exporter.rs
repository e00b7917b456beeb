//! [`Langfuse`]: the exporter.

use crate::config::Config;
use crate::encode::Observations;
use crate::error::ConfigError;
use crate::losses::Losses;
use crate::retry::{Backoff, Patience};
use crate::transport::{Answer, Transport};
use flate2::write::GzEncoder;
use flate2::Compression;
use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Delivery, ExportError, Exporter, Part};
use heirloom_otlp::{Encoder, Format};
use std::io;
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
    encoder: Encoder<Observations>,
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
        let encoder = Encoder::new(Format::Protobuf, Observations::new(config.clone()));
        Self { config, transport: None, patience, encoder }
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
    fn deliver(&mut self, part: &Part, losses: &mut Losses) {
        let mut ranges: Vec<_> = std::iter::once(0..part.len()).collect();
        while let Some(range) = ranges.pop() {
            let most = range.len().min(self.config.max_request_spans);
            let (spans, body) = match self.encoded(part, range.start, most) {
                Ok(encoded) => encoded,
                Err(error) => return losses.add(range.len() as u64, &format!("they can't be encoded: {error}")),
            };
            let next = range.start + spans.max(1);
            if next < range.end {
                ranges.push(next..range.end);
            }
            let outcome = if spans > 0 { self.send(body) } else { Answer::TooLarge };
            match outcome {
                Answer::Taken { rejected } => losses.add(rejected.min(spans as u64), "the server rejected them"),
                Answer::TooLarge if spans > 1 => {
                    let half = range.start + spans / 2;
                    ranges.extend([half..next, range.start..half]);
                }
                Answer::TooLarge => losses.add(1, "a single span is too large for a request"),
                Answer::Refused { why } | Answer::Later { why, .. } => losses.add(spans as u64, &why),
            }
        }
    }

    /// A compressed request with at most so many spans, and how many it has: none if the first one is too large.
    fn encoded(&mut self, part: &Part, first: usize, most: usize) -> io::Result<(usize, Vec<u8>)> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        let mut spans = part.spans().skip(first).take(most).peekable();
        self.encoder.begin(&mut out)?;
        let filled = self.encoder.fill(part.resource(), &mut spans, self.config.max_request_bytes, &mut out)?;
        self.encoder.end(&mut out)?;
        Ok((filled.spans, out.finish()?))
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
            self.deliver(part, &mut losses);
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
