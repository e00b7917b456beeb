//! Runs with known answers: each cause of lost time, to the nanosecond.
#![allow(clippy::unwrap_used)]

#[path = "support/figures.rs"]
mod figures;

use figures::{blamed, causes, sums};
use heirloom_insight::account::account;
use heirloom_insight::analysis::Cause;
use heirloom_insight::model::{FanKind, LockKind, StageKind, WaitCause};
use heirloom_insight::testing::Kit;

/// A microsecond.
const US: u64 = 1_000;

#[test]
fn a_serial_phase_is_charged_to_the_span_that_runs_alone() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 4));
    let root = kit.span(main, "run", None, 0..100 * US);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 20 * US, Some(60 * US));
    kit.fan_mut(fan).blocks = true;
    for lane in &pool {
        kit.item(fan, *lane, "page", 20 * US..60 * US);
    }
    kit.span(main, "merge", Some(root), 60 * US..100 * US);
    let account = account(&kit.run());
    // Five threads before and after the fan-out; four in it, since `main` is blocked.
    assert_eq!(sums(&account), (460 * US, 220 * US, 240 * US));
    assert_eq!(causes(&account), [(Cause::Serial, 240 * US)]);
    assert_eq!(blamed(&account, Cause::Serial), [("merge", None, 160 * US), ("run", None, 80 * US)]);
    let main = &account.lanes[0];
    assert_eq!((main.working_ns, main.join_ns, main.idle_ns), (60 * US, 40 * US, 0));
}

#[test]
fn a_straggler_is_the_last_piece_of_a_fan_out() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(100));
    kit.fan_mut(fan).blocks = true;
    let long = kit.item(fan, pool[0], "page", 0..100);
    kit.item(fan, pool[1], "page", 0..30);
    kit.span(pool[0], "decode", Some(long), 50..100);
    let account = account(&kit.run());
    assert_eq!(sums(&account), (200, 130, 70));
    assert_eq!(causes(&account), [(Cause::Straggler, 70)]);
    assert_eq!(blamed(&account, Cause::Straggler), [("decode", None, 50), ("page", None, 20)]);
}

#[test]
fn what_several_spans_hold_up_is_shared_in_equal_parts_and_adds_up() {
    let mut kit = Kit::new();
    let lanes: Vec<u32> = (0..4).map(|at| kit.lane(&format!("t{at}"))).collect();
    for (lane, name) in lanes.iter().zip(["a", "b", "c", "d"]) {
        kit.span(*lane, name, None, 0..if name == "d" { 10 } else { 20 });
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (80, 70, 10));
    // A third of ten each: the remainder goes to one of them.
    assert_eq!(blamed(&account, Cause::Serial), [("a", None, 4), ("b", None, 3), ("c", None, 3)]);
}

#[test]
fn waiting_for_a_lock_is_charged_to_its_holder() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let lock = kit.lock(LockKind::Mutex, "cache");
    let holder = kit.span(one, "fill", None, 0..100);
    let waiter = kit.span(two, "look up", None, 0..100);
    let wait = kit.wait(WaitCause::Mutex, two, Some(waiter), 10..80);
    (wait.lock, wait.holder, wait.releaser) = (Some(lock), Some(holder), Some(holder));
    let account = account(&kit.run());
    assert_eq!(sums(&account), (200, 130, 70));
    assert_eq!(causes(&account), [(Cause::Lock, 70)]);
    assert_eq!(blamed(&account, Cause::Lock), [("fill", Some("cache"), 70)]);
    let (lane, lock) = (&account.lanes[1], &account.locks[0]);
    assert_eq!((lane.working_ns, lane.lock_ns), (30, 70));
    assert_eq!((lock.waits, lock.wait_ns, lock.max_wait_ns), (1, 70, 70));
    assert_eq!(lock.holders, [("fill".to_owned(), 70)]);
}

#[test]
fn a_holder_that_waits_for_another_lock_passes_the_blame_on() {
    let mut kit = Kit::new();
    let lanes: Vec<u32> = (0..3).map(|at| kit.lane(&format!("t{at}"))).collect();
    let (outer, inner) = (kit.lock(LockKind::Mutex, "outer"), kit.lock(LockKind::Mutex, "inner"));
    let first = kit.span(lanes[0], "first", None, 0..100);
    let middle = kit.span(lanes[1], "middle", None, 0..100);
    let last = kit.span(lanes[2], "last", None, 0..100);
    let wait = kit.wait(WaitCause::Mutex, lanes[0], Some(first), 10..90);
    (wait.lock, wait.holder) = (Some(outer), Some(middle));
    let wait = kit.wait(WaitCause::Mutex, lanes[1], Some(middle), 20..60);
    (wait.lock, wait.holder) = (Some(inner), Some(last));
    let account = account(&kit.run());
    // `first` waits 40 while `middle` works, and 40 while `middle` waits itself.
    let expected = [("last", Some("inner"), 40), ("last", Some("outer"), 40), ("middle", Some("outer"), 40)];
    assert_eq!(blamed(&account, Cause::Lock), expected);
    assert_eq!(sums(&account), (300, 180, 120));
}

#[test]
fn blame_is_passed_on_eight_times_and_stays_with_the_holder_of_the_ninth_lock() {
    let mut kit = Kit::new();
    let lanes: Vec<u32> = (0..=11).map(|at| kit.lane(&format!("t{at}"))).collect();
    let spans: Vec<u32> = lanes.iter().map(|lane| kit.span(*lane, &format!("span {lane}"), None, 0..100)).collect();
    // Span 0 waits for lock 1, which span 1 holds, which waits for lock 2, and so on. Span 11 waits for nothing.
    for at in 0..11 {
        let lock = kit.lock(LockKind::Mutex, &format!("lock {}", at + 1));
        let wait = kit.wait(WaitCause::Mutex, lanes[at], Some(spans[at]), 10..90);
        (wait.lock, wait.holder) = (Some(lock), Some(spans[at + 1]));
    }
    let account = account(&kit.run());
    let blamed = blamed(&account, Cause::Lock);
    let of = |lock: &str| blamed.iter().filter(|row| row.1 == Some(lock)).map(|row| (row.0, row.2)).collect::<Vec<_>>();
    assert_eq!(of("lock 1"), [("span 9", 80)], "the holder of the ninth lock, though it waits for the tenth");
    assert_eq!(of("lock 2"), [("span 10", 80)]);
    assert_eq!(of("lock 3"), [("span 11", 80)], "nine locks: their last holder works");
    assert_eq!(of("lock 11"), [("span 11", 80)]);
}

#[test]
fn a_lock_that_is_handed_on_charges_each_holder_for_its_own_time() {
    let mut kit = Kit::new();
    let lanes: Vec<u32> = (0..3).map(|at| kit.lane(&format!("t{at}"))).collect();
    let lock = kit.lock(LockKind::Mutex, "log");
    let a = kit.span(lanes[0], "a", None, 0..100);
    let b = kit.span(lanes[1], "b", None, 0..100);
    let c = kit.span(lanes[2], "c", None, 0..100);
    for (lane, span, end) in [(lanes[1], b, 40), (lanes[2], c, 70)] {
        let wait = kit.wait(WaitCause::Mutex, lane, Some(span), 0..end);
        (wait.lock, wait.holder) = (Some(lock), Some(a));
    }
    let account = account(&kit.run());
    // `a` holds it until 40 while two wait, then `b` until 70 while one does.
    assert_eq!(blamed(&account, Cause::Lock), [("a", Some("log"), 80), ("b", Some("log"), 30)]);
}

#[test]
fn threads_without_work_are_charged_to_the_lock_that_the_others_wait_for() {
    let mut kit = Kit::new();
    let lanes: Vec<u32> = (0..3).map(|at| kit.lane(&format!("t{at}"))).collect();
    let lock = kit.lock(LockKind::Mutex, "log");
    let a = kit.span(lanes[0], "a", None, 0..100);
    let b = kit.span(lanes[1], "b", None, 0..100);
    kit.span(lanes[2], "c", None, 0..40);
    let wait = kit.wait(WaitCause::Mutex, lanes[1], Some(b), 40..100);
    (wait.lock, wait.holder) = (Some(lock), Some(a));
    let account = account(&kit.run());
    // From 40 on, the idle thread is charged to `a`: half of it as a running span, half of it as the holder.
    assert_eq!(causes(&account), [(Cause::Lock, 90), (Cause::Serial, 30)]);
}

#[test]
fn an_empty_queue_is_charged_to_the_sender_and_a_full_one_to_the_receiver() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let channel = kit.lock(LockKind::Channel, "jobs");
    let parse = kit.span(one, "parse", None, 0..100);
    let write = kit.span(two, "write", None, 0..100);
    let wait = kit.wait(WaitCause::Empty, two, Some(write), 0..30);
    (wait.lock, wait.releaser) = (Some(channel), Some(parse));
    let wait = kit.wait(WaitCause::Full, one, Some(parse), 50..70);
    (wait.lock, wait.releaser) = (Some(channel), Some(write));
    let account = account(&kit.run());
    assert_eq!(causes(&account), [(Cause::EmptyQueue, 30), (Cause::FullQueue, 20)]);
    assert_eq!(blamed(&account, Cause::EmptyQueue), [("parse", Some("jobs"), 30)]);
    assert_eq!(blamed(&account, Cause::FullQueue), [("write", Some("jobs"), 20)]);
    assert_eq!((account.lanes[0].queue_ns, account.lanes[1].queue_ns), (20, 30));
}

#[test]
fn an_idle_thread_beside_ready_work_is_dispatch_and_a_short_gap_is_small_chunks() {
    let run = |gap: u64| {
        let mut kit = Kit::new();
        let pool = kit.pool("rayon", 2);
        let fan = kit.fan(FanKind::Iterator, None, pool[0], 0, None);
        kit.fan_mut(fan).blocks = true;
        kit.fan_mut(fan).lane = kit.lane("main");
        kit.item(fan, pool[0], "page", 0..100 * US);
        kit.item(fan, pool[1], "page", 0..50 * US - gap);
        kit.item(fan, pool[1], "page", 50 * US..100 * US);
        account(&kit.run())
    };
    // The mean item takes 50 to 66 us.
    assert_eq!(causes(&run(US)), [(Cause::SmallChunks, US)]);
    assert_eq!(causes(&run(45 * US)), [(Cause::SmallChunks, 45 * US)]);
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    let main = kit.lane("main");
    let fan = kit.fan(FanKind::Iterator, None, main, 0, None);
    kit.fan_mut(fan).blocks = true;
    for at in 0..10 {
        kit.item(fan, pool[0], "page", at * 20 * US..(at + 1) * 20 * US);
    }
    kit.item(fan, pool[1], "page", 0..20 * US);
    kit.item(fan, pool[1], "page", 150 * US..200 * US);
    let dispatch = account(&kit.run());
    assert_eq!(causes(&dispatch), [(Cause::Dispatch, 130 * US)]);
    assert_eq!(blamed(&dispatch, Cause::Dispatch), [("page", None, 130 * US)]);
}

#[test]
fn a_thread_that_begins_late_beside_ready_work_is_start_up() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let fan = kit.fan(FanKind::Iterator, None, main, 0, Some(100 * US));
    kit.fan_mut(fan).blocks = true;
    kit.item(fan, pool[0], "page", 0..100 * US);
    kit.item(fan, pool[1], "page", 40 * US..100 * US);
    let account = account(&kit.run());
    assert_eq!(causes(&account), [(Cause::StartUp, 40 * US)]);
}

#[test]
fn processes_that_are_waited_for_before_they_begin_are_start_up() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, 0..100);
    kit.wait(WaitCause::Workers, main, Some(root), 0..100);
    for pid in [2, 3] {
        kit.process(pid, "worker");
        let lane = kit.lane("main");
        kit.span(lane, "job", Some(root), 40..100);
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (200, 120, 80));
    assert_eq!(causes(&account), [(Cause::StartUp, 80)]);
}

#[test]
fn threads_of_a_scope_are_as_many_as_ran_at_once_before_and_after_it_too() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, 0..100);
    kit.wait(WaitCause::Scope, main, Some(root), 20..80);
    for at in 0..3 {
        let lane = kit.lane(&format!("t{at}"));
        kit.span(lane, "part", Some(root), 20..if at == 0 { 80 } else { 50 });
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (300, 160, 140));
    assert_eq!(blamed(&account, Cause::Serial), [("run", None, 80), ("part", None, 60)]);
}

#[test]
fn a_join_that_is_ready_while_its_thread_does_stolen_work_is_buried() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    let root = kit.span(pool[0], "root", None, 0..100);
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 0, Some(90));
    kit.item(fan, pool[0], "item", 0..20);
    kit.item(fan, pool[1], "item", 0..30);
    kit.span(pool[0], "stolen", None, 20..90);
    let account = account(&kit.run());
    assert_eq!(sums(&account), (200, 130, 70));
    assert_eq!(causes(&account), [(Cause::BuriedJoin, 60), (Cause::Serial, 10)]);
    assert_eq!(blamed(&account, Cause::BuriedJoin), [("stolen", None, 60)]);
}

#[test]
fn a_ready_job_beside_a_long_poll_is_charged_to_the_poll() {
    const MS: u64 = 1_000_000;
    let mut kit = Kit::new();
    let pool = kit.pool("tokio", 2);
    kit.polled("render pdf", None, &[(pool[0], 0..50 * MS)]);
    kit.polled("first", None, &[(pool[1], 0..10 * US)]);
    let job = kit.polled("second", None, &[(pool[1], 40 * MS..50 * MS - US)]);
    kit.stage(job, StageKind::Submitted, pool[0], 10 * US);
    let account = account(&kit.run());
    assert_eq!(blamed(&account, Cause::BlockedExecutor), [("render pdf", None, 40 * MS - 10 * US)]);
    let task = |name: &str| account.tasks.iter().find(|task| task.name == name).unwrap().clone();
    assert_eq!((task("render pdf").long_polls, task("render pdf").max_poll_ns), (1, 50 * MS));
    assert_eq!((task("second").ready_ns, task("second").busy_ns), (40 * MS - 10 * US, 10 * MS - US));
}

#[test]
fn time_ready_without_a_core_is_charged_to_the_machine() {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let lanes = [kit.lane("one"), kit.lane("two")];
    for lane in lanes {
        kit.span(lane, "hash", None, 0..1024);
        kit.sample(lane, 0..1024, 512, 512);
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (2048, 1024, 1024));
    assert_eq!(causes(&account), [(Cause::Machine, 1024)]);
    assert_eq!(blamed(&account, Cause::Machine), [("hash", None, 1024)]);
    assert_eq!((account.lanes[0].cpu_ns, account.lanes[0].run_queue_ns), (Some(512), Some(512)));
}

#[test]
fn more_threads_than_cores_lose_nothing_while_the_cores_are_busy() {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    for at in 0..4 {
        let lane = kit.lane(&format!("t{at}"));
        kit.span(lane, "hash", None, 0..1024);
        kit.sample(lane, 0..1024, 512, 512);
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (2048, 2048, 0));
}

#[test]
fn threads_that_sleep_in_spans_need_no_cores() {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    for at in 0..8 {
        let lane = kit.lane(&format!("t{at}"));
        let length = if at == 0 { 2048 } else { 1024 };
        kit.span(lane, "sleep", None, 0..length);
        kit.sample(lane, 0..2048, 0, 0);
    }
    let account = account(&kit.run());
    assert_eq!(sums(&account), (8 * 2048, 9 * 1024, 7 * 1024));
    assert_eq!(causes(&account), [(Cause::Serial, 7 * 1024)]);
}

#[test]
fn cpu_time_outside_of_spans_is_untraced() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("main"), kit.lane("worker"));
    kit.span(one, "run", None, 0..2048);
    kit.span(two, "first", None, 0..512);
    kit.span(two, "second", None, 1536..2048);
    kit.sample(two, 0..2048, 1536, 0);
    let account = account(&kit.run());
    // Of the 1024 outside of spans, 512 were spent on a CPU.
    assert_eq!(causes(&account), [(Cause::Serial, 512), (Cause::Untraced, 512)]);
    assert_eq!(blamed(&account, Cause::Untraced), [("worker", None, 512)]);
    assert_eq!(account.totals.untraced_ns, Some(512));
}

#[test]
fn time_in_spans_that_no_sample_covers_is_not_untraced() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("main"), kit.lane("came and went"));
    kit.span(one, "run", None, 0..1000);
    kit.span(two, "job", None, 100..900);
    kit.sample(one, 0..500, 500, 0);
    kit.load(0..1000, 1900, 0);
    // 500 ns were sampled in spans, 1,300 ns of spans weren't sampled.
    assert_eq!(account(&kit.run()).totals.untraced_ns, Some(100));
}

#[test]
fn what_recording_cost_is_subtracted_from_the_work_and_shown() {
    let mut kit = Kit::new();
    let lane = kit.lane("main");
    kit.span(lane, "run", None, 0..1000);
    kit.load(0..1000, 1000, 300).recording_ns = 50;
    let account = account(&kit.run());
    assert_eq!(sums(&account), (1000, 950, 50));
    assert_eq!(causes(&account), [(Cause::Tracing, 50)]);
    assert_eq!((account.totals.tracing_ns, account.totals.others_ns), (50, Some(300)));
}

#[test]
fn page_faults_are_those_of_all_samples_of_all_processes() {
    let faults = |loads: &[(u32, u64)]| {
        let mut kit = Kit::new();
        let lane = kit.lane("main");
        kit.span(lane, "run", None, 0..1000);
        kit.process(2, "child");
        for (process, page_faults) in loads {
            let load = kit.load(0..1000, 0, 0);
            (load.process, load.page_faults) = (*process, *page_faults);
        }
        account(&kit.run()).totals.page_faults
    };
    assert_eq!(faults(&[]), None, "nothing was sampled");
    assert_eq!(faults(&[(0, 0)]), Some(0));
    assert_eq!(faults(&[(0, 3), (0, 4), (1, 50)]), Some(57));
    assert_eq!(faults(&[(0, u64::MAX), (0, 1)]), Some(u64::MAX));
}

#[test]
fn nothing_runs_and_nothing_is_waited_for_is_unexplained() {
    let mut kit = Kit::new();
    let lane = kit.lane("main");
    kit.span(lane, "first", None, 0..40);
    kit.span(lane, "second", None, 60..100);
    assert_eq!(causes(&account(&kit.run())), [(Cause::Unexplained, 20)]);
}

#[test]
fn a_stolen_span_has_its_own_time_and_not_its_hosts() {
    let mut kit = Kit::new();
    let lane = kit.lane("main");
    kit.span(lane, "host", None, 0..100);
    kit.span(lane, "stolen", None, 20..50);
    let account = account(&kit.run());
    let own = |name: &str| account.names.iter().find(|row| row.name == name).unwrap().own_ns;
    assert_eq!((own("host"), own("stolen"), account.totals.work_ns), (70, 30, 100));
}

#[test]
fn an_asynchronous_span_works_only_while_it_is_polled() {
    let mut kit = Kit::new();
    let lanes = kit.pool("tokio", 2);
    kit.polled("request", None, &[(lanes[0], 0..10), (lanes[1], 60..80)]);
    kit.span(lanes[0], "other", None, 50..100);
    let account = account(&kit.run());
    let request = &account.tasks[0];
    assert_eq!((request.busy_ns, request.idle_ns, request.polls), (30, 50, 2));
    assert_eq!(account.totals.work_ns, 80);
}

#[test]
fn a_strand_without_a_span_is_work_of_the_span_above_its_fan_out() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    let root = kit.span(pool[0], "sort", None, 0..100);
    let fan = kit.fan(FanKind::Join, Some(root), pool[0], 0, Some(100));
    kit.strand(fan, pool[1], 10..60);
    let account = account(&kit.run());
    assert_eq!((account.own_ns[0], account.totals.work_ns, account.lanes[1].working_ns), (150, 150, 50));
}

#[test]
fn a_thread_in_a_fan_out_that_finds_nothing_to_do_waits_for_the_join() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    let root = kit.span(pool[0], "root", None, 0..100);
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 0, Some(80));
    kit.item(fan, pool[0], "item", 0..30);
    kit.item(fan, pool[1], "item", 0..80);
    let account = account(&kit.run());
    assert_eq!((account.lanes[0].working_ns, account.lanes[0].join_ns), (50, 50));
    assert_eq!(causes(&account), [(Cause::Straggler, 50), (Cause::Serial, 20)]);
}

#[test]
fn a_thread_that_hands_a_fan_out_to_a_pool_is_taken_to_wait_and_that_is_said() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Iterator, Some(root), pool[0], 10, Some(90));
    kit.item(fan, pool[0], "item", 10..90);
    kit.item(fan, pool[1], "item", 10..50);
    let account = account(&kit.run());
    assert_eq!((account.lanes[0].working_ns, account.lanes[0].join_ns), (20, 80));
    assert_eq!(blamed(&account, Cause::Straggler), [("item", None, 40)]);
    let text = "1 fan-out began on another thread than the span above. That span's thread is assumed to have waited.";
    assert_eq!(account.notes.iter().map(|note| &*note.text).collect::<Vec<_>>(), [text]);
}

#[test]
fn unknown_lanes_have_no_lost_time_and_a_path() {
    let mut kit = Kit::new();
    let lane = kit.lane("?");
    let root = kit.span(lane, "run", None, 0..100);
    kit.span(lane, "load", Some(root), 10..90);
    let mut run = kit.run();
    run.lanes[0].thread_id = 0;
    let account = account(&run);
    assert_eq!(sums(&account), (0, 0, 0));
    assert_eq!(account.lost, []);
    assert_eq!(account.observed_path.len(), 3);
}

#[test]
fn utilisation_is_the_average_of_each_part_of_the_run() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    kit.span(one, "a", None, 0..800);
    kit.span(two, "b", None, 0..401);
    let account = account(&kit.run());
    let parts = &account.utilisation;
    assert_eq!(parts.len(), 400);
    assert_eq!((parts[0].working, parts[200].working, parts[201].working), (2.0, 1.5, 1.0));
    assert!(parts.iter().all(|part| part.capacity == 2.0));
}

#[test]
fn inflation_compares_spans_alone_with_spans_beside_others() {
    let mut kit = Kit::new();
    let pool = kit.pool("rayon", 2);
    for at in 0..3 {
        kit.span(pool[0], "hash", None, at * 100..at * 100 + 100);
    }
    for at in 0..3 {
        for lane in &pool {
            kit.span(*lane, "hash", None, 300 + at * 250..550 + at * 250);
        }
    }
    let account = account(&kit.run());
    assert_eq!(account.names[0].by_busy, [(1, 100), (2, 250)]);
    assert_eq!(account.names[0].inflation, Some(2.5));
}
