//! Converts ticks to nanoseconds since 1970, with one wall-clock anchor for the whole process and one line per second.
//!
//! The anchor pairs the wall clock with the monotonic clock once. From then on wall time is the anchor plus monotonic
//! time, so a step of the wall clock can't distort a trace.
//!
//! Ticks of the counter become monotonic time by *segments*. A segment is a straight line that starts where the previous
//! one is at that moment, with the slope that meets the measured clock one second later. So time is continuous and never
//! goes back, and an error of some 10 ppm in an early estimate of the counter's rate is corrected within a second.

use super::{counter, NS};
use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering};

/// Wall-clock nanoseconds since 1970 minus monotonic nanoseconds, read once per process.
fn anchor_ns() -> u64 {
    // No lock: another thread could be in the middle of it when the process forks. Zero: not read.
    static ANCHOR: AtomicU64 = AtomicU64::new(0);
    let read = sys::realtime_ns().wrapping_sub(sys::monotonic_ns());
    ANCHOR.compare_exchange(0, read, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|first| first, |_| read)
}

/// How often a new segment starts, in monotonic nanoseconds: once a second.
const SEGMENT_NS: u64 = 1_000_000_000;
/// How many segments are kept, one per second. Older stamps use the oldest one.
const SEGMENTS: usize = 64;
/// How long the rate is measured before the first conversion, in nanoseconds: enough for an error of about a thousandth.
const SETTLE_NS: u64 = 200_000;

#[derive(Clone, Copy, Debug)]
struct Segment {
    tick: u64,
    ns: u64,
    ns_per_tick: f64,
}

impl Segment {
    #[inline]
    fn at(&self, tick: u64) -> u64 {
        let ticks = tick.wrapping_sub(self.tick) as i64;
        self.ns.wrapping_add((ticks as f64 * self.ns_per_tick) as i64 as u64)
    }
}

/// One reading of both clocks, as close together as possible.
#[derive(Clone, Copy, Debug)]
struct Pair {
    tick: u64,
    ns: u64,
}

impl Pair {
    /// Reads the counter before and after the clock, and keeps the closest of three tries.
    fn read() -> Self {
        let mut best = Pair { tick: 0, ns: 0 };
        let mut width = u64::MAX;
        for _ in 0..3 {
            let before = counter();
            let ns = sys::monotonic_ns();
            let after = counter();
            if after.wrapping_sub(before) < width {
                width = after.wrapping_sub(before);
                best = Pair { tick: before.wrapping_add(width / 2), ns };
            }
        }
        best
    }

    /// Nanoseconds per tick between two readings; `None` if the counter did not advance.
    fn rate_until(self, later: Self) -> Option<f64> {
        let ticks = later.tick.wrapping_sub(self.tick);
        (ticks > 0).then(|| later.ns.wrapping_sub(self.ns) as f64 / ticks as f64)
    }
}

/// Converts ticks to nanoseconds since 1970. Owned by a collector.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Added to monotonic nanoseconds.
    anchor_ns: u64,
    first: Pair,
    segments: Vec<Segment>,
}

impl Timeline {
    /// A timeline for ticks of the system's clocks. It waits 200 microseconds once. The first rate is then exact to about
    /// a thousandth, also for earlier records.
    pub(crate) fn system() -> Self {
        let first = Pair::read();
        while sys::monotonic_ns().wrapping_sub(first.ns) < SETTLE_NS {
            std::hint::spin_loop();
        }
        let ns_per_tick = first.rate_until(Pair::read()).unwrap_or(1.0);
        let segment = Segment { tick: first.tick, ns: first.ns, ns_per_tick };
        Self { anchor_ns: anchor_ns(), first, segments: vec![segment] }
    }

    /// A timeline for ticks that are nanoseconds since 1970.
    pub(crate) fn manual() -> Self {
        Self { anchor_ns: 0, first: Pair { tick: 0, ns: 0 }, segments: Vec::new() }
    }

    /// Starts a new segment if the last one is a second old, or on demand while the rate is new. The collector calls it
    /// before each pass, so that no stamp is far beyond the last segment.
    pub(crate) fn tend(&mut self) {
        let Some(last) = self.segments.last() else { return };
        let now = sys::monotonic_ns();
        let young = now.wrapping_sub(self.first.ns) < SEGMENT_NS;
        if young || now.wrapping_sub(last.ns) >= SEGMENT_NS {
            self.recalibrate(Pair::read());
        }
    }

    fn recalibrate(&mut self, now: Pair) {
        let Some(rate) = self.first.rate_until(now) else { return };
        let Some(last) = self.segments.last().copied() else { return };
        let here_ns = last.at(now.tick).max(last.ns);
        // The line must meet the measured clock one segment later, so the error so far is spread over the segment.
        let error_ns = now.ns.wrapping_sub(here_ns) as i64 as f64;
        let correction = (error_ns / SEGMENT_NS as f64).clamp(-0.5, 0.5);
        self.segments.push(Segment { tick: now.tick, ns: here_ns, ns_per_tick: rate * (1.0 + correction) });
        if self.segments.len() > SEGMENTS {
            self.segments.remove(0);
        }
    }

    /// Nanoseconds since 1970.
    #[inline]
    pub(crate) fn unix_ns(&self, tick: u64) -> u64 {
        let ns = if tick & NS != 0 { tick & !NS } else { self.monotonic_ns(tick) };
        self.anchor_ns.wrapping_add(ns)
    }

    #[inline]
    fn monotonic_ns(&self, tick: u64) -> u64 {
        let after = |s: &&Segment| (tick.wrapping_sub(s.tick) as i64) >= 0;
        let segment = self.segments.iter().rev().find(after).or(self.segments.first());
        segment.map_or(0, |s| s.at(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Converts ticks from before the timeline was made until some recalibrations later. Like a collector, it converts
    /// each in the pass in which it is read.
    #[test]
    fn time_never_goes_back_and_runs_as_fast_as_the_clock_from_the_first_tick_on() {
        let before = Pair::read();
        while Pair::read().ns < before.ns + 50_000 {}
        let mut timeline = Timeline::system();
        let first_ns = timeline.unix_ns(before.tick);
        let off_ns = first_ns.abs_diff(timeline.anchor_ns.wrapping_add(before.ns));
        assert!(off_ns < 10_000, "the first tick is {off_ns} ns off");
        let (mut tick, mut last_ns) = (before.tick, first_ns);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            timeline.tend();
            let now = counter();
            let step = (now.wrapping_sub(tick) / 64).max(1);
            while tick < now {
                tick = (tick + step).min(now);
                let ns = timeline.unix_ns(tick);
                assert!(ns >= last_ns, "{ns} after {last_ns}");
                last_ns = ns;
            }
        }
        let after = Pair::read();
        let (converted, real) = (timeline.unix_ns(after.tick) - first_ns, after.ns - before.ns);
        assert!(converted.abs_diff(real) < real / 200, "{converted} ns, not {real}");
    }
}
