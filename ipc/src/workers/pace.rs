//! The number of jobs in a worker at the same time.
//!
//! Another worker can't take a job that waits inside a worker, so few jobs should wait there. But a worker without a waiting job
//! idles during each round trip. So a worker gets enough jobs for [`AHEAD_NS`]: one long job, or many short ones.

/// Amount of work that waits in a worker, in nanoseconds: one millisecond. A round trip to a worker takes some 50 us on an idle
/// machine and some 500 us on a busy one, so longer jobs gain nothing from waiting in the worker.
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

    /// Notes the duration of a job. Recent jobs count most, so that a few slow ones are enough to lower the window.
    pub(super) fn note(&mut self, busy_ns: u64) {
        self.mean_ns = self.mean_ns / 2 + busy_ns / 2;
    }

    /// Maximum number of unanswered jobs.
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
