//! Spans that are on their lane's stack alone: most spans begin and end there, and never need the table.
//!
//! A Begin of this process is put on the stack. Its attributes are *staged* behind it: packed, in a vector that is a stack as
//! well, because those of a span are set while it is on top. Its End, if it is on top then, makes it a row of the batch.
//!
//! A span whose records follow each other, from its Begin to its End, isn't even put on the stack (`leaf.rs`).
//!
//! Anything else needs the table: a record about a span that is not on top, an end that must wait, an event, a status. Then all
//! spans of the lane *move* to the table, in order. They also do at the end of the shard's turn, before any other shard is
//! read. So a look-up in the table finds every open span.

use super::super::extras::Attributes;
use super::open::{is_open, Open};
use super::staged::{Here, HereStack};
use super::traces::takes;
use super::{Assembler, LaneState};
use crate::export::{List, MoreRow, NameRow, SpanFlags, SpanRow};
use crate::pipeline::by_context;
use crate::wire::{Begin, Bytes, End, Kind, Packed};
use crate::SpanId;

/// How many spans of a stack are looked at for the parent of one that starts. Beyond them, the table is asked.
const NEAR: usize = 16;

const BEGIN: u8 = Kind::Begin as u8;
const END: u8 = Kind::End as u8;
const ATTR: u8 = Kind::Attr as u8;
const MARK: u8 = Kind::Mark as u8;
const STRAND: u8 = Kind::Strand as u8;

/// The kind of a record, as a number.
#[inline(always)]
fn kind_of(record: &[u64]) -> u8 {
    record.first().map_or(0, |header| *header as u8)
}

/// Whether a span with this end, on its own thread, is finished: no record in another shard can concern it.
#[inline(always)]
fn may_finish(end: &End) -> bool {
    let needs_table = end.flags & !(End::ESCAPED | End::OFF_LANE) != 0 || end.dropped != 0;
    !needs_table && (end.flags & End::ESCAPED == 0 || !by_context::were_any())
}

/// What is known of a span that ends, besides its Begin and its End.
pub(super) struct Finished {
    pub(super) name: NameRow,
    pub(super) attributes: List,
    pub(super) values: u32,
    pub(super) more: u32,
    pub(super) has_child: bool,
    /// The fan-out to which it belongs; zero if there is none.
    pub(super) fan: u64,
}

impl Assembler {
    /// Takes a record of this process, if its span can stay on the stack alone. Returns whether it could.
    #[inline(always)]
    pub(super) fn take_here(&mut self, state: &mut LaneState, record: &[u64]) -> bool {
        match kind_of(record) {
            BEGIN => self.begin_here(state, record),
            END => self.end_here(state, record),
            ATTR => self.set_here(state, record),
            // Of any span, and none needs the table for it.
            MARK | STRAND => self.mark(state, record).is_some(),
            _ => false,
        }
    }

    #[inline(always)]
    fn begin_here(&mut self, state: &mut LaneState, record: &[u64]) -> bool {
        let Some((words, behind)) = record.split_first_chunk::<6>() else { return false };
        let begin = Begin::of_words(words);
        let is_plain = begin.flags & (Begin::PARENT_REMOTE | Begin::IMPLICIT_ROOT) == 0 && begin.propagated == 0;
        if !is_plain || self.timeline.has_stepped() {
            return false;
        }
        let (mut fan, name) = begin.fan_and_name(behind);
        if begin.parent != state.last_parent {
            let of_strand = self.note_child(state, begin.parent);
            fan = if fan == 0 { of_strand } else { fan };
        }
        let HereStack { spans, staged } = &mut state.here;
        let from = staged.len() as u32;
        if begin.flags & Begin::INLINE != 0 {
            staged.extend_from_slice(name);
        } else {
            self.keys.knows(begin.name);
        }
        spans.push(Here {
            words: *words,
            fan,
            from,
            len: 0,
            scope_len: 0,
            dropped: 0,
            cut: 0,
            has_child: false,
            polled: false,
        });
        self.counts.begins += 1;
        state.last_tick = begin.tick;
        true
    }

    /// Marks the parent of a span that starts on this lane as no leaf. A parent that is not on the lane was handed out, which
    /// its End says. Returns the fan-out in whose strand the span starts; zero if there is none.
    pub(super) fn note_child(&mut self, state: &mut LaneState, parent: u64) -> u64 {
        let fan = Self::fan_of_strand(state, parent);
        match state.here.spans.last_mut() {
            Some(top) if top.span() == parent => top.has_child = true,
            _ => self.note_child_of_far(state, parent),
        }
        fan
    }

    #[inline(never)]
    fn note_child_of_far(&mut self, state: &mut LaneState, parent: u64) {
        let here = state.here.spans.len();
        if parent == 0 || here + state.stack.len() == 0 {
            return;
        }
        if let Some(found) = state.here.spans.iter_mut().rev().take(NEAR).find(|open| open.span() == parent) {
            found.has_child = true;
            return;
        }
        let tabled = state.stack.near(parent, NEAR.saturating_sub(here));
        let found = match tabled.filter(|index| is_open(&self.table, parent, *index)) {
            None if here + state.stack.len() > NEAR => {
                self.move_to_table(state);
                self.by_id.get(&parent).copied()
            }
            near => near,
        };
        if let Some(index) = found {
            self.table[index as usize].has_child = true;
        }
    }

    #[inline(always)]
    fn set_here(&mut self, state: &mut LaneState, record: &[u64]) -> bool {
        let HereStack { spans, staged } = &mut state.here;
        let Some(top) = spans.last_mut().filter(|top| record.get(1) == Some(&top.span())) else { return false };
        let Some(packed) = Packed::of_plain(record) else { return false };
        // An attribute without a stamp counts as set when the last record with one was. On the stack that is the Begin.
        let is_dated = state.last_tick == top.begin().tick || !by_context::were_any();
        if self.limits.attribute_value_chars.is_some() || !is_dated {
            return false;
        }
        let Some(packed) = self.keys.placed(packed) else { return false };
        top.set(staged, packed, &self.limits, &self.keys);
        true
    }

    #[inline(always)]
    fn end_here(&mut self, state: &mut LaneState, record: &[u64]) -> bool {
        let Some(end) = End::read(record) else { return false };
        if state.here.spans.last().is_none_or(|top| top.span() != end.span) {
            return false;
        }
        if !may_finish(&end) {
            return false;
        }
        let Some(here) = state.here.spans.pop() else { return false };
        self.finish_here(state, here, end);
        true
    }

    fn finish_here(&mut self, state: &mut LaneState, mut here: Here, end: End) {
        let values = match self.traces.is_empty() {
            true => 0,
            false => self.values_here(state, &mut here, end.tick),
        };
        let begin = here.begin();
        let filling = self.batches.own();
        let (mut name, mut attributes, mut more) = (NameRow::Id(begin.name), List::default(), 0);
        if state.here.staged.len() > here.from as usize {
            (name, attributes) = here.unstage(&mut state.here.staged, &mut filling.builder);
        }
        if here.dropped | here.cut != 0 {
            let dropped_attributes = here.dropped;
            more = filling.builder.more(MoreRow { dropped_attributes, ..MoreRow::default() });
            self.counts.truncated += u64::from(here.cut);
        }
        self.add_own(
            state,
            &begin,
            &end,
            Finished { name, attributes, values, more, has_child: here.has_child, fan: here.fan },
        );
    }

    /// Adds the row of a span that began and ended on its lane.
    #[inline(always)]
    pub(super) fn add_own(&mut self, state: &mut LaneState, begin: &Begin, end: &End, finished: Finished) {
        let filling = self.batches.own();
        if state.in_batch.0 != filling.number {
            state.in_batch = (filling.number, self.lanes.in_batch(state.lane, filling.number, &mut filling.builder));
        }
        state.last_tick = end.tick;
        let Finished { name, attributes, values, more, has_child, fan } = finished;
        if fan != 0 {
            filling.builder.in_fan(fan);
        }
        let (is_nested, escaped) = (end.flags & End::OFF_LANE == 0, end.flags & End::ESCAPED != 0);
        let epoch = Begin::epoch_of(begin.flags);
        let (start_ns, end_ns) = self.timeline.span_ns(begin.tick, end.tick, epoch);
        self.batches.own_span(SpanRow {
            trace: begin.trace,
            span: SpanId(end.span),
            parent: SpanId(begin.parent),
            start_ns,
            end_ns,
            name,
            lane: state.in_batch.1,
            attributes,
            values,
            more,
            begin_flags: begin.flags,
            flags: SpanFlags::default()
                .with(SpanFlags::NESTED, is_nested)
                .with(SpanFlags::LEAF, !has_child && !escaped)
                .with(SpanFlags::MAY_GROW, escaped)
                .with(SpanFlags::IN_FAN, fan != 0),
        });
        self.counts.spans += 1;
    }

    /// What the span's row refers to the values of its trace by. Values that can't be shared are staged.
    #[inline(never)]
    fn values_here(&mut self, state: &mut LaneState, here: &mut Here, end_tick: u64) -> u32 {
        let trace = here.begin().trace;
        let known = state.values.known(trace, end_tick, self.traces.version(), self.batches.own().number);
        let values = known.unwrap_or_else(|| self.look_up_values(state, trace, end_tick));
        if values.index == 0 {
            return 0;
        }
        let from = here.attributes_from();
        let own = &state.here.staged[from..];
        let limit = self.limits.attributes_per_span;
        if here.dropped == 0 && takes(self.batches.own(), values, own, here.len, limit, &self.keys) {
            self.counts.truncated += u64::from(values.cut);
            return values.index;
        }
        let mut all = Attributes::staged(own, here.len, here.cut, here.dropped, here.begin().tick);
        if let Some(values) = self.traces.get(trace) {
            all.add_missing(values, limit, &self.keys);
        }
        state.here.staged.truncate(from);
        state.here.staged.extend_from_slice(all.words());
        (here.len, here.cut, here.dropped) = (all.len(), all.cut(), all.dropped());
        0
    }

    /// Moves the spans that are on the stack alone to the table.
    pub(in crate::collector) fn move_to_table(&mut self, state: &mut LaneState) {
        if state.here.is_empty() {
            return;
        }
        let (mut spans, mut staged) = (std::mem::take(&mut state.here.spans), std::mem::take(&mut state.here.staged));
        let mut end = staged.len();
        // The words of each end where those of the next one begin.
        let ends: Vec<usize> = spans.iter().rev().map(|here| std::mem::replace(&mut end, here.from as usize)).collect();
        for (here, end) in spans.drain(..).zip(ends.into_iter().rev()) {
            let words = &staged[here.from as usize..end];
            self.open_here(state, here, words);
        }
        staged.clear();
        state.here = HereStack { spans, staged };
    }

    fn open_here(&mut self, state: &mut LaneState, here: Here, words: &[u64]) {
        let begin = here.begin();
        let has_text = begin.flags & Begin::INLINE != 0;
        let (name, attributes) = words.split_at(here.name_words());
        let mut extras = None;
        if !words.is_empty() || here.dropped != 0 {
            let mut new = self.spare.pop().unwrap_or_default();
            if has_text {
                new.begin_name(Bytes::new(name, begin.name as usize).as_slice());
            }
            new.attributes = Attributes::staged(attributes, here.len, here.cut, here.dropped, begin.tick);
            self.held_bytes += new.held_bytes();
            extras = Some(new);
        }
        let open = Open {
            trace: begin.trace,
            span: here.span(),
            parent: begin.parent,
            fan: here.fan,
            start_ns: here.start_ns(&self.timeline),
            name: if has_text { 0 } else { begin.name },
            flags: begin.flags,
            nested: false,
            on_stack: true,
            polled: here.polled,
            off_lane: false,
            has_child: here.has_child,
            may_grow: false,
            ended: false,
            parent_seen: false,
            lane: state.lane,
            process: state.process,
            reader: state.reader,
            extras,
        };
        self.lanes.retain(state.lane);
        self.open(state, open, begin.tick);
    }
}
