//! How much of a stretch of time was spent inside something: of a future's life, in its polls.
//!
//! Stretches are measured in ticks of the processor's counter where that can be trusted (8 ns a reading, half of what the
//! operating system's clock takes). What a tick is worth is measured once per process, from the first stretch on.

use super::counter;
use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

/// A running stopwatch. Beginning and ending read the clock once, a visit twice.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: u64,
    inside: u64,
}

/// What a [`Stopwatch`] has measured. Both together are the whole stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) inside_ns: u64,
    pub(crate) outside_ns: u64,
}

impl Stopwatch {
    #[inline]
    pub(crate) fn start() -> Self {
        Self { start: now(), inside: 0 }
    }

    /// Counts a visit.
    #[inline]
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        self.inside += ticks_between(from, to);
    }

    /// What was measured until then.
    #[inline]
    pub(crate) fn measured(&self, until: u64) -> Measured {
        measured(self.inside, ticks_between(self.start, until), ns_per_tick())
    }
}

/// Where a process began to measure.
#[derive(Debug)]
struct Anchor {
    counter: bool,
    tick: u64,
    ns: u64,
}

fn anchor() -> &'static Anchor {
    static ANCHOR: OnceLock<Anchor> = OnceLock::new();
    ANCHOR.get_or_init(|| {
        let counter = counter::EXISTS && sys::counter_is_clock();
        Anchor { counter, tick: if counter { counter::read() } else { 0 }, ns: sys::monotonic_ns() }
    })
}

/// A reading of the clock, in ticks.
#[inline]
pub(crate) fn now() -> u64 {
    if anchor().counter {
        counter::read()
    } else {
        sys::monotonic_ns()
    }
}

/// From when on the rate is good for ever: two readings are off by some 20 ns, a fifth of a millionth of this.
const SETTLED_NS: u64 = 100_000_000;

#[inline]
fn ns_per_tick() -> f64 {
    /// The bits of the number; zero until it is settled. Each thread that finds that measures, and any result will do.
    static RATE: AtomicU64 = AtomicU64::new(0);
    match RATE.load(Ordering::Relaxed) {
        0 => measure_rate(&RATE),
        bits => f64::from_bits(bits),
    }
}

/// The rate since the anchor, which is no younger than any stretch: so a stretch is off by what two readings are.
#[cold]
fn measure_rate(settled: &AtomicU64) -> f64 {
    let Anchor { counter: true, tick, ns } = *anchor() else {
        settled.store(1.0_f64.to_bits(), Ordering::Relaxed);
        return 1.0;
    };
    let (ticks, ns) = (ticks_between(tick, counter::read()), sys::monotonic_ns().saturating_sub(ns));
    let rate = if ticks == 0 { 0.0 } else { ns as f64 / ticks as f64 };
    if ns >= SETTLED_NS {
        settled.store(rate.to_bits(), Ordering::Relaxed);
    }
    rate
}

/// Zero if they were read in the wrong order, as may happen within a few nanoseconds on two processors.
#[inline]
fn ticks_between(from: u64, to: u64) -> u64 {
    (to.wrapping_sub(from) as i64).max(0) as u64
}

#[inline]
fn measured(inside: u64, all: u64, ns_per_tick: f64) -> Measured {
    let ns = |ticks: u64| (ticks as f64 * ns_per_tick) as u64;
    let inside_ns = ns(inside);
    Measured { inside_ns, outside_ns: ns(all).saturating_sub(inside_ns) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_inside_and_what_is_not_are_the_whole() {
        assert_eq!(measured(300, 900, 0.1), Measured { inside_ns: 30, outside_ns: 60 });
        assert_eq!(measured(7, 5, 1.0), Measured { inside_ns: 7, outside_ns: 0 });
    }

    #[test]
    fn readings_in_the_wrong_order_are_no_time() {
        assert_eq!((ticks_between(5, 3), ticks_between(3, 5)), (0, 2));
    }

    /// Both while the rate is young and when it is settled.
    #[test]
    fn a_stretch_is_as_long_as_the_operating_system_says() {
        for _ in 0..30 {
            let mut watch = Stopwatch::start();
            let (from, start) = (now(), Instant::now());
            while start.elapsed() < Duration::from_millis(5) {}
            let least = start.elapsed().as_nanos() as u64;
            watch.add(from, now());
            let most = start.elapsed().as_nanos() as u64;
            let inside = watch.measured(now()).inside_ns;
            assert!(inside + least / 50 >= least && inside <= most + most / 50, "{inside} not in {least}..{most}");
        }
    }
}
