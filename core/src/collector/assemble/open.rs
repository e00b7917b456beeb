//! Spans that have begun: as the assembler keeps them, and as a user sees them.

use super::super::extras::Extras;
use super::super::lanes::LaneId;
use super::ProcessId;
use crate::TraceId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

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

/// Span ids are counted up: one multiplication spreads them over the table.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u64(u64::from(*b)));
    }
    #[inline]
    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

pub(super) type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;
