//! Marks: facts about a lane beside its spans. They become rows of the process's batch, on the timeline of its spans.
//!
//! A batch is made for spans. Marks alone wait for the next span of their process, and are given up if there is none. What waits is
//! bounded: the oldest are forgotten, and counted.

use super::super::lanes::LaneId;
use super::batches::Filling;
use super::early::MAX_EARLY;
use super::{Assembler, LaneState, ProcessId};
use crate::export::MarkRow;
use crate::mark_kind::MarkKind;
use crate::wire::{Begin, Header, Kind, Mark, Strand};
use crate::SpanId;

/// What a lane's last parent is while strands are open there: no span's id, so that each Begin is looked at.
const NO_PARENT: u64 = 2;

impl Assembler {
    /// Takes a Mark or a Strand of any shard; `None` if it is invalid.
    #[inline(never)]
    pub(super) fn mark(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        if Header::of(record)?.kind() == Some(Kind::Strand) {
            return self.strand(state, record);
        }
        let (mark, text) = Mark::read(record)?;
        let (time_ns, length_ns) = self.time_of(state, &mark);
        let mut fields = mark.fields;
        if mark.kind == MarkKind::Fan {
            fields[2] = state.strands.fan_of(mark.span);
        }
        if mark.kind == MarkKind::Poll {
            self.polled(state, mark.span);
        }
        let filling = self.batches.of(state.process)?;
        let row = MarkRow {
            kind: mark.kind,
            lane: self.lanes.in_batch(state.lane, filling.number, &mut filling.builder),
            span: SpanId(mark.span),
            time_ns,
            length_ns,
            fields,
            text: filling.builder.text(text.as_slice()),
        };
        self.add_mark(state.process, row);
        Some(())
    }

    /// Notes that a poll of a span has returned, and the span is open. Of a flood of polls of unknown spans, most are forgotten.
    fn polled(&mut self, state: &mut LaneState, span: u64) {
        if let Some(here) = state.here.spans.last_mut().filter(|top| top.span() == span) {
            here.polled = true;
        } else if let Some(index) = self.by_id.get(&span) {
            self.table[*index as usize].polled = true;
        } else if self.early_polls.len() < MAX_EARLY {
            self.early_polls.push((span, false));
        }
    }

    /// Looks again for spans that were polled. Another thread's Begin is read in the pass after the poll at the latest.
    pub(super) fn retry_polls(&mut self) {
        let Self { early_polls, by_id, table, .. } = self;
        early_polls.retain_mut(|(span, is_last)| match by_id.get(span) {
            Some(index) => {
                table[*index as usize].polled = true;
                false
            }
            None => !std::mem::replace(is_last, true),
        });
    }

    fn strand(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let Strand { ends, span, fan } = Strand::read(record)?;
        match ends {
            true => state.strands.end(span, fan),
            false => state.strands.begin(span, fan),
        }
        state.last_parent = NO_PARENT;
        Some(())
    }

    /// The fan-out in whose strand a span starts; zero if there is none. Sets the lane's last parent.
    #[inline]
    pub(super) fn fan_of_strand(state: &mut LaneState, parent: u64) -> u64 {
        if state.strands.is_empty() {
            state.last_parent = parent;
            return 0;
        }
        state.last_parent = NO_PARENT;
        state.strands.fan_of(parent)
    }

    /// The thread of a lane has ended. The room of the ends of strands that it left is returned.
    pub(super) fn end_strands(&mut self, state: &mut LaneState) {
        let left = state.strands.clear();
        self.credits.extend(std::iter::repeat_n(state.reader, left));
    }

    /// The time of a mark, and its length, in nanoseconds.
    fn time_of(&self, state: &LaneState, mark: &Mark) -> (u64, u64) {
        let epoch = match state.process.is_own() {
            true => Begin::epoch_of(mark.flags),
            false => self.epoch_of_mark(mark.span),
        };
        let at = |tick| self.timeline.unix_ns(tick, epoch);
        match mark.kind {
            MarkKind::LockTotals => {
                let time_ns = at(mark.tick);
                (time_ns, time_ns.saturating_sub(at(mark.tick.wrapping_sub(mark.length))))
            }
            kind if kind.has_length() => {
                let time_ns = at(mark.tick);
                (time_ns, at(mark.tick.wrapping_add(mark.length)).saturating_sub(time_ns))
            }
            _ => (at(mark.tick), 0),
        }
    }

    /// The epoch of another process's mark: that of its span, if it is open.
    fn epoch_of_mark(&self, span: u64) -> u8 {
        let open = self.by_id.get(&span).map(|index| Begin::epoch_of(self.table[*index as usize].flags));
        open.unwrap_or(self.timeline.epoch())
    }

    /// Adds a mark of a lane that no record made.
    pub(in crate::collector) fn add_lane_mark(&mut self, process: ProcessId, lane: LaneId, row: MarkRow) {
        let Some(filling) = self.batches.of(process) else { return };
        let lane = self.lanes.in_batch(lane, filling.number, &mut filling.builder);
        self.add_mark(process, MarkRow { lane, ..row });
    }

    /// Adds a mark to the batch of a process.
    pub(super) fn add_mark(&mut self, process: ProcessId, row: MarkRow) {
        let forgotten = self.batches.mark(process, row);
        self.counts.marks += 1;
        self.counts.forgotten_marks += forgotten as u64;
    }

    /// Gives up the marks for which no span came.
    pub(super) fn give_up_marks(&mut self) {
        self.counts.forgotten_marks += self.batches.take_waiting_marks() as u64;
    }
}

impl Filling {
    /// How many words they take.
    pub(super) fn waiting_words(&self) -> usize {
        match self.waiting_marks() {
            0 => 0,
            _ => self.builder.words_len(),
        }
    }

    /// Adds a mark with the number of those that were forgotten, to a batch that has a span. Its lane says nothing.
    pub(super) fn tell_forgotten(&mut self) {
        if let (count @ 1.., time_ns) = std::mem::take(&mut self.forgotten) {
            let (lane, span, length_ns, text) = (0, SpanId::INVALID, 0, Default::default());
            let fields = [count, 0, 0, 0];
            self.builder.mark(MarkRow { kind: MarkKind::Forgotten, lane, span, time_ns, length_ns, fields, text });
        }
    }

    /// Forgets them.
    pub(super) fn take_waiting_marks(&mut self) -> usize {
        let waiting = self.waiting_marks();
        if waiting > 0 {
            self.builder.forget_marks();
        }
        waiting
    }

    /// How many marks wait for a span.
    pub(super) fn waiting_marks(&self) -> usize {
        match self.builder.len() {
            0 => self.builder.marks_len(),
            _ => 0,
        }
    }
}
