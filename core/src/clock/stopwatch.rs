//! How much of a stretch of time was spent inside something: of a future's life, in its polls.

use super::counter;
use crate::sys;
use std::sync::OnceLock;

/// A running stopwatch. Beginning and ending read two clocks each, a visit reads one twice.
///
/// Visits are measured in ticks of the processor's counter where that can be trusted (8 ns a reading, half of what the
/// operating system's clock takes). The stretch as a whole, which is measured by both, tells what a tick is worth.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start_tick: u64,
    start_ns: u64,
    inside_ticks: u64,
}

/// What a [`Stopwatch`] has measured. Both together are the whole stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) inside_ns: u64,
    pub(crate) outside_ns: u64,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start_tick: tick(), start_ns: sys::monotonic_ns(), inside_ticks: 0 }
    }

    /// A visit that began at this [`tick`] ends now.
    #[inline]
    pub(crate) fn add_since(&mut self, since: u64) {
        self.inside_ticks += ticks_between(since, tick());
    }

    pub(crate) fn measured(&self) -> Measured {
        let ticks = ticks_between(self.start_tick, tick());
        measured(self.inside_ticks, ticks, sys::monotonic_ns().saturating_sub(self.start_ns))
    }
}

/// A reading of the clock that visits are measured with.
#[inline]
pub(crate) fn tick() -> u64 {
    static TRUSTED: OnceLock<bool> = OnceLock::new();
    if *TRUSTED.get_or_init(|| counter::EXISTS && sys::counter_is_clock()) {
        counter::read()
    } else {
        sys::monotonic_ns()
    }
}

/// Zero if they were read in the wrong order, as may happen within a few nanoseconds on two processors.
#[inline]
fn ticks_between(from: u64, to: u64) -> u64 {
    (to.wrapping_sub(from) as i64).max(0) as u64
}

fn measured(inside_ticks: u64, ticks: u64, ns: u64) -> Measured {
    let share = if ticks == 0 { 0.0 } else { inside_ticks as f64 / ticks as f64 };
    let inside_ns = ((ns as f64 * share) as u64).min(ns);
    Measured { inside_ns, outside_ns: ns - inside_ns }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_inside_and_what_is_not_are_the_whole() {
        assert_eq!(measured(300, 900, 90), Measured { inside_ns: 30, outside_ns: 60 });
        assert_eq!(measured(0, 0, 5), Measured { inside_ns: 0, outside_ns: 5 });
        assert_eq!(measured(7, 5, 5), Measured { inside_ns: 5, outside_ns: 0 });
    }

    #[test]
    fn readings_in_the_wrong_order_are_no_time() {
        assert_eq!((ticks_between(5, 3), ticks_between(3, 5)), (0, 2));
    }

    #[test]
    fn a_visit_is_as_long_as_the_operating_system_says() {
        let mut watch = Stopwatch::start();
        let (since, start) = (tick(), Instant::now());
        while start.elapsed() < Duration::from_millis(5) {}
        let least = start.elapsed().as_nanos() as u64;
        watch.add_since(since);
        let most = start.elapsed().as_nanos() as u64;
        let inside = watch.measured().inside_ns;
        assert!(inside + least / 50 >= least && inside <= most + most / 50, "{inside} not in {least}..{most}");
    }
}
