//! Spans that have begun: as the assembler keeps them, and as a user sees them.

use super::super::extras::Extras;
use super::super::lanes::LaneId;
use super::ProcessId;
use crate::{IdHasher, TraceId};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// A span that has begun and is not finished.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) trace: TraceId,
    pub(super) span: u64,
    pub(super) parent: u64,
    /// Converted when the begin was read: the timeline forgets how fast the clock ran a minute ago.
    pub(super) start_ns: u64,
    pub(super) name: u32,
    pub(super) flags: u16,
    pub(super) nested: bool,
    pub(super) ended: bool,
    /// Its parent was open too when its end was read, or when all that was published before its end was.
    pub(super) parent_seen: bool,
    pub(super) lane: LaneId,
    /// Which process began it: only that one may end it or set anything on it.
    pub(super) process: ProcessId,
    pub(super) reader: u32,
    pub(super) extras: Option<Box<Extras>>,
}

impl Open {
    /// Whether a process may still end it.
    pub(super) fn takes(&self, process: ProcessId) -> bool {
        !self.ended && self.process == process
    }
}

/// Whether the span with this id is in this slot, and has not ended.
pub(super) fn is_open(slots: &[Open], span: u64, slot: u32) -> bool {
    slots.get(slot as usize).is_some_and(|open| open.span == span && !open.ended)
}

pub(super) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;
