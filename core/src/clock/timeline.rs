//! Converts ticks to nanoseconds since 1970: one line per second, and an anchor at the wall clock for each *epoch*.
//!
//! Ticks become *line time*, which is monotonic: nothing that happens to the wall clock can distort a trace. Ticks of the
//! counter become line time by *segments*. A segment is a straight line that starts where the previous one is at that
//! moment, with the slope that meets the measured clock one second later. So time is continuous and never goes back, and
//! an error of some 10 ppm in an early estimate of the counter's rate is corrected within a second. If the counter and the
//! clock disagree by more than that (one of them went on while the machine slept), the line goes on from where it is, with
//! the rate that it had.
//!
//! Wall time is line time plus the anchor of an epoch. Once a second the wall clock is compared with the present anchor.
//! If they differ by more than [`STEP_NS`] (the wall clock was stepped, or the machine slept), a new epoch begins, and new
//! local traces are in it. The spans of older traces stay on the line of their own epoch. [`EPOCHS`] anchors are kept.

use super::{counter, Clock, NS};
use crate::sys;
use std::sync::atomic::{AtomicU64, Ordering};

/// The smallest difference that is a step, in nanoseconds: 20 ms. Larger than any error of reading two clocks together,
/// small enough that traces of several machines stay comparable.
const STEP_NS: u64 = 20_000_000;
/// How many epochs have an anchor: as many as the four bits in a context's flags tell apart.
pub(crate) const EPOCHS: usize = 16;
/// The widest reading of two clocks that counts as one moment, in nanoseconds: 1 ms. A wider one is tried again later.
const WIDEST_NS: u64 = 1_000_000;

/// The wall clock minus the monotonic clock. All timelines of a process start with the same value, until it is stepped.
fn first_anchor_ns() -> u64 {
    // No lock: another thread could be in the middle of it when the process forks. Zero: not read.
    static ANCHOR: AtomicU64 = AtomicU64::new(0);
    let known = ANCHOR.load(Ordering::Relaxed);
    let read = wall_offset_ns().unwrap_or_else(|| sys::realtime_ns().wrapping_sub(sys::monotonic_ns()));
    if known != 0 && !is_step(known, read) {
        return known;
    }
    match ANCHOR.compare_exchange(known, read, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => read,
        Err(others) => others,
    }
}

/// The wall clock minus the monotonic clock, if they could be read at one moment: by the closest of three tries.
fn wall_offset_ns() -> Option<u64> {
    let reading = closest(sys::monotonic_ns, sys::realtime_ns);
    (reading.width <= WIDEST_NS).then(|| reading.inner.wrapping_sub(reading.outer))
}

/// Two clocks, read at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// The middle of the two readings of the outer clock.
    outer: u64,
    /// How far these two are apart. The moment is off by half of it at most.
    width: u64,
    inner: u64,
}

/// Reads the outer clock before and after the inner one, three times, and keeps the closest. The thread can lose its core in
/// the middle of a try.
#[inline]
fn closest(outer: impl Fn() -> u64, inner: impl Fn() -> u64) -> Reading {
    let read = || {
        let (before, inner) = (outer(), inner());
        let width = outer().wrapping_sub(before);
        Reading { outer: before.wrapping_add(width / 2), width, inner }
    };
    let closer = |best: Reading, next: Reading| if next.width < best.width { next } else { best };
    closer(closer(read(), read()), read())
}

fn is_step(from_ns: u64, to_ns: u64) -> bool {
    (to_ns.wrapping_sub(from_ns) as i64).unsigned_abs() > STEP_NS
}

/// How often a new segment starts, in monotonic nanoseconds: once a second.
const SEGMENT_NS: u64 = 1_000_000_000;
/// How many segments are kept, one per second. Older stamps use the oldest one.
const SEGMENTS: usize = 64;
/// How long the rate is measured before the first conversion, in nanoseconds.
const SETTLE_NS: u64 = 200_000;
/// The first rate is exact to one part in so many, where that takes [`PATIENCE_NS`] at most.
const EXACT: u64 = 1_000;
/// How long the rate is measured at most, in nanoseconds. An emulator needs a millisecond or two.
const PATIENCE_NS: u64 = 10_000_000;

/// How many ticks the last segment is good for: some minutes. Stamps of another clock are further away.
const LAST_TICKS: u64 = 1 << 40;

#[derive(Clone, Copy, Debug)]
struct Segment {
    tick: u64,
    ns: u64,
    ns_per_tick: f64,
    /// The same times 2^32, rounded: within a second, an error below a nanosecond.
    rate: i64,
}

impl Segment {
    fn new(tick: u64, ns: u64, ns_per_tick: f64) -> Self {
        Self { tick, ns, ns_per_tick, rate: (ns_per_tick * (1_u64 << 32) as f64) as i64 }
    }

    #[inline(always)]
    fn at(&self, tick: u64) -> u64 {
        let ticks = tick.wrapping_sub(self.tick) as i64;
        self.ns.wrapping_add(((i128::from(ticks) * i128::from(self.rate)) >> 32) as u64)
    }
}

/// The counter and the clock at one moment.
#[derive(Clone, Copy, Debug)]
struct Pair {
    tick: u64,
    ns: u64,
}

impl Pair {
    fn read() -> Self {
        Self::of(closest(counter, sys::monotonic_ns))
    }

    fn of(reading: Reading) -> Self {
        Self { tick: reading.outer, ns: reading.inner }
    }

    /// Nanoseconds per tick between two readings; `None` if the counter did not advance.
    fn rate_until(self, later: Self) -> Option<f64> {
        let ticks = later.tick.wrapping_sub(self.tick);
        (ticks > 0).then(|| later.ns.wrapping_sub(self.ns) as f64 / ticks as f64)
    }
}

/// By how many ticks the counter advances at once, at least: an emulator's counts microseconds. Zero if it stands still.
fn step() -> u64 {
    let advance = || {
        let from = counter();
        (0..1_000).map(|_| counter().wrapping_sub(from)).find(|ticks| *ticks > 0).unwrap_or(0)
    };
    // The thread can lose its core in the middle of one.
    advance().min(advance()).min(advance())
}

/// Whether two readings of counter and clock are far enough apart to give the first rate.
fn is_settled(first: Reading, later: Reading, step: u64) -> bool {
    let ticks = later.outer.wrapping_sub(first.outer);
    let error = (first.width + later.width) / 2 + step;
    match later.inner.wrapping_sub(first.inner) {
        0..SETTLE_NS => false,
        ns => error.saturating_mul(EXACT) <= ticks || ns >= PATIENCE_NS,
    }
}

/// Converts ticks to nanoseconds since 1970. Owned by a collector.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Added to line time, for each epoch.
    anchors_ns: [u64; EPOCHS],
    /// The epoch of new local traces.
    epoch: u8,
    /// Whether there was more than one epoch.
    stepped: bool,
    /// The line time of the last comparison with the wall clock.
    compared_ns: u64,
    /// Line time minus the monotonic clock. Not zero once the counter and the clock disagreed.
    shift_ns: u64,
    /// The start of the measurement of the rate.
    first: Pair,
    segments: Vec<Segment>,
    /// The segment of most stamps of this pass, and how many ticks it is good for. One that started just before the pass has
    /// none of them yet.
    pass: Segment,
    pass_ticks: u64,
}

impl Timeline {
    /// A timeline for ticks of the system's clocks. It waits once, 200 microseconds where the clocks are read, and the counter
    /// advances, within 100 ns. The first rate is then exact to a thousandth, also for earlier records.
    pub(crate) fn system() -> Self {
        let read = || closest(counter, sys::monotonic_ns);
        let (step, first) = (step(), read());
        let mut later = read();
        while !is_settled(first, later, step) {
            std::hint::spin_loop();
            later = read();
        }
        let first = Pair::of(first);
        let ns_per_tick = first.rate_until(Pair::of(later)).unwrap_or(1.0);
        let segment = Segment::new(first.tick, first.ns, ns_per_tick);
        Self::new(first_anchor_ns(), first, vec![segment])
    }

    /// A timeline for ticks that are nanoseconds since 1970.
    pub(crate) fn manual() -> Self {
        Self::new(0, Pair { tick: 0, ns: 0 }, Vec::new())
    }

    fn new(anchor_ns: u64, first: Pair, segments: Vec<Segment>) -> Self {
        let anchors_ns = [anchor_ns; EPOCHS];
        // Without segments no stamp is recent.
        let pass = segments.last().copied().unwrap_or(Segment::new(0, 0, 0.0));
        Self {
            anchors_ns,
            epoch: 0,
            stepped: false,
            compared_ns: first.ns,
            shift_ns: 0,
            first,
            segments,
            pass,
            pass_ticks: 0,
        }
    }

    /// Starts a new segment if the last one is a second old, or on demand while the rate is new, and compares the wall
    /// clock once a second. Returns the new epoch if one begins. The collector calls it before each pass, so that no stamp
    /// is far beyond the last segment.
    pub(crate) fn tend(&mut self, clock: &Clock) -> Option<u8> {
        if let Clock::Manual(clock) = clock {
            return self.compare(clock.wall_offset_ns());
        }
        let last = *self.segments.last()?;
        (self.pass, self.pass_ticks) = (last, LAST_TICKS);
        let now = self.shift_ns.wrapping_add(sys::monotonic_ns());
        let young = now.wrapping_sub(self.first.ns) < SEGMENT_NS;
        if young || now.wrapping_sub(last.ns) >= SEGMENT_NS {
            let mut pair = Pair::read();
            pair.ns = pair.ns.wrapping_add(self.shift_ns);
            self.recalibrate(pair);
            self.pass_ticks = self.segments.last().map_or(0, |new| new.tick.wrapping_sub(last.tick).min(LAST_TICKS));
        }
        if now.wrapping_sub(self.compared_ns) < SEGMENT_NS {
            return None;
        }
        self.compared_ns = now;
        self.compare(wall_offset_ns()?.wrapping_sub(self.shift_ns))
    }

    /// Begins a new epoch if the wall clock, minus line time, is not where the present one's anchor is.
    fn compare(&mut self, offset_ns: u64) -> Option<u8> {
        if !is_step(self.anchors_ns[usize::from(self.epoch)], offset_ns) {
            return None;
        }
        self.epoch = (self.epoch + 1) % EPOCHS as u8;
        self.anchors_ns[usize::from(self.epoch)] = offset_ns;
        self.stepped = true;
        Some(self.epoch)
    }

    /// The epoch of new local traces.
    pub(crate) fn epoch(&self) -> u8 {
        self.epoch
    }

    /// Whether there was more than one epoch.
    #[inline]
    pub(crate) fn has_stepped(&self) -> bool {
        self.stepped
    }

    fn recalibrate(&mut self, now: Pair) {
        let Some(last) = self.segments.last().copied() else { return };
        let went_back = (now.tick.wrapping_sub(last.tick) as i64) < 0;
        let here_ns = if went_back { last.ns } else { last.at(now.tick).max(last.ns) };
        let error_ns = now.ns.wrapping_sub(here_ns) as i64;
        // A rate that was measured for less than a second may be wrong itself.
        let is_settled = last.ns.wrapping_sub(self.first.ns) >= SEGMENT_NS;
        if went_back || (is_settled && error_ns.unsigned_abs() > STEP_NS) {
            return self.start_again(now, here_ns, last.ns_per_tick);
        }
        let Some(rate) = self.first.rate_until(now) else { return };
        // The line must meet the measured clock one segment later, so the error so far is spread over the segment.
        let correction = (error_ns as f64 / SEGMENT_NS as f64).clamp(-0.5, 0.5);
        self.add_segment(Segment::new(now.tick, here_ns, rate * (1.0 + correction)));
    }

    /// The counter and the clock disagree. Line time goes on from here, and the clock is shifted to it.
    fn start_again(&mut self, now: Pair, here_ns: u64, ns_per_tick: f64) {
        self.shift_ns = self.shift_ns.wrapping_add(here_ns.wrapping_sub(now.ns));
        // The rate is measured anew, from a reading as far back as the rate so far can tell.
        let back = (SEGMENT_NS as f64 / ns_per_tick.max(f64::MIN_POSITIVE)) as u64;
        self.first = Pair { tick: now.tick.wrapping_sub(back), ns: here_ns.wrapping_sub(SEGMENT_NS) };
        self.add_segment(Segment::new(now.tick, here_ns, ns_per_tick));
    }

    fn add_segment(&mut self, segment: Segment) {
        self.segments.push(segment);
        if self.segments.len() > SEGMENTS {
            self.segments.remove(0);
        }
    }

    /// Nanoseconds since 1970, in an epoch.
    #[inline]
    pub(crate) fn unix_ns(&self, tick: u64, epoch: u8) -> u64 {
        self.anchors_ns[usize::from(epoch) % EPOCHS].wrapping_add(self.line_ns(tick))
    }

    /// The start and the end of a span, in nanoseconds since 1970, in an epoch: the end is not before the start.
    #[inline(always)]
    pub(crate) fn span_ns(&self, start: u64, end: u64, epoch: u8) -> (u64, u64) {
        let anchor = self.anchors_ns[usize::from(epoch) % EPOCHS];
        // Nearly all spans of a pass are on one segment.
        let line = &self.pass;
        let (from, until) = (start.wrapping_sub(line.tick), end.wrapping_sub(line.tick));
        if from <= until && until < self.pass_ticks {
            return (anchor.wrapping_add(line.at(start)), anchor.wrapping_add(line.at(end)));
        }
        let (start, end) = (self.line_ns(start), self.line_ns(end));
        (anchor.wrapping_add(start), anchor.wrapping_add(end.max(start)))
    }

    /// Line time: monotonic, from an arbitrary origin.
    #[inline]
    pub(crate) fn line_ns(&self, tick: u64) -> u64 {
        if tick & NS != 0 {
            (tick & !NS).wrapping_add(self.shift_ns)
        } else {
            self.monotonic_ns(tick)
        }
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
        let first_ns = timeline.unix_ns(before.tick, 0);
        let off_ns = first_ns.abs_diff(timeline.anchors_ns[0].wrapping_add(before.ns));
        assert!(off_ns < 10_000, "the first tick is {off_ns} ns off");
        let (mut tick, mut last_ns) = (before.tick, first_ns);
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            timeline.tend(&Clock::System);
            let now = counter();
            let step = (now.wrapping_sub(tick) / 64).max(1);
            while tick < now {
                tick = (tick + step).min(now);
                let ns = timeline.unix_ns(tick, 0);
                assert!(ns >= last_ns, "{ns} after {last_ns}");
                last_ns = ns;
            }
        }
        let after = Pair::read();
        let (converted, real) = (timeline.unix_ns(after.tick, 0) - first_ns, after.ns - before.ns);
        assert!(converted.abs_diff(real) < real / 200, "{converted} ns, not {real}");
    }

    #[test]
    fn where_clocks_are_read_slowly_or_the_counter_is_coarse_the_first_rate_is_measured_for_longer() {
        let at = |us: u64, width: u64| Reading { outer: us * 1_000, width, inner: us * 1_000 };
        let coarse = |us: u64, step: u64| is_settled(at(0, 0), at(us, 0), step);
        assert_eq!([coarse(200, 20), coarse(999, 1_000), coarse(1_000, 1_000)], [true, false, true]);
        let settled = |us: u64, width: u64| is_settled(at(0, width), at(us, width), 0);
        // By 20 ns readings, by a microsecond, and by more than the patience is for.
        assert_eq!([settled(199, 20), settled(200, 20)], [false, true]);
        assert_eq!([settled(200, 1_000), settled(999, 1_000), settled(1_000, 1_000)], [false, false, true]);
        assert_eq!([settled(9_999, 50_000), settled(10_000, 50_000)], [false, true]);
    }

    #[test]
    fn of_three_readings_of_two_clocks_the_closest_counts() {
        // The thread loses its core between the outer clock's readings, in the first and in the last try.
        let ticks = std::cell::RefCell::new([100, 900, 1_000, 1_020, 1_100, 1_900].into_iter());
        let inner = std::cell::RefCell::new(1..);
        let reading = closest(|| ticks.borrow_mut().next().unwrap(), || inner.borrow_mut().next().unwrap());
        assert_eq!((reading.outer, reading.width, reading.inner), (1_010, 20, 2));
    }

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;

    /// A timeline whose counter counts nanoseconds from zero, while the clock started at 10 s, after ten seconds.
    fn settled() -> Timeline {
        let first = Pair { tick: 0, ns: 10 * SECOND };
        let mut timeline = Timeline::new(7 * HOUR, first, vec![Segment::new(0, first.ns, 1.0)]);
        (1..=10).for_each(|second| calibrate(&mut timeline, second * SECOND, (10 + second) * SECOND));
        timeline
    }

    fn calibrate(timeline: &mut Timeline, tick: u64, clock_ns: u64) {
        let ns = clock_ns.wrapping_add(timeline.shift_ns);
        timeline.recalibrate(Pair { tick, ns });
    }

    fn assert_near(found: u64, expected: u64) {
        assert!(found.abs_diff(expected) < 1_000, "{found}, not {expected}");
    }

    #[test]
    fn a_counter_that_goes_on_while_the_clock_sleeps_bends_no_line() {
        let mut timeline = settled();
        let (tick, clock_ns) = (10 * SECOND + HOUR, 20 * SECOND);
        let before = timeline.line_ns(10 * SECOND);
        for second in 0..20 {
            calibrate(&mut timeline, tick + second * SECOND, clock_ns + second * SECOND);
            assert_near(timeline.line_ns(tick + second * SECOND), before + HOUR + second * SECOND);
            assert_near(timeline.line_ns(NS | (clock_ns + second * SECOND)), before + HOUR + second * SECOND);
            assert_near(
                timeline.line_ns(tick + second * SECOND + SECOND / 2),
                before + HOUR + second * SECOND + SECOND / 2,
            );
        }
        // The line has the hour, and so has the wall clock: nothing was stepped.
        assert_eq!(timeline.compare((7 * HOUR + HOUR).wrapping_sub(timeline.shift_ns)), None);
    }

    #[test]
    fn a_counter_that_starts_again_at_zero_bends_no_line() {
        let mut timeline = settled();
        let before = timeline.line_ns(10 * SECOND);
        for second in 0..20 {
            calibrate(&mut timeline, second * SECOND, (20 + second) * SECOND);
            assert_near(timeline.line_ns(second * SECOND), before + second * SECOND);
        }
        assert_eq!(timeline.compare((7 * HOUR + HOUR).wrapping_sub(timeline.shift_ns)), Some(1), "the hour is missing");
    }

    #[test]
    fn only_a_step_of_more_than_20_ms_starts_an_epoch_and_the_old_ones_keep_their_anchor() {
        let mut timeline = settled();
        let at = timeline.unix_ns(0, 0);
        assert_eq!((timeline.compare(7 * HOUR + STEP_NS), timeline.compare(7 * HOUR - STEP_NS)), (None, None));
        assert!(!timeline.has_stepped());
        for step in 1..EPOCHS as u64 {
            assert_eq!(timeline.compare(7 * HOUR + step * HOUR), Some(step as u8));
            assert_eq!(timeline.unix_ns(0, 0), at);
            assert_eq!(timeline.unix_ns(0, timeline.epoch()), at + step * HOUR);
        }
        assert_eq!(timeline.compare(7 * HOUR), Some(0), "the oldest anchor is replaced");
    }

    #[test]
    fn a_rate_that_is_still_rough_is_corrected_and_no_step() {
        let first = Pair { tick: 0, ns: 10 * SECOND };
        let mut timeline = Timeline::new(0, first, vec![Segment::new(0, first.ns, 1.001)]);
        for second in (60..70).map(|second| second * SECOND) {
            calibrate(&mut timeline, second, first.ns + second);
        }
        assert_eq!(timeline.shift_ns, 0);
        assert_near(timeline.line_ns(70 * SECOND), 80 * SECOND);
    }
}
