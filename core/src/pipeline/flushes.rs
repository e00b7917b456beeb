//! The flushes that one exporter owes: behind which batch, and who waits for them.
//!
//! Only the waiting threads keep their barriers. A thread whose deadline has passed drops its barrier, and the next flush
//! removes what is left of it here. So an exporter that hangs costs no memory beyond its queue, however often the program
//! flushes. The flush itself is still made, once, for all that asked for it.

use super::barrier::Barrier;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Flushes in the order of their positions. A position is a number of batches.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    waiting: VecDeque<(u64, Weak<Barrier>)>,
    /// The position of the latest flush that was not made yet, also if no thread waits for it any more.
    wanted: Option<u64>,
}

impl Flushes {
    /// Adds a flush behind this many batches. Cost: proportional to the number of threads that wait.
    pub(super) fn add(&mut self, position: u64, barrier: &Arc<Barrier>) {
        self.waiting.retain(|(_, barrier)| barrier.strong_count() > 0);
        self.waiting.push_back((position, Arc::downgrade(barrier)));
        self.wanted = Some(position);
    }

    /// Whether a flush is due after this many batches.
    pub(super) fn is_due(&self, batches: u64) -> bool {
        let first = self.waiting.front().map(|(position, _)| *position);
        first.into_iter().chain(self.wanted).any(|position| position <= batches)
    }

    /// Takes those that are due. Returns the barriers of the threads that still wait.
    pub(super) fn take(&mut self, batches: u64) -> Vec<Arc<Barrier>> {
        self.wanted = self.wanted.filter(|position| *position > batches);
        let due = self.waiting.iter().take_while(|(position, _)| *position <= batches).count();
        self.waiting.drain(..due).filter_map(|(_, barrier)| barrier.upgrade()).collect()
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Barrier>> {
        self.take(u64::MAX)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_nobody_waits_for_is_made_and_leaves_nothing_behind() {
        let mut flushes = Flushes::default();
        let kept = Barrier::new(1);
        flushes.add(1, &kept);
        (0..1000).for_each(|_| flushes.add(2, &Barrier::new(1)));
        assert!(flushes.len() <= 2);
        assert!(!flushes.is_due(0) && flushes.is_due(1));
        assert_eq!(flushes.take(1).len(), 1);
        assert!(!flushes.is_due(1) && flushes.is_due(2), "the abandoned ones are still owed, once");
        assert_eq!(flushes.take(2).len(), 0);
        assert!(!flushes.is_due(u64::MAX));
    }
}
