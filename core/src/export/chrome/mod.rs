//! [`Chrome`]: the trace-event file that Perfetto and `chrome://tracing` open.

mod event;
mod flow;
mod json;
mod lane;
mod row;
mod sink;
#[cfg(test)]
mod tests;

use super::{Delivery, ExportError, Exporter, SpanRef, TraceFile};
use event::Origin;
use flow::{Arrows, Spot};
use lane::{Drawn, News, Tracks};
use row::{Placed, Rows, Timed};
use sink::{Sink, WriteError};
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many ends of arrows may wait for the span at the other end, by default. Each takes about 60 bytes, and a drawing
/// with more arrows is unreadable.
const MAX_WAITING_ARROWS: usize = 262_144;

/// How long before the first span the file's time starts, in nanoseconds: one day. A trace's root arrives last, and may
/// have started earlier than its first descendant that arrives; and the wall clock may be stepped back.
const MARGIN_NS: u64 = 86_400 * 1_000_000_000;

/// The largest capacity that the buffer for a batch keeps between batches, in bytes, so that one large batch doesn't hold
/// memory permanently.
const MAX_IDLE_BYTES: usize = 4 << 20;

/// How many processes are remembered as named. With more, names are written again, which is harmless.
const MAX_PROCESSES: usize = 1024;

/// Writes a file that [Perfetto](https://ui.perfetto.dev) opens: a track for each thread of each process, and arrows for
/// relations that nesting can't show.
///
/// | in the trace | in the file |
/// |---|---|
/// | a span that [nests](SpanRef::is_nested) in its lane | a slice on its thread's track, with the real process and thread ids |
/// | any other span (a future, or one that ended on another thread or overlaps another) | a slice in a row below the threads |
/// | asynchronous spans of one trace | one block: children below their parent. Children that overlap have several rows, and their parent is drawn in each |
/// | a child that isn't drawn inside its parent | an arrow `child` to the child's start. It leads from the parent's start if both are on threads, and otherwise from a mark on the parent, at the time at which it started the child |
/// | a link | an arrow `link` from the span that started first to the other. If one of the two is asynchronous, only the first link of a root has one |
/// | ids, attributes, events, links, status, what was cut or lost | arguments of the slice |
///
/// *What it doesn't show.* Events are arguments and not marks, because viewers take a mark on a thread for a slice, which
/// would distort the nesting and the arrows. Slices that start at the same clock value are moved by a nanosecond each, so
/// that the nesting and the arrows are right.
///
/// *Time* in the file counts from a moment up to a day before the first span; the event `heirloom_origin` has it.
/// Viewers read times as doubles, so this keeps them exact to the nanosecond for the first fifty days.
///
/// *After a crash* the file is readable up to the last batch: each event is one line, a batch is one write, and viewers
/// accept a missing closing bracket. After a failed write, such as on a full disk, the spans that did not fit are
/// rejected (and counted in the ledger). A line that was cut is completed once there is room, and arrows to earlier spans
/// are left out.
///
/// *The file* is readable for its owner only (mode 0600), and [locked](#method.create) while it is written.
///
/// *Memory*: 262,144 ends of arrows that wait for their other end ([`max_waiting_arrows`](Self::max_waiting_arrows));
/// 65,536 spans to which later children or links may refer; 512 slices on each of at most 1,024 lanes; the rows of the
/// asynchronous spans of 4,096 traces. At most about 60 MB, in most programs a few. The event `heirloom_summary` at the end
/// of the file counts what was left out.
///
/// *Cost* per span, on the exporter's thread: some hash look-ups and about 300 bytes of text.
///
/// speedscope opens the file too, unless its name ends in `.chrome.json`.
///
/// ```
/// use heirloom_core::export::Chrome;
/// # let path = std::env::temp_dir().join(format!("heirloom-doc-{}.json", std::process::id()));
/// let chrome = Chrome::create(&path)?; // for the tracer
/// # drop(chrome);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Chrome {
    sink: Sink,
    created_ns: u64,
    process_id: u32,
    origin: Option<Origin>,
    origin_is_written: bool,
    named_processes: HashSet<u32>,
    tracks: Tracks,
    rows: Rows,
    arrows: Arrows,
    /// The lines of the batch that is being written.
    lines: Vec<u8>,
    /// For each span of the batch, the position in the lines where its slice ends.
    ends: Vec<usize>,
    counts: Counts,
    /// The number of the last arrow. Numbers are never reused, even if a batch was not written.
    last_arrow: u64,
    closed: bool,
    /// Where the file is; `None` for a writer.
    path: Option<PathBuf>,
}

/// The counts in the last line.
#[derive(Debug, Default)]
struct Counts {
    spans: u64,
    rejected: u64,
    arrows: u64,
    /// Arrows of batches that were not written completely.
    lost_arrows: u64,
    /// Spans that started before the file's time.
    before_origin: u64,
}

impl std::fmt::Debug for Chrome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chrome").field("counts", &self.counts).field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Chrome {
    /// Writes to a file. Creates it, readable for its owner only; a file that exists is emptied, and made so.
    ///
    /// *One writer.* The file is locked (`flock`) until the exporter is dropped, and emptied only under the lock. If
    /// another process or another tracer of this process is writing it, this exporter takes `name-PID-N.ext` in the same
    /// folder (`trace.json`, `trace-4711-1.json`): a file that did not exist, with the first free N from 1. A message on
    /// standard error reports it once, and [`path`](Self::path) returns it. A *finished* file is replaced, as by a second
    /// run of the program: programs that run one after another with the same path leave the last one's trace.
    ///
    /// A file system without locks is reported on standard error, and the file is written without a lock. On systems other
    /// than Unix there are no locks, and the file has the rights of its folder.
    ///
    /// # Errors
    ///
    /// The error names the path and the reason:
    ///
    /// - The file can't be created, opened or written: no folder, no permission, a full disk.
    /// - It is not a regular file: a folder, a device, a FIFO (opening doesn't wait for its reader). For a pipe or a
    ///   device, give an open file to [`new`](Self::new).
    /// - It is a symbolic link (a link among the folders is followed), has hard links, or belongs to another user. Such a
    ///   file in a shared folder could have been put there to overwrite another file, or to read the trace.
    /// - It has a writer already, and 1,000 other names are in use.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        Self::open(path).map_err(|e| io::Error::new(e.kind(), format!("can't write the trace file {path:?}: {e}")))
    }

    /// As [`create`](Self::create). The error has only the reason.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = TraceFile::create(path)?;
        let path = file.path().to_owned();
        let mut chrome = Self { path: Some(path), ..Self::new(file) };
        // From here on the file is a valid trace, even if the process is killed.
        chrome.sink.flush()?;
        Ok(chrome)
    }

    /// The path of the file that is written. It is not the one given to [`create`](Self::create) if that has another
    /// writer. `None` for a writer given to [`new`](Self::new).
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes to a writer: a pipe, a compressor. Each write is a whole batch, so the writer needs no buffer.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        let process_id = std::process::id();
        let mut head = Vec::new();
        event::head(&mut head, process_id);
        Self {
            sink: Sink::new(Box::new(writer), head),
            created_ns: SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |d| d.as_nanos() as u64),
            process_id,
            origin: None,
            origin_is_written: false,
            named_processes: HashSet::new(),
            tracks: Tracks::default(),
            rows: Rows::default(),
            arrows: Arrows::new(MAX_WAITING_ARROWS),
            lines: Vec::new(),
            ends: Vec::new(),
            counts: Counts::default(),
            last_arrow: 0,
            closed: false,
            path: None,
        }
    }

    /// How many ends of arrows may wait for the span at the other end (262,144): children of spans that are still open.
    /// Beyond that the oldest are left out of the file and counted. Call it before the first delivery.
    pub fn max_waiting_arrows(mut self, max: usize) -> Self {
        self.arrows = Arrows::new(max);
        self
    }

    fn delivery(&mut self, delivery: &Delivery) -> Result<(), WriteError> {
        let origin = self.origin(delivery);
        let arrows_before = self.last_arrow;
        for part in delivery.parts() {
            let service = part.resource().get("service.name").and_then(|name| name.as_str()).unwrap_or("");
            for span in part.spans() {
                self.announce(&span, service);
                self.span(&span, origin);
            }
        }
        let arrows = self.last_arrow - arrows_before;
        let result = self.sink.write(&self.lines);
        match result {
            Ok(()) => self.counts.arrows += arrows,
            Err(_) => {
                self.counts.lost_arrows += arrows;
                self.forget();
            }
        }
        result
    }

    /// The start of the file's time, set by the first delivery.
    fn origin(&mut self, delivery: &Delivery) -> Origin {
        let created_ns = self.created_ns;
        let origin = *self.origin.get_or_insert_with(|| {
            let first_ns = delivery.spans().map(|span| span.start_ns()).fold(created_ns, u64::min);
            Origin { unix_ns: first_ns.saturating_sub(MARGIN_NS) }
        });
        if !std::mem::replace(&mut self.origin_is_written, true) {
            event::origin(&mut self.lines, self.process_id, origin);
        }
        origin
    }

    /// Names the process and the thread, unless the file does already.
    fn announce(&mut self, span: &SpanRef<'_>, service: &str) {
        let lane = span.lane();
        if self.tracks.visit(lane) == News::Nothing {
            return;
        }
        if self.named_processes.len() >= MAX_PROCESSES {
            self.named_processes.clear();
        }
        if self.named_processes.insert(lane.process_id) {
            event::process(&mut self.lines, lane.process_id, lane.process_id == self.process_id, service);
        }
        event::thread_name(&mut self.lines, lane);
    }

    fn span(&mut self, span: &SpanRef<'_>, origin: Origin) {
        self.counts.before_origin += u64::from(span.start_ns() < origin.unix_ns);
        let (spot, frames) = match span.is_nested() {
            true => (self.slice(span, origin), Vec::new()),
            false => self.async_slice(span, origin),
        };
        self.ends.push(self.lines.len());
        let (lines, last_arrow) = (&mut self.lines, &mut self.last_arrow);
        self.arrows.span(span, spot, &frames, &mut |arrow| {
            *last_arrow += 1;
            event::arrow(lines, *last_arrow, &arrow, origin);
        });
    }

    fn slice(&mut self, span: &SpanRef<'_>, origin: Origin) -> Spot {
        let lane = span.lane();
        let end_ns = span.end_ns().max(span.start_ns());
        let drawn = self.tracks.place(lane, span.span_id(), span.parent_span_id(), span.start_ns(), end_ns);
        event::slice(&mut self.lines, span, drawn, origin);
        Spot::thread(lane, drawn)
    }

    /// Draws an asynchronous span. Returns its place and the other rows in which it is drawn.
    fn async_slice(&mut self, span: &SpanRef<'_>, origin: Origin) -> (Spot, Vec<u64>) {
        let lane = span.lane();
        let (start_ns, end_ns) = (span.start_ns(), span.end_ns().max(span.start_ns()));
        let timed = Timed { span: span.span_id(), parent: span.parent_span_id(), start_ns, end_ns };
        let placed = self.rows.place(lane.process_id, span.trace_id(), timed);
        event::async_slice(&mut self.lines, span, &placed, origin);
        let Placed { row, start_ns, frames } = placed;
        (Spot::row(lane, row, Drawn { start_ns, end_ns }), frames)
    }

    /// Forgets what the file contains, because some of it was not written.
    fn forget(&mut self) {
        self.arrows.forget();
        self.tracks.forget();
        self.rows.forget();
        self.named_processes.clear();
        self.origin_is_written = false;
    }

    fn rejected(&mut self, error: &WriteError) -> ExportError {
        let rejected = self.ends.iter().filter(|end| **end > error.written).count() as u64;
        self.counts.spans += self.ends.len() as u64 - rejected;
        self.counts.rejected += rejected;
        ExportError::partial(rejected, format!("can't write the trace file: {}", error.error))
    }

    fn summary(&self) -> [(&'static str, u64); 5] {
        [
            ("spans", self.counts.spans),
            ("spans_rejected", self.counts.rejected),
            ("arrows", self.counts.arrows),
            ("arrows_left_out", self.counts.lost_arrows + self.arrows.unresolved()),
            ("spans_begun_before_origin", self.counts.before_origin),
        ]
    }
}

impl Exporter for Chrome {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        if self.closed {
            return Err(ExportError::new("the trace file is closed: `shutdown` was called before"));
        }
        self.lines.clear();
        self.ends.clear();
        let result = match self.delivery(delivery) {
            Ok(()) => {
                self.counts.spans += delivery.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.rejected(&error)),
        };
        self.lines.clear();
        self.lines.shrink_to(MAX_IDLE_BYTES);
        result
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.sink.flush().map_err(|e| ExportError::new(format!("can't write the trace file: {e}")))
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        if !std::mem::replace(&mut self.closed, true) {
            let mut tail = Vec::new();
            event::tail(&mut tail, self.process_id, &self.summary());
            let failed = |e: WriteError| ExportError::new(format!("can't end the trace file: {}", e.error));
            self.sink.write(&tail).map_err(failed)?;
        }
        self.flush()
    }

    fn name(&self) -> &str {
        "chrome"
    }
}
