//! The collector's part of a shard's memory: what isn't used any more goes back to the system, and to the tracer's budget.
//!
//! The collector looks every [`INTERVAL`]. What it read since the last time lies in front of an offset, its *front*. Besides,
//! a shard needs the memory from the tail to the writer's claim. The rest is freed if that is at least half of what the shard
//! has, so that a steady program never frees and faults again and again.
//!
//! While it frees, the claim has a mark, by which the writer knows that it can use the front and its claim, and nothing
//! else. A refill that needs more is refused.

use super::block::Block;
use super::claim::Claim;
use super::{Sizes, PAGE};
use crate::sync::{Edge, Ordering};
use crate::wire::Skip;
use std::ops::Range;
use std::time::Duration;

/// The time between two looks: long enough for a program that works in bursts, short enough that an idle one has its memory
/// back within a second.
pub(crate) const INTERVAL: Duration = Duration::from_millis(250);

/// What the collector remembers of one shard.
#[derive(Debug, Default)]
pub(crate) struct Trim {
    /// Everything before this position was seen.
    at: u64,
    /// The end of what was read since the last look, as an offset.
    front: u64,
    /// Bytes that were given back since the shard was made.
    given_back: u64,
    /// The claim and the front that the last reclaim left.
    last: (Claim, u64),
}

/// The memory that a shard keeps, in bytes of its ring.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    front: u64,
    /// What is not kept.
    free: [Range<u64>; 2],
    bytes: u64,
}

/// Less than this isn't freed, in bytes. With it, and because each reclaim frees half, there are fewer than eight between two
/// looks of the writer, which counts them in three bits: its claim is 128 KiB at most.
const MIN_FREED: u64 = 2 * PAGE;

impl Trim {
    /// Everything up to this position was read, without a jump since the last call.
    pub(crate) fn saw(&mut self, sizes: Sizes, tail: u64) {
        let mask = sizes.bytes - 1;
        let is_in_one_lap = self.at & !mask == tail & !mask;
        self.front = self.front.max(if is_in_one_lap { tail & mask } else { sizes.bytes });
        self.at = tail;
    }

    /// A jump was read at this position. Returns where it leads.
    pub(crate) fn jump(&mut self, sizes: Sizes, tail: u64, skip: Skip) -> u64 {
        self.saw(sizes, tail.wrapping_add(Skip::BYTES));
        self.at = tail.wrapping_add(skip.bytes);
        self.at
    }

    /// Frees what the shard doesn't need, if that is worth it. Returns how many bytes go back to the budget.
    ///
    /// The other side of the block may be another process, which can write anything: that decides what is kept, never what
    /// memory is freed beyond the block.
    pub(crate) fn tend(&mut self, block: &Block, sizes: Sizes, tail: u64) -> u64 {
        let mut front = std::mem::take(&mut self.front).next_multiple_of(PAGE).min(sizes.bytes);
        if !sizes.is_elastic() || !block.can_free() {
            return 0;
        }
        let head = block.head();
        let has = head.written.taken.load(Ordering::Relaxed).wrapping_sub(self.given_back);
        let claim = Claim(head.written.claim.load(Ordering::Relaxed));
        if claim == self.last.0 {
            // The writer has not looked since the last reclaim, and has no more in front than that left.
            front = front.min(self.last.1);
        }
        let Some(kept) = kept(sizes, tail, claim, front).filter(|kept| kept.is_worth_it(has, claim)) else {
            return 0;
        };
        head.read.kept.store(kept.front, Ordering::Relaxed);
        let order = Edge::Reclaim.order();
        if head.written.claim.compare_exchange(claim.0, claim.reclaiming().0, order, Ordering::Relaxed).is_err() {
            return 0;
        }
        kept.free.iter().filter(|range| !range.is_empty()).for_each(|range| block.free(range));
        let before = Claim(head.written.claim.fetch_and(Claim::DONE, Edge::Reclaim.order()));
        self.last = (before.done(), kept.front);
        let back = has - kept.bytes;
        self.given_back = self.given_back.wrapping_add(back);
        back
    }
}

/// Whether the thread of a shard has ended, and everything was read. On systems whose rings don't grow, this isn't known.
pub(crate) fn is_left(block: &Block, tail: u64) -> bool {
    Claim(block.head().written.claim.load(Ordering::Relaxed)).rests_at(tail)
}

impl Kept {
    /// Whether to free the rest of what the shard has. Of a shard at rest, which no writer counts the reclaims of, any part.
    fn is_worth_it(&self, has: u64, claim: Claim) -> bool {
        let freed = has.saturating_sub(self.bytes);
        2 * self.bytes <= has && freed >= if claim.is_at_rest() { 1 } else { MIN_FREED }
    }
}

/// What a shard keeps; `None` if that is everything.
fn kept(sizes: Sizes, tail: u64, claim: Claim, front: u64) -> Option<Kept> {
    let (ring, end) = (sizes.bytes, sizes.words_bytes());
    if claim.is_reclaiming() {
        return None;
    }
    if claim.rests_at(tail) {
        return Some(Kept { front, free: [front..end, 0..0], bytes: front });
    }
    // Behind its claim the writer may leave a Skip.
    let claimed = claim.position().wrapping_add(Skip::BYTES).wrapping_sub(tail);
    if claimed > ring {
        return None;
    }
    let from = tail & (ring - 1);
    let to = from + claimed;
    let free = if to <= ring { [front..from, front.max(to)..end] } else { [front.max(to - ring)..from, 0..0] };
    let freed: u64 = free.iter().map(|range| range.end.saturating_sub(range.start)).sum();
    Some(Kept { front, free, bytes: end - freed })
}
