//! The thread's place in its pool. It is recorded in each shard that the thread leases, right behind the thread's name.

use super::ThreadState;
use crate::mark_kind::MarkKind;
use crate::pipeline::Shared;
use crate::shard::Shard;
use crate::text::cut;
use crate::wire::{padded, Begin, Mark};

/// A thread's place in its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) id: u64,
    pub(crate) index: u32,
    pub(crate) size: u32,
}

impl ThreadState {
    /// Sets the thread's place, and records it in the shard that the thread used last.
    #[inline]
    pub(crate) fn set_place(&self, place: Place) {
        if self.place.get() != Some(place) {
            self.set_new_place(place);
        }
    }

    #[cold]
    fn set_new_place(&self, place: Place) {
        self.place.set(Some(place));
        if let Some(slot) = self.take_any() {
            self.record_place(slot.tracer, slot.shard);
            self.put_back(slot);
        }
    }

    /// Records the thread's place in a shard that it holds, if it has one. Without room it is dropped and counted.
    pub(super) fn record_place(&self, tracer: &Shared, shard: &Shard) {
        let Some(Place { name, id, index, size }) = self.place.get() else { return };
        let (writer, text) = (shard.writer(), cut(name, Mark::MAX_TEXT_BYTES));
        let mark = Mark {
            kind: MarkKind::Pool,
            flags: Begin::with_epoch(0, tracer.epoch()),
            span: 0,
            tick: tracer.clock_tick(),
            length: 0,
            fields: [index.into(), id, size.into(), 0],
        };
        let bytes = Mark::MOST_BYTES + padded(text.len());
        if writer.fits(bytes) || writer.refill(bytes, false).outcome.is_ok() {
            writer.mark(&mark.before_text(text.len()), text.as_bytes());
        } else {
            writer.count_lost_mark();
        }
    }
}
