//! Restarts of a dead worker: after a pause that doubles, and with a limit.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Restarts {
    limit: usize,
    window: Duration,
    recent: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(limit: u32, window: Duration) -> Self {
        Self { limit: limit as usize, window, recent: VecDeque::new() }
    }

    /// The pause before the next start; `None` if the limit is reached.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        while self.recent.front().is_some_and(|then| now.duration_since(*then) > self.window) {
            self.recent.pop_front();
        }
        if self.recent.len() >= self.limit {
            return None;
        }
        let doublings = u32::try_from(self.recent.len()).unwrap_or(u32::MAX).min(16);
        self.recent.push_back(now);
        Some((FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_at_the_limit() {
        let now = Instant::now();
        let mut restarts = Restarts::new(10, Duration::from_secs(60));
        let pauses: Vec<u128> = std::iter::from_fn(|| restarts.next(now)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn old_deaths_are_forgotten() {
        let now = Instant::now();
        let mut restarts = Restarts::new(1, Duration::from_secs(60));
        assert!(restarts.next(now).is_some() && restarts.next(now).is_none());
        assert_eq!(restarts.next(now + Duration::from_secs(61)), Some(FIRST_PAUSE));
    }
}
