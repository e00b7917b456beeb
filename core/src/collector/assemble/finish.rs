//! Converts an open span to a row of the current batch.

use super::super::extras::{Abort, Extras};
use super::open::Open;
use super::{Assembler, ProcessId, Waiting};
use crate::export::{Batch, List, NameRow, SpanFlags, SpanRow};
use crate::pipeline::OpenSpan;
use crate::wire::Begin;
use crate::SpanId;
use std::sync::Arc;

/// How many emptied extras are kept, so that later spans reuse their memory.
const MAX_SPARE: usize = 1024;

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::collector) enum Ending {
    /// Its end was read.
    Ended,
    /// The tracer finished before it.
    Incomplete,
    /// Its process ended before it.
    Aborted,
}

impl Assembler {
    /// Moves an open span into its process's batch.
    pub(super) fn finish(&mut self, index: u32, end_tick: u64, ending: Ending) {
        let Some(open) = self.table.get(index as usize) else { return };
        let end_ns = self.timeline.unix_ns(end_tick, Begin::epoch_of(open.flags));
        let values = self.values_of(index, end_tick);
        let Some(open) = self.table.get_mut(index as usize) else { return };
        let Some(filling) = self.batches.of(open.process) else { return };
        let extras = open.extras.take();
        open.ended = true;
        self.keys.knows(open.name);
        // The parent of a child process's span is remote, and often recorded by this tracer.
        let is_remote = open.flags & Begin::PARENT_REMOTE != 0;
        let is_known = is_remote && (open.parent_seen || self.by_id.contains_key(&open.parent));
        let mut row = SpanRow {
            trace: open.trace,
            span: SpanId(open.span),
            parent: SpanId(open.parent),
            start_ns: open.start_ns,
            end_ns: end_ns.max(open.start_ns),
            name: NameRow::Id(open.name),
            lane: self.lanes.in_batch(open.lane, filling.number, &mut filling.builder),
            attributes: List::default(),
            values,
            more: 0,
            begin_flags: open.flags,
            flags: SpanFlags::default()
                .with(SpanFlags::NESTED, open.nested)
                .with(SpanFlags::LEAF, !open.has_child && ending == Ending::Ended)
                .with(SpanFlags::INCOMPLETE, ending == Ending::Incomplete)
                .with(SpanFlags::ABORTED, ending == Ending::Aborted)
                .with(SpanFlags::PARENT_KNOWN, is_known)
                .with(SpanFlags::MAY_GROW, open.may_grow || ending != Ending::Ended)
                .with(SpanFlags::IN_FAN, open.fan != 0),
        };
        self.lanes.release(open.lane);
        self.by_id.remove(&open.span);
        open.span = 0;
        let (process, reader, fan) = (open.process, open.reader, open.fan);
        if !process.is_own() {
            filling.open -= 1;
            *self.open_by_reader(reader) -= 1;
        }
        self.free.push(index);
        if let Some(extras) = extras {
            self.add_extras(&mut row, process, extras);
        }
        self.batches.span(process, row, fan);
        self.counts.spans += 1;
        self.counts.incomplete += u64::from(ending == Ending::Incomplete);
        self.counts.aborted += u64::from(ending == Ending::Aborted);
    }

    fn add_extras(&mut self, row: &mut SpanRow, process: ProcessId, mut extras: Box<Extras>) {
        let Some(filling) = self.batches.of(process) else { return };
        self.held_bytes -= extras.held_bytes();
        let rows = extras.write_rows(&mut filling.builder);
        self.counts.truncated += u64::from(rows.cut);
        row.attributes = rows.attributes;
        row.more = rows.more;
        if let Some(name) = rows.name {
            row.name = name;
        }
        if self.spare.len() < MAX_SPARE {
            extras.clear();
            self.spare.push(extras);
        }
    }

    /// Closes everything that is still open, as incomplete, with this tick as its end. Full batches go to `send`.
    pub(in crate::collector) fn close_all(&mut self, tick: u64, send: &mut dyn FnMut(Batch)) {
        self.end_of_pass(send);
        self.end_of_pass(send);
        for index in self.open_indices(|_| true) {
            self.ends_on_lane(index);
            self.finish(index, tick, Ending::Incomplete);
            self.send_if_full(send);
        }
        self.give_up_marks();
    }

    /// Nothing ends a span: it was on its lane to the end if it is there now. Those inside of it are closed at the same time,
    /// before it.
    fn ends_on_lane(&mut self, index: u32) {
        let open = &mut self.table[index as usize];
        open.nested = open.is_on_lane();
    }

    /// The spans that match and have not ended, the youngest first. A thread's ids grow, which tells those apart that started at
    /// one time.
    fn open_indices(&self, matches: impl Fn(&Open) -> bool) -> Vec<u32> {
        let open = |index: &u32| self.table.get(*index as usize).filter(|open| !open.ended);
        let mut found: Vec<u32> =
            self.by_id.values().copied().filter(|index| open(index).is_some_and(&matches)).collect();
        found.sort_unstable_by_key(|index| {
            let open = &self.table[*index as usize];
            std::cmp::Reverse((open.start_ns, open.span))
        });
        found
    }

    /// Closes the open spans of a process (or of one of its shards) as aborted, with the reason on each span. Full
    /// batches go to `send`. Returns their number.
    pub(in crate::collector) fn abort(
        &mut self,
        process: ProcessId,
        reader: Option<u32>,
        tick: u64,
        why: &Abort,
        send: &mut dyn FnMut(Batch),
    ) -> u64 {
        let open = self.open_indices(|o| o.process == process && reader.is_none_or(|reader| o.reader == reader));
        for index in &open {
            self.change(*index, |extras, limits, keys| extras.aborted(why, limits, keys));
            self.ends_on_lane(*index);
            self.finish(*index, tick, Ending::Aborted);
            self.send_if_full(send);
        }
        open.len() as u64
    }

    /// Nothing more arrives from a process. Its last batch goes to `send`, and its early records count as late. Ends that
    /// wait become final: there are some if its memory changed after its end.
    pub(in crate::collector) fn remove_process(&mut self, process: ProcessId, send: &mut dyn FnMut(Batch)) {
        for waiting in self.take_waiting_of(process) {
            self.finish(waiting.index, waiting.tick, Ending::Ended);
            self.send_if_full(send);
        }
        let late = self.drop_early_of(process);
        self.counts.late += late;
        let waiting = self.batches.of(process).map_or(0, |filling| filling.waiting_marks());
        self.counts.forgotten_marks += waiting as u64;
        if let Some(batch) = self.batches.remove(process, self.keys.names()) {
            send(batch);
        }
    }

    fn take_waiting_of(&mut self, process: ProcessId) -> Vec<Waiting> {
        let table = &self.table;
        let mut taken = Vec::new();
        for waiting in &mut self.waiting {
            let is_its = |w: &Waiting| table.get(w.index as usize).is_some_and(|open| open.process == process);
            let (its, others) = std::mem::take(waiting).into_iter().partition(is_its);
            *waiting = others;
            taken.extend::<Vec<_>>(its);
        }
        taken
    }

    /// The spans that have not ended.
    pub(in crate::collector) fn open_spans(&mut self) -> Vec<OpenSpan> {
        let mut spans: Vec<OpenSpan> = Vec::new();
        for index in self.by_id.values() {
            let open = &self.table[*index as usize];
            if open.ended {
                continue;
            }
            let name = open.extras.as_ref().and_then(|extras| extras.name_text(&self.keys));
            self.keys.knows(open.name);
            spans.push(OpenSpan {
                name: name.unwrap_or_else(|| self.keys.names().get(open.name).to_owned()),
                trace_id: open.trace,
                span_id: SpanId(open.span),
                parent_span_id: (open.parent != 0).then_some(SpanId(open.parent)),
                lane: Arc::clone(self.lanes.get(open.lane)),
                start_ns: open.start_ns,
            });
        }
        spans.sort_by_key(|span| (span.start_ns, span.span_id));
        spans
    }
}
