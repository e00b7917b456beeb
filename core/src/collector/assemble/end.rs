//! An End closes a span of the table: which span, whether it was nested on its lane, and whether it is finished at once.

use super::early::Early;
use super::open::is_open;
use super::{Assembler, Ending, LaneState, ProcessId, Waiting};
use crate::pipeline::by_context;
use crate::wire::{Begin, End, StrayEnd};

impl Assembler {
    pub(super) fn end(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let end = End::read(record)?;
        state.last_tick = end.tick;
        let End { flags, dropped, span, tick } = end;
        if flags & End::ELSEWHERE != 0 {
            self.stray_end(StrayEnd { span, tick, flags, dropped }, state.process);
            return Some(());
        }
        let index = match state.stack.top(span).filter(|index| is_open(&self.table, span, *index)) {
            Some(index) => index,
            None => *self.by_id.get(&span).filter(|index| self.table[**index as usize].takes(state.process))?,
        };
        self.leave_lane(state, index, flags);
        self.close(index, tick, flags, dropped);
        Some(())
    }

    /// Decides whether a span that ends was nested on its lane. What is above it on the stack outlives it, and has left the lane.
    /// So whether a span is nested depends on its own shard's records alone, and not on what was read of others.
    fn leave_lane(&mut self, state: &mut LaneState, index: u32, flags: u16) {
        let open = &mut self.table[index as usize];
        let (span, is_on) = (open.span, open.on_stack && open.reader == state.reader);
        open.nested = is_on && !open.off_lane && flags & End::OFF_LANE == 0;
        if !open.nested {
            // It stays on the stack until it is met there.
            open.may_grow = true;
            return state.stack.trim(|above, at| above != span && is_open(&self.table, above, at));
        }
        while let Some((above, at)) = state.stack.pop().filter(|(above, _)| *above != span) {
            if is_open(&self.table, above, at) {
                self.leaves_lane(at);
            }
        }
    }

    /// A span is still open, and can't nest on its lane any more. It may outlive its parent.
    fn leaves_lane(&mut self, index: u32) {
        let left = &mut self.table[index as usize];
        (left.on_stack, left.off_lane, left.has_child) = (false, true, true);
        self.may_outlive_parent(index);
    }

    /// A span ends later than the records of its lane say, so it may be finished after its parent.
    pub(super) fn may_outlive_parent(&mut self, index: u32) {
        let parent = self.table[index as usize].parent;
        if let Some(parent) = self.by_id.get(&parent).copied() {
            self.table[parent as usize].may_grow = true;
        }
    }

    /// Takes an end from another thread's shard or the overflow, and returns its reservation.
    pub(in crate::collector) fn stray_end(&mut self, end: StrayEnd, process: ProcessId) {
        match self.by_id.get(&end.span).copied() {
            Some(index) if self.table[index as usize].takes(process) => {
                let open = &mut self.table[index as usize];
                // Children of it may not be read yet.
                open.has_child = true;
                self.credits.push(open.reader);
                self.close(index, end.tick, end.flags | End::WRITTEN, end.dropped);
            }
            Some(_) => self.counts.late += 1,
            None => {
                self.keep_early(Early::End(end, process));
            }
        }
    }

    #[inline]
    fn close(&mut self, index: u32, tick: u64, flags: u16, dropped: u32) {
        if dropped != 0 {
            self.change(index, |extras, _, _| extras.add_lost(dropped & 0xffff, dropped >> 16));
        }
        if flags & End::PANICKED != 0 {
            self.change(index, |extras, limits, keys| extras.panicked(limits, keys));
        }
        let open = &mut self.table[index as usize];
        open.ended = true;
        open.has_child |= flags & End::ESCAPED != 0;
        // What another thread ends may end before a span inside of it.
        open.may_grow |= flags & (End::ESCAPED | End::WRITTEN) != 0;
        let may_be_reached = flags & End::ESCAPED != 0 && (!open.process.is_own() || by_context::were_any());
        // A parent of which only the ids are known may be recorded by this tracer, in a shard that is read later.
        if flags & End::WRITTEN == 0 && !may_be_reached && self.sees_parent(index) {
            self.finish(index, tick, Ending::Ended);
        } else {
            self.waiting[1].push(Waiting { index, tick });
            self.may_outlive_parent(index);
        }
    }

    /// Whether a span's parent is a local one, or is open.
    #[inline]
    pub(super) fn sees_parent(&mut self, index: u32) -> bool {
        let open = &mut self.table[index as usize];
        if open.flags & Begin::PARENT_REMOTE == 0 {
            return true;
        }
        open.parent_seen |= self.by_id.contains_key(&open.parent);
        open.parent_seen
    }
}
