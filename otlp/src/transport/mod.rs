//! From a delivery to the answers of a backend.
//!
//! | file | what it does |
//! |---|---|
//! | this one | the requests of a delivery, one after the other, and what becomes of each |
//! | `target.rs` | where spans are sent, and how |
//! | `request.rs` | the body of one request, filled from a delivery and compressed as a stream |
//! | `client.rs` | sends one request, and bounds the time and the response |
//! | `tls.rs` | certificates |
//! | `answer.rs`, `partial.rs` | what a response means |
//! | `retry.rs` | when the next try is |
//! | `until.rs` | how long a request may take when the tracer ends |
//! | `size.rs` | how many bytes of batches fill a request |
//! | `losses.rs` | what was lost, by reason |
//! | `secret.rs` | texts that are never printed |

mod answer;
mod client;
mod losses;
mod partial;
mod request;
mod retry;
mod secret;
mod size;
mod target;
mod tls;
mod until;

pub use client::Response;
pub(crate) use client::{header_name, header_value};
pub(crate) use secret::Secret;
pub(crate) use target::Target;
pub use target::{Compression, Hints};
pub(crate) use tls::{certificates_in, key_in};

use crate::encode::{Encoder, Mapping};
use answer::Answer;
use client::Client;
use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Closing, Delivery, ExportError};
use losses::Losses;
use request::{fill, Position, Request};
use retry::{Backoff, Failure, Patience};
use size::Size;
use std::time::Instant;
use until::Until;

/// Asks for an address with the target's headers and timeout. Starts a client for it.
pub(crate) fn get(target: &Target, url: &str) -> Result<Response, String> {
    Client::new(target)?.get(target, url).map_err(|failure| failure.why)
}

/// The way to one backend: one request at a time.
#[derive(Debug)]
pub(crate) struct Transport<M> {
    target: Target,
    encoder: Encoder<M>,
    /// Created at the first delivery, on the exporter's thread.
    client: Option<Client>,
    patience: Patience,
    size: Size,
}

impl<M: Mapping> Transport<M> {
    pub(crate) fn new(target: Target, mapping: M) -> Self {
        let (encoder, size) = (Encoder::new(target.format, mapping), Size::new(target.max_bytes));
        Self { target, encoder, client: None, patience: Patience::default(), size }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// How many bytes of batches the next delivery may have.
    pub(crate) fn delivery_bytes(&self) -> usize {
        self.size.of_delivery()
    }

    /// Sends the spans in as many requests as needed. If one is lost, the others are tried all the same.
    ///
    /// # Errors
    /// Spans were not delivered. The error says how many, and each reason.
    pub(crate) fn deliver(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.connect().map_err(ExportError::new)?;
        let mut losses = Losses::default();
        let (mut at, mut left, mut plain_bytes) = (Position::default(), delivery.len(), 0);
        // Spans that a request may have; less after a server has refused a larger one.
        let mut parts = Vec::new();
        while left > 0 {
            let most = parts.pop().unwrap_or(left);
            let request = match fill(&mut self.encoder, &self.target, delivery, at, most) {
                Ok(request) => request,
                Err(error) => {
                    losses.add(left as u64, &format!("a request can't be encoded: {error}"));
                    break;
                }
            };
            let spans = request.spans;
            let outcome = if spans == 0 { Answer::TooLarge } else { self.send(&request, delivery.closing()) };
            if spans > 1 && outcome == Answer::TooLarge {
                parts.extend([most - spans, spans - spans / 2, spans / 2].into_iter().filter(|part| *part > 0));
                continue;
            }
            let done = spans.max(1);
            match outcome {
                Answer::Taken { rejected } => losses.add(rejected.min(done as u64), "the server rejected them"),
                Answer::TooLarge => losses.add(1, "a single span is too large for a request"),
                Answer::Refused { why } | Answer::Later(Failure { why, .. }) => losses.add(done as u64, &why),
            }
            at.skip(delivery, done);
            plain_bytes += request.plain_bytes;
            left -= done;
            parts.extend((most > done).then_some(most - done));
        }
        self.size.note(delivery.size_bytes(), plain_bytes);
        losses.into_result(delivery.len())
    }

    /// Sends one request until the server accepts or rejects it, or the time for retries is over.
    fn send(&mut self, request: &Request, closing: &Closing) -> Answer {
        let Some(client) = &self.client else {
            return Answer::Refused { why: "the HTTP client is missing".to_owned() };
        };
        let (start, mut backoff, mut is_retry) = (Instant::now(), Backoff::new(self.target.first_wait), false);
        loop {
            let left = self.target.retry_for.saturating_sub(start.elapsed());
            if let Err(why) = self.patience.wait(left, closing) {
                return Answer::Refused { why };
            }
            let mut until = Until::new(closing, is_retry);
            let received = client.post(&self.target, &request.body, || until.at());
            let answer = received.map(|received| answer::answer(&received, self.target.format, &self.target.hints));
            let failure = match answer.unwrap_or_else(Answer::Later) {
                Answer::Later(failure) => failure,
                answer => {
                    self.patience.answered();
                    return answer;
                }
            };
            is_retry = true;
            if self.patience.is_to_be_said(start) {
                let message =
                    format!("exporter {:?} can't deliver: {}; it keeps retrying", self.target.name, failure.why);
                report(Diagnostic::new(Level::Warn, Cause::Retrying, message).about(&self.target.name));
            }
            self.patience.failed(failure, backoff.next(), closing);
        }
    }

    /// Creates the client on the exporter's thread, which is inside no runtime, so it may wait for the client's own.
    fn connect(&mut self) -> Result<(), String> {
        if self.client.is_none() {
            self.client = Some(Client::new(&self.target)?);
        }
        Ok(())
    }
}
