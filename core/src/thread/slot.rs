//! The slot: the shard that a thread used last.
//!
//! The slot holds the tracer's key, the lease's number and pointers. A caller that appends *takes* the slot, only then
//! tests whose shard is in it, and puts it back afterwards. So a record inside a record (a signal handler) finds the slot
//! taken, takes the slow path, and is dropped there and counted. A handler that puts another tracer's shard into the slot
//! does so before or after an append, never during it.
#![allow(unsafe_code)]

use super::ThreadState;
use crate::clock::{self, stopwatch};
use crate::context::TracerKey;
use crate::life::{forked, life, Life};
use crate::pipeline::Shared;
use crate::shard::{Refused, Shard, Writer};
use crate::unplaced::NoShard;
use std::ptr::NonNull;
use std::sync::atomic::{compiler_fence, Ordering};

/// A lease's number, unique in the process. Zero: no lease.
pub(crate) type Lease = u32;

/// A number that no lease has.
pub(crate) const NO_LEASE: Lease = u32::MAX - 1;

/// The contents of the slot.
pub(super) type Pointers = (u64, NonNull<Shard>, NonNull<Shared>);

/// Tracer key (upper half) and lease (lower half) of the shard in the slot.
pub(super) const fn slot(key: TracerKey, lease: Lease) -> u64 {
    (key as u64) << 32 | lease as u64
}

/// An empty slot. Its halves are no valid key and no valid lease.
pub(super) const EMPTY: u64 = slot(u32::MAX, u32::MAX);

/// The slot while it is taken, for one append.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) shard: &'a Shard,
    pub(crate) tracer: &'a Shared,
    pub(crate) lease: Lease,
}

impl Slot<'_> {
    /// Reads the clock.
    pub(crate) fn tick(&self) -> u64 {
        if self.reads_counter() {
            clock::counter()
        } else {
            self.tracer.clock.slow_tick()
        }
    }

    /// Whether the clock is the processor's counter, so that hot paths may read it themselves.
    #[inline(always)]
    pub(crate) fn reads_counter(&self) -> bool {
        self.writer.clock() == clock::COUNTER
    }

    /// Makes room for a record, or returns why there is none. Waits for the collector if the tracer's settings say so.
    ///
    /// The slot is put back during a wait, so what the caller has read from the writer may have changed afterwards.
    #[cold]
    #[inline(never)]
    pub(crate) fn refill(&self, bytes: u64, is_begin: bool) -> Result<(), Refused> {
        match self.refill_now(bytes, is_begin) {
            Err(why) if why.passes() => self.wait_for_room(bytes, is_begin, why),
            outcome => outcome,
        }
    }

    /// The same without a wait. Wakes the collector if the shard is a third full.
    pub(super) fn refill_now(&self, bytes: u64, is_begin: bool) -> Result<(), Refused> {
        if self.writer.is_unannounced() {
            self.tracer.announce_thread(self.shard)?;
            super::state().record_place(self.tracer, self.shard);
        }
        let refill = self.writer.refill(bytes, is_begin);
        if refill.wake {
            self.tracer.wake.wake();
        }
        refill.outcome
    }

    /// Whether a record of this length fits, if necessary after a refill, without a wait: for ends, which have the overflow.
    pub(crate) fn fits_now(&self, bytes: u64) -> bool {
        self.writer.fits(bytes) || self.refill_now(bytes, false).is_ok()
    }

    /// Whether a record of this length fits, if necessary after a refill.
    #[inline(always)]
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.writer.fits(bytes) || self.refill(bytes, false).is_ok()
    }
}

impl ThreadState {
    /// Whether this tracer's shard is in the slot, and the slot is free. A signal handler may change that at any time.
    pub(crate) fn holds_tracer(&self, key: TracerKey) -> bool {
        !self.taken.get() && (self.slot.get() >> 32) as u32 == key
    }

    /// The lease of the shard in the slot.
    #[inline(always)]
    pub(crate) fn held_lease(&self) -> Lease {
        self.slot.get() as u32
    }

    /// Takes the slot, if it is free and has this tracer's shard. Between this and [`put_back`](Self::put_back) the
    /// caller only appends: it doesn't panic, allocate, lock or call third-party code.
    #[inline(always)]
    pub(crate) fn take_tracer(&self, key: TracerKey) -> Option<Slot<'_>> {
        self.take_if(|slot| (slot >> 32) as u32 == key)
    }

    /// The same for the shard of a lease.
    #[inline(always)]
    pub(crate) fn take_lease(&self, lease: Lease) -> Option<Slot<'_>> {
        self.take_if(|slot| slot as u32 == lease)
    }

    /// The same for any shard.
    pub(super) fn take_any(&self) -> Option<Slot<'_>> {
        self.take_if(|slot| slot != EMPTY)
    }

    /// Reads the clock that this thread's records use: that of the shard in the slot, else the system's.
    #[inline]
    pub(crate) fn tick(&self) -> u64 {
        let Some(slot) = self.take_any() else { return stopwatch::tick() };
        let tick = slot.tick();
        self.put_back(slot);
        tick
    }

    /// Takes the slot before reading it: between the two, a signal handler could put another shard into it.
    #[inline(always)]
    fn take_if(&self, is_right: impl FnOnce(u64) -> bool) -> Option<Slot<'_>> {
        if self.taken.get() {
            return None;
        }
        self.taken.set(true);
        compiler_fence(Ordering::SeqCst);
        if !is_right(self.slot.get()) {
            self.taken.set(false);
            return None;
        }
        Some(self.in_hand())
    }

    /// The contents of the slot, which is taken and not empty.
    #[inline(always)]
    fn in_hand(&self) -> Slot<'_> {
        // SAFETY: the pointers are always valid: this thread's `LEASES` own what they point to, and empty the slot before
        // they drop it. No caller asks for an empty slot, so this thread holds the lease and may write.
        let shard = unsafe { &*self.shard.get().as_ptr() };
        // SAFETY: as above.
        let tracer = unsafe { &*self.tracer.get().as_ptr() };
        Slot { writer: shard.writer(), shard, tracer, lease: self.slot.get() as u32 }
    }

    /// Ends an append.
    #[inline(always)]
    pub(crate) fn put_back(&self, _: Slot<'_>) {
        compiler_fence(Ordering::SeqCst);
        self.taken.set(false);
    }

    /// Takes the slot again after a wait. It was put back by the same caller, so it is free.
    pub(super) fn take_again(&self) {
        self.taken.set(true);
        compiler_fence(Ordering::SeqCst);
    }

    /// Appends with this tracer's writer, where speed doesn't matter. Its shard was in the slot. A signal handler may
    /// have put another one there since, so this searches for it again.
    pub(crate) fn with_tracer<R>(&self, key: TracerKey, append: impl FnOnce(Slot<'_>) -> R) -> Option<R> {
        let slot = match self.take_tracer(key) {
            Some(slot) => slot,
            None => self.find(key).ok()?,
        };
        let result = append(slot);
        self.put_back(slot);
        Some(result)
    }

    pub(super) fn empty(&self) {
        self.slot.set(EMPTY);
        self.shard.set(NonNull::dangling());
        self.tracer.set(NonNull::dangling());
    }

    /// Runs the slow path with the slot taken, so that a signal handler can't enter it, and sets the slot to the shard
    /// that it found. If it found none, the slot becomes empty, which is always valid. A shard that was found stays
    /// taken.
    pub(super) fn guarded(&self, find: impl FnOnce() -> Result<Pointers, NoShard>) -> Result<Slot<'_>, NoShard> {
        match life() {
            _ if self.taken.get() => return Err(NoShard::Nested),
            _ if forked() => return Err(NoShard::NoTracer),
            Life::Gone => return Err(NoShard::ThreadExit),
            Life::Pipeline => return Err(NoShard::Pipeline),
            Life::Alive => {}
        }
        self.taken.set(true);
        compiler_fence(Ordering::SeqCst);
        let found = find();
        let (slot, shard, tracer) = found.unwrap_or((EMPTY, NonNull::dangling(), NonNull::dangling()));
        self.shard.set(shard);
        self.tracer.set(tracer);
        self.slot.set(slot);
        if found.is_err() {
            compiler_fence(Ordering::SeqCst);
            self.taken.set(false);
        }
        found.map(|_| self.in_hand())
    }

    /// Whether this thread is in the middle of a record, or in the slow path.
    pub(crate) fn is_nested(&self) -> bool {
        self.taken.get()
    }
}
