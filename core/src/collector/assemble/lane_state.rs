//! What the collector remembers of a shard between two records.

use super::super::lanes::LaneId;
use super::super::stack::Stack;
use super::{ProcessId, Rest};

/// What the collector remembers of a shard between two records.
#[derive(Debug)]
pub(in crate::collector) struct LaneState {
    /// Whose they are.
    pub(in crate::collector) process: ProcessId,
    /// Which of the sources this is: of this process's, or of the regions.
    pub(in crate::collector) reader: u32,
    /// Whose records these are now.
    pub(in crate::collector) lane: LaneId,
    /// Spans begun here and not ended.
    pub(in crate::collector) stack: Stack,
    /// The last clock reading: records without one are at least as late.
    pub(in crate::collector) last_tick: u64,
    /// A value of which more is to come.
    pub(in crate::collector) rest: Option<Rest>,
}

impl LaneState {
    pub(in crate::collector) fn new(process: ProcessId, reader: u32, lane: LaneId) -> Self {
        Self { process, reader, lane, stack: Stack::default(), last_tick: 0, rest: None }
    }
}
