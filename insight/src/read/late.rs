//! What samples of CPU time say too late.
//!
//! [`add_beginnings`]: a thread has its first sample some time after it began.
//!
//! [`spread`]: when a thread waited for a core, if the wait was longer than the time between two samples. Linux adds a wait to `run_delay` when the thread gets its core ([`sched_info_arrive`]), not while it waits. So the sample in which a long
//! wait ended has all of it, more than there is room for, and those before it have none: they look as if the thread slept.
//!
//! [`sched_info_arrive`]: https://www.kernel.org/doc/html/latest/scheduler/sched-stats.html

use crate::model::{Run, Sample};

/// A thread that was not sampled for longer than this at its beginning, in nanoseconds, is not known there.
const LONGEST_BEGINNING_NS: u64 = 100_000_000;

/// Corrects the samples. A beginning is taken to be like the first sample, so that one has to have its waits by then.
pub(super) fn correct(run: &mut Run) {
    spread(&mut run.samples);
    add_beginnings(run);
}

/// Adds a sample for the time from a lane's first span to its first sample: it is taken to be like that one. Without it, 16 threads
/// that begin at once on two cores would all count as on a CPU there. The samples and the spans are sorted by lane and time, and
/// stay so.
fn add_beginnings(run: &mut Run) {
    if run.samples.is_empty() {
        return;
    }
    let mut begins = vec![u64::MAX; run.lanes.len()];
    for span in &run.spans {
        let begin = &mut begins[span.lane as usize];
        *begin = span.start.min(*begin);
    }
    let mut last = None;
    let is_first = |sample: &&Sample| last.replace(sample.lane) != Some(sample.lane);
    let firsts = run.samples.iter().filter(is_first);
    let new: Vec<Sample> = firsts.filter_map(|first| beginning(first, begins[first.lane as usize])).collect();
    if !new.is_empty() {
        run.samples.extend(new);
        run.samples.sort_by_key(|sample| (sample.lane, sample.start));
    }
}

fn beginning(first: &Sample, begin: u64) -> Option<Sample> {
    let (length, gap) = (first.end.checked_sub(first.start)?, first.start.checked_sub(begin)?);
    if length == 0 || gap == 0 || gap > LONGEST_BEGINNING_NS {
        return None;
    }
    let part = |ns: u64| (u128::from(ns.min(length)) * u128::from(gap) / u128::from(length)) as u64;
    let (cpu_ns, ready_ns) = (first.cpu_ns.min(length), first.cpu_ns.saturating_add(first.queue_ns).min(length));
    Some(Sample { start: begin, end: first.start, cpu_ns: part(cpu_ns), queue_ns: part(ready_ns - cpu_ns), ..*first })
}

/// Gives what has no room in a sample to the one before it on the same lane, as far back as needed. The samples are sorted by lane
/// and time. What has no room in the first one began before it, and stays.
fn spread(samples: &mut [Sample]) {
    for at in (1..samples.len()).rev() {
        let (before, from) = samples.split_at_mut(at);
        let (Some(before), Some(sample)) = (before.last_mut(), from.first_mut()) else { continue };
        if before.lane != sample.lane || before.end != sample.start {
            continue;
        }
        let room = (sample.end - sample.start).saturating_sub(sample.cpu_ns);
        let excess = sample.queue_ns.saturating_sub(room);
        sample.queue_ns -= excess;
        before.queue_ns += excess;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(lane: u32, start: u64, end: u64, cpu_ns: u64, queue_ns: u64) -> Sample {
        Sample { lane, start, end, cpu_ns, queue_ns }
    }

    #[test]
    fn a_wait_for_a_core_that_was_longer_than_a_sample_began_in_the_samples_before() {
        let mut samples = [
            sample(0, 0, 50, 50, 0),
            sample(0, 50, 100, 20, 0),
            sample(0, 100, 200, 0, 0),
            sample(0, 200, 250, 10, 150),
            sample(0, 250, 300, 30, 20),
        ];
        spread(&mut samples);
        let queued: Vec<u64> = samples.iter().map(|sample| sample.queue_ns).collect();
        assert_eq!(queued, [0, 10, 100, 40, 20]);
    }

    #[test]
    fn nothing_moves_to_another_lane_or_across_a_gap_and_nothing_is_lost() {
        let before = [sample(0, 0, 50, 0, 0), sample(1, 50, 100, 0, 70), sample(1, 110, 120, 0, 30)];
        let mut samples = before;
        spread(&mut samples);
        assert_eq!(samples, before);
        let mut odd = [sample(0, 0, 10, 90, 5), sample(0, 10, 20, 90, 70)];
        spread(&mut odd);
        assert_eq!((odd[0].queue_ns, odd[1].queue_ns), (75, 0));
    }

    #[test]
    fn a_lane_is_before_its_first_sample_as_in_it() {
        let mut kit = crate::testing::Kit::new();
        let (busy, late) = (kit.lane("busy"), kit.lane("late"));
        kit.span(busy, "work", None, 1_000..2_000);
        kit.span(late, "work", None, 0..500_000_000);
        let mut run = kit.run();
        let start = run.spans.iter().find(|span| span.lane == busy).unwrap().start - 1_000;
        run.samples = vec![
            sample(busy, start + 1_040, start + 1_140, 10, 80),
            sample(busy, start + 1_140, start + 1_240, 100, 0),
            sample(late, start + 200_000_000, start + 250_000_000, 0, 0),
        ];
        add_beginnings(&mut run);
        let added = sample(busy, start + 1_000, start + 1_040, 4, 32);
        assert_eq!(
            (run.samples.len(), run.samples[0]),
            (4, added),
            "40 of 100 ns; the other lane was unknown for too long"
        );
        let wait = Sample { queue_ns: 900, ..run.samples[1] };
        assert_eq!(
            beginning(&wait, start + 1_000).map(|new| (new.cpu_ns, new.queue_ns)),
            Some((4, 36)),
            "no more than there is room for"
        );
    }

    #[test]
    fn a_lane_that_waits_for_a_core_beyond_its_first_sample_waited_before_it_too() {
        let mut kit = crate::testing::Kit::new();
        let lane = kit.lane("rayon-0");
        kit.span(lane, "work", None, 1_000..2_000);
        let mut run = kit.run();
        let start = run.spans[0].start - 1_000;
        let of = |from: u64, to: u64, cpu, queue| sample(lane, start + from, start + to, cpu, queue);
        run.samples = vec![of(1_040, 1_140, 0, 0), of(1_140, 1_240, 10, 200)];
        correct(&mut run);
        assert_eq!(run.samples, [of(1_000, 1_040, 0, 40), of(1_040, 1_140, 0, 110), of(1_140, 1_240, 10, 90)]);
    }
}
