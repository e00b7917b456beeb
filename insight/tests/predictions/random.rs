//! Runs of random programs: what must hold for each of them.

use heirloom_insight::graph::Graph;
use heirloom_insight::model::{FanKind, LockKind, Run, SpanIx, WaitCause};
use heirloom_insight::simulate::{bounds, run as simulate, Base, Change, Lanes, MOST_NODES};
use heirloom_insight::testing::Kit;

/// A small generator (SplitMix64): the same seed gives the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % limit.max(1)
    }
}

/// A program that really ran on `lanes` lanes: phases of serial work and fan-outs, with locks, stolen strands, children on other
/// threads.
fn program(seed: u64) -> Run {
    let mut random = Random(seed);
    let mut kit = Kit::new();
    let lanes = 1 + random.below(6) as u32;
    kit.cpus(f64::from(1 + random.below(8) as u32));
    let main = kit.lane("main");
    let other = kit.lane("other");
    let pool = kit.pool(["rayon", "threads"][random.below(2) as usize], lanes);
    let lock = kit.lock(LockKind::Mutex, "lock");
    let root = kit.span(main, "run", None, 0..1);
    let mut now = 0;
    for _ in 0..1 + random.below(5) {
        now += random.below(2_000_000);
        match random.below(4) {
            0 => {
                let end = now + 1 + random.below(5_000_000);
                kit.span(main, "serial", Some(root), now..end);
                now = end;
            }
            1 => {
                let end = now + 1 + random.below(5_000_000);
                kit.span(other, "background", Some(root), now..end);
                now += random.below(3_000_000);
            }
            _ => now = fan_out(&mut kit, &mut random, (root, main), &pool, lock, now),
        }
    }
    let end = now + 8_000_000;
    kit.span_mut(root).end = end;
    for lane in &pool {
        if random.below(2) == 0 {
            kit.sample(*lane, 0..end, random.below(end), random.below(end / 4));
        }
    }
    kit.run()
}

fn fan_out(kit: &mut Kit, random: &mut Random, above: (SpanIx, u32), pool: &[u32], lock: u32, begin: u64) -> u64 {
    let kind = [FanKind::Iterator, FanKind::Scope, FanKind::Workers][random.below(3) as usize];
    let fan = kit.fan(kind, Some(above.0), above.1, begin, None);
    kit.fan_mut(fan).blocks = true;
    let mut free = vec![begin; pool.len()];
    let mut lock_free = begin;
    for _ in 0..random.below(20) {
        let at = random.below(pool.len() as u64) as usize;
        let start = free[at] + random.below(3) * random.below(200_000);
        let mut end = start + 1 + random.below(3_000_000);
        if random.below(8) == 0 {
            kit.strand(fan, pool[at], start..end);
            free[at] = end;
            continue;
        }
        let span = kit.item(fan, pool[at], "item", start..end);
        match random.below(4) {
            0 => {
                let asked = start + (end - start) / 2;
                // A thread that waits doesn't have the lock at once.
                let held = if asked < lock_free { lock_free + lock_free % 50_000 } else { asked };
                lock_free = held + 1 + random.below(500_000);
                if held > asked {
                    let wait = kit.wait(WaitCause::Mutex, pool[at], Some(span), asked..held);
                    wait.lock = Some(lock);
                }
                kit.hold(lock, span, held..lock_free);
                end = lock_free + random.below(100_000);
                kit.span_mut(span).end = end;
            }
            1 => {
                kit.span(pool[at], "inner", Some(span), start + (end - start) / 4..end - (end - start) / 4);
            }
            2 => kit.items(span, 1 + random.below(40)),
            _ => {}
        }
        free[at] = end;
    }
    let join = free.into_iter().max().unwrap_or(begin) + 1 + random.below(50_000);
    kit.fan_mut(fan).join = Some(join);
    kit.wait(WaitCause::Install, above.1, Some(above.0), begin..join);
    join
}

const SEEDS: u64 = 200;

#[test]
fn work_fits_into_the_lanes_and_the_longest_chain_into_the_run() {
    for seed in 0..SEEDS {
        let run = program(seed);
        let graph = Graph::new(&run);
        let wall = run.window.end - run.window.start;
        let path = graph.critical_path();
        assert!(graph.work() <= wall * run.lanes.len() as u64, "{seed}");
        assert!(path.finest <= path.length && path.length <= wall, "{seed}: {} of {wall}", path.length);
        assert_eq!(graph.left_out, 0, "{seed}");
        let chain: u64 = path.nodes.iter().map(|(node, _)| graph.nodes[*node as usize].length()).sum();
        assert_eq!(chain, path.length, "{seed}");
    }
}

#[test]
fn simulated_times_are_within_the_bounds_on_any_lanes_and_cores() {
    for seed in 0..SEEDS {
        let run = program(seed);
        let graph = Graph::new(&run);
        let base = Base::new(&run, &graph, MOST_NODES);
        for (change, split) in [(Change::None, 1), (Change::None, 3), (Change::WithoutLock(0), 1), (faster(&run), 2)] {
            let plan = base.plan(change, split);
            for (size, cores) in [(1, None), (2, Some(1)), (3, Some(2)), (8, None), (64, Some(4))] {
                let pools = graph.pools.iter().map(|pool| if pool.known { size } else { pool.size }).collect();
                let lanes = Lanes { pools, cores };
                let schedule = simulate(&plan, &lanes, &vec![false; graph.pools.len()]);
                let bounds = bounds(&plan, &lanes);
                let what = format!("seed {seed}, {change:?}, split {split}, {size} lanes, {cores:?} cores: {bounds:?}");
                assert!(bounds.lower <= schedule.end && schedule.end <= bounds.upper, "{what}, {}", schedule.end);
                assert_eq!(schedule.forced, 0, "{what}");
                assert_eq!(schedule.ends.iter().map(|(_, end)| *end).max(), Some(schedule.end), "{what}");
                // A continuation that is tied to its lane may wait longer, but never longer than everything one after the other.
                let tied = simulate(&plan, &lanes, &vec![true; graph.pools.len()]);
                assert!(bounds.lower <= tied.end && tied.forced == 0, "{what}");
            }
        }
    }
}

fn faster(run: &Run) -> Change {
    let name = run.names.iter().position(|name| **name == *"item").unwrap_or(0) as u32;
    Change::Faster { name, factor: 2.0 }
}

#[test]
fn lower_bounds_fall_with_more_lanes_and_with_less_work() {
    for seed in 0..SEEDS {
        let run = program(seed);
        let graph = Graph::new(&run);
        let base = Base::new(&run, &graph, MOST_NODES);
        let curve = base.curve(Change::None, &[1, 2, 4, 8]);
        for pair in curve.windows(2) {
            assert!(pair[1].lower_ns <= pair[0].lower_ns, "{seed}");
        }
        let shorter = base.curve(faster(&run), &[1, 2, 4, 8]);
        for (shorter, before) in shorter.iter().zip(&curve) {
            assert!(shorter.lower_ns <= before.lower_ns, "{seed}");
        }
    }
}

/// A what-if must say what the simulation of a run says that was recorded with the change. On one lane nothing is left to the
/// scheduler, so both must be equal.
#[test]
fn a_what_if_equals_the_simulation_of_the_changed_run() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let lengths: Vec<u64> = (0..1 + random.below(30)).map(|_| (1 + random.below(1000)) * 4_000).collect();
        let lanes = 1 + random.below(4) as usize;
        let (before, after) = (list_schedule(&lengths, 1, lanes), list_schedule(&lengths, 4, lanes));
        let graph = Graph::new(&before);
        let base = Base::new(&before, &graph, MOST_NODES);
        let name = before.names.iter().position(|name| **name == *"item").expect("the items' name") as u32;
        let predicted = base.predict(Change::Faster { name, factor: 4.0 });
        assert_eq!(predicted.ns, after.window.end - after.window.start, "{seed}");
    }
}

/// Items of these lengths, each started on the lane that is free first, then a serial phase.
fn list_schedule(lengths: &[u64], faster: u64, lanes: usize) -> Run {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let pool = kit.pool("rayon", lanes as u32);
    let root = kit.span(main, "run", None, 0..1);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, None);
    kit.fan_mut(fan).blocks = true;
    let mut free = vec![0; lanes];
    for (ix, length) in lengths.iter().enumerate() {
        let lane = (0..lanes).min_by_key(|lane| (free[*lane], *lane)).unwrap_or(0);
        // One nanosecond later for each, so that they are in order. It is no time of the program's, since lanes are counted from
        // one start.
        let _ = ix;
        kit.item(fan, pool[lane], "item", free[lane]..free[lane] + length / faster);
        free[lane] += length / faster;
    }
    let join = free.into_iter().max().unwrap_or(0);
    kit.fan_mut(fan).join = Some(join);
    kit.wait(WaitCause::Install, main, Some(root), 0..join);
    kit.span_mut(root).end = join + 1_000_000;
    kit.span(main, "serial", Some(root), join..join + 1_000_000);
    kit.run()
}

#[test]
fn folding_keeps_work_and_chain_and_stays_within_its_error() {
    for seed in 0..SEEDS {
        let run = program(seed);
        let graph = Graph::new(&run);
        let lanes = Lanes { pools: graph.pools.iter().map(|pool| pool.size).collect(), cores: None };
        let [whole, folded] = [MOST_NODES, 8].map(|most| Base::new(&run, &graph, most));
        let [whole, folded] = [&whole, &folded].map(|base| base.plan(Change::None, 1));
        let free = vec![false; graph.pools.len()];
        let (a, b) = (simulate(&whole, &lanes, &free).end, simulate(&folded, &lanes, &free).end);
        assert_eq!(bounds(&whole, &lanes).lower, bounds(&folded, &lanes).lower, "{seed}");
        assert!(folded.nodes() <= whole.nodes(), "{seed}");
        // Nothing bounds it where locks are taken in another order; these runs stay within it.
        assert!(a.abs_diff(b) <= folded.fold_error(), "{seed}: {a}, {b}, error {}", folded.fold_error());
    }
}

#[test]
fn rows_that_contradict_each_other_make_no_panic() {
    for seed in 0..SEEDS {
        let mut random = Random(seed ^ 0x5eed);
        let mut run = program(seed);
        let spans = run.spans.len() as u64;
        for _ in 0..6 {
            let ix = random.below(spans) as usize;
            match random.below(5) {
                0 => run.spans[ix].set_parent(Some(random.below(spans) as u32)),
                1 => run.spans[ix].lane = random.below(run.lanes.len() as u64) as u32,
                2 => run.spans[ix].nested = false,
                3 => run.spans[ix].end = run.spans[ix].start + random.below(20_000_000),
                _ => {
                    run.spans[ix].set_fan((!run.fans.is_empty()).then(|| random.below(run.fans.len() as u64) as u32));
                }
            }
        }
        let graph = Graph::new(&run);
        let base = Base::new(&run, &graph, MOST_NODES);
        let jobs = graph.jobs.iter().filter(|job| !job.nodes.is_empty()).count();
        assert_eq!(base.schedule(&base.plan(Change::None, 1)).ends.len(), jobs, "{seed}");
        assert_eq!(base.curve(Change::None, &[1, 4]).len(), 2);
    }
}
