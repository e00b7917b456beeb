//! A clock that only tests move.

use super::{load, Nanos};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A clock that only a test moves. Clones are the same clock.
///
/// It starts at one second after 1970. Moving it takes effect at once on every thread that records with it.
///
/// ```
/// use std::time::Duration;
/// let clock = heirloom_core::testing::ManualClock::new();
/// clock.advance(Duration::from_millis(5));
/// assert_eq!(clock.now_ns(), 1_005_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Nanos);

impl ManualClock {
    /// A clock at one second after 1970.
    pub fn new() -> Self {
        Self(Nanos::new(1_000_000_000.into()))
    }

    /// Moves the clock forward. It stops at about 292 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let moved = |now: u64| Some(now.saturating_add(by).min(i64::MAX as u64));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }

    /// Moves the clock back, as only a broken clock does: to test that no span ends before it starts. It stops at zero.
    pub fn step_back(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(by)));
    }

    /// The clock's time: nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        load(&self.0)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
