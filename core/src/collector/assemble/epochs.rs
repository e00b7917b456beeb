//! The clock epochs of spans, once the wall clock was stepped.
//!
//! A Begin of this process has the epoch that the root of its local trace chose. Another process knows no epochs, and a
//! local trace may be a part of one that is older than the step. So a trace of which one span was seen below an open span,
//! or in another process, is *remembered*: all its later spans are in that epoch, in every process.
//!
//! A lane is drawn as one thread, whose spans must nest in time. After a step back, times repeat. So spans that start
//! before the last time of an earlier epoch on the lane, or inside a span of another epoch, are not drawn there.

use super::{is_open, Assembler, LaneState};
use crate::keyed_ids::KeyedIds;
use crate::wire::Begin;
use crate::TraceId;
use std::collections::HashMap;

/// How many traces are remembered: some 200 KiB. With more, all are forgotten; spans then get the epoch of their parent, if
/// that is open, else the present one.
const MAX_TRACES: usize = 4096;

/// The epochs of traces.
#[derive(Debug, Default)]
pub(super) struct Epochs(HashMap<TraceId, u8, KeyedIds>);

impl Epochs {
    fn remember(&mut self, trace: TraceId, epoch: u8) -> u8 {
        if self.0.len() >= MAX_TRACES {
            self.0.clear();
        }
        self.0.insert(trace, epoch);
        epoch
    }
}

impl Assembler {
    /// Sets the epoch in the flags of a Begin, and returns whether the span can't be drawn on its lane.
    #[cold]
    pub(super) fn place(&mut self, state: &mut LaneState, begin: &mut Begin) -> bool {
        let epoch = self.epoch_of(state, begin);
        begin.flags = Begin::with_epoch(begin.flags, epoch);
        self.timeline.has_stepped() && self.is_off_lane(state, begin.tick, epoch)
    }

    fn epoch_of(&mut self, state: &LaneState, begin: &Begin) -> u8 {
        let (is_own, is_remote) = (state.process.is_own(), begin.flags & Begin::PARENT_REMOTE != 0);
        if !self.timeline.has_stepped() {
            // The first span of another process in the trace; the others are found below after a step.
            if is_remote || begin.parent == 0 {
                self.epochs.remember(begin.trace, 0);
            }
            return 0;
        }
        if let Some(epoch) = self.epochs.0.get(&begin.trace) {
            return *epoch;
        }
        let chosen = Begin::epoch_of(begin.flags);
        if is_own && !is_remote {
            return chosen;
        }
        let parent = self.by_id.get(&begin.parent).map(|index| Begin::epoch_of(self.table[*index as usize].flags));
        match parent {
            Some(epoch) => self.epochs.remember(begin.trace, epoch),
            None if is_own => chosen,
            None => self.epochs.remember(begin.trace, self.timeline.epoch()),
        }
    }

    fn is_off_lane(&self, state: &mut LaneState, tick: u64, epoch: u8) -> bool {
        let time = &mut state.time;
        if time.epoch != epoch {
            time.floor_ns = time.floor_ns.max(self.timeline.unix_ns(state.last_tick, time.epoch));
            time.epoch = epoch;
        }
        let around = state.stack.last(|span, index| is_open(&self.table, span, index));
        let around = around.map(|index| &self.table[index as usize]);
        let is_apart = around.is_some_and(|open| open.off_lane || Begin::epoch_of(open.flags) != epoch);
        is_apart || self.timeline.unix_ns(tick, epoch) < time.floor_ns
    }
}
