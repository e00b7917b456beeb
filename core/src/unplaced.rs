//! The count of records that had no shard which could count them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a thread has no shard for a tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShard {
    /// No tracer: none was ever started, or it has finished.
    NoTracer,
    /// A record inside a record.
    Nested,
    /// The thread is exiting.
    ThreadExit,
    /// A collector's or exporter's own thread.
    Pipeline,
    /// No memory for a shard.
    NoMemory,
    /// An update where no span was current.
    NoSpan,
    /// An update for which its thread's shard had no room.
    UpdateLost,
}

/// How many causes there are.
pub(crate) const CAUSES: usize = 7;

/// Records that were refused where no shard could count them. Zero for a whole process's life in most programs.
#[derive(Debug)]
pub(crate) struct Unplaced([AtomicU64; CAUSES]);

pub(crate) static UNPLACED: Unplaced = Unplaced([const { AtomicU64::new(0) }; CAUSES]);

impl Unplaced {
    pub(crate) fn count(&self, why: NoShard) {
        self.add(why, 1);
    }

    pub(crate) fn add(&self, why: NoShard, n: u64) {
        if n > 0 {
            self.0[why as usize].fetch_add(n, Ordering::Relaxed);
        }
    }

    /// All counts, each at the place of its cause.
    pub(crate) fn all(&self) -> [u64; CAUSES] {
        std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed))
    }
}
