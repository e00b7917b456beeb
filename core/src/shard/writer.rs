//! The writer's side of a shard.
//!
//! A record costs one comparison: `write + length <= limit`. The limit already excludes the reserved ends. It is at most a
//! step away ([`Sizes::step`]), so that the slow path ([`Writer::refill`]) runs at least that often. There the writer reads the
//! collector's `tail`, takes back returned credits, notices a closed tracer, finds [memory](super::space) for the next step
//! and decides whether to wake the collector.
//!
//! **Credits.** A begin needs room for itself *and* an end, and lowers the limit by an end. An end raises the limit by as
//! much as it writes, so it needs no check: it always fits. If another thread wrote the end elsewhere, its room comes
//! back through `returned`.
#![allow(unsafe_code)]

use super::block::{Block, Head, Read, Written};
use super::budget::Budget;
use super::claim::Claim;
use super::room::Room;
use super::space::{Ask, Space};
use super::{Counts, Refused, Sizes};
use crate::sync::{AtomicU64, AtomicU8, Cell, Edge, Ordering};
use crate::wire::{padded, Begin, End, MarkWords, Sink, Skip, Strand};
use std::sync::Arc;

/// The result of `refill`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refill {
    pub(crate) outcome: Result<(), Refused>,
    /// Much is unread, and the collector was not woken for it: see [`Sizes::wake_part`].
    pub(crate) wake: bool,
}

/// The writer of one shard. Only the thread that holds the shard's lease may call the methods that write; the lease
/// passes on under the registry's lock. Fields that others read are in the block's head. The rest belongs to this process
/// alone, even if the block is shared with another one.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Writer {
    /// The position of the next record. The head has the same number for the collector. Reading the shared one back would
    /// hide ordering bugs from loom, and would cost more.
    write: Cell<u64>,
    /// Records must end at or before this position.
    limit: Cell<u64>,
    /// The id of the next span: odd, and grows by [`ID_STEP`], so never zero.
    next_id: Cell<u64>,
    block: Block,
    mask: u64,
    clock: AtomicU8,
    // Used in the slow path only.
    /// The bits in which an id counts.
    id_field: u64,
    max_record: u64,
    sizes: Sizes,
    /// Records and reserved ends must end at or before this position.
    bound: Cell<u64>,
    /// How far the limit is below the bound and the reserved ends: not zero if the last refill was refused.
    lowered: Cell<u64>,
    space: Space,
    returned_seen: Cell<u64>,
    /// The collector's position at the last refill.
    tail_seen: Cell<u64>,
    woke_at: Cell<u64>,
    /// The new owner's name is not written yet, for lack of room.
    unannounced: Cell<bool>,
    /// The collector's position when a wait for room last timed out.
    gave_up_at: Cell<u64>,
    room: Room,
}

// SAFETY: only the lease holder accesses the cells, and leases pass on under the registry's lock.
unsafe impl Sync for Writer {}
// SAFETY: nothing in it is bound to a thread.
unsafe impl Send for Writer {}

/// The step between span ids: even, so that odd ids stay odd.
const ID_STEP: u64 = 2;

/// The ids that a shard gives to its spans. They count up from a random start, within a field of bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// The first one. Made odd.
    pub(crate) first: u64,
    /// The low bits in which ids count. The bits above stay as in `first`.
    pub(crate) field: u64,
}

impl Ids {
    /// Ids that count in all bits.
    pub(crate) fn from(first: u64) -> Self {
        Self { first, field: u64::MAX }
    }
}

/// Adds one to a counter that this thread alone writes: no locked instruction.
#[inline(always)]
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

impl Writer {
    pub(super) fn new(block: Block, sizes: Sizes, clock: u8, ids: Ids, budget: Arc<dyn Budget>) -> Self {
        Self {
            write: Cell::new(0),
            limit: Cell::new(0),
            next_id: Cell::new(ids.first | 1),
            block,
            mask: sizes.bytes - 1,
            clock: AtomicU8::new(clock),
            id_field: ids.field,
            max_record: sizes.max_record(),
            sizes,
            bound: Cell::new(0),
            lowered: Cell::new(0),
            space: Space::new(sizes, budget),
            returned_seen: Cell::new(0),
            tail_seen: Cell::new(0),
            woke_at: Cell::new(0),
            unannounced: Cell::new(false),
            gave_up_at: Cell::new(u64::MAX),
            room: Room::default(),
        }
    }

    /// The fields that both sides share.
    #[inline(always)]
    pub(super) fn head(&self) -> &Head {
        self.block.head()
    }

    #[inline(always)]
    fn written(&self) -> &Written {
        &self.head().written
    }

    /// The clock to read.
    #[inline(always)]
    pub(crate) fn clock(&self) -> u8 {
        self.clock.load(Ordering::Relaxed)
    }

    /// For the collector, or for a thread that has not shared the shard yet.
    pub(crate) fn set_clock(&self, clock: u8) {
        self.clock.store(clock, Ordering::Relaxed);
        self.head().read.clock.store(clock.into(), Ordering::Relaxed);
    }

    /// Whether the owner's name is still to be written. Until then, the limit makes every record refill first.
    pub(crate) fn is_unannounced(&self) -> bool {
        self.unannounced.get()
    }

    pub(crate) fn set_unannounced(&self, unannounced: bool) {
        self.unannounced.set(unannounced);
    }

    /// The longest record in bytes.
    pub(crate) fn max_record(&self) -> u64 {
        self.max_record
    }

    /// The longest value in bytes.
    pub(crate) fn max_value_bytes(&self) -> u32 {
        self.sizes.max_value_bytes
    }

    /// Whether a record of this length fits.
    #[inline(always)]
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.write.get() + bytes <= self.limit.get()
    }

    /// Whether a begin of this length and its end fit.
    #[inline(always)]
    pub(crate) fn fits_begin(&self, bytes: u64) -> bool {
        self.fits(bytes + End::BYTES)
    }

    /// A span id that this process has not used. Shards start at random ids, so two of `n` shards with `m` spans each
    /// collide with a probability of about `n * n * m / 2^63`.
    #[inline(always)]
    pub(crate) fn next_id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(ID_STEP));
        id
    }

    #[inline(always)]
    fn put(&self, at: u64, word: u64) {
        // SAFETY: callers checked that the record fits, so this thread may write the word (block, 1, 2 and 4).
        unsafe { self.block.write(at, word) };
    }

    #[inline(always)]
    fn put_bytes(&self, at: u64, bytes: &[u8]) {
        // SAFETY: as in `put`.
        unsafe { self.block.write_bytes(at, bytes) };
    }

    #[inline(always)]
    fn put_all<const N: usize>(&self, at: u64, words: [u64; N]) {
        // SAFETY: as in `put`.
        unsafe { self.block.write_all(at, words) };
    }

    /// Makes everything before this position readable. The caller takes `written` before it writes the record: otherwise
    /// the compiler loads its address again behind each write.
    #[inline(always)]
    fn publish(&self, written: &Written, write: u64) {
        self.write.set(write);
        written.head.store(write, Edge::Publish.order());
    }

    /// Appends a begin and reserves its end; the caller has checked `fits_begin`. Returns the span's id.
    #[inline(always)]
    pub(crate) fn begin(&self, begin: Begin) -> u64 {
        let id = self.next_id();
        let (written, write) = (self.written(), self.write.get());
        self.put_all(write & self.mask, begin.record(id));
        self.commit_begin(written, write + Begin::BYTES);
        id
    }

    /// The same in a fan-out; the caller has checked `fits_begin`.
    #[inline(always)]
    pub(crate) fn begin_in_fan(&self, begin: Begin, fan: u64) -> u64 {
        let id = self.next_id();
        let (written, write) = (self.written(), self.write.get());
        self.put_all(write & self.mask, begin.record_in_fan(id, fan));
        self.commit_begin(written, write + Begin::IN_FAN_BYTES);
        id
    }

    /// The same with an inline name; the caller has checked `fits_begin` for the padded length.
    pub(crate) fn begin_named_in_fan(&self, begin: Begin, fan: u64, name: &[u8]) -> u64 {
        let id = self.next_id();
        let (written, write) = (self.written(), self.write.get());
        let at = write & self.mask;
        self.put_all(at, begin.before_name_in_fan(id, fan, name.len()));
        self.put_bytes(at + Begin::IN_FAN_BYTES, name);
        self.commit_begin(written, write + Begin::IN_FAN_BYTES + padded(name.len()));
        id
    }

    /// Appends a begin with an inline name; the caller has checked `fits_begin` for the padded length.
    pub(crate) fn begin_named(&self, begin: Begin, name: &[u8]) -> u64 {
        let id = self.next_id();
        let (written, write) = (self.written(), self.write.get());
        let at = write & self.mask;
        self.put_all(at, begin.before_name(id, name.len()));
        self.put_bytes(at + Begin::BYTES, name);
        self.commit_begin(written, write + Begin::BYTES + padded(name.len()));
        id
    }

    #[inline(always)]
    fn commit_begin(&self, written: &Written, write: u64) {
        self.limit.set(self.limit.get() - End::BYTES);
        count(&written.begun);
        self.publish(written, write);
    }

    /// Appends the end of a span that was started here: it always fits.
    #[inline(always)]
    pub(crate) fn end(&self, end: End) {
        self.limit.set(self.limit.get() + End::BYTES);
        self.end_elsewhere(end);
    }

    /// Appends the end of a span that was started elsewhere; the caller has checked `fits`.
    #[inline(always)]
    pub(crate) fn end_elsewhere(&self, end: End) {
        self.record(end.record());
    }

    /// Appends the begin of a strand and reserves its end; the caller has checked `fits_begin`.
    #[inline(always)]
    pub(crate) fn strand(&self, strand: Strand) {
        self.limit.set(self.limit.get() - End::BYTES);
        self.record(Strand { ends: false, ..strand }.record());
    }

    /// Appends the end of a strand that began here: it always fits.
    #[inline(always)]
    pub(crate) fn end_strand(&self, strand: Strand) {
        self.limit.set(self.limit.get() + End::BYTES);
        self.record(Strand { ends: true, ..strand }.record());
    }

    /// Appends a mark with a text; the caller has checked `fits`.
    pub(crate) fn mark(&self, words: &MarkWords, text: &[u8]) {
        let mut out = self.out();
        words.as_slice().iter().for_each(|word| out.word(*word));
        out.bytes(text);
        out.publish();
    }

    /// Appends a record of words; the caller has checked `fits`.
    #[inline(always)]
    pub(crate) fn record<const N: usize>(&self, words: [u64; N]) {
        let (written, write) = (self.written(), self.write.get());
        self.put_all(write & self.mask, words);
        self.publish(written, write + 8 * N as u64);
    }

    /// Appends a record of words with bytes behind them; the caller has checked `fits` for the padded length.
    #[inline(always)]
    pub(crate) fn record_with_bytes<const N: usize>(&self, words: [u64; N], bytes: &[u8]) {
        let (written, write) = (self.written(), self.write.get());
        let at = write & self.mask;
        self.put_all(at, words);
        self.put_bytes(at + 8 * N as u64, bytes);
        self.publish(written, write + 8 * N as u64 + padded(bytes.len()));
    }

    /// A cursor behind the last record; the caller has checked `fits` for everything that it will append.
    pub(crate) fn out(&self) -> Out<'_> {
        Out { writer: self, write: self.write.get(), at: self.write.get() & self.mask }
    }

    pub(crate) fn count_sampled_out(&self) {
        count(&self.written().sampled_out);
    }

    /// The slow path: reads the collector's progress, and tries to make room for `need` bytes.
    #[cold]
    pub(crate) fn refill(&self, need: u64, is_begin: bool) -> Refill {
        let shared: &Read = &self.head().read;
        self.stay_in_field();
        // A writer in another process learns of a new clock only here.
        self.clock.store(shared.clock.load(Ordering::Relaxed) as u8, Ordering::Relaxed);
        let returned = shared.returned.load(Ordering::Acquire);
        let back = returned.wrapping_sub(self.returned_seen.replace(returned));
        let tail = shared.tail.load(Edge::SeeTail.order());
        self.tail_seen.set(tail);
        // What is between the limit and the bound is reserved.
        let allowed = self.limit.get() + self.lowered.get();
        let reserved = self.bound.get().saturating_sub(allowed).saturating_sub(back);
        let open = reserved / End::BYTES;
        let outcome = if shared.closed.load(Ordering::Acquire) != 0 {
            Err(Refused::Closed)
        } else if is_begin && open >= self.sizes.max_open {
            Err(Refused::OpenCap)
        } else {
            let begins = (self.sizes.max_open - open.min(self.sizes.max_open)) * (Begin::BYTES + End::BYTES);
            let want = need.max(self.space.step().min(begins));
            self.space.find(&self.block, Ask { write: self.write.get(), tail, reserved, need, want })
        };
        if let Ok((write, bound)) = outcome {
            let bytes = write - self.write.replace(write);
            if bytes > 0 {
                self.put_all((write - bytes) & self.mask, Skip { bytes }.record());
            }
            self.bound.set(bound);
        }
        let (write, allowed) = (self.write.get(), self.bound.get() - reserved);
        let limit = if outcome.is_ok() { allowed } else { write.min(allowed) };
        self.limit.set(limit);
        self.lowered.set(allowed - limit);
        Refill { outcome: outcome.map(|_| ()), wake: self.wants_wake(write, tail) }
    }

    /// The lease ends. The next record refills first, so that the collector may free all memory until then.
    pub(crate) fn rest(&self) {
        let (write, limit) = (self.write.get(), self.limit.get());
        self.limit.set(write);
        self.lowered.set(self.lowered.get() + limit - write);
        self.space.rest(&self.block, write);
    }

    /// The flag by which the collector learns that this writer waits.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether to wait after a refill that was refused for this reason: something that ends by itself is in the way, and the
    /// collector has read something since the last wait that timed out.
    pub(crate) fn may_wait(&self, why: Refused) -> bool {
        let is_unread = self.tail_seen.get() != self.write.get();
        // Other threads' rings may hold the bound of all, and the collector may be freeing memory of this one.
        let passes = is_unread || why == Refused::Budget || self.met_reclaim();
        passes && self.tail_seen.get() != self.gave_up_at.get()
    }

    /// Whether the collector was freeing memory of this shard during the last refill.
    pub(crate) fn met_reclaim(&self) -> bool {
        self.space.met_reclaim()
    }

    /// Whether the collector frees memory of this shard at present. Any thread may ask.
    pub(super) fn is_reclaiming(&self) -> bool {
        Claim(self.written().claim.load(Ordering::Relaxed)).is_reclaiming()
    }

    /// A wait timed out. The next one is after the collector has read something.
    pub(crate) fn give_up(&self) {
        self.gave_up_at.set(self.tail_seen.get());
    }

    /// Restarts at the beginning of the field of its ids, long before they would leave it: even all cores together can't
    /// start so many spans between two refills.
    fn stay_in_field(&self) {
        if self.id_field != u64::MAX {
            self.next_id.set(self.next_id.get() & !(self.id_field ^ self.id_field >> 1));
        }
    }

    fn wants_wake(&self, write: u64, tail: u64) -> bool {
        let (part, written) = (self.sizes.wake_part(), self.space.written(write));
        let wake = self.space.unread(write, tail) >= part / 3 && written - self.woke_at.get() >= part / 8;
        if wake {
            self.woke_at.set(written);
        }
        wake
    }

    pub(crate) fn count_lost_mark(&self) {
        count(&self.written().lost_marks);
    }

    pub(crate) fn count_refused(&self, why: Refused) {
        count(&self.written().refused[why as usize]);
    }

    /// The words of the ring, and its sizes. For the collector.
    pub(super) fn words(&self) -> (&Block, Sizes) {
        (&self.block, self.sizes)
    }

    /// Where the memory of the ring comes from.
    pub(super) fn budget(&self) -> &dyn Budget {
        &**self.space.budget()
    }

    /// The position of the next record. For tests.
    #[cfg(not(loom))]
    pub(crate) fn position(&self) -> u64 {
        self.write.get()
    }

    /// Adds this shard's counts to the sums.
    pub(crate) fn add_to(&self, counts: &mut Counts) {
        counts.add(&self.written().counts());
    }
}

impl Written {
    /// The published position. For the collector.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.head.load(Edge::SeeHead.order())
    }
}

/// Appends records of any length. They are published together at the end.
pub(crate) struct Out<'a> {
    writer: &'a Writer,
    write: u64,
    at: u64,
}

impl Out<'_> {
    pub(crate) fn publish(self) {
        self.writer.publish(self.writer.written(), self.write);
    }

    fn advance(&mut self, bytes: u64) {
        self.at += bytes;
        self.write += bytes;
    }
}

impl Sink for Out<'_> {
    fn start<const N: usize>(&mut self, words: [u64; N]) {
        self.at = self.write & self.writer.mask;
        self.writer.put_all(self.at, words);
        self.advance(8 * N as u64);
    }

    fn word(&mut self, word: u64) {
        self.writer.put(self.at, word);
        self.advance(8);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.writer.put_bytes(self.at, bytes);
        self.advance(padded(bytes.len()));
    }
}
