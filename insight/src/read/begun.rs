//! When holds of locks began whose beginning wasn't recorded.
//!
//! A lock that is free is taken without a reading of the clock. If another thread begins to wait for it then, the hold is recorded
//! from that time on (`sync/watch.rs` of `heirloom-pool`). So a hold whose record begins with a wait began earlier. It is taken to
//! be as long as the mean of those of its lock that were recorded whole, but it began no sooner than the lock was released before,
//! and no sooner than the span that held it. Without this, a lock that is nearly always held looks as if it were free between two
//! holds.

use crate::model::{Hold, LaneIx, Run};
use std::collections::{HashMap, HashSet};

/// Gives such holds their beginning. The tables are sorted by start; those of holds are again.
pub(super) fn extend(run: &mut Run) {
    let waits = || run.waits.iter().filter_map(|wait| Some((wait.lock?, wait)));
    let awaited: HashSet<(u32, u64)> = waits().map(|(lock, wait)| (lock, wait.start)).collect();
    let woken: HashSet<(u32, LaneIx, u64)> = waits().map(|(lock, wait)| (lock, wait.lane, wait.end)).collect();
    let is_cut = |hold: &Hold| {
        awaited.contains(&(hold.lock, hold.start)) && !woken.contains(&(hold.lock, hold.lane, hold.start))
    };
    let means = means(run, &is_cut);
    let mut released: HashMap<u32, u64> = HashMap::new();
    let mut changed = Vec::new();
    for (at, hold) in run.holds.iter().enumerate() {
        let last = released.entry(hold.lock).or_insert(run.window.start);
        if let Some(mean) = means.get(&hold.lock).filter(|_| is_cut(hold)) {
            let start = hold.end.saturating_sub(*mean).max(*last).max(from(run, hold));
            changed.extend((start < hold.start).then_some((at, start)));
        }
        *last = hold.end.max(*last);
    }
    for (at, start) in changed.iter().copied() {
        run.holds[at].start = start;
    }
    run.holds.sort_by_key(|hold| (hold.start, hold.lane));
}

/// The span that held it began then: a guard that came from outside of it is rare.
fn from(run: &Run, hold: &Hold) -> u64 {
    hold.span.map_or(0, |span| run.spans[span as usize].start).min(hold.start)
}

/// The mean length of the holds of each lock that were recorded whole and for which others waited.
fn means(run: &Run, is_cut: &impl Fn(&Hold) -> bool) -> HashMap<u32, u64> {
    let mut sums: HashMap<u32, (u64, u64)> = HashMap::new();
    for hold in run.holds.iter().filter(|hold| !is_cut(hold)) {
        let (ns, count) = sums.entry(hold.lock).or_default();
        (*ns, *count) = (ns.saturating_add(hold.end.saturating_sub(hold.start)), *count + 1);
    }
    sums.into_iter().map(|(lock, (ns, count))| (lock, ns / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LockKind, WaitCause};
    use crate::testing::Kit;

    /// Two threads with one lock. The second one waits from 50 to 60; the first one is recorded as holding it from then on, and
    /// from 110 to 140.
    fn cut(before: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut kit = Kit::new();
        let (one, two) = (kit.lane("one"), kit.lane("two"));
        let lock = kit.lock(LockKind::Mutex, "counts");
        let span = kit.span(one, "count", None, 5..200);
        let waits = kit.span(two, "count", None, 0..200);
        before.iter().for_each(|(start, end)| kit.hold(lock, waits, *start..*end));
        kit.wait(WaitCause::Mutex, two, Some(waits), 50..60).lock = Some(lock);
        kit.hold(lock, span, 50..60);
        kit.hold(lock, span, 110..140);
        let mut run = kit.run();
        extend(&mut run);
        run.holds.iter().map(|hold| (hold.start, hold.end)).collect()
    }

    #[test]
    fn a_hold_that_began_before_anything_waited_is_as_long_as_those_that_were_recorded_whole() {
        assert_eq!(cut(&[]), [(30, 60), (110, 140)]);
    }

    #[test]
    fn it_begins_when_the_lock_was_released_at_the_earliest_and_after_its_span_began() {
        assert_eq!(cut(&[(10, 40)]), [(10, 40), (40, 60), (110, 140)]);
        assert_eq!(cut(&[(0, 4), (61, 200)])[1].0, 5, "the mean is 57 ns");
    }

    #[test]
    fn a_hold_that_begins_with_the_end_of_a_wait_is_whole() {
        let mut kit = Kit::new();
        let (one, two) = (kit.lane("one"), kit.lane("two"));
        let lock = kit.lock(LockKind::Mutex, "counts");
        let (a, b) = (kit.span(one, "a", None, 0..200), kit.span(two, "b", None, 0..200));
        kit.wait(WaitCause::Mutex, one, Some(a), 10..50).lock = Some(lock);
        kit.wait(WaitCause::Mutex, two, Some(b), 50..60).lock = Some(lock);
        kit.hold(lock, a, 50..60);
        kit.hold(lock, b, 60..190);
        let mut run = kit.run();
        let before = run.holds.clone();
        extend(&mut run);
        assert_eq!(run.holds, before);
    }
}
