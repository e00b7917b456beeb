//! [`Shares`]: which part of a lane's time was on a CPU, from samples.

use crate::model::{LaneIx, Run, Sample};

/// A whole lane. Parts of lanes are counted in 1024ths, so that all sums are integers.
pub(super) const LANE: u64 = 1024;

/// If lanes were on a CPU for at least this part of their time in spans, they count as always on it: samples are no more exact.
const ALWAYS: f64 = 0.95;

/// A lane that uses at least this part of a CPU outside of spans computes there: an eighth.
const COMPUTES: u64 = LANE / 8;

/// Where the time of a lane went between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: u64,
    pub(super) end: u64,
    cpu_ns: u64,
    queue_ns: u64,
    /// Time in spans, without waits.
    pub(super) working_ns: u64,
    /// Time in a join, looking for work.
    pub(super) searching_ns: u64,
    /// Time outside of all that was recorded.
    pub(super) idle_ns: u64,
}

impl Interval {
    /// The CPU time in spans. All CPU time is, as far as it has room there.
    fn traced_cpu_ns(&self) -> u64 {
        self.cpu_ns.min(self.working_ns)
    }

    /// The time in spans that was spent ready, without a core.
    fn queue_ns(&self) -> u64 {
        self.queue_ns.min(self.working_ns - self.traced_cpu_ns())
    }

    /// CPU time outside of spans.
    fn untraced_ns(&self) -> u64 {
        self.cpu_ns.saturating_sub(self.working_ns).saturating_sub(self.searching_ns).min(self.idle_ns)
    }

    /// Which part of its time in spans the lane worked, in [`LANE`]ths: it had a core, or needed none.
    pub(super) fn working_share(&self) -> u64 {
        LANE - part(self.queue_ns(), self.working_ns)
    }

    /// The time outside of spans that was spent ready, without a core: what has no room in spans.
    fn idle_queue_ns(&self) -> u64 {
        let rest = self.queue_ns.saturating_sub(self.queue_ns()).saturating_sub(self.searching_ns);
        rest.min(self.idle_ns - self.untraced_ns())
    }

    /// Which part of the time outside of spans the lane was ready and had no core, in [`LANE`]ths.
    pub(super) fn queued_share(&self) -> u64 {
        part(self.idle_queue_ns(), self.idle_ns)
    }

    /// Which part of the time outside of spans the lane was on a CPU, in [`LANE`]ths.
    pub(super) fn untraced_share(&self) -> u64 {
        part(self.untraced_ns(), self.idle_ns)
    }
}

fn part(of: u64, whole: u64) -> u64 {
    match whole {
        0 => 0,
        whole => (u128::from(of) * u128::from(LANE) / u128::from(whole)) as u64,
    }
}

/// The intervals of all lanes.
#[derive(Debug)]
pub(super) struct Shares {
    /// By lane, by time, without overlaps.
    lanes: Vec<Vec<Interval>>,
}

/// What samples say of a lane, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) in_spans: u64,
    /// Time in spans that samples cover.
    pub(super) sampled: u64,
    pub(super) run_queue: u64,
    pub(super) untraced: u64,
}

impl Shares {
    /// The intervals, without what the lanes did in them.
    pub(super) fn of(run: &Run) -> Self {
        let mut lanes: Vec<Vec<Interval>> = vec![Vec::new(); run.lanes.len()];
        for Sample { lane, start, end, cpu_ns, queue_ns } in run.samples.iter().copied() {
            let all = &mut lanes[lane as usize];
            let start = start.max(all.last().map_or(0, |last: &Interval| last.end));
            if start < end {
                all.push(Interval { start, end, cpu_ns, queue_ns, ..Interval::default() });
            }
        }
        Self { lanes }
    }

    pub(super) fn lane(&self, lane: LaneIx) -> &[Interval] {
        &self.lanes[lane as usize]
    }

    pub(super) fn lane_mut(&mut self, lane: LaneIx) -> &mut [Interval] {
        &mut self.lanes[lane as usize]
    }

    /// Until when a lane computed outside of spans; 0 if it didn't. A thread that only sleeps and wakes up uses little of a CPU.
    pub(super) fn computed_until(&self, lane: LaneIx) -> u64 {
        let computes = |interval: &&Interval| interval.untraced_share() >= COMPUTES;
        self.lane(lane).iter().rev().find(computes).map_or(0, |interval| interval.end)
    }

    /// What the samples say of a lane; `None` without samples.
    pub(super) fn cpu(&self, lane: LaneIx) -> Option<Cpu> {
        let all = self.lane(lane);
        let sum = |of: fn(&Interval) -> u64| all.iter().map(of).sum();
        let cpu = || Cpu {
            in_spans: sum(Interval::traced_cpu_ns),
            sampled: sum(|interval| interval.working_ns),
            run_queue: sum(|interval| interval.queue_ns),
            untraced: sum(Interval::untraced_ns),
        };
        (!all.is_empty()).then(cpu)
    }

    /// How many lanes `cpus` cores serve: a lane that is off CPU in a span needs none. In [`LANE`]ths.
    ///
    /// `cpus / f`, where `f` is the part of the time in spans, without the time in which a lane was ready and had no core, that
    /// lanes were on a CPU. It is 1 without samples.
    pub(super) fn served(&self, cpus: f64) -> u64 {
        let all = || self.lanes.iter().flatten();
        let on_cpu: u64 = all().map(Interval::traced_cpu_ns).sum();
        let working: u64 = all().map(|interval| interval.working_ns - interval.queue_ns()).sum();
        let part = if working == 0 { 1.0 } else { on_cpu as f64 / working as f64 };
        let part = if part >= ALWAYS { 1.0 } else { part };
        // A conversion of a float saturates.
        (cpus / part * LANE as f64).round() as u64
    }
}

/// One of an interval's sums.
pub(super) type Sum = fn(&mut Interval) -> &mut u64;

/// Adds a stretch of time to the intervals that it overlaps, which begin at `from`. Returns where the next stretch begins to look.
pub(super) fn add(intervals: &mut [Interval], from: usize, start: u64, end: u64, to: Sum) -> usize {
    let mut at = from;
    while let Some(interval) = intervals.get_mut(at) {
        let (first, last) = (start.max(interval.start), end.min(interval.end));
        if first < last {
            *to(interval) += last - first;
        }
        if interval.end > end {
            break;
        }
        at += 1;
    }
    at
}
