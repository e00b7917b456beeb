//! [`Ledger`]: counts that account for every span.

use crate::export::Lane;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Counts that account for every span of a tracer, at one moment.
///
/// Once no thread records and a flush has returned, and always after `finish`:
///
/// - `begun = assembled + transparent + open + undrained`: every sampled span that was started was assembled, or could
///   not be recorded (counted by cause), or is open, or waits in a shard;
/// - for each exporter `assembled = exported + dropped + queued`.
///
/// `sampled_out` is outside of that sum: spans that the sampler decided not to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Sampled spans that were started, including transparent ones, and the spans that were made for trace-level values.
    pub begun: u64,
    /// Spans that could not be recorded, by cause.
    pub transparent: Transparent,
    /// Spans of traces that were not sampled.
    pub sampled_out: u64,
    /// Updates that were lost because no span was current, or for lack of room. Counted for the whole process, because
    /// the tracer for which they were meant is unknown.
    pub missed_updates: u64,
    /// Sampled children of spans whose tracer had finished. Counted for the whole process since this tracer started; not in
    /// `begun`, and no problem of this tracer's report, because they were not its spans. What a thread's shard of that
    /// tracer still had room for is `undrained` in that tracer's own ledger. New roots and children of remote parents are
    /// never lost in this way: the global tracer records them.
    pub after_finish: u64,
    /// Spans that were finished and offered to the queue of every exporter.
    pub assembled: u64,
    /// Of these, how many were still open when the tracer finished.
    pub incomplete: u64,
    /// Of the assembled ones, how many were open when their worker process ended or damaged its shard.
    pub aborted: u64,
    /// Spans that have started and not ended.
    pub open: u64,
    /// Spans of which the Begin record waits in a shard.
    pub undrained: u64,
    /// Attributes, events, links and ends that arrived after their span was finished.
    pub late: u64,
    /// Values of attributes that were cut to a limit. Each has its uncut length.
    pub truncated: u64,
    /// [Marks](crate::mark) that were read. They are not in any of the sums.
    pub marks: u64,
    /// Marks that found no room in their thread's shard. Like attributes, they never wait for room.
    pub lost_marks: u64,
    /// Marks that were read and that no batch took, because no span of their process was finished in time: some 13,000 of each
    /// process may wait for one, and none does when the tracer or the process ends. The next batch has their number as a mark
    /// ([`MarkKind::Forgotten`](crate::mark::MarkKind::Forgotten)).
    pub forgotten_marks: u64,
    /// Invalid records: always zero unless memory was damaged.
    pub corrupt: u64,
    /// Spans that a worker process counted as started and of which no Begin record was read: the process ended during the
    /// call that started them, or the tracer finished before that call. They are not in `begun`.
    pub unpublished: u64,
    /// Shards of worker processes that were quarantined because they contained invalid records. Their unread spans are
    /// not in `begun`: their number is unknown.
    pub quarantined: u64,
    /// Spans that worker processes started on threads without a shard. They are not in `begun`.
    pub unplaced: u64,
    /// How often the tracestate or the baggage of a trace was needed, for an exported span or for another process, and was
    /// lost, because more than 65,535 traces (or 24 MiB of baggage) arrived since. Counted for the whole process. The spans
    /// are not lost.
    pub lost_tracestates: u64,
    /// Waits for the collector by threads that found no room ([`Overload::Wait`](crate::Overload::Wait)). Only this process's
    /// threads are counted: an attached child's ledger has its own count.
    pub waits: Waits,
    /// Roots that were started where nothing was current, by a form that takes the current context ([`span`](crate::span),
    /// [`in_span`](crate::in_span), `Context::current()`, `#[observe]`). A plain `par_iter` inside a span makes such roots:
    /// no context was handed over. A service's requests are such roots too, if nothing starts them explicitly. Counted
    /// among all spans that were read so far.
    pub implicit_roots: u64,
    /// The first few of them, each with another name or another thread.
    pub first_implicit_roots: Vec<ImplicitRoot>,
    /// Spans whose parent was never exported. `None` if this was not checked (see `Builder::verify`).
    pub orphans: Option<u64>,
    /// The counts of each exporter.
    pub exporters: Vec<ExporterLedger>,
}

/// Waits for the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// How many there were.
    pub count: u64,
    /// How long all of them took together.
    pub total: Duration,
    /// How many of them ended without room, because the time was over.
    pub timed_out: u64,
}

/// A root that was started where nothing was current.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImplicitRoot {
    /// The name with which it was started.
    pub name: String,
    /// Where it was started.
    pub lane: Arc<Lane>,
}

/// Spans that could not be recorded, by cause. Their children became children of the nearest recorded ancestor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transparent {
    /// The thread's ring was full until the collector has read more. Its largest size is
    /// [`shard_bytes`](crate::Settings::shard_bytes), usually 1 MiB in an attached child.
    pub full: u64,
    /// The shard had the maximum number of open spans.
    pub open_cap: u64,
    /// The tracer had finished.
    pub closed: u64,
    /// The root of the local trace could not be recorded, so the whole trace is dropped. The root is counted by its own
    /// cause.
    pub root_lost: u64,
    /// The thread's ring was full and could not grow: the rings of all threads together had reached
    /// [`ring_bytes`](crate::Settings::ring_bytes), or the system had no memory.
    pub ring_bytes: u64,
}

impl Transparent {
    /// The sum of all causes.
    pub fn total(&self) -> u64 {
        self.full + self.open_cap + self.closed + self.root_lost + self.ring_bytes
    }
}

/// The counts of one exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterLedger {
    /// Its name.
    pub name: String,
    /// Spans that it accepted.
    pub exported: u64,
    /// Spans that it lost, by cause.
    pub dropped: Dropped,
    /// Spans that wait for it, including those that it is working on.
    pub queued: u64,
    /// Spans that its queue kept as [skeletons](crate::export::SpanRef::is_skeleton), because it was full. They are among the
    /// exported, dropped or queued ones.
    pub skeletons: u64,
    /// How many traces its queue refused whole.
    pub refused_traces: u64,
    /// Refused leaves and torn spans that the [`dropped_children`](crate::export::SpanRef::dropped_children) of a kept ancestor
    /// include. The other ones are `unattributed`, or wait for an ancestor that has not ended.
    pub attributed: u64,
    /// Refused leaves and torn spans that no ancestor's `dropped_children` include: the queue took the ancestor earlier, or refused
    /// it with its trace, or there were too many such ancestors to remember.
    pub unattributed: u64,
    /// [Marks](crate::mark) of batches of which its queue kept no span. The marks of the other ones are kept, whichever spans were
    /// refused.
    pub refused_marks: u64,
}

/// Spans that an exporter lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Leaves that its queue refused, because it was at least 60 % full. No delivered span is an orphan without them. An ancestor
    /// that is delivered later counts them in its [`dropped_children`](crate::export::SpanRef::dropped_children).
    pub leaves: u64,
    /// Spans of traces that its queue refused whole, because it was more than 80 % full when they began. Nothing of such a trace is
    /// delivered from then on, unless the queue has forgotten it (see `torn`).
    pub traces: u64,
    /// Spans that its queue refused, and that may leave an orphan: a child of them may be delivered. There are three reasons. The
    /// queue was above 110 % of its bound. It had forgotten a decision about a trace (after more than 100,000 others, or after ten
    /// minutes). The exporter's thread had ended.
    pub torn: u64,
    /// It returned an error.
    pub failed: u64,
    /// It panicked.
    pub panicked: u64,
}

impl Dropped {
    /// The sum of all causes.
    pub fn total(&self) -> u64 {
        self.queue_full() + self.failed + self.panicked
    }

    /// All spans that its queue refused.
    pub fn queue_full(&self) -> u64 {
        self.leaves + self.traces + self.torn
    }
}

impl Ledger {
    /// Whether both equations hold.
    pub fn is_balanced(&self) -> bool {
        let recorded = self.assembled + self.transparent.total() + self.open + self.undrained;
        let delivered = |e: &ExporterLedger| e.exported + e.dropped.total() + e.queued == self.assembled;
        self.begun == recorded && self.exporters.iter().all(delivered)
    }

    /// Spans that reached every exporter: the smallest `exported` of all. Without exporters, zero.
    pub fn exported(&self) -> u64 {
        self.exporters.iter().map(|e| e.exported).min().unwrap_or(0)
    }

    /// The exporter that delivered least.
    fn worst(&self) -> Option<&ExporterLedger> {
        self.exporters.iter().min_by_key(|e| e.exported)
    }

    /// Spans that were lost: the transparent ones, and those lost by the exporter that delivered least. Without
    /// exporters, everything that was assembled.
    pub fn dropped(&self) -> u64 {
        self.transparent.total() + self.worst().map_or(self.assembled, |e| e.dropped.total() + e.queued)
    }
}

/// One line: `ledger: begun=N exported=N dropped=N sampled_out=N open=N aborted=N orphans=N balanced=yes`.
///
/// `exported` and `dropped` are those of the exporter that delivered least. A span that waits in a shard counts as open. These may
/// follow:
///
/// - ` leaves=N traces=N torn=N skeletons=N` if that exporter's queue was full;
/// - ` lost_tracestates=N` and ` lost_marks=N` if it is not zero;
/// - ` waits=N waited=N.Nms timed_out=N` if a thread has waited for the collector.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orphans = self.orphans.map_or_else(|| "unchecked".to_owned(), |n| n.to_string());
        write!(
            f,
            "ledger: begun={} exported={} dropped={} sampled_out={} open={} aborted={} orphans={orphans} balanced={}",
            self.begun,
            self.exported(),
            self.dropped(),
            self.sampled_out,
            self.open + self.undrained,
            self.aborted,
            if self.is_balanced() { "yes" } else { "no" },
        )?;
        if let Some(e) = self.worst().filter(|e| e.dropped.queue_full() + e.skeletons > 0) {
            let Dropped { leaves, traces, torn, .. } = e.dropped;
            write!(f, " leaves={leaves} traces={traces} torn={torn} skeletons={}", e.skeletons)?;
        }
        if self.lost_tracestates > 0 {
            write!(f, " lost_tracestates={}", self.lost_tracestates)?;
        }
        if self.lost_marks > 0 {
            write!(f, " lost_marks={}", self.lost_marks)?;
        }
        let Waits { count, total, timed_out } = self.waits;
        if count > 0 {
            write!(f, " waits={count} waited={total:.1?} timed_out={timed_out}")?;
        }
        Ok(())
    }
}
