//! The observed critical path: what had to end before the next step could go on.
#![allow(clippy::unwrap_used)]

use heirloom_insight::account::account;
use heirloom_insight::model::{FanKind, LockKind, StageKind, WaitCause};
use heirloom_insight::testing::Kit;

/// Name, from, to, and why the step before it had to end first.
fn path(kit: Kit) -> Vec<(String, u64, u64, &'static str)> {
    account(&kit.run()).observed_path.into_iter().map(|step| (step.name, step.from, step.to, step.because)).collect()
}

fn owned(steps: &[(&str, u64, u64, &'static str)]) -> Vec<(String, u64, u64, &'static str)> {
    steps.iter().map(|(name, from, to, because)| ((*name).to_owned(), *from, *to, *because)).collect()
}

#[test]
fn it_goes_down_into_children_and_back_to_their_parent() {
    let mut kit = Kit::new();
    let main = kit.lane("main");
    let root = kit.span(main, "run", None, 0..100);
    let load = kit.span(main, "load", Some(root), 10..40);
    kit.span(main, "parse", Some(load), 20..30);
    kit.span(main, "merge", Some(root), 50..90);
    let expected = [
        ("run", 0, 10, "start"),
        ("load", 10, 20, "start"),
        ("parse", 20, 30, "start"),
        ("load", 30, 40, "child"),
        ("run", 40, 50, "child"),
        ("merge", 50, 90, "start"),
        ("run", 90, 100, "child"),
    ];
    assert_eq!(path(kit), owned(&expected));
}

#[test]
fn it_follows_the_last_piece_of_a_fan_out_and_the_jobs_before_it_on_its_lane() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("rayon", 2));
    let root = kit.span(main, "run", None, 0..100);
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 10, Some(90));
    kit.fan_mut(fan).blocks = true;
    kit.item(fan, pool[0], "a", 10..40);
    kit.item(fan, pool[1], "b", 10..60);
    kit.item(fan, pool[0], "c", 42..90);
    let expected = [("run", 0, 10, "start"), ("a", 10, 40, "start"), ("c", 42, 90, "lane"), ("run", 90, 100, "join")];
    assert_eq!(path(kit), owned(&expected));
}

#[test]
fn it_goes_from_a_lock_to_the_span_that_released_it() {
    let mut kit = Kit::new();
    let lanes = kit.pool("rayon", 2);
    let lock = kit.lock(LockKind::Mutex, "cache");
    let holder = kit.span(lanes[0], "fill", None, 0..60);
    let waiter = kit.span(lanes[1], "look up", None, 10..100);
    let wait = kit.wait(WaitCause::Mutex, lanes[1], Some(waiter), 20..50);
    (wait.lock, wait.holder, wait.releaser) = (Some(lock), Some(holder), Some(holder));
    assert_eq!(path(kit), owned(&[("fill", 0, 50, "start"), ("look up", 50, 100, "lock")]));
}

#[test]
fn it_goes_from_an_empty_queue_to_the_sender() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let sender = kit.span(one, "parse", None, 0..70);
    let receiver = kit.span(two, "write", None, 0..100);
    kit.wait(WaitCause::Empty, two, Some(receiver), 5..60).releaser = Some(sender);
    assert_eq!(path(kit), owned(&[("parse", 0, 60, "start"), ("write", 60, 100, "queue")]));
}

#[test]
fn it_goes_from_a_job_to_where_it_was_submitted() {
    let mut kit = Kit::new();
    let (main, pool) = (kit.lane("main"), kit.pool("jobs", 1));
    let root = kit.span(main, "run", None, 0..100);
    let job = kit.span(pool[0], "job", Some(root), 30..90);
    kit.stage(job, StageKind::Submitted, main, 20);
    assert_eq!(path(kit), owned(&[("run", 0, 20, "start"), ("job", 30, 90, "queue"), ("run", 90, 100, "child")]));
}

#[test]
fn it_goes_from_a_root_to_the_job_before_it_on_its_lane() {
    let mut kit = Kit::new();
    let lane = kit.lane("main");
    kit.span(lane, "first", None, 0..40);
    kit.span(lane, "second", None, 50..100);
    assert_eq!(path(kit), owned(&[("first", 0, 40, "start"), ("second", 50, 100, "lane")]));
}

#[test]
fn children_that_are_too_short_to_be_seen_are_part_of_their_parent() {
    let mut kit = Kit::new();
    let lane = kit.lane("main");
    let root = kit.span(lane, "run", None, 0..1_000_000);
    for at in 0..100 {
        kit.span(lane, "tick", Some(root), at * 1000..at * 1000 + 99);
    }
    kit.span(lane, "work", Some(root), 500_000..500_100);
    let expected =
        [("run", 0, 500_000, "start"), ("work", 500_000, 500_100, "start"), ("run", 500_100, 1_000_000, "child")];
    assert_eq!(path(kit), owned(&expected));
}

#[test]
fn spans_that_wait_for_each_other_end_the_walk() {
    let mut kit = Kit::new();
    let (one, two) = (kit.lane("one"), kit.lane("two"));
    let a = kit.span(one, "a", None, 0..100);
    let b = kit.span(two, "b", None, 0..100);
    for at in [10, 30, 50] {
        kit.wait(WaitCause::Mutex, one, Some(a), at..at + 10).releaser = Some(b);
        kit.wait(WaitCause::Mutex, two, Some(b), at..at + 10).releaser = Some(a);
    }
    let path = path(kit);
    assert!(path.windows(2).all(|steps| steps[0].2 <= steps[1].1), "{path:?}");
    assert_eq!(path.iter().map(|step| step.2 - step.1).sum::<u64>(), 100);
}
