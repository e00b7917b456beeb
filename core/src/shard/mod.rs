//! A shard: the ring of records that one thread alone writes and the collector alone reads. `README.md` in this directory
//! describes the protocol and its races.
//!
//! | type | callers |
//! |---|---|
//! | [`Writer`] | the thread that holds the shard's lease |
//! | [`Reader`] | the collector |
//! | [`Shard`] | any thread: counters, the state that a new lease takes over |
//! | [`Registry`] | any thread, under its lock: leases at a thread's first span and at its exit |
//!
//! Each field that two threads share:
//!
//! | field | written by | read by | pairing |
//! |---|---|---|---|
//! | `head` | the lease holder, release, once a record | the collector, acquire | makes the record's words visible |
//! | `tail` | the collector, release, once a pass | the lease holder, acquire, in `refill` | returns the words |
//! | `returned` | the collector, release | the lease holder, acquire, in `refill` | ends that other threads wrote |
//! | `closed` | the collector, release | the lease holder, acquire, in `refill` | the tracer has finished |
//! | the flag of [`Room`](room::Room) | the lease holder, which waits; the collector, which wakes it | both | two fences ([`Edge::Waits`](crate::sync::Edge::Waits)) |
//! | `claim` | the lease holder and the collector, by exchange | both | which memory the writer may write, and whether the collector frees some |
//! | `kept` | the collector, relaxed, before it marks the claim | the lease holder, after the claim | how much memory a reclaim left |
//! | `taken` | the lease holder, relaxed | the collector, relaxed | only a number |
//! | counters | the lease holder, relaxed | any thread, relaxed | exact once `head` was read with acquire |
//! | everything else of the writer | the lease holder | the next lease holder | the registry's lock |

mod block;
mod budget;
mod claim;
mod counts;
mod reader;
mod refused;
mod registry;
mod room;
mod sizes;
mod space;
mod trim;
mod writer;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use block::{Block, Head, Read, Written};
pub(crate) use budget::{Budget, OwnBudget};
pub(crate) use counts::Counts;
pub(crate) use reader::Reader;
pub(crate) use refused::Refused;
pub(crate) use registry::{MakeShard, Registry};
pub(crate) use sizes::{Sizes, MIN_BYTES};
pub(crate) use trim::{is_left, Trim, INTERVAL};
pub(crate) use writer::{Ids, Writer};

use crate::sync::{Edge, Ordering};
use sizes::PAGE;
use std::sync::Arc;

/// One ring with its counters.
#[derive(Debug)]
pub(crate) struct Shard {
    writer: Writer,
}

impl Shard {
    /// A shard in memory of this process, or `None` without memory for it.
    pub(crate) fn new(sizes: Sizes, clock: u8, first_id: u64, budget: Arc<dyn Budget>) -> Option<Self> {
        let (block, sizes) = memory(sizes.corrected())?;
        Some(Self::over(block, sizes, clock, Ids::from(first_id), budget))
    }

    /// A shard over an unused block. The sizes are corrected ones, and those of the block.
    pub(crate) fn over(block: Block, sizes: Sizes, clock: u8, ids: Ids, budget: Arc<dyn Budget>) -> Self {
        let writer = Writer::new(block, sizes, clock, ids, budget);
        writer.set_clock(clock);
        Self { writer }
    }

    /// The writer's side. Only the lease holder may call the methods that write.
    #[inline(always)]
    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    #[inline(always)]
    pub(crate) fn head(&self) -> &Head {
        self.writer.head()
    }

    fn read(&self) -> &Read {
        &self.head().read
    }

    /// From now on the writer accepts nothing, as soon as it next refills.
    pub(crate) fn close(&self) {
        self.read().closed.store(1, Ordering::Release);
        self.writer.room().given_back();
    }

    #[cfg(all(test, loom))]
    pub(crate) fn returned(&self) -> u64 {
        self.read().returned.load(Ordering::Relaxed)
    }

    /// Returns the room that a begin reserved here, after its end was read elsewhere. Only the collector calls this.
    pub(crate) fn give_back(&self, bytes: u64) {
        let so_far = self.read().returned.load(Ordering::Relaxed);
        self.read().returned.store(so_far + bytes, Ordering::Release);
        self.writer.room().given_back();
    }

    /// Returns the words before this position to the writer. Only the collector calls this.
    fn free(&self, tail: u64) {
        self.read().tail.store(tail, Edge::Free.order());
        self.writer.room().given_back();
    }
}

/// The memory of a ring, and its sizes: the largest ring for which the system has addresses. Where it has none to reserve, a
/// ring on the heap.
fn memory(sizes: Sizes) -> Option<(Block, Sizes)> {
    if !sizes.is_elastic() {
        return Some((Block::allocate(sizes.words_bytes())?, sizes));
    }
    let smaller = |sizes: &Sizes| Some(sizes.of(sizes.bytes / 2)).filter(|sizes| sizes.is_elastic());
    let reserved = |sizes: Sizes| Some((Block::reserve(sizes.words_bytes())?, sizes));
    std::iter::successors(Some(sizes), smaller).find_map(reserved).or_else(|| {
        let sizes = sizes.on_heap();
        Some((Block::allocate(sizes.words_bytes())?, sizes))
    })
}
