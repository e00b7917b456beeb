//! How long to wait before the next try, and how long to keep retrying.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

/// How often a wait doubles: the longest wait is eight times the first.
const MAX_DOUBLINGS: u32 = 3;
/// Upper bound for a server's `Retry-After`: a larger value may be a mistake.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Retries that last longer than this are reported, so that the program's operator sees them.
const SAID_AFTER: Duration = Duration::from_secs(10);
/// The shortest time between two of these reports, for a backend that comes and goes.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Waits that double: 1, 2, 4, 8, 8, .. times the first, each longer or shorter by up to a fifth.
pub(crate) struct Backoff {
    first: Duration,
    doublings: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, doublings: 0 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.first.saturating_mul(1 << self.doublings);
        self.doublings = (self.doublings + 1).min(MAX_DOUBLINGS);
        wait.mul_f64(0.8 + 0.4 * chance())
    }
}

/// A random number from 0 to 1, so that many programs don't retry at the same moment.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// How long an export may keep retrying, and when the next request is allowed.
#[derive(Debug)]
pub(crate) struct Patience {
    total: Duration,
    since: Instant,
    again: Option<Again>,
    /// The present outage was reported.
    said: bool,
    last_said: Option<Instant>,
}

/// When the next request is allowed, and why not earlier.
#[derive(Debug)]
struct Again {
    at: Instant,
    why: String,
}

impl Patience {
    pub(crate) fn new(total: Duration) -> Self {
        Self { total, since: Instant::now(), again: None, said: false, last_said: None }
    }

    /// Starts an export. A wait that the server asked for stays in force.
    pub(crate) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Notes a failed try; the next one is due after `wait`. Returns whether to report it: once per outage, when the
    /// retries have lasted longer than [`SAID_AFTER`], and at most once in [`SAID_EVERY`].
    pub(crate) fn failed(&mut self, why: String, wait: Duration) -> bool {
        let now = Instant::now();
        self.again = Some(Again { at: now + wait.min(MAX_WAIT), why });
        let is_due = self.last_said.is_none_or(|last| now.saturating_duration_since(last) >= SAID_EVERY);
        let says = !self.said && is_due && now.saturating_duration_since(self.since) > SAID_AFTER;
        if says {
            self.said = true;
            self.last_said = Some(now);
        }
        says
    }

    /// Notes that the server has answered: the outage, if there was one, is over.
    pub(crate) fn answered(&mut self) {
        self.said = false;
    }

    /// Waits until the next request is allowed.
    ///
    /// # Errors
    /// The time for retries is over before that. The error is the reason of the last failure.
    pub(crate) fn wait(&mut self) -> Result<(), String> {
        let Some(again) = &self.again else { return Ok(()) };
        let left = self.total.saturating_sub(self.since.elapsed());
        let wait = again.at.saturating_duration_since(Instant::now());
        // While this thread waits, the queue keeps new batches.
        std::thread::sleep(wait.min(left));
        if wait > left {
            return Err(again.why.clone());
        }
        self.again = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_by_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for expected in [1.0, 2.0, 4.0, 8.0, 8.0, 8.0] {
            let wait = backoff.next().as_secs_f64();
            assert!((0.8 * expected..=1.2 * expected).contains(&wait), "{wait} for {expected}");
        }
    }

    #[test]
    fn two_programs_dont_wait_equally_long() {
        let wait = || Backoff::new(Duration::from_secs(1)).next();
        assert!((0..20).map(|_| wait()).any(|other| other != wait()));
    }

    #[test]
    fn a_server_that_asks_for_more_time_than_there_is_ends_the_patience_in_time() {
        let mut patience = Patience::new(Duration::from_millis(20));
        assert_eq!(patience.wait(), Ok(()));
        patience.begin();
        assert!(!patience.failed("later".to_owned(), Duration::MAX));
        let start = Instant::now();
        assert_eq!(patience.wait(), Err("later".to_owned()));
        assert!(start.elapsed() < Duration::from_secs(20));
        patience.begin();
        assert_eq!(patience.wait(), Err("later".to_owned()), "the next export asks no sooner");
    }

    #[test]
    fn a_server_that_asks_for_all_the_time_in_the_world_is_asked_again_within_an_hour() {
        let mut patience = Patience::new(Duration::from_secs(2 * 3600));
        patience.failed("later".to_owned(), Duration::from_secs(u64::MAX));
        let again = patience.again.as_ref().expect("it waits").at;
        assert!(again <= Instant::now() + MAX_WAIT);
    }

    #[test]
    fn each_longer_outage_is_said_once_and_at_most_one_a_minute() {
        let ago =
            |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).expect("the system runs for longer");
        let mut patience = Patience::new(Duration::from_secs(300));
        patience.begin();
        let failed_after = |patience: &mut Patience, seconds| {
            patience.since = ago(seconds);
            patience.failed("down".to_owned(), Duration::ZERO)
        };
        assert_eq!([1, 11, 12, 1, 13].map(|s| failed_after(&mut patience, s)), [false, true, false, false, false]);
        patience.answered();
        assert!(!failed_after(&mut patience, 11), "the last report is less than a minute ago");
        patience.last_said = Some(ago(61));
        assert_eq!([11, 12].map(|s| failed_after(&mut patience, s)), [true, false], "the next outage is said");
    }
}
