//! Simulated schedules of runs whose times are known.

use super::planted::{self, MS};
use heirloom_insight::graph::Graph;
use heirloom_insight::model::Run;
use heirloom_insight::simulate::{Base, Change, MOST_NODES};
use heirloom_insight::testing::Kit;

/// The simulated time of the run on its own lanes, and after a change, in nanoseconds without the ratio to the wall time.
fn times(run: &Run, change: Change) -> (u64, u64) {
    let graph = Graph::new(run);
    let base = Base::new(run, &graph, MOST_NODES);
    (base.simulated(), base.schedule(&base.plan(change, 1)).end)
}

fn name(run: &Run, name: &str) -> u32 {
    run.names.iter().position(|known| **known == *name).expect("a name of the run") as u32
}

fn faster(run: &Run, of: &str, factor: f64) -> Change {
    Change::Faster { name: name(run, of), factor }
}

#[test]
fn a_run_without_overhead_takes_as_long_in_the_simulation() {
    for (what, run) in [
        ("serial phase", planted::serial_phase()),
        ("straggler", planted::straggler()),
        ("long hold", planted::long_hold()),
        ("two fan-outs", planted::two_fan_outs()),
        ("empty queue", planted::empty_queue()),
        ("nested joins", planted::nested_joins()),
        ("imbalance", planted::imbalance()),
        ("nothing to gain", planted::nothing_to_gain()),
        ("blocking poll", planted::blocking_poll()),
    ] {
        let simulated = times(&run, Change::None).0;
        let wall = run.window.end - run.window.start;
        assert!(simulated.abs_diff(wall) <= wall / 50, "{what}: {simulated} instead of {wall}");
    }
}

#[test]
fn a_serial_phase_that_is_faster_shortens_the_run_by_its_share() {
    let run = planted::serial_phase();
    assert_eq!(times(&run, faster(&run, "merge index", 4.0)), (500 * MS, 275 * MS));
    assert_eq!(times(&run, faster(&run, "merge index", f64::INFINITY)), (500 * MS, 200 * MS));
    assert_eq!(times(&run, faster(&run, "thumbnail", 2.0)), (500 * MS, 400 * MS));
}

#[test]
fn a_straggler_that_is_split_fills_the_lanes() {
    let run = planted::straggler();
    let finer = |pieces| Change::Finer { name: name(&run, "file"), pieces };
    // 1,000 ms of work on 4 lanes: 250 ms at best.
    assert_eq!(times(&run, finer(1)).1, 400 * MS);
    assert_eq!(times(&run, finer(2)).1, 250 * MS);
}

#[test]
fn without_its_lock_the_holds_overlap() {
    let run = planted::long_hold();
    assert_eq!(times(&run, Change::WithoutLock(0)), (330 * MS, 100 * MS));
    // Holds of 20 ms, one after the other, behind the first 5 ms.
    assert_eq!(times(&run, faster(&run, "update", 2.0)).1, 165 * MS);
}

#[test]
fn a_consumer_is_as_fast_as_its_producer() {
    let run = planted::empty_queue();
    assert_eq!(times(&run, faster(&run, "consume", 2.0)).1, 410 * MS);
    assert_eq!(times(&run, faster(&run, "produce", 4.0)).1, 120 * MS);
}

#[test]
fn a_rayon_continuation_resumes_below_what_its_lane_stole() {
    let run = planted::buried_join();
    // Two lanes: `unrelated` is taken by lane 0 at 50 ms, while `right` still runs on lane 1.
    assert_eq!(times(&run, Change::None).0, 350 * MS);
    let mut free = run.clone();
    for lane in &mut free.lanes {
        if let Some(place) = &mut lane.pool {
            place.name = "other".into();
        }
    }
    assert_eq!(times(&free, Change::None).0, 250 * MS);
}

#[test]
fn a_thread_runs_its_half_of_a_join_itself_and_steals_behind_that() {
    use heirloom_insight::model::FanKind;
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, 0..350 * MS);
    let jobs = kit.fan(FanKind::Scope, Some(root), main, 0, Some(350 * MS));
    kit.fan_mut(jobs).blocks = true;
    let a = kit.item(jobs, pool[0], "a", 0..350 * MS);
    let halves = kit.fan(FanKind::Join, Some(a), pool[0], 0, Some(250 * MS));
    // 10 ms of the half belong to no span of it. The other half was stolen later than `left` began.
    kit.item(halves, pool[0], "left", 10 * MS..50 * MS);
    kit.strand(halves, pool[1], 20 * MS..80 * MS);
    kit.item(jobs, pool[0], "unrelated", 50 * MS..250 * MS);
    kit.span(pool[0], "a tail", Some(a), 250 * MS..350 * MS);
    let run = kit.run();
    assert_eq!(times(&run, Change::None).0, 350 * MS);
    // `a tail` follows the stolen half at 60 ms, `unrelated` the own one at 50 ms.
    assert_eq!(times(&run, faster(&run, "unrelated", f64::INFINITY)).1, 160 * MS);
}

/// The same program as `buried_join`, but `unrelated` ran on lane 1, after `right`, and `a` went on at once.
#[test]
fn a_run_that_was_faster_than_tied_continuations_has_free_ones() {
    use heirloom_insight::model::FanKind;
    use heirloom_insight::testing::Kit;
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 2);
    let root = kit.span(main, "run", None, 0..260 * MS);
    let jobs = kit.fan(FanKind::Scope, Some(root), main, 0, Some(260 * MS));
    kit.fan_mut(jobs).blocks = true;
    let a = kit.item(jobs, pool[0], "a", 0..160 * MS);
    let halves = kit.fan(FanKind::Join, Some(a), pool[0], 0, Some(60 * MS));
    kit.wait(heirloom_insight::model::WaitCause::Scope, pool[0], Some(a), 50 * MS..60 * MS);
    kit.item(halves, pool[0], "left", 0..50 * MS);
    kit.strand(halves, pool[1], 0..60 * MS);
    kit.item(jobs, pool[1], "unrelated", 60 * MS..260 * MS);
    assert_eq!(times(&kit.run(), Change::None).0, 250 * MS);
}

#[test]
fn a_late_start_is_no_dependency() {
    // 18 jobs of 100 ms on 4 workers that are there from the start.
    assert_eq!(times(&planted::late_start(), Change::None).0, 500 * MS);
}

#[test]
fn moved_to_other_threads_long_polls_block_no_request() {
    let run = planted::blocking_poll();
    let (before, after) = times(&run, Change::SpawnBlocking(name(&run, "render pdf")));
    assert!(before >= 340 * MS, "{before}");
    assert!(after <= 100 * MS, "{after}");
}

#[test]
fn the_curve_of_equal_items_is_their_number_divided_by_the_lanes() {
    let run = planted::nothing_to_gain();
    let graph = Graph::new(&run);
    let base = Base::new(&run, &graph, MOST_NODES);
    let curve = base.curve(Change::None, &[1, 2, 4, 8, 40, 64]);
    let times: Vec<u64> = curve.iter().map(|point| point.ns / MS).collect();
    assert_eq!(times, [4010, 2010, 1010, 510, 110, 110]);
    let beyond: Vec<bool> = curve.iter().map(|point| point.beyond).collect();
    assert_eq!(beyond, [false, false, false, true, true, true]);
}

#[test]
fn lanes_beyond_the_physical_cores_are_marked_also_where_they_were_measured() {
    use heirloom_insight::model::FanKind;
    let mut kit = Kit::new();
    // Four CPUs that are two cores with two hyper-threads each.
    kit.cpus(4.0).cores(2);
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 4));
    let root = kit.span(main, "run", None, 0..100 * MS);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(100 * MS));
    kit.fan_mut(fan).blocks = true;
    pool.iter().for_each(|lane| _ = kit.item(fan, *lane, "page", 0..100 * MS));
    let beyond = |run: &Run| {
        let graph = Graph::new(run);
        let curve = Base::new(run, &graph, MOST_NODES).curve(Change::None, &[1, 2, 3, 4, 5]);
        curve.iter().map(|point| point.beyond).collect::<Vec<_>>()
    };
    let mut run = kit.run();
    assert_eq!(beyond(&run), [false, false, true, true, true]);
    // Where nothing is known of cores, a CPU counts as one; where nothing is known of the machine, only what was measured counts.
    run.machine.cores = None;
    assert_eq!(beyond(&run), [false, false, false, false, true]);
    run.machine.cpus = Some(2.5);
    assert_eq!(beyond(&run), [false, false, false, true, true]);
    run.machine.cpus = None;
    assert_eq!(beyond(&run), [false, false, false, false, true]);
}

#[test]
fn time_off_the_cpu_needs_a_lane_and_no_core() {
    use heirloom_insight::model::FanKind;
    use heirloom_insight::testing::Kit;
    let mut kit = Kit::new();
    kit.cpus(1.0);
    let pool = kit.pool("rayon", 4);
    let root = kit.span(pool[0], "run", None, 0..100 * MS);
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 0, Some(100 * MS));
    for lane in &pool {
        kit.item(fan, *lane, "fetch", 0..100 * MS);
        kit.sample(*lane, 0..100 * MS, 10 * MS, 0);
    }
    // 10 ms on the one core each, one after the other, and 90 ms off it.
    assert_eq!(times(&kit.run(), Change::None).0, 130 * MS);
}

#[test]
fn lanes_without_samples_need_no_core() {
    use heirloom_insight::model::FanKind;
    let mut kit = Kit::new();
    kit.cpus(1.0);
    let (main, pool) = (kit.lane("main"), kit.pool("job", 4));
    let root = kit.span(main, "run", None, 0..100 * MS);
    kit.sample(main, 0..100 * MS, 0, 0);
    let fan = kit.fan(FanKind::Workers, Some(root), main, 0, Some(100 * MS));
    kit.fan_mut(fan).blocks = true;
    pool.iter().for_each(|lane| _ = kit.item(fan, *lane, "fetch", 0..100 * MS));
    assert_eq!(times(&kit.run(), Change::None).0, 100 * MS);
}

/// Two threads with 100 spans each.
fn nested_spans() -> Run {
    let mut kit = Kit::new();
    for lane in [kit.lane("one"), kit.lane("two")] {
        let root = kit.span(lane, "run", None, 0..1_000);
        (0..100).for_each(|n| _ = kit.span(lane, "step", Some(root), n * 10 + 2..n * 10 + 9));
    }
    kit.run()
}

#[test]
fn parts_of_a_job_that_nothing_else_depends_on_are_simulated_as_one() {
    let run = nested_spans();
    let graph = Graph::new(&run);
    let (whole, small) = (Base::new(&run, &graph, MOST_NODES), Base::new(&run, &graph, 40));
    assert!(graph.nodes.len() > 400 && whole.nodes() == graph.nodes.len());
    assert!((2..=40).contains(&small.nodes()), "{} nodes", small.nodes());
    assert!((1..=2_000 / 10).contains(&small.fold_error()), "{}", small.fold_error());
    for change in [Change::None, faster(&run, "step", 2.0), faster(&run, "run", f64::INFINITY)] {
        assert_eq!(small.predict(change), whole.predict(change), "{change:?}");
    }
    let changed = small.predict(faster(&run, "run", f64::INFINITY));
    assert_eq!((changed.ns, changed.lower_ns), (700, 700));
}

/// A thread that waits for 100 pieces, one after the other, on three other threads. `other` runs on one of these too.
fn awaited_pieces(other: bool) -> Run {
    use heirloom_insight::model::FanKind;
    let mut kit = Kit::new();
    let (main, threads) = (kit.lane("main"), [kit.lane("one"), kit.lane("two"), kit.lane("three")]);
    let root = kit.span(main, "run", None, 0..1_000);
    for n in 0..100 {
        let time = n * 10 + 2..n * 10 + 9;
        let fan = kit.fan(FanKind::Guessed, Some(root), main, time.start, Some(time.end));
        kit.fan_mut(fan).blocks = true;
        kit.item(fan, threads[n as usize % 3], "piece", time);
    }
    if other {
        kit.span(threads[0], "other", None, 995..999);
    }
    kit.run()
}

#[test]
fn pieces_that_a_job_waits_for_alone_are_simulated_as_its_parts() {
    let run = awaited_pieces(false);
    let graph = Graph::new(&run);
    let (whole, small) = (Base::new(&run, &graph, MOST_NODES), Base::new(&run, &graph, 60));
    assert!(graph.nodes.len() > 400 && whole.nodes() == graph.nodes.len());
    assert!((4..=60).contains(&small.nodes()), "{} nodes", small.nodes());
    assert!((1..=300).contains(&small.fold_error()), "{}", small.fold_error());
    let changes = [Change::None, faster(&run, "piece", 2.0), faster(&run, "piece", f64::INFINITY)];
    for change in changes.into_iter().chain([faster(&run, "run", 3.0), faster(&run, "run", f64::INFINITY)]) {
        let (small, whole) = (small.predict(change), whole.predict(change));
        assert_eq!((small.ns, small.lower_ns), (whole.ns, whole.lower_ns), "{change:?}");
    }
    assert_eq!(small.predict(faster(&run, "run", f64::INFINITY)).lower_ns, 700);
}

/// Side by side on four threads, 40 pieces with ten spans each: fewer pieces than nodes that may be left, but many nodes.
#[test]
fn the_parts_of_pieces_of_a_fan_out_are_simulated_as_one_too() {
    use heirloom_insight::model::FanKind;
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let threads = ["one", "two", "three", "four"].map(|name| kit.lane(name));
    let root = kit.span(main, "run", None, 0..1_000);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(1_000));
    for n in 0..40 {
        let time = n / 4 * 100..n / 4 * 100 + 100;
        let piece = kit.item(fan, threads[n as usize % 4], "piece", time.clone());
        (0..10).for_each(|at| {
            let start = time.start + at * 10;
            kit.span(threads[n as usize % 4], "step", Some(piece), start + 2..start + 8);
        });
    }
    let run = kit.run();
    let graph = Graph::new(&run);
    let (whole, small) = (Base::new(&run, &graph, MOST_NODES), Base::new(&run, &graph, 100));
    assert!(graph.nodes.len() > 400 && whole.nodes() == graph.nodes.len());
    assert!((40..=200).contains(&small.nodes()), "{} nodes", small.nodes());
    for change in [Change::None, faster(&run, "step", 2.0)] {
        assert_eq!(small.predict(change).ns, whole.predict(change).ns, "{change:?}");
    }
}

#[test]
fn parts_that_others_may_wait_for_are_in_the_error_of_folding() {
    let run = awaited_pieces(true);
    let graph = Graph::new(&run);
    let base = Base::new(&run, &graph, 60);
    assert!((4..=60).contains(&base.nodes()) && base.fold_error() > 900, "{}", base.fold_error());
}
