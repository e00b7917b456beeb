//! The state of a shard between two records.

use super::super::lanes::LaneId;
use super::super::stack::Stack;
use super::staged::HereStack;
use super::strands::Strands;
use super::values::LaneValues;
use super::{ProcessId, Rest};

/// Where a lane is in time, once the wall clock was stepped (`epochs.rs`).
#[derive(Debug, Default)]
pub(in crate::collector) struct LaneTime {
    /// The epoch of its last span.
    pub(super) epoch: u8,
    /// The last time of all earlier epochs.
    pub(super) floor_ns: u64,
}

/// The state of a shard between two records.
#[derive(Debug)]
pub(in crate::collector) struct LaneState {
    /// The process of its records.
    pub(in crate::collector) process: ProcessId,
    /// The number of the source: one of this process's, or of the regions'.
    pub(in crate::collector) reader: u32,
    /// The lane of its next records.
    pub(in crate::collector) lane: LaneId,
    /// Spans of the table that were started here and have not ended.
    pub(in crate::collector) stack: Stack,
    /// Those on top of them, which are not in the table.
    pub(super) here: HereStack,
    /// The parent of the last span that started. It counts as no leaf.
    pub(super) last_parent: u64,
    /// Pieces of fan-outs that the lane is running.
    pub(super) strands: Strands,
    /// The lane's index in the batch of this number, in this process.
    pub(super) in_batch: (u64, u32),
    /// The values of the trace of the last span.
    pub(super) values: LaneValues,
    /// The last clock reading: a lower bound for records without one.
    pub(in crate::collector) last_tick: u64,
    /// Where the lane is in time, once the wall clock was stepped.
    pub(super) time: LaneTime,
    /// A value of which parts are still to come.
    pub(in crate::collector) rest: Option<Rest>,
}

impl LaneState {
    pub(in crate::collector) fn new(process: ProcessId, reader: u32, lane: LaneId) -> Self {
        Self {
            process,
            reader,
            lane,
            stack: Stack::default(),
            here: HereStack::default(),
            last_parent: 0,
            strands: Strands::default(),
            in_batch: (0, 0),
            values: LaneValues::default(),
            last_tick: 0,
            time: LaneTime::default(),
            rest: None,
        }
    }
}
