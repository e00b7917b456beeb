//! Where the writer of a shard writes: which part of the largest ring, and when it jumps.
//!
//! A ring of the largest size is address space. The writer uses memory from its beginning on, and *top* is the offset up to
//! which it has used it. Raising top takes from the tracer's [`Budget`]. In the slow path the writer has these choices, in
//! this order:
//!
//! 1. **Jump back** to the beginning of the ring, if at least [`Sizes::jump_from`] bytes are used, and the part that was
//!    read is at least twice as long as the part that wasn't. So a thread that its collector follows stays in a small part of
//!    the ring.
//! 2. **Go on**, over the end of the ring if necessary.
//! 3. **Hop** over the unread records in front of which it had jumped back. So a jump takes no room from a burst behind it.
//! 4. Jump back into less, if there is no memory for another choice.
//!
//! Jumps and hops leave a [`Skip`]. Positions stay monotonic, and their lower bits stay the offset in memory, so the fast
//! path knows nothing of all this. At most one jump and one hop are unread at any time: until the collector has read what is
//! in front of the present *run* of records, the writer only goes on, or hops once.
//!
//! The [`Claim`] is the position up to which the writer may write without a further refill. It is published, so
//! that the collector knows which memory it can't [free](super::trim).

use super::block::Block;
use super::budget::Budget;
use super::claim::Claim;
use super::{Refused, Sizes, PAGE};
use crate::sync::{Cell, Edge, Ordering};
use crate::wire::Skip;
use std::sync::Arc;

/// So many bytes from the beginning of a ring are granted even if the budget is used up: a new thread can always record.
const ALWAYS: u64 = 16 << 10;
/// Behind this position the writer doesn't jump any more. With jumps a position grows 256 times as fast as the bytes that are
/// written, at most; without them it doesn't reach its end in centuries.
const LAST_JUMP: u64 = Claim::LAST_POSITION / 2;
/// How often a refill tries again after the collector changed the claim. It does that rarely, so once is nearly always enough.
const TRIES: usize = 3;

/// A contiguous run of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Where it begins. Until everything in front of it was read, older runs have unread records in the ring.
    start: u64,
    /// Where an older run begins. Of no meaning after that was read.
    end: u64,
    /// The position behind the older run, if that can be hopped over; else zero.
    hop: u64,
}

/// A place to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    to: u64,
    /// How many bytes are free there.
    room: u64,
    run: Run,
}

/// The sorts of places, in the order of the list above.
#[derive(Clone, Copy, Debug)]
enum Sort {
    GoodJump,
    On,
    Hop,
    Jump,
}

/// What a refill asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) write: u64,
    pub(super) tail: u64,
    /// Bytes of reserved ends.
    pub(super) reserved: u64,
    /// The least room beside these.
    pub(super) need: u64,
    /// The desired room, at least `need`.
    pub(super) want: u64,
}

/// Bytes that a Skip left out.
#[derive(Clone, Copy, Debug, Default)]
struct Skipped {
    from: u64,
    bytes: u64,
}

/// Only the lease holder accesses it.
#[derive(Debug)]
pub(super) struct Space {
    sizes: Sizes,
    budget: Arc<dyn Budget>,
    run: Cell<Run>,
    top: Cell<u64>,
    /// The collector's reclaims that this writer knows of.
    reclaims: Cell<u64>,
    /// Whether the last look for a place found the collector freeing memory.
    met_reclaim: Cell<bool>,
    /// The last jump, and the hop after it.
    unread: Cell<[Skipped; 2]>,
    /// All bytes that were left out.
    skipped: Cell<u64>,
}

impl Space {
    pub(super) fn new(sizes: Sizes, budget: Arc<dyn Budget>) -> Self {
        let top = if sizes.is_elastic() { 0 } else { sizes.bytes };
        Self {
            sizes,
            budget,
            run: Cell::new(Run { start: 0, end: 0, hop: 0 }),
            top: Cell::new(top),
            reclaims: Cell::new(0),
            met_reclaim: Cell::new(false),
            unread: Cell::new([Skipped::default(); 2]),
            skipped: Cell::new(0),
        }
    }

    pub(super) fn budget(&self) -> &Arc<dyn Budget> {
        &self.budget
    }

    /// How far one refill goes.
    pub(super) fn step(&self) -> u64 {
        self.sizes.step(self.top.get())
    }

    /// How many bytes are unread.
    pub(super) fn unread(&self, write: u64, tail: u64) -> u64 {
        let left_out = self.unread.get().into_iter().filter(|skip| skip.from >= tail).map(|skip| skip.bytes);
        write.wrapping_sub(tail).wrapping_sub(left_out.sum())
    }

    /// How many bytes were written since the shard was made.
    pub(super) fn written(&self, write: u64) -> u64 {
        write - self.skipped.get()
    }

    /// Finds a place to go on and claims it. Returns the position of the next record, and that up to which records and
    /// reserved ends may be. If the first one isn't the present position, a [`Skip`] must be written there, for which there is
    /// room.
    pub(super) fn find(&self, block: &Block, ask: Ask) -> Result<(u64, u64), Refused> {
        if !self.sizes.is_elastic() {
            let (free, reserved) = (ask.tail + self.sizes.bytes - ask.write, ask.reserved);
            let bytes = free.min(ask.want + reserved);
            return if bytes < ask.need + reserved { Err(Refused::Full) } else { Ok((ask.write, ask.write + bytes)) };
        }
        for _ in 0..TRIES {
            if let Some(found) = self.try_claim(block, ask)? {
                return Ok(found);
            }
        }
        Err(Refused::Full)
    }

    /// No thread writes from this position on, until the next refill.
    pub(super) fn rest(&self, block: &Block, write: u64) {
        let claim = &block.head().written.claim;
        let before = Claim(claim.load(Edge::SeeClaim.order()));
        self.notice(before, block);
        if self.sizes.is_elastic() && !before.is_reclaiming() {
            // If the collector changes it meanwhile, the old claim stays, and more memory with it.
            let _ = claim.compare_exchange(before.0, before.at_rest(write).0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether the last look for a place found the collector freeing memory of the ring. If it found no room, there may be
    /// some as soon as that is over.
    pub(super) fn met_reclaim(&self) -> bool {
        self.met_reclaim.get()
    }

    /// Finds a place and claims it. `None` if the collector has changed the claim meanwhile.
    fn try_claim(&self, block: &Block, ask: Ask) -> Result<Option<(u64, u64)>, Refused> {
        let head = block.head();
        let before = Claim(head.written.claim.load(Edge::SeeClaim.order()));
        self.notice(before, block);
        self.met_reclaim.set(before.is_reclaiming());
        if before.is_reclaiming() && before.is_at_rest() {
            return Err(Refused::Full);
        }
        let (choice, bytes, top) = self.choose(ask, block, before.is_reclaiming())?;
        let more = self.more(top);
        let bound = choice.to + bytes - Skip::BYTES;
        let after = before.moved_to(bound);
        let order = Edge::SeeClaim.order();
        if head.written.claim.compare_exchange(before.0, after.0, order, Ordering::Relaxed).is_err() {
            self.budget.give(more);
            return Ok(None);
        }
        if more > 0 {
            self.top.set(top);
            let taken = head.written.taken.load(Ordering::Relaxed);
            head.written.taken.store(taken.wrapping_add(more), Ordering::Relaxed);
        }
        self.go(ask.write, choice);
        Ok(Some((choice.to, bound)))
    }

    /// If the collector has freed memory, top is lower now.
    fn notice(&self, claim: Claim, block: &Block) {
        if self.reclaims.replace(claim.reclaims()) != claim.reclaims() {
            self.top.set(self.top.get().min(block.head().read.kept.load(Ordering::Relaxed)));
        }
    }

    /// The first choice that has room and memory, with the bytes to claim there and the new top. Has taken what that needs
    /// from the budget.
    fn choose(&self, ask: Ask, block: &Block, is_reclaiming: bool) -> Result<(Choice, u64, u64), Refused> {
        let mut why = Refused::Full;
        let (full, least) = (ask.want + ask.reserved + Skip::BYTES, ask.need + ask.reserved + Skip::BYTES);
        for sort in [Sort::GoodJump, Sort::On, Sort::Hop, Sort::Jump] {
            let Some(choice) = self.place(sort, &ask, full).filter(|choice| choice.room >= least) else { continue };
            for bytes in [full.min(choice.room), least] {
                let top = self.top_for(choice.to, bytes);
                if top <= self.top.get() {
                    return Ok((choice, bytes, self.top.get()));
                }
                // What is above top may just be freed.
                if is_reclaiming {
                    continue;
                }
                let more = self.more(top);
                if !self.budget.take(more, top <= ALWAYS) {
                    why = Refused::Budget;
                } else if block.commit(self.top.get(), self.end_of(top)) {
                    return Ok((choice, bytes, top));
                } else {
                    self.budget.give(more);
                    why = Refused::Budget;
                }
            }
        }
        Err(why)
    }

    /// A place to go on, if there is one of this sort. `full` is the room that a good one has.
    fn place(&self, sort: Sort, ask: &Ask, full: u64) -> Option<Choice> {
        let (ring, mask) = (self.sizes.bytes, self.sizes.bytes - 1);
        let (run, is_alone) = (self.run.get(), ask.tail >= self.run.get().start);
        match sort {
            Sort::GoodJump => {
                let is_good = |jump: &Choice| jump.room >= full.max(2 * (ask.write - ask.tail));
                let may_be = ask.write & mask >= self.sizes.jump_from();
                may_be.then(|| self.place(Sort::Jump, ask, full)).flatten().filter(is_good)
            }
            Sort::On => {
                let end = if is_alone { ask.tail + ring } else { run.end };
                Some(Choice { to: ask.write, room: end - ask.write, run })
            }
            Sort::Hop => (!is_alone && run.hop != 0).then(|| {
                let end = (run.hop & !mask) + ring;
                Choice { to: run.hop, room: end - run.hop, run: Run { start: run.hop, end, hop: 0 } }
            }),
            Sort::Jump => {
                let lap = ask.write & !mask;
                let can_jump = is_alone && ask.tail & !mask == lap && ask.write < LAST_JUMP;
                can_jump.then(|| {
                    let (to, room, behind) = (lap + ring, ask.tail & mask, (ask.write & mask) + Skip::BYTES);
                    let hop = if behind < ring { to + behind } else { 0 };
                    Choice { to, room, run: Run { start: to, end: to + room, hop } }
                })
            }
        }
    }

    /// The top that this many bytes from a position on need.
    fn top_for(&self, position: u64, bytes: u64) -> u64 {
        let end = (position & (self.sizes.bytes - 1)) + bytes;
        end.next_multiple_of(PAGE).min(self.sizes.bytes)
    }

    /// The end of the memory for this top: at the end of the ring, the slack behind it too.
    fn end_of(&self, top: u64) -> u64 {
        if top == self.sizes.bytes {
            self.sizes.words_bytes()
        } else {
            top
        }
    }

    /// How many bytes a new top needs beside those that it has.
    fn more(&self, top: u64) -> u64 {
        self.end_of(top).saturating_sub(self.end_of(self.top.get()))
    }

    /// Goes on at a place that was claimed.
    fn go(&self, write: u64, Choice { to, run, .. }: Choice) {
        self.run.set(run);
        if to == write {
            return;
        }
        let bytes = to - write;
        let [first, _] = self.unread.get();
        let skipped = Skipped { from: write, bytes };
        let is_hop = to & !(self.sizes.bytes - 1) == write & !(self.sizes.bytes - 1);
        self.unread.set(if is_hop { [first, skipped] } else { [skipped, Skipped::default()] });
        self.skipped.set(self.skipped.get() + bytes);
    }
}
