//! Measures the part of a period that was spent inside something: of a future's lifetime, the time in its polls. And whether more
//! than so many nanoseconds lie between two stamps.
//!
//! Periods are measured in ticks of the processor's counter where that is reliable (8 ns a read, half of the cost of the
//! operating system's clock). The duration of a tick is measured once per process, from the first period on.

use super::{counter, NS};
use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

/// A running stopwatch. Its start and its end read the clock once each, a visit twice.
#[cfg(feature = "async")]
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: u64,
    inside: u64,
}

/// The result of a [`Stopwatch`]. Both parts together are the whole period.
#[cfg(feature = "async")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) inside_ns: u64,
    pub(crate) outside_ns: u64,
}

#[cfg(feature = "async")]
impl Stopwatch {
    #[inline]
    pub(crate) fn start() -> Self {
        Self { start: now(), inside: 0 }
    }

    /// Adds a visit.
    #[inline]
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        self.inside += ticks_between(from, to);
    }

    /// The result up to this time.
    #[inline]
    pub(crate) fn measured(&self, until: u64) -> Measured {
        measured(self.inside, ticks_between(self.start, until), ns_per_tick())
    }
}

/// The readings at which a process started to measure.
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

/// Reads the clock, in ticks.
#[cfg(feature = "async")]
#[inline]
pub(crate) fn now() -> u64 {
    if anchor().counter {
        counter::read()
    } else {
        sys::monotonic_ns()
    }
}

/// Reads the clock as a stamp of records: the counter, or nanoseconds that are marked as such.
#[inline]
pub(crate) fn tick() -> u64 {
    match anchor().counter {
        true => counter::read(),
        false => NS | sys::monotonic_ns(),
    }
}

/// The stamp of a reading of [`now`].
#[cfg(feature = "async")]
#[inline]
pub(crate) fn stamp(now: u64) -> u64 {
    now | if anchor().counter { 0 } else { NS }
}

/// Whether more than this many nanoseconds lie between two stamps. Stamps of different clocks are no length.
#[inline]
pub(crate) fn is_longer(from: u64, to: u64, ns: u64) -> bool {
    let ticks = ticks_between(from, to);
    if (from ^ to) & NS != 0 {
        return false;
    }
    if from & NS != 0 {
        return ticks > ns;
    }
    ticks as f64 * ns_per_tick() > ns as f64
}

/// The age at which the rate is final, in nanoseconds: two readings are off by some 20 ns, a fifth of a millionth of
/// this.
const SETTLED_NS: u64 = 100_000_000;

#[inline]
fn ns_per_tick() -> f64 {
    /// The bits of the rate; zero until it is final. Each thread that finds zero measures, and any of the results is
    /// good.
    static RATE: AtomicU64 = AtomicU64::new(0);
    match RATE.load(Ordering::Relaxed) {
        0 => measure_rate(&RATE),
        bits => f64::from_bits(bits),
    }
}

/// The rate since the anchor. The anchor is at least as old as any period, so the error of a period is that of two
/// readings.
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

/// Zero if they were read in the wrong order, which happens within a few nanoseconds on two processors.
#[inline]
pub(crate) fn ticks_between(from: u64, to: u64) -> u64 {
    (to.wrapping_sub(from) as i64).max(0) as u64
}

#[cfg(feature = "async")]
#[inline]
fn measured(inside: u64, all: u64, ns_per_tick: f64) -> Measured {
    let ns = |ticks: u64| (ticks as f64 * ns_per_tick) as u64;
    let inside_ns = ns(inside);
    Measured { inside_ns, outside_ns: ns(all).saturating_sub(inside_ns) }
}

#[cfg(all(test, feature = "async"))]
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

    /// Both while the rate is new and when it is final.
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
