//! How much memory the rings of a tracer may use together.

use crate::sync::{AtomicU64, Ordering};
use std::fmt;

/// The bytes that all shards of a tracer have taken, and their bound. Writers take, in their slow path; the collector gives
/// back. No words are passed with the number, so it needs no ordering.
pub(crate) trait Budget: fmt::Debug + Send + Sync {
    /// The bytes in use.
    fn used(&self) -> &AtomicU64;

    /// The bound.
    fn most(&self) -> u64;

    /// Takes bytes, if that doesn't exceed the bound. `always` takes them even then.
    fn take(&self, bytes: u64, always: bool) -> bool {
        let most = self.most();
        let more = |used: u64| used.checked_add(bytes).filter(|sum| always || *sum <= most);
        self.used().fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give(&self, bytes: u64) {
        self.used().fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The budget of a tracer whose shards are in memory of its own process.
#[derive(Debug)]
pub(crate) struct OwnBudget {
    used: AtomicU64,
    most: u64,
}

impl OwnBudget {
    pub(crate) fn new(most: u64) -> Self {
        Self { used: AtomicU64::new(0), most }
    }
}

impl Budget for OwnBudget {
    fn used(&self) -> &AtomicU64 {
        &self.used
    }

    fn most(&self) -> u64 {
        self.most
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_the_bound_and_what_was_given_back() {
        let budget = OwnBudget::new(100);
        assert!(budget.take(60, false) && budget.take(40, false));
        assert!(!budget.take(1, false));
        budget.give(10);
        assert!(!budget.take(11, false) && budget.take(10, false));
        assert!(budget.take(8, true), "a shard's first bytes are always granted");
        assert!(!budget.take(0, false), "and they count");
        budget.give(8);
        assert!(budget.take(0, false));
        assert!(!budget.take(u64::MAX, true), "no overflow");
    }
}
