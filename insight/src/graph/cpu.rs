//! How much of a part was on a CPU, as far as samples tell.

use crate::model::{Run, Sample};

/// The samples of one lane, read along with its parts.
pub(super) struct Cpu<'a> {
    samples: &'a [Sample],
    /// For each sample: the latest end up to it. Samples that contradict each other overlap.
    latest: Vec<u64>,
    /// For each sample: nanoseconds of parts inside it.
    worked: Vec<u64>,
}

/// The samples of each lane. They are sorted by lane and time.
pub(super) fn by_lane(run: &Run) -> Vec<&[Sample]> {
    let mut lanes: Vec<&[Sample]> = vec![&[]; run.lanes.len()];
    for samples in run.samples.chunk_by(|a, b| a.lane == b.lane) {
        if let Some(lane) = samples.first().and_then(|s| lanes.get_mut(s.lane as usize)) {
            *lane = samples;
        }
    }
    lanes
}

impl<'a> Cpu<'a> {
    /// `parts` are the parts of the lane, by time.
    pub(super) fn new(samples: &'a [Sample], parts: impl Iterator<Item = (u64, u64)>) -> Self {
        let latest = samples.iter().scan(0, |latest: &mut u64, sample| {
            *latest = sample.end.max(*latest);
            Some(*latest)
        });
        let mut cpu = Self { samples, latest: latest.collect(), worked: vec![0; samples.len()] };
        let mut at = 0;
        for (start, end) in parts {
            let worked = &mut cpu.worked;
            overlaps(samples, &mut at, start, end, |ix, ns| worked[ix] += ns);
        }
        cpu
    }

    /// The first sample that a part which begins at `start` may overlap.
    pub(super) fn at(&self, start: u64) -> usize {
        self.latest.partition_point(|end| *end <= start)
    }

    /// Nanoseconds of a part on a CPU and off it. `at` is where an earlier part was found, and becomes where this one is.
    ///
    /// Within a sample, all parts have the same share of its CPU time and of its time in the run queue. The latter is in neither
    /// figure: it is the other threads' doing, and a simulation with fewer cores than lanes finds it again. Where there is no
    /// sample, a wait for a core is part of the time already, so nothing of it needs a core.
    pub(super) fn split(&self, at: &mut usize, start: u64, end: u64) -> (u64, u64) {
        let (mut covered, mut on, mut queued) = (0, 0.0, 0.0);
        overlaps(self.samples, at, start, end, |ix, ns| {
            let (cpu, queue) = self.shares(ix);
            covered += ns;
            on += ns as f64 * cpu;
            queued += ns as f64 * queue;
        });
        let length = end - start;
        let on = (on.round() as u64).min(covered);
        let off = length.saturating_sub(on).saturating_sub(queued.round() as u64);
        (on.min(length), off)
    }

    /// Of the time that a lane worked within a sample: the shares on a CPU, and in the run queue.
    fn shares(&self, ix: usize) -> (f64, f64) {
        let worked = self.worked[ix].max(1) as f64;
        let cpu = (self.samples[ix].cpu_ns as f64 / worked).min(1.0);
        let queue = (self.samples[ix].queue_ns as f64 / worked).min(1.0 - cpu);
        (cpu, queue)
    }
}

/// Calls `f` for each sample that overlaps, with the length of the overlap.
fn overlaps(samples: &[Sample], at: &mut usize, start: u64, end: u64, mut f: impl FnMut(usize, u64)) {
    while samples.get(*at).is_some_and(|sample| sample.end <= start) {
        *at += 1;
    }
    let inside = samples.iter().enumerate().skip(*at).take_while(|(_, sample)| sample.start < end);
    for (ix, sample) in inside {
        let ns = sample.end.min(end).saturating_sub(sample.start.max(start));
        if ns > 0 {
            f(ix, ns);
        }
    }
}
