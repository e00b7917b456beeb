//! A lock that takes longer from one thread to the next than it is held: what a prediction without it must leave out.

use heirloom_insight::analysis::{Analysis, Cause, Change as Tried};
use heirloom_insight::graph::Graph;
use heirloom_insight::model::{LockKind, Run, WaitCause};
use heirloom_insight::simulate::{Base, Change, MOST_NODES};
use heirloom_insight::testing::Kit;
use heirloom_insight::{analyse, Options};

const US: u64 = 1_000;
/// For each word a thread works for so long, then holds the lock for so long.
const OWN: u64 = 10 * US;
const HELD: u64 = 20 * US;
const WORDS: u64 = 100;

/// Two threads with one lock. Each `turn` is a thread, how many words it counts in a row, and how long it takes until it has the
/// lock, while the other thread waits.
fn convoy(turns: &[(usize, u64)], hand_off: u64) -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let lanes = [kit.lane("one"), kit.lane("two")];
    let lock = kit.lock(LockKind::Mutex, "counts");
    let spans = lanes.map(|lane| kit.span(lane, "count", None, 0..0));
    let mut free = OWN;
    let mut waits_from = [0, OWN];
    for (at, (thread, words)) in turns.iter().copied().enumerate() {
        if at > 0 {
            free += hand_off;
            let wait = kit.wait(WaitCause::Mutex, lanes[thread], Some(spans[thread]), waits_from[thread]..free);
            (wait.lock, wait.holder, wait.releaser) = (Some(lock), Some(spans[1 - thread]), Some(spans[1 - thread]));
        }
        for word in 0..words {
            kit.hold(lock, spans[thread], free..free + HELD);
            free += HELD + if word + 1 < words { OWN } else { 0 };
        }
        kit.span_mut(spans[thread]).end = free;
        waits_from[thread] = free + OWN;
    }
    kit.run()
}

fn simulated(run: &Run) -> (u64, u64) {
    let graph = Graph::new(run);
    let base = Base::new(run, &graph, MOST_NODES);
    (base.simulated(), base.predict(Change::WithoutLock(0)).ns)
}

fn close(what: &str, ns: u64, expected: u64) {
    assert!(ns.abs_diff(expected) <= expected / 50, "{what}: {ns} instead of {expected}");
}

#[test]
fn without_a_lock_its_hand_offs_are_gone_too() {
    // A thread that sleeps takes 15 us to wake up, more than the other one works meanwhile. 35 us for each word, one after the
    // other: 30 us on two lanes without.
    let turns: Vec<_> = (0..2 * WORDS).map(|turn| (turn as usize % 2, 1)).collect();
    let run = convoy(&turns, 15 * US);
    let (before, after) = simulated(&run);
    close("the run", before, 2 * WORDS * 35 * US);
    close("without the lock", after, WORDS * (OWN + HELD));
}

#[test]
fn a_thread_that_takes_its_lock_again_and_again_while_another_one_waits_keeps_that_from_its_own_work() {
    // Ten words in a row: the lock is free for 10 us behind each, and the other thread doesn't get it.
    let turns: Vec<_> = (0..2 * WORDS / 10).map(|turn| (turn as usize % 2, 10)).collect();
    let run = convoy(&turns, OWN);
    let (before, after) = simulated(&run);
    close("the run", before, 2 * WORDS * (OWN + HELD));
    close("without the lock", after, WORDS * (OWN + HELD));
}

#[test]
fn a_lock_that_is_free_at_once_adds_nothing() {
    let turns: Vec<_> = (0..2 * WORDS).map(|turn| (turn as usize % 2, 1)).collect();
    let run = convoy(&turns, 0);
    assert_eq!(Graph::new(&run).hand_offs, [0]);
    assert_eq!(simulated(&run).0, run.window.end - run.window.start);
}

#[test]
fn the_bounds_hold_for_schedules_with_hand_offs() {
    let turns: Vec<_> = (0..2 * WORDS).map(|turn| (turn as usize % 2, 1)).collect();
    let run = convoy(&turns, 15 * US);
    let analysis: Analysis = analyse(&run, &Options::default());
    let lock = analysis.what_ifs.iter().find(|row| matches!(row.change, Tried::WithoutLock { .. })).expect("a what-if");
    assert!((lock.lower_ns..=lock.upper_ns).contains(&lock.ns), "{lock:?}");
    assert_eq!(analysis.findings[0].cause, Cause::Lock, "{:#?}", analysis.findings);
    assert!(analysis.findings[0].gain > 0.5, "{:#?}", analysis.findings[0]);
}
