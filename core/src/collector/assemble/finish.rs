//! How an open span becomes a row of the current batch.

use super::super::extras::Extras;
use super::{Assembler, OpenSpan};
use crate::context::{RANDOM, SAMPLED};
use crate::export::{Batch, NameRow, Outcome, SpanRow};
use crate::wire::{PARENT_REMOTE, RANDOM_TRACE};
use crate::{SpanId, SpanKind};
use std::sync::Arc;

/// How many emptied extras are kept for the next spans.
const MAX_SPARE: usize = 1024;

impl Assembler {
    /// Moves an open span into the batch.
    pub(super) fn finish(&mut self, slot: u32, end_tick: u64, incomplete: bool) {
        let Some(open) = self.slots.get_mut(slot as usize) else { return };
        let extras = open.extras.take();
        open.ended = true;
        let start_ns = open.start_ns;
        let mut row = SpanRow {
            trace: open.trace,
            span: SpanId(open.span),
            parent: SpanId(open.parent),
            start_ns,
            end_ns: self.timeline.unix_ns(end_tick).max(start_ns),
            name: NameRow::Static(self.names.get(open.name).unwrap_or("")),
            lane: self.lanes.in_batch(open.lane, &mut self.batch),
            trace_flags: (SAMPLED | if open.flags & RANDOM_TRACE != 0 { RANDOM } else { 0 }) as u8,
            kind: SpanKind::from_bits(open.flags & 7),
            parent_is_remote: open.flags & PARENT_REMOTE != 0,
            nested: open.nested,
            incomplete,
            outcome: Outcome::Unset,
            tracestate: None,
            attributes: 0..0,
            events: 0..0,
            links: 0..0,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
        };
        self.lanes.release(open.lane);
        self.by_id.remove(&open.span);
        open.span = 0;
        self.free.push(slot);
        if let Some(extras) = extras {
            self.place(&mut row, extras);
        }
        self.batch.span(row);
        self.counts.spans += 1;
        self.counts.incomplete += u64::from(incomplete);
    }

    fn place(&mut self, row: &mut SpanRow, mut extras: Box<Extras>) {
        self.held_bytes -= extras.held_bytes();
        row.tracestate = match extras.tracestate {
            0 => None,
            index => self.tracestates.get(index as usize - 1).cloned(),
        };
        let placed = extras.place(&mut self.batch);
        self.counts.truncated += u64::from(placed.truncated);
        row.attributes = placed.attributes;
        row.events = placed.events;
        row.links = placed.links;
        row.outcome = placed.outcome;
        if let Some(name) = placed.name {
            row.name = name;
        }
        [row.dropped_attributes, row.dropped_events, row.dropped_links] = placed.dropped;
        if self.spare.len() < MAX_SPARE {
            extras.clear();
            self.spare.push(extras);
        }
    }

    /// Closes everything that is still open, as incomplete, with this tick as its end. Full batches go to `send`.
    pub(in crate::collector) fn close_all(&mut self, tick: u64, send: &mut dyn FnMut(Batch)) {
        self.end_of_pass(send);
        self.end_of_pass(send);
        let mut open: Vec<u32> = self.by_id.values().copied().collect();
        open.sort_unstable_by_key(|slot| std::cmp::Reverse(self.slots[*slot as usize].start_ns));
        for slot in open {
            self.finish(slot, tick, true);
            self.send_if_full(send);
        }
    }

    /// The spans that have not ended.
    pub(in crate::collector) fn open_spans(&mut self) -> Vec<OpenSpan> {
        let mut spans: Vec<OpenSpan> = Vec::new();
        for slot in self.by_id.values() {
            let open = &self.slots[*slot as usize];
            if open.ended {
                continue;
            }
            let name = open.extras.as_ref().and_then(|extras| extras.name_text());
            spans.push(OpenSpan {
                name: name.unwrap_or_else(|| self.names.get(open.name).unwrap_or("").to_owned()),
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
