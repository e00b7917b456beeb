//! Runs with one planted cause each. Times are in milliseconds.

use heirloom_insight::model::{FanKind, LockKind, Run, WaitCause};
use heirloom_insight::testing::Kit;
use std::ops::Range;

pub(crate) const MS: u64 = 1_000_000;

pub(crate) fn ms(time: Range<u64>) -> Range<u64> {
    time.start * MS..time.end * MS
}

/// 4 lanes of a rayon pool: 8 thumbnails of 100 ms, then `merge index` for 300 ms on main.
pub(crate) fn serial_phase() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 4);
    let root = kit.span(main, "run", None, ms(0..500));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(200 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(0..200));
    for round in 0..2 {
        for lane in &pool {
            kit.item(fan, *lane, "thumbnail", ms(round * 100..(round + 1) * 100));
        }
    }
    kit.span(main, "merge index", Some(root), ms(200..500));
    kit.run()
}

/// 4 lanes: 12 items of 50 ms on three of them, one of 400 ms on the other.
pub(crate) fn straggler() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 4);
    let root = kit.span(main, "run", None, ms(0..400));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(400 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(0..400));
    kit.item(fan, pool[0], "file", ms(0..400));
    for lane in &pool[1..] {
        for at in 0..4 {
            kit.item(fan, *lane, "file", ms(at * 50..(at + 1) * 50));
        }
    }
    kit.run()
}

/// 4 lanes, 8 items: each works for 10 ms, and then holds one lock for 40 ms.
pub(crate) fn long_hold() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 4);
    let lock = kit.lock(LockKind::Mutex, "cache");
    let root = kit.span(main, "run", None, ms(0..330));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(330 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(0..330));
    let mut free = [0; 4];
    let mut held_until = 0;
    let mut before = None;
    for item in 0..8_usize {
        let lane = item % 4;
        let start = free[lane];
        let hold = u64::max(start + 10, held_until);
        let span = kit.item(fan, pool[lane], "update", ms(start..hold + 40));
        if hold > start + 10 {
            let wait = kit.wait(WaitCause::Mutex, pool[lane], Some(span), ms(start + 10..hold));
            (wait.lock, wait.holder, wait.releaser) = (Some(lock), before, before);
        }
        kit.hold(lock, span, ms(hold..hold + 40));
        (free[lane], held_until, before) = (hold + 40, hold + 40, Some(span));
    }
    kit.lock_mut(lock).acquisitions = 8;
    kit.run()
}

/// 2 lanes: two fan-outs under one parent, 2 items of 100 ms each, the second one after the join of the first.
pub(crate) fn two_fan_outs() -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 2);
    let root = kit.span(main, "run", None, ms(0..200));
    for (name, at) in [("read", 0), ("write", 100)] {
        let fan = kit.fan(FanKind::Iterator, Some(root), main, at * MS, Some((at + 100) * MS));
        kit.fan_mut(fan).blocks = true;
        for lane in &pool {
            kit.item(fan, *lane, name, ms(at..at + 100));
        }
    }
    kit.wait(WaitCause::Install, main, Some(root), ms(0..200));
    kit.run()
}

/// 2 lanes of rayon. On lane 0, `a` forks: `left` 50 ms here, `right` 50 ms on lane 1. While it waits at 50 ms, lane 0 takes
/// `unrelated`, which runs for 200 ms. So `a` goes on at 250 ms, with `a tail` of 100 ms, although its join was ready at 60 ms.
pub(crate) fn buried_join() -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 2);
    let root = kit.span(main, "run", None, ms(0..350));
    let jobs = kit.fan(FanKind::Scope, Some(root), main, 0, Some(350 * MS));
    kit.fan_mut(jobs).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(0..350));
    let a = kit.item(jobs, pool[0], "a", ms(0..350));
    let halves = kit.fan(FanKind::Join, Some(a), pool[0], 0, Some(250 * MS));
    kit.item(halves, pool[0], "left", ms(0..50));
    kit.strand(halves, pool[1], ms(0..60));
    kit.item(halves, pool[1], "right", ms(0..60));
    kit.item(jobs, pool[0], "unrelated", ms(50..250));
    kit.span(pool[0], "a tail", Some(a), ms(250..350));
    kit.run()
}

/// A producer makes 4 messages in 100 ms each, a consumer takes 20 ms for each of them.
pub(crate) fn empty_queue() -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let (left, right) = (kit.lane("producer"), kit.lane("consumer"));
    let queue = kit.lock(LockKind::Channel, "pages");
    let produce = kit.span(left, "produce", None, ms(0..400));
    let consume = kit.span(right, "consume", None, ms(0..420));
    for message in 1..=4 {
        let wait = kit.wait(
            WaitCause::Empty,
            right,
            Some(consume),
            ms(if message == 1 { 0 } else { message * 100 - 80 }..message * 100),
        );
        (wait.lock, wait.releaser) = (Some(queue), Some(produce));
    }
    kit.run()
}

/// Nested joins without spans between: four leaves of 100 ms, of which two were stolen.
pub(crate) fn nested_joins() -> Run {
    let mut kit = Kit::new();
    kit.cpus(2.0);
    let pool = kit.pool("rayon", 2);
    let root = kit.span(pool[0], "run", None, ms(0..210));
    let outer = kit.fan(FanKind::Join, Some(root), pool[0], 5 * MS, Some(205 * MS));
    let left = kit.fan(FanKind::Join, Some(root), pool[0], 5 * MS + 1, Some(205 * MS - 1));
    kit.strand(outer, pool[1], ms(5..205));
    let right = kit.fan(FanKind::Join, Some(root), pool[1], 5 * MS, Some(205 * MS));
    for (fan, lane) in [(left, pool[0]), (right, pool[1])] {
        kit.fan_mut(fan).within = Some(outer);
        kit.item(fan, lane, "leaf", 5 * MS + 1..105 * MS);
        kit.item(fan, lane, "leaf", 105 * MS..205 * MS - 1);
    }
    kit.run()
}

/// 4 lanes with 4 items of 100 ms each; three of the lanes start 200 ms late.
pub(crate) fn late_start() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("workers", 4);
    let root = kit.span(main, "run", None, ms(0..600));
    let fan = kit.fan(FanKind::Workers, Some(root), main, 0, Some(600 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Workers, main, Some(root), ms(0..600));
    for item in 0..6 {
        kit.item(fan, pool[0], "job", ms(item * 100..(item + 1) * 100));
    }
    for lane in &pool[1..] {
        for item in 2..6 {
            kit.item(fan, *lane, "job", ms(item * 100..(item + 1) * 100));
        }
    }
    kit.run()
}

/// 4 lanes with 100, 200, 300 and 400 ms of work in one indivisible piece each.
pub(crate) fn imbalance() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 4);
    let root = kit.span(main, "run", None, ms(0..400));
    let fan = kit.fan(FanKind::Broadcast, Some(root), main, 0, Some(400 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(0..400));
    for (lane, share) in pool.iter().zip([100, 200, 300, 400]) {
        kit.item(fan, *lane, "quarter", ms(0..share));
    }
    kit.run()
}

/// 4 lanes, each with 10 items of 100 ms, and a preparation of 10 ms.
pub(crate) fn nothing_to_gain() -> Run {
    let mut kit = Kit::new();
    kit.cpus(4.0);
    let main = kit.lane("main");
    let pool = kit.pool("rayon", 4);
    let root = kit.span(main, "run", None, ms(0..1010));
    kit.span(main, "prepare", Some(root), ms(0..10));
    let fan = kit.fan(FanKind::Iterator, Some(root), main, 10 * MS, Some(1010 * MS));
    kit.fan_mut(fan).blocks = true;
    kit.wait(WaitCause::Install, main, Some(root), ms(10..1010));
    for item in 0..10 {
        for lane in &pool {
            kit.item(fan, *lane, "hash", ms(10 + item * 100..110 + item * 100));
        }
    }
    kit.run()
}

/// A runtime of 2 threads. 8 requests arrive at once. Each renders for 84 ms in one poll, waits 20 ms for I/O, and writes for 1 ms.
pub(crate) fn blocking_poll() -> Run {
    let mut kit = Kit::new();
    kit.cpus(8.0);
    let pool = kit.pool("tokio", 2);
    for request in 0..4 {
        for lane in &pool {
            let (render, write) = (request * 84, 336 + request);
            let span = kit.polled("request", None, &[(*lane, ms(render..render + 84)), (*lane, ms(write..write + 1))]);
            kit.polled("render pdf", Some(span), &[(*lane, ms(render..render + 84))]);
        }
    }
    kit.run()
}
