//! Pairs ends with begins, and decides when a span is finished.
//!
//! The stages of a span here:
//!
//! 1. Its Begin makes it *open*. Most spans are then on the stack of their lane alone, until their End (`here.rs`).
//! 2. Another span is in the table. Attributes, events and links on it go to its extras.
//! 3. Its End makes it *finished*: at once, if no record that concerns it can be in another shard. If another thread wrote to it
//!    or ended it, or if its context was handed out and something may have been written by its context, the end waits until the
//!    next pass is over. Everything that happened before the end was published before it, so that pass reads it.
//! 4. A finished span is a row of the current batch.
//!
//! Records may arrive out of order, because they come from different shards. An end or an attribute whose begin has not
//! arrived is *early*. It is retried after each pass, and dropped after a few.

mod batches;
mod early;
mod epochs;
mod finish;
mod here;
mod lane_state;
mod leaf;
mod open;
mod partial;
mod staged;
mod traces;
mod values;

pub(super) use batches::ProcessId;
pub(super) use finish::Ending;
pub(super) use lane_state::LaneState;
pub(super) use partial::{Partial, Rest, Target};

use super::extras::Extras;
use super::keys::Keys;
use super::lanes::{LaneId, Lanes};
use crate::clock::timeline::Timeline;
use crate::config::Limits;
use crate::export::{Batch, Resource};
use crate::pipeline::{by_context, Assembled, ImplicitRoot, OpenSpans};
use crate::propagated;
use crate::wire::{
    goes_on, span_of, Attr, AttrValue, Begin, Bytes, Chunk, End, Event, Header, Kind, Link, More, Packed, Rename,
    Status, StrayEnd, ThreadStart, Tracestate,
};
use crate::{SpanId, TraceId};
use batches::Batches;
use early::Early;
use epochs::Epochs;
use open::{is_open, ById, Open};
use std::sync::Arc;
use traces::Traces;

/// How many implicit roots the ledger names: enough to find the code.
const MAX_IMPLICIT_ROOTS: usize = 4;
/// How many implicit roots are looked at for those with another name or another thread.
const LOOKED_AT: u64 = 64;

/// Maximum number of bytes that all open spans together may hold. Beyond it, new data on a span is dropped and counted (a
/// status and a new name as attributes). Other processes' spans get half of it, so that they can't use up all of it.
const MAX_HELD_BYTES: usize = 64 << 20;
/// The most spans in a batch, so that its memory and the time to fill it are bounded.
pub(super) const MAX_BATCH_SPANS: usize = 4096;
/// The most bytes in a batch, about: several must fit into an exporter's queue.
pub(super) const MAX_BATCH_BYTES: usize = 1 << 20;

/// An end that waits for one more pass.
#[derive(Debug)]
struct Waiting {
    index: u32,
    tick: u64,
}

/// The collector's tables.
#[derive(Debug)]
pub(crate) struct Assembler {
    pub(super) timeline: Timeline,
    pub(super) lanes: Lanes,
    limits: Limits,
    keys: Keys,
    table: Vec<Open>,
    free: Vec<u32>,
    by_id: ById<u32>,
    /// Ends of the last pass, and of this one.
    waiting: [Vec<Waiting>; 2],
    early: Vec<(u8, Early)>,
    early_bytes: usize,
    // Boxed, because an open span has its extras in a box. So they are moved without a copy.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Extras>>,
    held_bytes: usize,
    traces: Traces,
    epochs: Epochs,
    batches: Batches,
    /// Readers to whose shards the room of one end must be returned.
    credits: Vec<u32>,
    /// The number of open spans of other processes, by the lower bits of their reader.
    open_by_reader: Vec<u64>,
    pub(crate) counts: Assembled,
    /// The first implicit roots, each with another name or another thread.
    implicit_roots: Vec<ImplicitRoot>,
}

impl Assembler {
    /// Limits the size of batches, so that several fit into a queue of this size.
    pub(crate) fn new(resource: Arc<Resource>, limits: Limits, queue_bytes: usize, timeline: Timeline) -> Self {
        Self {
            timeline,
            lanes: Lanes::default(),
            limits,
            keys: Keys::default(),
            table: Vec::new(),
            free: Vec::new(),
            by_id: ById::default(),
            waiting: [Vec::new(), Vec::new()],
            early: Vec::new(),
            early_bytes: 0,
            spare: Vec::new(),
            held_bytes: 0,
            traces: Traces::default(),
            epochs: Epochs::default(),
            batches: Batches::new(resource, queue_bytes),
            credits: Vec::new(),
            open_by_reader: Vec::new(),
            counts: Assembled::default(),
            implicit_roots: Vec::new(),
        }
    }

    /// Takes a record of a shard of this process: the first `len` words. Takes records that follow it too, if they are of the
    /// same span. Returns the number of words taken.
    #[inline(always)]
    pub(super) fn take(&mut self, state: &mut LaneState, words: &[u64], len: usize) -> usize {
        let taken = self.take_leaf(state, words);
        if taken != 0 {
            return taken;
        }
        let Some(record) = words.get(..len) else { return len };
        if !self.take_here(state, record) {
            self.counts.corrupt += u64::from(!self.take_in_table(state, record));
        }
        len
    }

    /// Takes one record of any shard. Returns whether it was valid.
    #[inline(never)]
    pub(super) fn take_in_table(&mut self, state: &mut LaneState, record: &[u64]) -> bool {
        self.move_to_table(state);
        let Some(header) = Header::of(record) else { return true };
        let done = match header.kind() {
            Some(Kind::Begin) => self.begin(state, record),
            Some(Kind::End) => self.end(state, record),
            Some(Kind::Chunk) => self.chunk(state, record),
            Some(Kind::ThreadStart) => self.thread_start(state, record),
            Some(Kind::TraceValue) => self.trace_value(state, record),
            Some(_) => self.on_span(state, header, record),
            None => None,
        };
        done.is_some()
    }

    /// Counts a root that was started where nothing was current, and keeps the first few that differ.
    #[cold]
    fn implicit_root(&mut self, lane: LaneId, name: u32, inline: Option<Bytes<'_>>) {
        self.counts.implicit_roots += 1;
        if self.counts.implicit_roots > LOOKED_AT || self.implicit_roots.len() >= MAX_IMPLICIT_ROOTS {
            return;
        }
        let name = match inline {
            Some(text) => String::from_utf8_lossy(&text.to_vec()).into_owned(),
            None => {
                self.keys.knows(name);
                self.keys.names().get(name).to_owned()
            }
        };
        let root = ImplicitRoot { name, lane: Arc::clone(self.lanes.get(lane)) };
        if !self.implicit_roots.contains(&root) {
            self.implicit_roots.push(root);
        }
    }

    /// The first implicit roots, each with another name or another thread.
    pub(in crate::collector) fn implicit_roots(&self) -> &[ImplicitRoot] {
        &self.implicit_roots
    }

    fn begin(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let (span, mut begin, name) = Begin::read(record)?;
        state.last_tick = begin.tick;
        self.counts.begins += 1;
        if begin.flags & Begin::IMPLICIT_ROOT != 0 {
            self.implicit_root(state.lane, begin.name, name);
        }
        self.note_child(state, begin.parent);
        let is_placed = self.timeline.has_stepped() || !state.process.is_own();
        let off_lane = is_placed && self.place(state, &mut begin);
        let mut open = Open {
            trace: begin.trace,
            span,
            parent: begin.parent,
            start_ns: self.timeline.unix_ns(begin.tick, Begin::epoch_of(begin.flags)),
            name: begin.name,
            flags: begin.flags,
            nested: false,
            on_stack: true,
            off_lane,
            has_child: false,
            may_grow: false,
            ended: false,
            parent_seen: false,
            lane: state.lane,
            process: state.process,
            reader: state.reader,
            extras: None,
        };
        if let Some(name) = name {
            open.name = 0;
            // Beyond the limit the span gets an empty name, so that names can't take up all memory.
            if state.process.is_own() || self.held_bytes <= max_held_bytes(state.process) {
                let mut extras = self.spare.pop().unwrap_or_default();
                extras.begin_name(name.as_slice());
                self.held_bytes += extras.held_bytes();
                open.extras = Some(extras);
            }
        }
        if begin.propagated != 0 {
            self.keep_tracestate(&mut open, begin.propagated);
        }
        self.lanes.retain(state.lane);
        self.open(state, open, begin.tick);
        if !state.process.is_own() {
            *self.open_by_reader(state.reader) += 1;
            if let Some(filling) = self.batches.of(state.process) {
                filling.open += 1;
            }
        }
        Some(())
    }

    /// Enters a span in the table and on its lane's stack.
    fn open(&mut self, state: &mut LaneState, open: Open, tick: u64) {
        let span = open.span;
        let index = self.occupy(open);
        let table = &self.table;
        state.stack.push(span, index, |id, index| is_open(table, id, index));
        if let Some(other) = self.by_id.insert(span, index) {
            self.displace(other, tick);
            self.by_id.insert(span, index);
        }
    }

    /// Looks up what a span's trace brought, now: later its place may be another trace's.
    #[cold]
    fn keep_tracestate(&mut self, open: &mut Open, index: u16) {
        let Some(text) = propagated::tracestate(open.trace, index) else { return };
        let spare = &mut self.spare;
        let extras = open.extras.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        extras.set_tracestate(text);
        self.held_bytes += extras.held_bytes() - before;
    }

    #[inline]
    fn occupy(&mut self, open: Open) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.table[index as usize] = open;
                index
            }
            None => {
                self.table.push(open);
                self.table.len() as u32 - 1
            }
        }
    }

    /// An open span has the id of one that starts: a child forged it, or it is an improbable coincidence.
    #[cold]
    fn displace(&mut self, other: u32, tick: u64) {
        self.finish(other, tick, Ending::Aborted);
    }

    fn end(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
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
    fn may_outlive_parent(&mut self, index: u32) {
        let parent = self.table[index as usize].parent;
        if let Some(parent) = self.by_id.get(&parent).copied() {
            self.table[parent as usize].may_grow = true;
        }
    }

    /// Takes an end from another thread's shard or the overflow, and returns its reservation.
    pub(super) fn stray_end(&mut self, end: StrayEnd, process: ProcessId) {
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
    fn sees_parent(&mut self, index: u32) -> bool {
        let open = &mut self.table[index as usize];
        if open.flags & Begin::PARENT_REMOTE == 0 {
            return true;
        }
        open.parent_seen |= self.by_id.contains_key(&open.parent);
        open.parent_seen
    }

    /// Changes the extras of an open span, and counts the bytes that they hold.
    fn change(&mut self, index: u32, change: impl FnOnce(&mut Extras, &Limits, &Keys)) {
        let Self { table, spare, held_bytes, limits, keys, .. } = self;
        let Some(open) = table.get_mut(index as usize) else { return };
        let extras = open.extras.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        change(extras, limits, keys);
        *held_bytes = *held_bytes + extras.held_bytes() - before;
    }

    /// Takes every other record about a span.
    fn on_span(&mut self, state: &mut LaneState, header: Header, record: &[u64]) -> Option<()> {
        let span = span_of(record)?;
        let index = match state.stack.top(span).filter(|index| is_open(&self.table, span, *index)) {
            Some(index) => index,
            None => match self.by_id.get(&span) {
                Some(index) if self.table[*index as usize].process == state.process => *index,
                Some(_) => {
                    self.counts.late += 1;
                    return Some(());
                }
                None => {
                    let early = Early::Record {
                        words: record.into(),
                        last_tick: state.last_tick,
                        chunks: Vec::new(),
                        process: state.process,
                    };
                    let kept = self.keep_early(early);
                    state.rest = (kept && goes_on(header)).then_some(Rest::Early);
                    return Some(());
                }
            },
        };
        let partial = self.apply(index, state.last_tick, record)?;
        state.rest = partial.map(Rest::Of);
        Some(())
    }

    /// Applies a record to an open span. Returns a value that continues in chunks.
    fn apply(&mut self, index: u32, last_tick: u64, record: &[u64]) -> Option<Option<Partial>> {
        let kind = Header::of(record)?.kind()?;
        let spare = &mut self.spare;
        let open = self.table.get_mut(index as usize)?;
        let full = self.held_bytes > max_held_bytes(open.process);
        let extras = open.extras.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        let mut partial = None;
        let done = match kind {
            Kind::Attr | Kind::Event | Kind::Link | Kind::More | Kind::Status | Kind::Rename | Kind::Tracestate
                if full =>
            {
                extras.drop_record(kind);
                Some(())
            }
            Kind::Attr => Attr::read(record).and_then(|(attr, value)| {
                let tick = attr.tick.unwrap_or(last_tick);
                let key = self.keys.known(attr.key)?;
                match value {
                    AttrValue::Whole(value) => {
                        let mut words = Vec::new();
                        let packed = self.keys.placed(Packed::build(key, value, &mut words))?;
                        extras.attribute(packed, tick, &self.limits, &self.keys);
                    }
                    AttrValue::Beginning(value) => {
                        partial = Some(Partial::new(index, open.span, key, Target::Span { tick }, value));
                    }
                }
                Some(())
            }),
            Kind::Event => Event::read(record).and_then(|(event, items)| {
                let time_ns = self.timeline.unix_ns(event.tick, Begin::epoch_of(open.flags));
                extras.event(event, items, time_ns, &mut self.keys, &self.limits)
            }),
            Kind::Link => Link::read(record).and_then(|(link, items)| {
                let tracestate = match link.propagated {
                    0 => text(link.tracestate),
                    index => propagated::tracestate(link.trace, index),
                };
                extras.link(link, tracestate, items, &mut self.keys, &self.limits)
            }),
            Kind::More => More::read(record).and_then(|(_, items)| {
                let rest = extras.more(items, &mut self.keys, &self.limits)?;
                partial = rest.map(|(key, value)| Partial::new(index, open.span, key, Target::Item, value));
                Some(())
            }),
            Kind::Status => {
                let limits = &self.limits;
                Status::read(record).map(|status| extras.status(status, status.tick.unwrap_or(last_tick), limits))
            }
            Kind::Rename => Rename::read(record)
                .and_then(|rename| extras.rename(rename.name, rename.tick.unwrap_or(last_tick), &mut self.keys)),
            Kind::Tracestate => {
                Tracestate::read(record).and_then(|state| text(state.text)).map(|text| extras.set_tracestate(text))
            }
            Kind::Begin | Kind::End | Kind::Chunk | Kind::ThreadStart | Kind::TraceValue | Kind::Skip => None,
        };
        self.held_bytes = self.held_bytes + extras.held_bytes() - before;
        done.map(|()| partial)
    }

    /// Takes the next part of a long attribute.
    fn chunk(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let chunk = Chunk::read(record)?;
        match &mut state.rest {
            None => {}
            Some(Rest::Early) => {
                self.keep_early_chunk(state.process, record);
                if !chunk.more {
                    state.rest = None;
                }
            }
            Some(Rest::Of(partial)) => {
                partial.add(chunk.bytes);
                if !chunk.more {
                    if let Some(Rest::Of(partial)) = state.rest.take() {
                        return self.complete(partial);
                    }
                }
            }
        }
        Some(())
    }

    /// Sets a long attribute that is complete.
    fn complete(&mut self, partial: Partial) -> Option<()> {
        let limits = self.limits;
        let open = self.table.get_mut(partial.index as usize)?;
        let extras = open.extras.as_mut()?;
        if open.span != partial.span {
            return Some(());
        }
        let before = extras.held_bytes();
        let mut words = Vec::new();
        let packed = Packed::build_long(&partial.key, partial.ty, &partial.bytes, partial.before, &mut words);
        match partial.into {
            Target::Span { tick } => {
                extras.attribute(self.keys.placed(packed)?, tick, &limits, &self.keys);
            }
            Target::Item => extras.item(packed, &self.keys, &limits),
        }
        self.held_bytes = self.held_bytes + extras.held_bytes() - before;
        Some(())
    }

    fn thread_start(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let start = ThreadStart::read(record)?;
        let lane = crate::export::Lane {
            process_id: self.lanes.get(state.lane).process_id,
            thread_id: start.thread,
            thread_name: String::from_utf8_lossy(&start.name.to_vec()).into(),
        };
        self.lanes.release(state.lane);
        state.lane = self.lanes.add(lane);
        state.in_batch = (0, 0);
        // Spans that the last owner left open don't nest in anything on this lane.
        while let Some((span, index)) = state.stack.pop() {
            if is_open(&self.table, span, index) {
                let left = &mut self.table[index as usize];
                (left.on_stack, left.has_child) = (false, true);
                self.may_outlive_parent(index);
            }
        }
        Some(())
    }

    /// The end of a pass: early records are retried, and ends of the last pass become final. Full batches go to `send`.
    /// Returns whether anything still waits for another pass.
    pub(super) fn end_of_pass(&mut self, send: &mut dyn FnMut(Batch)) -> bool {
        self.early_bytes = 0;
        for (passes, early) in std::mem::take(&mut self.early) {
            self.retry(passes, early);
        }
        let ready = std::mem::take(&mut self.waiting[0]);
        // Before any of them is finished, because one may be another's parent.
        ready.iter().for_each(|waiting| _ = self.sees_parent(waiting.index));
        for waiting in ready {
            self.finish(waiting.index, waiting.tick, Ending::Ended);
            self.send_if_full(send);
        }
        self.waiting.swap(0, 1);
        let update_spans = self.export_pending_values(send);
        update_spans || !self.waiting[0].is_empty() || !self.early.is_empty()
    }

    /// Takes the readers to whose shards the reservation of one end must be returned, once for each end.
    pub(super) fn take_credits(&mut self) -> std::vec::Drain<'_, u32> {
        self.credits.drain(..)
    }

    /// The number of open spans, including those whose end waits.
    pub(super) fn open_count(&self) -> u64 {
        self.by_id.len() as u64
    }

    /// Numbers of open spans and of records that wait (for their span, or as ends for another pass), and the bytes of
    /// both.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn held(&self) -> [usize; 3] {
        let waiting = self.waiting.iter().map(Vec::len).sum::<usize>();
        [self.by_id.len(), self.early.len() + waiting, self.held_bytes + self.early_bytes]
    }

    /// The number of spans in the batches that are being filled.
    #[inline]
    pub(super) fn batch_len(&self) -> usize {
        self.batches.len()
    }

    /// Passes a batch to `send` if it is large enough.
    #[inline]
    pub(super) fn send_if_full(&mut self, send: &mut dyn FnMut(Batch)) {
        if self.batches.is_full() {
            self.send_full(send);
        }
    }

    #[cold]
    #[inline(never)]
    fn send_full(&mut self, send: &mut dyn FnMut(Batch)) {
        if let Some(batch) = self.batches.take_full(self.keys.names()) {
            send(batch);
        }
    }

    /// Passes every batch that is not empty to `send`.
    pub(super) fn send_all(&mut self, send: &mut dyn FnMut(Batch)) {
        while let Some(batch) = self.batches.take_any(self.keys.names()) {
            send(batch);
        }
    }

    /// Adds another process.
    pub(super) fn add_process(&mut self, resource: Arc<Resource>) -> ProcessId {
        self.batches.add(resource)
    }

    fn open_by_reader(&mut self, reader: u32) -> &mut u64 {
        let index = (reader & u32::MAX >> 1) as usize;
        if index >= self.open_by_reader.len() {
            self.open_by_reader.resize(index + 1, 0);
        }
        &mut self.open_by_reader[index]
    }

    /// The number of open spans that were started in another process's shard.
    pub(super) fn open_of(&mut self, reader: u32) -> u64 {
        *self.open_by_reader(reader)
    }

    /// The number of open spans that another process started.
    pub(super) fn open_of_process(&mut self, process: ProcessId) -> u64 {
        self.batches.of(process).map_or(0, |filling| filling.open)
    }

    /// Whether a span with this id is open.
    pub(super) fn knows(&self, span: u64) -> bool {
        self.by_id.contains_key(&span)
    }
}

/// Between two turns of shards, every open span is in the table.
impl OpenSpans for Assembler {
    fn traces(&self) -> Box<dyn Iterator<Item = TraceId> + '_> {
        Box::new(self.by_id.values().filter_map(|index| self.table.get(*index as usize)).map(|open| open.trace))
    }

    fn is_open(&self, span: SpanId) -> bool {
        self.by_id.contains_key(&span.to_u64())
    }
}

/// A text; `None` if it is empty.
fn text(bytes: Bytes<'_>) -> Option<Arc<str>> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    (!text.is_empty()).then(|| text.into())
}

/// The limit of the bytes that all open spans hold, for data from this process.
fn max_held_bytes(process: ProcessId) -> usize {
    MAX_HELD_BYTES / if process.is_own() { 1 } else { 2 }
}
