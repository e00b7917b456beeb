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
pub struct ManualClock {
    now: Nanos,
    /// The wall clock minus `now`, wrapping.
    wall: Nanos,
}

impl ManualClock {
    /// A clock at one second after 1970.
    pub fn new() -> Self {
        Self { now: Nanos::new(1_000_000_000.into()), wall: Nanos::default() }
    }

    /// Moves the clock forward. It stops at about 292 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let moved = |now: u64| Some(now.saturating_add(by).min(i64::MAX as u64));
        let _ = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }

    /// Moves the clock back, as only a broken clock does: to test that no span ends before it starts. It stops at zero.
    pub fn step_back(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let _ = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(by)));
    }

    /// Steps the wall clock forward, as an operator or a time server does, or as a machine's sleep does. The monotonic clock,
    /// by which durations are measured, doesn't move. New traces follow the wall clock once the collector has seen the step:
    /// after a flush.
    ///
    /// ```
    /// use heirloom_core::{in_root, testing};
    /// use std::time::Duration;
    /// testing::run_with_clock(|t, clock| {
    ///     in_root("before", |_| ());
    ///     clock.step_wall_forward(Duration::from_secs(3600));
    ///     let _ = t.tracer().flush(Duration::from_secs(10));
    ///     in_root("after", |_| ());
    ///     assert_eq!(t.span("after").start_ns - t.span("before").start_ns, 3_600_000_000_000);
    /// });
    /// ```
    pub fn step_wall_forward(&self, by: Duration) {
        self.wall.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Steps the wall clock back. See [`step_wall_forward`](Self::step_wall_forward).
    pub fn step_wall_back(&self, by: Duration) {
        self.wall.fetch_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The wall clock minus the monotonic clock, wrapping.
    pub(crate) fn wall_offset_ns(&self) -> u64 {
        load(&self.wall)
    }

    /// The clock's time: nanoseconds since 1970, as long as the wall clock was not stepped.
    pub fn now_ns(&self) -> u64 {
        load(&self.now)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
