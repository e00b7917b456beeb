//! A Begin opens a span in the table.

use super::super::lanes::LaneId;
use super::open::{is_open, Open};
use super::{max_held_bytes, Assembler, Ending, LaneState};
use crate::pipeline::ImplicitRoot;
use crate::propagated;
use crate::wire::{Begin, Bytes};
use std::sync::Arc;

/// How many implicit roots the ledger names: enough to find the code.
const MAX_IMPLICIT_ROOTS: usize = 4;
/// How many implicit roots are looked at for those with another name or another thread.
const LOOKED_AT: u64 = 64;

impl Assembler {
    pub(super) fn begin(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let (span, mut begin, fan, name) = Begin::read(record)?;
        state.last_tick = begin.tick;
        self.counts.begins += 1;
        if begin.flags & Begin::IMPLICIT_ROOT != 0 {
            self.implicit_root(state.lane, begin.name, name);
        }
        let of_strand = self.note_child(state, begin.parent);
        let is_placed = self.timeline.has_stepped() || !state.process.is_own();
        let off_lane = is_placed && self.place(state, &mut begin);
        let mut open = Open {
            trace: begin.trace,
            span,
            parent: begin.parent,
            fan: if fan == 0 { of_strand } else { fan },
            start_ns: self.timeline.unix_ns(begin.tick, Begin::epoch_of(begin.flags)),
            name: begin.name,
            flags: begin.flags,
            nested: false,
            on_stack: true,
            polled: false,
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
    pub(super) fn open(&mut self, state: &mut LaneState, open: Open, tick: u64) {
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
    pub(super) fn occupy(&mut self, open: Open) -> u32 {
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

    pub(super) fn open_by_reader(&mut self, reader: u32) -> &mut u64 {
        let index = (reader & u32::MAX >> 1) as usize;
        if index >= self.open_by_reader.len() {
            self.open_by_reader.resize(index + 1, 0);
        }
        &mut self.open_by_reader[index]
    }
}
