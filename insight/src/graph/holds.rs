//! Which nodes ran while a lock was held.

use super::{Held, Node, NodeIx, NodeKind};
use crate::model::{Hold, LockKind, Run};
use std::collections::BTreeMap;

/// The holds that exclude each other, by their first node.
pub(super) fn held(run: &Run, nodes: &[Node]) -> Vec<Held> {
    let exclusive = exclusive(run);
    if exclusive.is_empty() {
        return Vec::new();
    }
    let parts = parts_by_lane(run, nodes);
    let mut held: Vec<Held> =
        exclusive.iter().filter_map(|hold| one(hold, nodes, &parts[hold.lane as usize])).collect();
    held.sort_unstable_by_key(|held| (held.first, held.last, held.lock));
    held.dedup();
    held
}

/// Holds of mutexes, and those of locks for reading and writing that overlapped no other: a writer's, or a lone reader's.
fn exclusive(run: &Run) -> Vec<Hold> {
    let mut by_lock: BTreeMap<u32, Vec<Hold>> = BTreeMap::new();
    for hold in run.holds.iter().filter(|hold| hold.start < hold.end && (hold.lane as usize) < run.lanes.len()) {
        by_lock.entry(hold.lock).or_default().push(*hold);
    }
    let mut all = Vec::new();
    for (lock, mut holds) in by_lock {
        match run.locks.get(lock as usize).map(|lock| lock.kind) {
            Some(LockKind::Mutex) => all.append(&mut holds),
            Some(LockKind::RwLock) => all.append(&mut lone(holds)),
            _ => {}
        }
    }
    all
}

/// The holds that overlap no other one.
fn lone(mut holds: Vec<Hold>) -> Vec<Hold> {
    holds.sort_unstable_by_key(|hold| (hold.start, hold.end));
    let mut latest = 0;
    let mut lone = Vec::new();
    for (ix, hold) in holds.iter().enumerate() {
        let next = holds.get(ix + 1).map_or(u64::MAX, |next| next.start);
        if hold.start >= latest && hold.end <= next {
            lone.push(*hold);
        }
        latest = latest.max(hold.end);
    }
    lone
}

fn parts_by_lane(run: &Run, nodes: &[Node]) -> Vec<Vec<(u64, NodeIx)>> {
    let mut parts = vec![Vec::new(); run.lanes.len()];
    for (ix, node) in (0..).zip(nodes).filter(|(_, node)| node.kind == NodeKind::Part) {
        if let Some(lane) = node.lane() {
            parts[lane as usize].push((node.start, ix));
        }
    }
    for lane in &mut parts {
        lane.sort_unstable();
    }
    parts
}

/// The parts of a hold that follow each other in one job, up to where that waits for another.
fn one(hold: &Hold, nodes: &[Node], parts: &[(u64, NodeIx)]) -> Option<Held> {
    let (start, first) = *parts.get(parts.partition_point(|(start, _)| *start < hold.start))?;
    if start >= hold.end {
        return None;
    }
    let job = nodes[first as usize].job;
    let inside = |node: &Node| node.job == job && node.start < hold.end;
    let runs_on = |node: &Node| matches!(node.kind, NodeKind::Part | NodeKind::Fork | NodeKind::Spawn | NodeKind::Sent);
    let mut last = first;
    for (ix, node) in (first..).zip(&nodes[first as usize..]).take_while(|(_, node)| inside(node) && runs_on(node)) {
        if node.kind == NodeKind::Part {
            last = ix;
        }
    }
    Some(Held { lock: hold.lock, first, last })
}
