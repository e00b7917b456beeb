//! Runs with known answers: who is blamed, and which threads could have worked. Each was a wrong answer about a program with a
//! planted fault.
#![allow(clippy::unwrap_used)]

#[path = "support/figures.rs"]
mod figures;

use figures::{blamed, causes, sums};
use heirloom_insight::account::{account, threads};
use heirloom_insight::analysis::Cause;
use heirloom_insight::graph::Graph;
use heirloom_insight::model::{FanKind, LockKind, Run, SpanIx, StageKind, WaitCause};
use heirloom_insight::testing::Kit;

/// Two threads. `loop` runs on the first one, and inside of it `inside`. The second one waits from 10 to 80.
fn waits(cause: WaitCause, kind: LockKind, known: impl Fn(&mut Kit, SpanIx, u32) -> [Option<SpanIx>; 2]) -> Run {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let lock = kit.lock(kind, "shared");
    let outer = kit.span(one, "loop", None, 0..100);
    kit.span(one, "inside", Some(outer), 20..80);
    let waiter = kit.span(two, "waiter", None, 0..100);
    let [holder, releaser] = known(&mut kit, outer, lock);
    let wait = kit.wait(cause, two, Some(waiter), 10..80);
    (wait.lock, wait.holder, wait.releaser) = (Some(lock), holder, releaser);
    kit.run()
}

#[test]
fn a_sender_is_blamed_by_the_span_in_which_it_spent_most_of_the_wait() {
    // A message is sent between the spans of a loop, so the span that was current then is `loop`.
    let run = waits(WaitCause::Empty, LockKind::Channel, |_, outer, _| [None, Some(outer)]);
    assert_eq!(blamed(&account(&run), Cause::EmptyQueue), [("inside", Some("shared"), 70)]);
    let run = waits(WaitCause::Full, LockKind::Channel, |_, outer, _| [None, Some(outer)]);
    assert_eq!(blamed(&account(&run), Cause::FullQueue), [("inside", Some("shared"), 70)]);
}

#[test]
fn a_holder_is_blamed_by_the_span_in_which_it_spent_most_of_the_wait() {
    let run = waits(WaitCause::Mutex, LockKind::Mutex, |_, outer, _| [Some(outer), Some(outer)]);
    assert_eq!(blamed(&account(&run), Cause::Lock), [("inside", Some("shared"), 70)]);
}

#[test]
fn a_hold_is_blamed_by_the_span_in_which_its_thread_spent_most_of_it() {
    let run = waits(WaitCause::Mutex, LockKind::Mutex, |kit, outer, lock| {
        kit.hold(lock, outer, 5..80);
        [None, None]
    });
    assert_eq!(blamed(&account(&run), Cause::Lock), [("inside", Some("shared"), 70)]);
}

#[test]
fn a_sender_that_did_nothing_else_is_blamed_itself() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let outer = kit.span(one, "loop", None, 0..100);
    kit.span(one, "before", Some(outer), 0..50);
    let waiter = kit.span(two, "waiter", None, 0..100);
    kit.wait(WaitCause::Empty, two, Some(waiter), 40..70).releaser = Some(outer);
    // 20 in the loop itself, 10 in the span before.
    assert_eq!(blamed(&account(&kit.run()), Cause::EmptyQueue), [("loop", None, 30)]);
}

#[test]
fn a_queue_whose_sender_is_unknown_is_idle_time_beside_what_runs() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let channel = kit.lock(LockKind::Channel, "jobs");
    kit.span(one, "parse", None, 0..100);
    let waiter = kit.span(two, "consume", None, 0..100);
    kit.wait(WaitCause::Empty, two, Some(waiter), 0..30).lock = Some(channel);
    let account = account(&kit.run());
    assert_eq!((sums(&account), causes(&account)), ((200, 170, 30), vec![(Cause::Serial, 30)]));
    assert_eq!(blamed(&account, Cause::Serial), [("parse", None, 30)]);
}

#[test]
fn the_body_of_a_scope_buries_no_join() {
    let mut kit = Kit::new();
    let (main, other) = (kit.lane("main"), kit.lane("other"));
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Scope, Some(root), main, 0, Some(100));
    kit.item(fan, other, "index", 0..30);
    kit.span(main, "step", Some(root), 20..90);
    let account = account(&kit.run());
    assert_eq!((sums(&account), causes(&account)), ((200, 130, 70), vec![(Cause::Serial, 70)]));
    assert_eq!(blamed(&account, Cause::Serial), [("step", None, 60), ("run", None, 10)]);
}

#[test]
fn a_fan_out_in_the_body_of_a_scope_buries_no_join_and_a_piece_from_elsewhere_does() {
    for (buries, begun_by) in [(false, 0), (true, 1)] {
        let mut kit = Kit::new();
        let pool = kit.pool("rayon", 2);
        let root = kit.span(pool[0], "run", None, 0..100);
        let scope = kit.fan(FanKind::Scope, Some(root), pool[0], 0, Some(100));
        kit.item(scope, pool[1], "index", 0..30);
        let inner = kit.fan(FanKind::Iterator, Some(root), pool[begun_by], 10, Some(90));
        kit.item(inner, pool[0], "tile", 11..89);
        let account = account(&kit.run());
        let cause = if buries { Cause::BuriedJoin } else { Cause::Serial };
        let tile = account.lost.iter().find(|lost| lost.cause == cause).map(|lost| &lost.blamed[0]).unwrap();
        assert_eq!((&*tile.name, tile.ns), ("tile", 59), "{buries}");
    }
}

#[test]
fn worker_processes_are_one_pool() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Workers, Some(root), main, 10, Some(90));
    kit.fan_mut(fan).blocks = true;
    for (index, end) in [(0, 50), (1, 90)] {
        kit.process(index + 2, "worker");
        let lane = kit.worker(7, "job", index, 2);
        kit.item(fan, lane, "job", 10..end);
    }
    let account = account(&kit.run());
    // Two threads while `main` waits for them, and `main` before and after that.
    assert_eq!(sums(&account), (180, 140, 40));
    assert_eq!(causes(&account), [(Cause::Straggler, 40)]);
}

/// Two tasks hand jobs of 50 to two worker processes, one by one.
fn jobs_one_by_one() -> Run {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let requests = [0, 1].map(|_| kit.polled("request", None, &[(main, 0..1), (main, 99..100)]));
    for (index, request) in (0..).zip(requests) {
        kit.process(index + 2, "worker");
        let lane = kit.worker(7, "job", index, 2);
        for start in [1, 50] {
            let job = kit.span(lane, "job", Some(request), start..start + 49);
            kit.stage(job, StageKind::Submitted, main, 0);
            kit.stage(job, StageKind::Sent, main, start);
        }
    }
    kit.run()
}

#[test]
fn worker_processes_are_one_pool_without_a_map_too() {
    let run = jobs_one_by_one();
    assert_eq!(threads(&run), 2);
    let pools = Graph::new(&run).pools.into_iter().filter(|pool| &*pool.name == "job");
    assert_eq!(pools.map(|pool| pool.size).collect::<Vec<_>>(), [2]);
    // `main`, and two workers from 1 to 99.
    let account = account(&run);
    assert_eq!(sums(&account).0, 100 + 2 * 98);
}

/// `start` waits until two worker processes are there. The first one waits for a job from 70 on; both run one from 110 to 210.
fn late_workers(watched: bool) -> Run {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, 0..220);
    let start = kit.span(main, "start", Some(root), 10..110);
    kit.wait(WaitCause::Workers, main, Some(start), 10..110);
    if watched {
        for name in ["keep-0", "keep-1"] {
            let keeper = kit.lane(name);
            kit.wait(WaitCause::Workers, keeper, Some(start), 20..100);
        }
    }
    let fan = kit.fan(FanKind::Workers, Some(root), main, 110, Some(210));
    kit.fan_mut(fan).blocks = true;
    for index in 0..2 {
        kit.process(index + 2, "worker");
        let lane = kit.worker(7, "job", index, 2);
        if index == 0 {
            kit.wait(WaitCause::Empty, lane, None, 70..110);
        }
        kit.item(fan, lane, "job", 110..210);
    }
    kit.run()
}

#[test]
fn a_pool_of_worker_processes_is_missing_from_when_it_is_waited_for() {
    let account = account(&late_workers(false));
    // Both workers from 10 to 210, and `main` for 10 before and after that.
    assert_eq!((sums(&account), causes(&account)), ((420, 220, 200), vec![(Cause::StartUp, 200)]));
    assert_eq!(blamed(&account, Cause::StartUp), [("start", None, 200)]);
}

#[test]
fn a_thread_that_only_waits_for_others_could_not_have_worked() {
    let account = account(&late_workers(true));
    assert_eq!((sums(&account), causes(&account)), ((420, 220, 200), vec![(Cause::StartUp, 200)]));
    assert_eq!(blamed(&account, Cause::StartUp), [("start", None, 200)]);
}

#[test]
fn a_thread_in_a_guessed_fan_out_waits_for_the_pool_that_runs_it() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("tokio", 2));
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Guessed, Some(root), main, 10, Some(90));
    kit.fan_mut(fan).blocks = true;
    kit.item(fan, pool[0], "request", 10..90);
    kit.item(fan, pool[1], "request", 10..90);
    let account = account(&kit.run());
    // Three threads for 20, two for 80.
    assert_eq!((sums(&account), causes(&account)), ((220, 180, 40), vec![(Cause::Serial, 40)]));
}

#[test]
fn a_thread_that_computes_after_its_last_span_is_there_and_untraced() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    kit.span(pool[0], "scan", None, 0..2048);
    kit.span(pool[1], "scan", None, 0..1024);
    // Half of the next 512, and nothing of the rest.
    kit.sample(pool[1], 0..1024, 1024, 0);
    kit.sample(pool[1], 1024..1536, 256, 0);
    kit.sample(pool[1], 1536..2048, 0, 0);
    let account = account(&kit.run());
    assert_eq!(sums(&account), (4096, 3072, 1024));
    assert_eq!(causes(&account), [(Cause::Serial, 768), (Cause::Untraced, 256)]);
    assert_eq!(blamed(&account, Cause::Untraced), [("rayon-1", None, 256)]);
}

/// Two lanes of a pool with items of a fan-out, one after the other, that wait for a core for half of the time: 1,000 ns in each of
/// the two lanes.
fn recorded(item_ns: u64, collecting_ns: u64, others_ns: u64) -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let end = 4 * item_ns;
    let root = kit.span(main, "run", None, 0..end);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(end));
    kit.fan_mut(fan).blocks = true;
    for lane in pool {
        (0..4).for_each(|n| _ = kit.item(fan, lane, "item", n * item_ns..(n + 1) * item_ns));
        kit.sample(lane, 0..end, end / 2, end / 2);
    }
    kit.load(0..end, end + collecting_ns, others_ns).collecting_ns = collecting_ns;
    kit.run()
}

#[test]
fn cores_that_the_collector_took_are_charged_to_short_items_since_recording_them_is_their_cost() {
    // Of 4,000 ns without a core, the collector took all, or half of what was taken.
    let run = recorded(1_000, 4_000, 0);
    let short = account(&run);
    assert_eq!(causes(&short).iter().map(|cause| cause.1).sum::<u64>(), short.totals.lost_ns);
    assert_eq!(causes(&short)[0].0, Cause::SmallChunks, "{:?}", causes(&short));
    assert_eq!(blamed(&short, Cause::SmallChunks)[0].0, "item");
    let half = account(&recorded(1_000, 2_000, 2_000));
    let ns = |cause| causes(&half).iter().find(|row| row.0 == cause).map_or(0, |row| row.1);
    assert!(ns(Cause::Machine).abs_diff(2_000) < 10, "{:?}", causes(&half));
    assert!((ns(Cause::SmallChunks) + ns(Cause::Tracing)).abs_diff(2_000) < 10, "{:?}", causes(&half));
}

#[test]
fn cores_that_the_collector_took_are_charged_to_recording_where_spans_are_long() {
    let long = account(&recorded(20_000, 8_000, 0));
    assert_eq!(causes(&long), [(Cause::Machine, 72_000), (Cause::Tracing, 8_000)]);
    let names: Vec<_> = blamed(&long, Cause::Tracing).iter().map(|blame| (blame.0.to_owned(), blame.2)).collect();
    // Nine spans: one is `run`.
    assert_eq!(names, [("item".to_owned(), 7_111), ("run".to_owned(), 889)]);
}

#[test]
fn threads_of_heirloom_are_no_cpu_time_outside_of_spans() {
    assert_eq!(account(&recorded(1_000, 3_000, 0)).totals.untraced_ns, Some(0));
}

#[test]
fn a_lane_that_lacks_a_core_between_two_items_is_not_dispatch() {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, 0..400_000);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(400_000));
    kit.fan_mut(fan).blocks = true;
    kit.item(fan, pool[0], "item", 0..400_000);
    kit.item(fan, pool[1], "item", 0..100_000);
    kit.item(fan, pool[1], "item", 300_000..400_000);
    kit.sample(pool[0], 0..400_000, 400_000, 0);
    // Of the gap of 200 us it was ready without a core for three quarters.
    kit.sample(pool[1], 0..400_000, 200_000, 150_000);
    let account = account(&kit.run());
    assert_eq!(causes(&account), [(Cause::Machine, 150_000), (Cause::Dispatch, 50_000)]);
    assert_eq!(blamed(&account, Cause::Machine), [("rayon-1", None, 150_000)]);
}
