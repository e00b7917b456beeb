//! The shards of a tracer: the leased ones and the free ones.
//!
//! A thread leases a shard at its first span and returns it when it exits. The next thread takes over a free one as it
//! is: positions, reservations of spans that are still open, records that the collector has not read yet. Its first
//! record names the new owner, so that lanes stay separate. So a program that starts a hundred thousand short threads has
//! only as many shards as threads at one time.

use super::{Counts, Shard, Sizes};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError};

/// Makes a shard of these sizes that reads this clock and counts its ids from this seed; `None` if there is no memory for
/// it.
pub(crate) type MakeShard = Box<dyn Fn(Sizes, u8, u64) -> Option<Shard> + Send + Sync>;

/// All shards of one tracer.
pub(crate) struct Registry {
    sizes: Sizes,
    /// Makes shards in this process's memory, or in the region of its parent. Called once for each shard.
    make_shard: MakeShard,
    shards: Mutex<Shards>,
    /// Grows whenever a shard is added. It shows the collector, without the lock, that there are new ones.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Shards {
    all: Vec<Arc<Shard>>,
    /// The shard that was returned first is at the front: most probably it has been read.
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
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        // The lock orders what is read of a shard after its memory was allocated. ThreadSanitizer can't see that, since the
        // standard library isn't instrumented (ci/sanitize.sh); it sees this. Loom sees the lock.
        #[cfg(not(loom))]
        self.version();
        shards
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
        // Not one whose memory the collector is just freeing: until that is over, its owner could write nothing.
        let usable = shards.free.iter().position(|shard| !shard.writer().is_reclaiming());
        if let Some(shard) = usable.and_then(|at| shards.free.remove(at)) {
            // With acquire: the last owner's records are then ordered before the next one's without this lock. The
            // collector may see only the next owner's position.
            shard.head().written.position();
            return Some(shard);
        }
        let shard = Arc::new((self.make_shard)(self.sizes, clock, first_id())?);
        shards.all.push(Arc::clone(&shard));
        self.version.fetch_add(1, Ordering::Release);
        Some(shard)
    }

    /// Ends a lease. Only its holder calls this.
    pub(crate) fn give_back(&self, shard: Arc<Shard>) {
        shard.writer().rest();
        self.lock().free.push_back(shard);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The shards from the `from`-th on, in the order in which they were made, and the version that includes them.
    pub(crate) fn since(&self, from: usize) -> (u64, Vec<Arc<Shard>>) {
        let shards = self.lock();
        (self.version(), shards.all.get(from..).map(<[_]>::to_vec).unwrap_or_default())
    }

    /// Ends leasing, and marks all shards as closed, which each writer notices.
    pub(crate) fn close(&self) {
        let mut shards = self.lock();
        shards.closed = true;
        shards.free.clear();
        shards.all.iter().for_each(|shard| shard.close());
    }

    /// The counts of all writers.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.lock().all.iter().for_each(|shard| shard.writer().add_to(&mut counts));
        counts
    }

    /// From now on all writers read this clock. Used when the kernel stops using the processor's counter.
    pub(crate) fn set_clock(&self, clock: u8) {
        let shards = self.lock();
        let changed = shards.all.iter().filter(|shard| shard.writer().clock() != clock);
        changed.for_each(|shard| shard.writer().set_clock(clock));
    }
}
