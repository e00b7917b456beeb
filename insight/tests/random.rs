//! Random runs: work fits into the capacity, causes add up, and nothing depends on the order of the input.
#![allow(clippy::unwrap_used)]

use heirloom_insight::account::account;
use heirloom_insight::analysis::Cause;
use heirloom_insight::model::{FanKind, LockKind, Run, StageKind, WaitCause};
use heirloom_insight::testing::Kit;

/// A generator of numbers (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn one_in(&mut self, limit: u64) -> bool {
        self.below(limit) == 0
    }

    /// A stretch of time.
    fn time(&mut self, end: u64) -> std::ops::Range<u64> {
        let start = self.below(end);
        start..start + self.below(end - start)
    }
}

const CAUSES: [WaitCause; 11] = [
    WaitCause::Install,
    WaitCause::Scope,
    WaitCause::Thread,
    WaitCause::Workers,
    WaitCause::Job,
    WaitCause::Full,
    WaitCause::Empty,
    WaitCause::Mutex,
    WaitCause::Read,
    WaitCause::Write,
    WaitCause::Condvar,
];
const KINDS: [FanKind; 5] = [FanKind::Iterator, FanKind::Join, FanKind::Scope, FanKind::Broadcast, FanKind::Workers];
/// The length of a run.
const END: u64 = 100_000;

/// Anything at all, whether it makes sense or not.
fn run(seed: u64) -> Run {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut kit = Kit::new();
    let mut lanes = vec![kit.lane("main")];
    if random.one_in(2) {
        lanes.extend(kit.pool("rayon", 1 + random.below(4) as u32));
    }
    if random.one_in(3) {
        kit.process(2, "worker");
        lanes.push(kit.lane("main"));
        lanes.extend(kit.pool("rayon", 2));
    }
    if random.one_in(2) {
        kit.cpus(1.0 + random.below(40) as f64 / 8.0);
    }
    let locks = [kit.lock(LockKind::Mutex, "a"), kit.lock(LockKind::Channel, "b")];
    let (mut spans, mut fans) = (Vec::new(), Vec::new());
    for _ in 0..1 + random.below(30) {
        let lane = lanes[random.below(lanes.len() as u64) as usize];
        let parent = (!spans.is_empty() && !random.one_in(3)).then(|| spans[random.below(spans.len() as u64) as usize]);
        let name = ["a", "b", "c", "d"][random.below(4) as usize];
        match random.below(8) {
            0 => {
                let join = random.one_in(2).then(|| random.below(END));
                let begin = random.below(join.unwrap_or(END) + 1);
                let fan = kit.fan(KINDS[random.below(5) as usize], parent, lane, begin, join);
                kit.fan_mut(fan).blocks = random.one_in(2);
                fans.push(fan);
            }
            1 => {
                let polls: Vec<_> = (0..1 + random.below(3)).map(|_| (lane, random.time(END))).collect();
                spans.push(kit.polled(name, parent, &polls));
            }
            2..=4 if !fans.is_empty() => {
                let fan = fans[random.below(fans.len() as u64) as usize];
                let start = kit.fan_mut(fan).begin;
                spans.push(kit.item(fan, lane, name, start..start + random.below(END)));
            }
            _ => spans.push(kit.span(lane, name, parent, random.time(END))),
        }
    }
    spans.push(kit.span(lanes[0], "root", None, 0..END));
    let any = |random: &mut Random| random.one_in(2).then(|| spans[random.below(spans.len() as u64) as usize]);
    for _ in 0..random.below(12) {
        let cause = CAUSES[random.below(11) as usize];
        let lane = lanes[random.below(lanes.len() as u64) as usize];
        let (span, time) = (any(&mut random), random.time(END));
        let wait = kit.wait(cause, lane, span, time);
        wait.lock = random.one_in(2).then(|| locks[random.below(2) as usize]);
        (wait.holder, wait.releaser) = (any(&mut random), any(&mut random));
    }
    for _ in 0..random.below(6) {
        let span = spans[random.below(spans.len() as u64) as usize];
        kit.hold(locks[0], span, random.time(END));
        kit.stage(span, StageKind::Submitted, lanes[0], random.below(END));
        let lane = lanes[random.below(lanes.len() as u64) as usize];
        let time = random.time(END);
        kit.sample(lane, time, random.below(END), random.below(END));
        if let Some(fan) = fans.first() {
            kit.strand(*fan, lane, random.time(END));
        }
    }
    kit.load(0..END, random.below(END), random.below(END)).recording_ns = random.below(500);
    kit.run()
}

#[test]
fn work_fits_into_the_capacity_and_all_sums_are_exact() {
    for seed in 0..1_000 {
        let run = run(seed);
        let account = account(&run);
        let totals = &account.totals;
        assert!(totals.work_ns <= totals.capacity_ns, "seed {seed}: {totals:?}");
        assert_eq!(totals.lost_ns, totals.capacity_ns - totals.work_ns, "seed {seed}");
        let lost: u64 = account.lost.iter().map(|lost| lost.ns).sum();
        assert_eq!(lost, totals.lost_ns, "seed {seed}");
        for lost in &account.lost {
            let blamed: u64 = lost.blamed.iter().map(|blame| blame.ns).sum();
            assert!(blamed <= lost.ns, "seed {seed}: {lost:?}");
        }
        for lane in &account.lanes {
            let all = lane.working_ns + lane.lock_ns + lane.join_ns + lane.queue_ns + lane.idle_ns;
            assert_eq!(all, totals.wall_ns, "seed {seed}: {lane:?}");
        }
        let (own, working) =
            (account.own_ns.iter().sum::<u64>(), account.lanes.iter().map(|lane| lane.working_ns).sum());
        assert!(own <= working, "seed {seed}");
        let part_ns = totals.wall_ns.div_ceil(400);
        let length = |at: usize| part_ns.min(totals.wall_ns - at as u64 * part_ns) as f64;
        let area: f64 = account.utilisation.iter().enumerate().map(|(at, part)| part.working * length(at)).sum();
        let average = area / totals.wall_ns as f64;
        let work = (totals.work_ns + totals.tracing_ns) as f64 / totals.wall_ns as f64;
        assert!((average - work).abs() < 1e-4, "seed {seed}: {average} {work}");
        let path = &account.observed_path;
        assert!(path.windows(2).all(|steps| steps[0].to <= steps[1].to), "seed {seed}: {path:?}");
        assert!(path.iter().all(|step| step.from < step.to), "seed {seed}: {path:?}");
        assert_eq!(path.last().map(|step| step.to), Some(totals.wall_ns), "seed {seed}");
    }
}

#[test]
fn what_nothing_explains_is_small_while_something_runs() {
    for seed in 0..500 {
        let run = run(seed);
        // The root runs all the time, so that all lost time can be charged to a span.
        if run.waits.is_empty() && run.fans.is_empty() && run.samples.is_empty() {
            let account = account(&run);
            assert!(
                account.lost.iter().all(|lost| !lost.blamed.is_empty() || lost.cause == Cause::Tracing),
                "seed {seed}"
            );
        }
    }
}

/// The strip says in percent, part by part, what the sums say in nanoseconds.
#[test]
fn the_strip_of_a_lane_has_the_times_of_its_sums() {
    for seed in 0..1_000 {
        let run = run(seed);
        let wall = run.window.end - run.window.start;
        for lane in account(&run).lanes.iter().filter(|lane| lane.thread_id != 0) {
            let parts = lane.strip.len() as u64;
            assert_eq!(parts, 128, "seed {seed}");
            for (kind, ns) in [lane.working_ns, lane.lock_ns, lane.join_ns, lane.queue_ns].into_iter().enumerate() {
                let percent: u64 = lane.strip.iter().map(|part| u64::from(part[kind])).sum();
                let shown = percent * wall / parts / 100;
                // Each part is rounded down, by less than a percent, and its length by less than a nanosecond.
                let bound = wall / 100 + parts;
                assert!(shown <= ns + parts && ns <= shown + bound, "seed {seed}: {shown} instead of {ns}: {lane:?}");
            }
            assert!(
                lane.strip.iter().all(|part| part.iter().map(|p| u32::from(*p)).sum::<u32>() <= 100),
                "seed {seed}"
            );
        }
    }
}
