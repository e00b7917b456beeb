//! The collector's counts, for the ledger.

use crate::shard::Counts;

/// The collector's counts after its last pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) assembled: Assembled,
    /// How many spans were open.
    pub(crate) open: u64,
    pub(crate) children: ChildCounts,
}

/// The assembler's counts: the collector's part of the ledger.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Assembled {
    /// Begin records read.
    pub(crate) begins: u64,
    /// Spans put into batches, including incomplete ones.
    pub(crate) spans: u64,
    /// Spans that were open when the tracer finished.
    pub(crate) incomplete: u64,
    /// Spans that were open when their process ended.
    pub(crate) aborted: u64,
    /// Attributes, events, links and ends that arrived after their span was finished, or for which no Begin was read.
    pub(crate) late: u64,
    /// Spans that were made for trace-level values.
    pub(crate) update_spans: u64,
    /// Values that were cut to a limit.
    pub(crate) truncated: u64,
    /// Marks read.
    pub(crate) marks: u64,
    /// Marks that no span came for, in time.
    pub(crate) forgotten_marks: u64,
    /// Invalid records. Always zero unless memory was damaged.
    pub(crate) corrupt: u64,
    /// Roots that were started where nothing was current.
    pub(crate) implicit_roots: u64,
}

/// Counts of the writers in child processes, and spans whose fate is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChildCounts {
    pub(crate) counts: Counts,
    /// Spans that were counted as started and never published: their process ended in between.
    pub(crate) unpublished: u64,
    /// Shards that were quarantined.
    pub(crate) quarantined: u64,
    /// Spans that were started on threads without a shard.
    pub(crate) unplaced: u64,
}

impl ChildCounts {
    pub(crate) fn add(&mut self, other: &ChildCounts) {
        self.counts.add(&other.counts);
        self.unpublished += other.unpublished;
        self.quarantined += other.quarantined;
        self.unplaced = self.unplaced.saturating_add(other.unplaced);
    }
}
