//! Counts of records that no shard could count.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a thread has no shard for a tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoShard {
    /// No tracer: none was ever started, or it has finished.
    NoTracer,
    /// A child of a span whose tracer has finished.
    Finished,
    /// A record inside a record.
    Nested,
    /// The thread is exiting.
    ThreadExit,
    /// A collector's or exporter's thread.
    Pipeline,
    /// No memory for a shard.
    NoMemory,
    /// An update without a current span.
    NoSpan,
    /// An update without room in its thread's shard.
    UpdateLost,
}

/// The number of causes.
pub(crate) const CAUSES: usize = 8;

/// Records that were dropped where no shard could count them. Zero in most programs.
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

    /// All counts, each at the index of its cause.
    pub(crate) fn all(&self) -> [u64; CAUSES] {
        std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed))
    }
}
