//! How long to wait before the next try, and whether there is one.

use super::until::MARGIN;
use heirloom_core::export::Closing;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

/// Upper bound of a wait between two tries, unless the server asks for a longer one.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// Upper bound of a server's `Retry-After`: a larger value may be a mistake.
const MAX_PAUSE: Duration = Duration::from_secs(3600);
/// Retries that last longer than this are reported, so that the program's operator sees them.
const SAID_AFTER: Duration = Duration::from_secs(10);
/// The shortest time between two of these reports, for a backend that comes and goes.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Waits of a random length from zero to a bound that doubles: once, twice, four times the first, up to 30 s ([full jitter]). So
/// programs that lost the same backend don't come back at the same moment.
///
/// [full jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
#[derive(Debug)]
pub(super) struct Backoff {
    bound: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration) -> Self {
        Self { bound: first.min(MAX_BACKOFF) }
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.bound.mul_f64(chance());
        self.bound = self.bound.saturating_mul(2).min(MAX_BACKOFF);
        wait
    }
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// A failed try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The reason, in fixed words.
    pub(super) why: String,
    /// When the server wants to be asked again, if it says so.
    pub(super) after: Option<Duration>,
    /// Whether a server was reached, so that a retry may succeed soon. `false` if there was no connection, or TLS failed.
    pub(super) is_there: bool,
}

/// When the next request is allowed.
///
/// A wait that a server asks for is a pause of the sender: it stays in force for the next delivery. Only the last try, when the
/// tracer ends, doesn't wait for its end.
#[derive(Debug, Default)]
pub(super) struct Patience {
    again: Option<Again>,
    /// There was a try since the tracer has begun to end, and it failed.
    tried_last: bool,
    /// The present outage was reported.
    said: bool,
    last_said: Option<Instant>,
}

/// When the next request is allowed, and why not earlier.
#[derive(Debug)]
struct Again {
    at: Instant,
    failure: Failure,
    /// The failure came while the tracer ended.
    while_closing: bool,
}

impl Patience {
    /// Notes a failed try. The next one is due after the server's time, else after `wait`.
    pub(super) fn failed(&mut self, failure: Failure, wait: Duration, closing: &Closing) {
        // A server that names no time has no wish: the back-off holds.
        let failure = Failure { after: failure.after.filter(|time| !time.is_zero()), ..failure };
        let at = Instant::now() + failure.after.map_or(wait, |time| time.min(MAX_PAUSE));
        self.again = Some(Again { at, failure, while_closing: closing.deadline().is_some() });
    }

    /// Whether to report that tries fail: once per outage, when they have failed for longer than [`SAID_AFTER`], and at most once
    /// in [`SAID_EVERY`].
    pub(super) fn is_to_be_said(&mut self, since: Instant) -> bool {
        let now = Instant::now();
        let is_due = self.last_said.is_none_or(|last| now.saturating_duration_since(last) >= SAID_EVERY);
        let says = !self.said && is_due && now.saturating_duration_since(since) > SAID_AFTER;
        if says {
            self.said = true;
            self.last_said = Some(now);
        }
        says
    }

    /// Notes that the server has answered: the outage, if there was one, is over.
    pub(super) fn answered(&mut self) {
        self.again = None;
        self.tried_last = false;
        self.said = false;
    }

    /// Waits until the next request is allowed, for at most `left`. If the tracer ends, the next try is at once.
    ///
    /// # Errors
    /// There is no further try. The error is the reason of the last failure.
    pub(super) fn wait(&mut self, left: Duration, closing: &Closing) -> Result<(), String> {
        let Some(again) = &self.again else { return Ok(()) };
        let wait = again.at.saturating_duration_since(Instant::now());
        // While this thread waits, the queue keeps new spans.
        let ends = closing.deadline().is_some() || closing.wait(wait.min(left));
        match ends {
            false if wait > left => Err(again.failure.why.clone()),
            false => Ok(()),
            true => self.last(closing),
        }
    }

    /// Before a try while the tracer ends. The first is at once. Further ones come after short waits while there is time, unless
    /// there is no server: it isn't waited for long.
    fn last(&mut self, closing: &Closing) -> Result<(), String> {
        let Some(again) = &self.again else { return Ok(()) };
        if again.while_closing {
            let now = Instant::now();
            let left = closing.deadline().map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(now));
            let wait = again.at.saturating_duration_since(now);
            let wait = if again.failure.after.is_some() { wait } else { wait.min(left / 4) };
            if (self.tried_last && !again.failure.is_there) || wait + MARGIN > left {
                return Err(again.failure.why.clone());
            }
            std::thread::sleep(wait);
        }
        self.tried_last = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(after: Option<Duration>) -> Failure {
        Failure { why: "later".to_owned(), after, is_there: true }
    }

    #[test]
    fn waits_are_random_below_a_bound_that_doubles_up_to_thirty_seconds() {
        let mut backoffs: Vec<Backoff> = (0..200).map(|_| Backoff::new(Duration::from_secs(1))).collect();
        for bound in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let waits: Vec<f64> = backoffs.iter_mut().map(|backoff| backoff.next().as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (0.0..=bound).contains(wait)), "{waits:?}");
            // Each of these fails once in 10^24 runs.
            assert!(waits.iter().any(|wait| *wait < bound / 4.0) && waits.iter().any(|wait| *wait > bound * 0.75));
        }
    }

    #[test]
    fn a_pause_that_is_longer_than_the_time_for_retries_ends_them_and_holds_for_the_next_delivery() {
        let (mut patience, closing) = (Patience::default(), Closing::default());
        let (left, start) = (Duration::from_millis(20), Instant::now());
        assert_eq!(patience.wait(left, &closing), Ok(()));
        patience.failed(later(Some(Duration::MAX)), Duration::ZERO, &closing);
        assert_eq!(patience.wait(left, &closing), Err("later".to_owned()));
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_eq!(patience.wait(left, &closing), Err("later".to_owned()), "the next delivery asks no sooner");
        patience.answered();
        assert_eq!(patience.wait(left, &closing), Ok(()));
    }

    #[test]
    fn a_server_that_asks_for_all_the_time_in_the_world_is_asked_again_within_an_hour() {
        let mut patience = Patience::default();
        patience.failed(later(Some(Duration::from_secs(u64::MAX))), Duration::ZERO, &Closing::default());
        assert!(patience.again.expect("it waits").at <= Instant::now() + MAX_PAUSE);
    }

    #[test]
    fn each_longer_outage_is_said_once_and_at_most_one_a_minute() {
        let ago =
            |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).expect("the system runs for longer");
        let mut patience = Patience::default();
        let mut said = |seconds| patience.is_to_be_said(ago(seconds));
        assert_eq!([1, 11, 12, 1, 13].map(&mut said), [false, true, false, false, false]);
        patience.answered();
        assert!(!patience.is_to_be_said(ago(11)), "the last report is less than a minute ago");
        patience.last_said = Some(ago(61));
        assert_eq!([11, 12].map(|s| patience.is_to_be_said(ago(s))), [true, false], "the next outage is said");
    }
}
