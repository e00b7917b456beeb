//! The [`Exporter`] trait, the [`Delivery`] of finished spans, and the exporters of this crate.
//!
//! # Your own exporter
//!
//! An exporter gets one delivery at a time. A delivery has one batch at least, and further ones up to
//! [`request_bytes`](Exporter::request_bytes). Each part of it has the spans of one process. A full queue refuses spans:
//! [`dropped_children`](SpanRef::dropped_children) is the number of refused spans below a span.
//!
//! ```
//! use heirloom_core::export::{Delivery, ExportError, Exporter};
//! use std::io::Write;
//!
//! struct Lines<W>(W);
//!
//! impl<W: Write + Send + 'static> Exporter for Lines<W> {
//!     fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
//!         for part in delivery.parts() {
//!             let service = part.resource().get("service.name").map(ToString::to_string).unwrap_or_default();
//!             for span in part.spans() {
//!                 let missing = span.dropped_children();
//!                 writeln!(self.0, "{service} {} {} ns, {missing} spans below it missing", span.name(), span.duration_ns())
//!                     .map_err(|error| ExportError::new(error.to_string()))?;
//!             }
//!         }
//!         Ok(())
//!     }
//!
//!     fn request_bytes(&self) -> usize {
//!         256 << 10
//!     }
//!
//!     fn name(&self) -> &str {
//!         "lines"
//!     }
//! }
//!
//! let guard = heirloom_core::builder("shop").exporter(Lines(std::io::stdout())).start()?;
//! guard.tracer().in_root("order", |_| ());
//! assert!(guard.finish().is_complete());
//! # Ok::<(), heirloom_core::InitError>(())
//! ```
//!
//! An exporter that waits for its backend waits with [`Closing`].

mod batch;
mod chrome;
mod closing;
mod delivery;
#[cfg(test)]
pub(crate) mod fixture;
pub mod marks;
mod memory;
mod trace_file;
mod verify;
#[cfg(test)]
pub(crate) mod workload;

pub use batch::{
    AttributeRef, Batch, EventRef, Lane, LinkRef, MarkData, MarkRef, Resource, ScopeRef, SpanData, SpanRef,
};
pub(crate) use batch::{
    BatchBuilder, EventRow, LinkRow, List, Load, MarkRow, MoreRow, NameRow, Outcome, Pick, SpanFlags, SpanRow, Text,
};

pub use chrome::Chrome;
pub use closing::Closing;
pub use delivery::{Delivery, Part};
pub use memory::Memory;
pub use trace_file::TraceFile;
pub(crate) use trace_file::Unwritable;
pub use verify::{Verified, Verify};

use std::fmt;
use std::time::Duration;

/// A destination of finished spans.
///
/// Each exporter has its own thread. Only that thread calls it, so calls are never concurrent, and no thread that records
/// calls it. An exporter may block: a slow one loses spans once its queue is full (counted in the ledger), adds no
/// latency to the program, and costs no other exporter its spans. If it panics, the delivery is counted as dropped and
/// the next one is tried. Spans that the exporter itself starts aren't recorded.
///
/// ```
/// use heirloom_core::export::{Delivery, ExportError, Exporter};
/// struct Count(u64);
/// impl Exporter for Count {
///     fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
///         self.0 += delivery.len() as u64;
///         Ok(())
///     }
/// }
/// ```
pub trait Exporter: Send + 'static {
    /// Delivers every span of the delivery. An error says how many spans could not be delivered, and why. It is not called
    /// again with the same spans: an exporter that wants retries does them itself, and waits with
    /// [`Delivery::closing`].
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError>;

    /// Makes everything exported so far durable or visible. `flush` calls it, and so does `finish` before `shutdown`.
    fn flush(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// The last call. `finish` has passed on every span before it.
    fn shutdown(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// How many bytes of batches a delivery may hold: as much as the exporter's next request can take. Asked before each
    /// delivery. A delivery has one batch at least, even if that is larger. A batch takes about 90 bytes for a span, and 16
    /// for a number that is one of its attributes.
    fn request_bytes(&self) -> usize {
        4 << 20
    }

    /// How long one call of [`export`](Self::export) may take before it is reported. `None` is the tracer's
    /// `export_timeout`. The spans of a late call stay in the queue's bound until the call returns, and count by its result. An
    /// exporter that waits until a backend is back needs a longer time. Asked once, when the tracer starts.
    fn export_timeout(&self) -> Option<Duration> {
        None
    }

    /// How long `finish` waits for [`shutdown`](Self::shutdown) if the timeout of `finish` is over before `shutdown` returns.
    /// `None`: it doesn't wait any longer. An exporter that uses all spans in its last call, for a report for example, needs such
    /// a time. It counts from the beginning of `shutdown`. Asked once, right before that call.
    fn shutdown_timeout(&self) -> Option<Duration> {
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
    /// None of the spans was delivered.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), rejected: None }
    }

    /// `rejected` of the spans were not delivered, the others were.
    pub fn partial(rejected: u64, message: impl Into<String>) -> Self {
        Self { message: message.into(), rejected: Some(rejected) }
    }

    /// How many spans of a delivery of `len` were not delivered.
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
