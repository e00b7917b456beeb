//! The shards of a tracer: who has which, and which are free.
//!
//! A thread leases a shard at its first span and gives it back when it exits. The next thread takes a free one over as it
//! is: positions, reservations of spans that are still open, records that the collector has not read yet. Its first
//! record names the new owner, so that no lane is mixed up. So a program that starts a hundred thousand short threads has
//! as many shards as threads at one time.

use super::{Counts, Shard, Sizes};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError};

/// Makes a shard of these sizes that reads this clock and counts its ids from this seed; `None` without memory for it.
pub(crate) type MakeShard = Box<dyn Fn(Sizes, u8, u64) -> Option<Shard> + Send + Sync>;

/// All shards of one tracer.
pub(crate) struct Registry {
    sizes: Sizes,
    /// Where shards are made: on the heap, or in the region of this process's parent. Called once for each shard.
    make_shard: MakeShard,
    shards: Mutex<Shards>,
    /// Grows whenever a shard is added: tells the collector, without the lock, that there are new ones.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Shards {
    all: Vec<Arc<Shard>>,
    /// The one that was given back first is at the front: it is the likeliest to have been read.
    free: VecDeque<Arc<Shard>>,
    closed: bool,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("sizes", &self.sizes).field("shards", &self.shards).finish_non_exhaustive()
    }
}

impl Registry {
    pub(crate) fn new(sizes: Sizes, make_shard: MakeShard) -> Self {
        Self { sizes, make_shard, shards: Mutex::new(Shards::default()), version: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// A shard for the calling thread alone, or `None` if the registry is closed or memory ran out.
    pub(crate) fn lease(&self, clock: u8, first_id: impl FnOnce() -> u64) -> Option<Arc<Shard>> {
        let mut shards = self.lock();
        if shards.closed {
            return None;
        }
        if let Some(shard) = shards.free.pop_front() {
            // With acquire: the last owner's records are before the next one's on their own, not through this lock alone.
            // The collector may see only the next owner's position.
            shard.head().written.position();
            return Some(shard);
        }
        let shard = Arc::new((self.make_shard)(self.sizes, clock, first_id())?);
        shards.all.push(Arc::clone(&shard));
        self.version.fetch_add(1, Ordering::Release);
        Some(shard)
    }

    /// The end of a lease.
    pub(crate) fn give_back(&self, shard: Arc<Shard>) {
        self.lock().free.push_back(shard);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The shards from the `from`-th on, in the order in which they were made, and the version that has them.
    pub(crate) fn since(&self, from: usize) -> (u64, Vec<Arc<Shard>>) {
        let shards = self.lock();
        (self.version(), shards.all.get(from..).map(<[_]>::to_vec).unwrap_or_default())
    }

    /// Refuses new leases, and lets every writer notice.
    pub(crate) fn close(&self) {
        let mut shards = self.lock();
        shards.closed = true;
        shards.free.clear();
        shards.all.iter().for_each(|shard| shard.close());
    }

    /// What all writers counted.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.lock().all.iter().for_each(|shard| shard.writer().add_to(&mut counts));
        counts
    }

    /// From now on all writers read this clock. For when the kernel stops trusting the processor's counter.
    pub(crate) fn set_clock(&self, clock: u8) {
        let shards = self.lock();
        let changed = shards.all.iter().filter(|shard| shard.writer().clock() != clock);
        changed.for_each(|shard| shard.writer().set_clock(clock));
    }
}
