//! Reads traces: from memory, from requests and from files of OTLP.
//!
//! | file | what it has |
//! |---|---|
//! | `raw.rs`, `names.rs`, `traces.rs` | what was read, before references are resolved; each text and each trace id once |
//! | `memory.rs` | [`Collector`]: an exporter that keeps spans for an analysis |
//! | `request.rs` | requests of OTLP, and the marks that their spans carry |
//! | `files.rs` | files: which form they have, what can't be read, which of them are one run |
//! | `index.rs` | finds a span by its id |
//! | `link.rs`, `marks.rs` | resolves references: parents, fan-outs, locks, waits |
//! | `nest.rs`, `guess.rs` | what the input doesn't say: which spans occupy their lane, what a fan-out was |
//! | `late.rs` | what samples of CPU time say too late: the beginnings of lanes, and waits for a core that were longer than the time between two samples |
//! | `aborts.rs` | spans whose process died, and of what |
//! | `notes.rs` | what the input lacked, in sentences |
//! | `order.rs` | sorts all tables, so that the same input in any order gives the same run |
//!
//! Requests and files need the feature `files`, which is on by default.
//!
//! Times of processes of one machine need no correction: all of them read one clock.

mod aborts;
mod begun;
#[cfg(feature = "files")]
mod files;
mod guess;
mod index;
mod late;
mod link;
mod marks;
mod memory;
mod names;
mod nest;
mod notes;
mod order;
mod raw;
#[cfg(feature = "files")]
mod request;
mod traces;

#[cfg(feature = "files")]
pub use files::files;
pub use memory::Collector;
pub(crate) use order::order;

use crate::model::Run;
use heirloom_core::export::Delivery;
#[cfg(feature = "files")]
use heirloom_otlp::read::{ReadError, Record, Request};
use raw::Raw;
#[cfg(feature = "files")]
use std::{io, path::Path};

/// Collects what was recorded, and makes a [`Run`] of it.
///
/// Inputs of several processes or files may be added in any order. Nothing in them can make it fail: what has no meaning is left
/// out, and counted in a note of the run.
///
/// ```
/// use heirloom_insight::read::Builder;
///
/// let request = heirloom_otlp::read::json(
///     r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
///     "name":"order","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000017"}]}]}]}"#,
/// )?;
/// let mut builder = Builder::new();
/// builder.request(&request);
/// let run = builder.finish();
/// assert_eq!(run.window.end - run.window.start, 17);
/// assert_eq!(run.notes[0].text, "1 span has no `thread.id`, so lost time can't be shown for its process.");
/// # Ok::<(), heirloom_otlp::read::ReadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    raw: Raw,
    max_spans: usize,
}

/// The spans of one [`Record`], for [`Builder::piece`].
#[cfg(feature = "files")]
#[derive(Debug)]
pub struct Piece(Raw);

#[cfg(feature = "files")]
impl Piece {
    /// Decodes a record.
    ///
    /// # Errors
    /// As [`Record::request`].
    pub fn of(record: &Record) -> Result<Self, ReadError> {
        let mut raw = Raw::default();
        record.visit(&mut request::Adding::to(&mut raw, usize::MAX))?;
        Ok(Self(raw))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A builder for up to four billion spans. A span takes 56 bytes, a trace up to 110.
    pub fn new() -> Self {
        Self::bounded(usize::MAX)
    }

    /// A builder for the first `max_spans` spans, and as many marks. Later ones are counted.
    pub fn bounded(max_spans: usize) -> Self {
        Self { raw: Raw::default(), max_spans: max_spans.min(u32::MAX as usize - 1) }
    }

    /// How many spans were added.
    pub fn len(&self) -> usize {
        self.raw.spans.len()
    }

    /// Whether no span was added.
    pub fn is_empty(&self) -> bool {
        self.raw.spans.is_empty()
    }

    /// Adds the spans of a delivery.
    pub fn delivery(&mut self, delivery: &Delivery) {
        delivery.parts().for_each(|part| memory::part(&mut self.raw, part, self.max_spans));
    }

    /// Adds the spans of a request.
    #[cfg(feature = "files")]
    pub fn request(&mut self, request: &Request) {
        request.visit(&mut request::Adding::to(&mut self.raw, self.max_spans));
    }

    /// Adds the spans of a record, or none of them if it isn't OTLP.
    ///
    /// # Errors
    /// As [`Record::request`].
    #[cfg(feature = "files")]
    pub fn record(&mut self, record: &Record) -> Result<(), ReadError> {
        let piece = Piece::of(record)?;
        self.piece(record, piece);
        Ok(())
    }

    /// Adds the spans of a record. They are in `piece`, which another thread may have made.
    #[cfg(feature = "files")]
    pub fn piece(&mut self, record: &Record, Piece(raw): Piece) {
        if raw.spans.len().max(raw.marks.len())
            <= self.max_spans.saturating_sub(self.raw.spans.len().max(self.raw.marks.len()))
        {
            return self.raw.absorb(raw);
        }
        // It was read as a whole before, so that there is no error.
        let _ = record.visit(&mut request::Adding::to(&mut self.raw, self.max_spans));
    }

    /// Adds the spans of a file, in the form that it has: requests in JSON, one a line; requests in protobuf, each after its
    /// length; or one request as a server receives it.
    ///
    /// # Errors
    /// The file can't be opened or read. The error names it.
    #[cfg(feature = "files")]
    pub fn file(&mut self, path: impl AsRef<Path>) -> io::Result<()> {
        files::file(self, path.as_ref())
    }

    /// Adds all that another builder has.
    pub fn absorb(&mut self, other: Builder) {
        self.raw.absorb(other.raw);
    }

    /// The run. Takes n log n time for n spans, and 56 bytes for each meanwhile.
    pub fn finish(self) -> Run {
        link::run(self.raw)
    }
}
