//! Where finished spans go: the [`Exporter`] trait, the [`Batch`] it is given, and the exporters of this crate.

mod batch;
mod chrome;
#[cfg(test)]
pub(crate) mod fixture;
mod memory;
mod verify;
#[cfg(test)]
pub(crate) mod workload;

pub use batch::{AttributeRef, Batch, EventRef, Lane, LinkRef, Resource, SpanData, SpanRef};
pub(crate) use batch::{AttributeRow, BatchBuilder, EventRow, LinkRow, NameRow, Outcome, SpanRow, ValueRow};

pub use chrome::Chrome;
pub use memory::Memory;
pub use verify::{Verified, Verify};

use std::fmt;
use std::time::Duration;

/// A destination of finished spans.
///
/// An exporter is called by one thread of its own, never concurrently, and never by a thread that records. It may
/// block: a slow one costs spans once its queue is full (counted in the ledger), never latency, and never another
/// exporter's spans. If it panics the batch is counted as dropped and the next one is tried. Spans that it makes itself
/// aren't recorded.
///
/// ```
/// use heirloom_core::export::{Batch, ExportError, Exporter};
/// struct Count(u64);
/// impl Exporter for Count {
///     fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
///         self.0 += batch.len() as u64;
///         Ok(())
///     }
/// }
/// ```
pub trait Exporter: Send + 'static {
    /// Delivers every span of the batch, or says how many it could not deliver and why. Not called again with the same
    /// batch: retries are the exporter's own business.
    fn export(&mut self, batch: &Batch) -> Result<(), ExportError>;

    /// Makes everything exported so far durable or visible. Called by `flush` and before `shutdown`.
    fn flush(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// The last call. `finish` has passed on every span.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// How long one call of [`export`](Self::export) may take before its spans count as lost, where that isn't the
    /// tracer's `export_timeout`: for an exporter that waits for a backend to come back. Asked once, at the start.
    fn export_timeout(&self) -> Option<Duration> {
        None
    }

    /// A short name for messages and the ledger.
    fn name(&self) -> &str {
        "exporter"
    }
}

/// Spans that could not be delivered.
#[derive(Debug)]
pub struct ExportError {
    message: String,
    rejected: Option<u64>,
}

impl ExportError {
    /// None of the batch's spans was delivered.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), rejected: None }
    }

    /// `rejected` of the batch's spans were not delivered, the others were.
    pub fn partial(rejected: u64, message: impl Into<String>) -> Self {
        Self { message: message.into(), rejected: Some(rejected) }
    }

    /// How many spans of a batch of `len` were not delivered.
    pub fn rejected(&self, len: u64) -> u64 {
        self.rejected.map_or(len, |n| n.min(len))
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExportError {}
