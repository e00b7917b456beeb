//! The account of every span.

use std::fmt;

/// The account of every span of a tracer, at one moment.
///
/// Once the program is quiet and a flush has returned, and always after `finish`:
///
/// - `begun = assembled + transparent + open + undrained`: every sampled span that was begun was assembled, or refused
///   and counted by cause, or is open, or waits in a shard;
/// - for each exporter `assembled = exported + dropped + queued`.
///
/// `sampled_out` stands beside that: spans that the sampler decided not to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Sampled spans that were begun, the refused ones and the carriers of trace-level values included.
    pub begun: u64,
    /// Spans that were begun and could not be recorded, by cause.
    pub transparent: Transparent,
    /// Spans of traces that the sampler left out.
    pub sampled_out: u64,
    /// Updates that were lost: where no span was current, or for lack of room. Counted for the whole process, since nobody
    /// knows for which tracer they were meant.
    pub missed_updates: u64,
    /// Spans that were finished, and given to every exporter.
    pub assembled: u64,
    /// Of these, how many were still open when the tracer finished.
    pub incomplete: u64,
    /// Of the assembled ones, how many were open when their worker process died, or damaged its shard.
    pub aborted: u64,
    /// Spans that have begun and not ended.
    pub open: u64,
    /// Spans whose begin waits in a shard.
    pub undrained: u64,
    /// Attributes, events, links and ends that came too late for their span.
    pub late: u64,
    /// Values of attributes that were cut to a limit; each says how long it was.
    pub truncated: u64,
    /// Records that made no sense: always zero unless memory was damaged.
    pub corrupt: u64,
    /// Spans that a worker process counted as begun and of which no begin was read: it died in the middle of the call that
    /// began them, or the tracer finished before it. They are not in `begun`.
    pub unpublished: u64,
    /// Shards of worker processes that were given up because what was in them made no sense. What was in them unread is not
    /// in `begun`: nobody can know.
    pub quarantined: u64,
    /// Spans that worker processes began on threads that found no shard. They are not in `begun`.
    pub unplaced: u64,
    /// Spans whose parent was never exported. `None` if nobody checked (see `Builder::verify`).
    pub orphans: Option<u64>,
    /// The account of each exporter.
    pub exporters: Vec<ExporterLedger>,
}

/// Spans that were begun and could not be recorded, by cause. Their children went to the nearest recorded ancestor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transparent {
    /// The thread's shard was full.
    pub full: u64,
    /// As many spans were open in the shard as may be.
    pub open_cap: u64,
    /// The tracer had finished.
    pub closed: u64,
    /// The root of the local trace was refused, so the whole trace is dropped. The root itself is in one of the others.
    pub root_lost: u64,
}

impl Transparent {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.full + self.open_cap + self.closed + self.root_lost
    }
}

/// The account of one exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterLedger {
    /// Its name.
    pub name: String,
    /// Spans that it took.
    pub exported: u64,
    /// Spans that it lost, by cause.
    pub dropped: Dropped,
    /// Spans that wait for it, those that it is working on included.
    pub queued: u64,
}

/// Spans that an exporter lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Its queue was full.
    pub queue_full: u64,
    /// It returned an error.
    pub failed: u64,
    /// It did not answer within its deadline.
    pub timed_out: u64,
    /// It panicked.
    pub panicked: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.queue_full + self.failed + self.timed_out + self.panicked
    }
}

impl Ledger {
    /// Whether both identities hold.
    pub fn is_balanced(&self) -> bool {
        let recorded = self.assembled + self.transparent.total() + self.open + self.undrained;
        let delivered = |e: &ExporterLedger| e.exported + e.dropped.total() + e.queued == self.assembled;
        self.begun == recorded && self.exporters.iter().all(delivered)
    }

    /// Spans that reached every exporter: the smallest `exported` of all. Without exporters, zero.
    pub fn exported(&self) -> u64 {
        self.exporters.iter().map(|e| e.exported).min().unwrap_or(0)
    }

    /// Spans that were lost: the transparent ones, and what the exporter that delivered least lost. Without exporters,
    /// everything that was assembled.
    pub fn dropped(&self) -> u64 {
        let worst = self.exporters.iter().min_by_key(|e| e.exported);
        self.transparent.total() + worst.map_or(self.assembled, |e| e.dropped.total() + e.queued)
    }
}

/// One line: `ledger: begun=N exported=N dropped=N sampled_out=N open=N aborted=N orphans=N balanced=yes`.
///
/// `exported` and `dropped` are those of the exporter that delivered least. What waits in a shard counts as open.
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
        )
    }
}
