//! What the collector counts, for the ledger.

use crate::shard::Counts;

/// What the collector had counted after its last pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) assembled: Assembled,
    /// How many spans were open.
    pub(crate) open: u64,
    pub(crate) foreign: Foreign,
}

/// What the assembler counted. The ledger's part of the collector.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Assembled {
    /// Begins read.
    pub(crate) begins: u64,
    /// Spans put into batches, the incomplete ones included.
    pub(crate) spans: u64,
    /// Spans that were open when the tracer finished.
    pub(crate) incomplete: u64,
    /// Spans that were open when their process died.
    pub(crate) aborted: u64,
    /// Attributes, events, links and ends that came when their span was finished, or of which no begin was seen.
    pub(crate) late: u64,
    /// Spans that were made to carry values of their trace.
    pub(crate) carriers: u64,
    /// Values that were cut to a limit.
    pub(crate) truncated: u64,
    /// Records that made no sense. Always zero unless memory was damaged.
    pub(crate) corrupt: u64,
}

/// What the writers of child processes counted, and what can't be known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Foreign {
    pub(crate) counts: Counts,
    /// Spans that were counted as begun and never published: their process died in between.
    pub(crate) unpublished: u64,
    /// Shards that were given up.
    pub(crate) quarantined: u64,
    /// Spans that were begun on threads without a shard.
    pub(crate) unplaced: u64,
}

impl Foreign {
    pub(crate) fn add(&mut self, other: &Foreign) {
        self.counts.add(&other.counts);
        self.unpublished += other.unpublished;
        self.quarantined += other.quarantined;
        self.unplaced = self.unplaced.saturating_add(other.unplaced);
    }
}
