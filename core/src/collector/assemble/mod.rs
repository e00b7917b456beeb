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
mod begin;
mod early;
mod end;
mod epochs;
mod finish;
mod here;
mod lane_state;
mod leaf;
mod marks;
mod open;
mod partial;
mod staged;
mod strands;
mod traces;
mod updates;
mod values;

pub(super) use batches::ProcessId;
pub(super) use finish::Ending;
pub(super) use lane_state::LaneState;
pub(super) use partial::{Partial, Rest, Target};

use super::extras::Extras;
use super::keys::Keys;
use super::lanes::Lanes;
use crate::clock::timeline::Timeline;
use crate::config::Limits;
use crate::export::{Batch, Resource};
use crate::pipeline::{Assembled, ImplicitRoot, OpenSpans};
use crate::wire::{Header, Kind, ThreadStart};
use crate::{SpanId, TraceId};
use batches::Batches;
use early::Early;
use epochs::Epochs;
use open::{is_open, ById, Open};
use std::sync::Arc;
use traces::Traces;

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
    /// Spans of which a poll was read before their Begin, in this pass or (`true`) in the last one.
    early_polls: Vec<(u64, bool)>,
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
            early_polls: Vec::new(),
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
            Some(Kind::Mark | Kind::Strand) => self.mark(state, record),
            Some(_) => self.on_span(state, header, record),
            None => None,
        };
        done.is_some()
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
        self.end_strands(state);
        self.thread_ended(state);
        Some(())
    }

    /// The thread of a lane has ended. Spans that it left open were handed to others, and nest in nothing there.
    pub(in crate::collector) fn thread_ended(&mut self, state: &mut LaneState) {
        while let Some((span, index)) = state.stack.pop() {
            if is_open(&self.table, span, index) {
                let left = &mut self.table[index as usize];
                (left.on_stack, left.has_child) = (false, true);
                self.may_outlive_parent(index);
            }
        }
    }

    /// The end of a pass: early records are retried, and ends of the last pass become final. Full batches go to `send`.
    /// Returns whether anything still waits for another pass.
    pub(super) fn end_of_pass(&mut self, send: &mut dyn FnMut(Batch)) -> bool {
        self.early_bytes = 0;
        for (passes, early) in std::mem::take(&mut self.early) {
            self.retry(passes, early);
        }
        self.retry_polls();
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

    /// Numbers of open spans, of records that wait (for their span, or as ends for another pass) and of polls that wait for their
    /// span, and the bytes of spans and records.
    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn held(&self) -> [usize; 4] {
        let waiting = self.waiting.iter().map(Vec::len).sum::<usize>();
        let bytes = self.held_bytes + self.early_bytes;
        [self.by_id.len(), self.early.len() + waiting, self.early_polls.len(), bytes]
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

/// The limit of the bytes that all open spans hold, for data from this process.
fn max_held_bytes(process: ProcessId) -> usize {
    MAX_HELD_BYTES / if process.is_own() { 1 } else { 2 }
}
