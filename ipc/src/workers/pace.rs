//! How many jobs a worker has at a time.
//!
//! A job that waits inside a worker can't be taken by another one, so few should; but a worker that waits for each next
//! job idles meanwhile. So a worker gets as many as keep it busy for [`AHEAD_NS`]: one long job, or many short ones.

/// How much work a worker has beside the job it is at. A round trip to a worker takes some 50 us when the machine is
/// idle and some 500 us when it is not; jobs of a millisecond and more gain nothing from waiting in the worker.
const AHEAD_NS: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Pace {
    mean_ns: u64,
    max: usize,
}

impl Pace {
    /// Starts with one job at a time.
    pub(super) fn new(max: usize) -> Self {
        Self { mean_ns: 2 * AHEAD_NS, max: max.max(1) }
    }

    /// A job took so long. Recent ones count most, so that a few slow ones are enough to slow down.
    pub(super) fn note(&mut self, busy_ns: u64) {
        self.mean_ns = self.mean_ns / 2 + busy_ns / 2;
    }

    /// How many jobs may be unanswered.
    pub(super) fn window(&self) -> usize {
        let ahead = AHEAD_NS / self.mean_ns.max(1);
        usize::try_from(ahead).unwrap_or(usize::MAX).saturating_add(1).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_jobs_come_one_at_a_time_and_short_ones_many() {
        let mut pace = Pace::new(64);
        assert_eq!(pace.window(), 1);
        (0..20).for_each(|_| pace.note(1_000));
        assert_eq!(pace.window(), 64);
        pace.note(50_000_000);
        assert_eq!(pace.window(), 1);
    }

    #[test]
    fn the_limit_holds_whatever_was_measured() {
        let mut pace = Pace::new(0);
        (0..100).for_each(|_| pace.note(0));
        assert_eq!(pace.window(), 1);
        pace.note(u64::MAX);
        assert_eq!(pace.window(), 1);
    }
}
