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
//! | counters | the lease holder, relaxed | any thread, relaxed | exact once `head` was read with acquire |
//! | everything else of the writer | the lease holder | the next lease holder | the registry's lock |

mod block;
mod reader;
mod refused;
mod registry;
mod room;
mod writer;

#[cfg(all(test, loom))]
mod models;

#[cfg(not(loom))]
pub(crate) use block::Written;
pub(crate) use block::{Block, Head, Read};
pub(crate) use reader::Reader;
pub(crate) use refused::Refused;
pub(crate) use registry::{MakeShard, Registry};
pub(crate) use writer::{Counts, Ids, Writer};

use crate::sync::{Edge, Ordering};
use crate::wire::MAX_RECORD_BYTES;

/// The size of a shard, and how much of it may be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// The size of the ring, in bytes: a power of two, at least [`MIN_BYTES`].
    pub(crate) bytes: u64,
    /// The most open spans that were started in this shard.
    pub(crate) max_open: u64,
    /// The longest value of an attribute, in bytes; longer ones are cut. At most a quarter of the ring, so that a value
    /// finds room in a ring that is not nearly full.
    pub(crate) max_value_bytes: u32,
}

/// How many of the longest records a ring holds at least. Few under loom, so that every model fills and wraps its ring.
const LONGEST_RECORDS: u64 = if cfg!(loom) { 2 } else { 8 };
/// The smallest ring, in bytes: room for that many records of 128 bytes (under loom of 64).
pub(crate) const MIN_BYTES: u64 = if cfg!(loom) { 128 } else { 1024 };

impl Sizes {
    /// These sizes with a ring that is a power of two and large enough, and values that fit into it.
    pub(crate) fn corrected(self) -> Self {
        let bytes = self.bytes.max(MIN_BYTES).next_power_of_two();
        let quarter = u32::try_from(bytes / 4).unwrap_or(u32::MAX);
        Self { bytes, max_value_bytes: self.max_value_bytes.min(quarter), ..self }
    }

    /// The longest record, in bytes.
    pub(crate) fn max_record(self) -> u64 {
        MAX_RECORD_BYTES.min(self.bytes / LONGEST_RECORDS)
    }

    /// The words of the ring and the slack behind them, in bytes.
    pub(crate) fn words_bytes(self) -> u64 {
        // The address sanitizer must detect this mutant (`ci/sanitize.sh`).
        let slack = if cfg!(heirloom_mutant = "slack") { 0 } else { self.max_record() };
        self.bytes + slack
    }
}

/// One ring with its counters.
#[derive(Debug)]
pub(crate) struct Shard {
    writer: Writer,
}

impl Shard {
    /// A shard on the heap, or `None` without memory for it.
    pub(crate) fn new(sizes: Sizes, clock: u8, first_id: u64) -> Option<Self> {
        let sizes = sizes.corrected();
        Some(Self::over(Block::allocate(sizes.words_bytes())?, sizes, clock, Ids::from(first_id)))
    }

    /// A shard over an unused block. The sizes are corrected ones, and those of the block.
    pub(crate) fn over(block: Block, sizes: Sizes, clock: u8, ids: Ids) -> Self {
        let writer = Writer::new(block, sizes, sizes.max_record(), clock, ids);
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
