//! Spans that have started: in the assembler, and in the public API.

use super::super::extras::Extras;
use super::super::lanes::LaneId;
use super::ProcessId;
use crate::{IdHasher, TraceId};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// A span that has started and is not finished.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) trace: TraceId,
    pub(super) span: u64,
    pub(super) parent: u64,
    /// The fan-out to which it belongs; zero if there is none.
    pub(super) fan: u64,
    /// Converted when the begin was read, because the timeline forgets the clock's rate after a minute.
    pub(super) start_ns: u64,
    pub(super) name: u32,
    pub(super) flags: u16,
    pub(super) nested: bool,
    /// It is on its lane's stack.
    pub(super) on_stack: bool,
    /// Its thread left it open between two polls. Its End would say so as well; this is for a span without one.
    pub(super) polled: bool,
    /// It can't be drawn on its lane: it outlived a span around it there, or times there repeat after a step of the wall clock.
    pub(super) off_lane: bool,
    /// A span names it as its parent, or may do so unseen.
    pub(super) has_child: bool,
    /// A child of it may start or end after it.
    pub(super) may_grow: bool,
    pub(super) ended: bool,
    /// Whether its parent was open when its end was read, or when everything that was published before its end was read.
    pub(super) parent_seen: bool,
    pub(super) lane: LaneId,
    /// The process that started it. Only that process may end it or write to it.
    pub(super) process: ProcessId,
    pub(super) reader: u32,
    pub(super) extras: Option<Box<Extras>>,
}

impl Open {
    /// Whether a process may still end it.
    pub(super) fn takes(&self, process: ProcessId) -> bool {
        !self.ended && self.process == process
    }

    /// Whether it occupied its lane so far, as far as the records show: it can have been moved to another thread unseen.
    pub(super) fn is_on_lane(&self) -> bool {
        self.on_stack && !self.off_lane && !self.polled
    }
}

/// Whether the span with this id is at this index of the table, and has not ended.
pub(super) fn is_open(table: &[Open], span: u64, index: u32) -> bool {
    table.get(index as usize).is_some_and(|open| open.span == span && !open.ended)
}

pub(super) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;
