//! The values of a trace, as the rows of a batch refer to them.

use crate::TraceId;

/// How long a lane uses what it has found of a trace, in ticks, so that the trace is heard of in time: a few seconds at most.
const HEARD_TICKS: u64 = 1 << 30;

/// The values of the trace to which the last span of a lane belonged, as the rows of one batch refer to them.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::collector) struct LaneValues {
    trace: TraceId,
    version: u64,
    batch: u64,
    /// The stamp at which they were found. The trace was heard of then.
    tick: u64,
    shared: Shared,
}

impl LaneValues {
    pub(super) fn new(trace: TraceId, version: u64, batch: u64, tick: u64, shared: Shared) -> Self {
        Self { trace, version, batch, tick, shared }
    }

    /// What was found, if it still holds for a span of a trace.
    #[inline(always)]
    pub(super) fn known(&self, trace: TraceId, tick: u64, version: u64, batch: u64) -> Option<Shared> {
        let is_it = self.trace == trace && self.version == version && self.batch == batch;
        (is_it && tick.wrapping_sub(self.tick) < HEARD_TICKS).then_some(self.shared)
    }

    pub(super) fn shared(&self) -> Shared {
        self.shared
    }
}

/// Values of a trace in a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shared {
    /// What a row refers to them by; zero if the trace has none.
    pub(super) index: u32,
    pub(super) len: u32,
    /// How many of them were cut.
    pub(super) cut: u32,
    /// One was dropped, so that not all of them are there.
    pub(super) is_part: bool,
}

impl Shared {
    /// Whether a span without attributes can share them.
    #[inline(always)]
    pub(super) fn fits_alone(&self, limit: u32) -> bool {
        self.len <= limit && !self.is_part
    }
}
