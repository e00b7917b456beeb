//! Pacing by the time-stamp counter.

use super::clock::ticks;
use std::time::{Duration, Instant};

/// Ticks of [`ticks`] per nanosecond, measured over 20 ms.
pub fn ticks_per_ns() -> f64 {
    let (begin, begin_ticks) = (Instant::now(), ticks());
    while begin.elapsed() < Duration::from_millis(20) {
        std::hint::spin_loop();
    }
    (ticks() - begin_ticks) as f64 / begin.elapsed().as_nanos() as f64
}

/// Spins until the next moment of a regular beat. After a delay (the machine ran another thread), the beat continues from
/// the late moment.
pub struct Beat {
    interval_ticks: u64,
    next: u64,
}

impl Beat {
    /// A beat every `interval_ns` nanoseconds, starting now.
    pub fn every_ns(interval_ns: f64, ticks_per_ns: f64) -> Self {
        Self { interval_ticks: (interval_ns * ticks_per_ns) as u64, next: ticks() }
    }

    /// Waits for the next beat.
    #[inline(always)]
    pub fn wait(&mut self) {
        self.next += self.interval_ticks;
        let mut now = ticks();
        while now < self.next {
            std::hint::spin_loop();
            now = ticks();
        }
        self.next = self.next.max(now - self.interval_ticks.min(now));
    }
}
