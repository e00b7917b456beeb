//! What each lane did over time, in few parts.

use crate::account::moved;
use crate::analysis::Lane;
use crate::graph::{Graph, NodeKind};
use crate::model::Run;

/// Into how many parts a run is divided.
pub(crate) const PARTS: u64 = 64;

/// Fills [`Lane::strip`].
pub(crate) fn add(lanes: &mut [Lane], run: &Run, graph: &Graph) {
    let wall = run.window.end.saturating_sub(run.window.start);
    if wall == 0 {
        return;
    }
    let mut sums = vec![[[0_u64; 2]; PARTS as usize]; lanes.len()];
    let mut add = |lane: u32, start: u64, end: u64, what: usize| {
        let Some(sums) = sums.get_mut(lane as usize) else { return };
        spread(start.saturating_sub(run.window.start), end.saturating_sub(run.window.start), wall, |part, ns| {
            sums[part][what] += ns;
        });
    };
    for node in graph.nodes.iter().filter(|node| node.kind == NodeKind::Part) {
        if let Some(lane) = node.lane() {
            add(lane, node.start, node.start + node.length(), 0);
        }
    }
    for wait in &run.waits {
        add(wait.lane, wait.start, wait.end, 1);
    }
    for fan in &run.fans {
        if let (Some(join), Some(lane)) = (fan.join, moved(run, fan).or(fan.blocks.then_some(fan.lane))) {
            add(lane, fan.begin, join, 1);
        }
    }
    for (lane, sums) in lanes.iter_mut().zip(sums) {
        lane.strip = sums
            .iter()
            .enumerate()
            .map(|(part, [working, blocked])| percents(part as u64, wall, *working, *blocked))
            .collect();
    }
}

/// Work that was stolen while a thread waited counts as work. A wait may be in two rows: in that of the wait, and in that of its fan-out.
fn percents(part: u64, wall: u64, working: u64, blocked: u64) -> [u8; 2] {
    let length = (bound(part + 1, wall) - bound(part, wall)).max(1);
    let percent = |ns: u64| (u128::from(ns) * 100 / u128::from(length)).min(100) as u8;
    let working = percent(working);
    [working, percent(blocked).min(100 - working)]
}

/// Where a part begins.
fn bound(part: u64, wall: u64) -> u64 {
    (u128::from(part) * u128::from(wall) / u128::from(PARTS)) as u64
}

/// Calls `f` with the share of an interval in each part.
fn spread(start: u64, end: u64, wall: u64, mut f: impl FnMut(usize, u64)) {
    let end = end.min(wall);
    let mut part = (u128::from(start) * u128::from(PARTS) / u128::from(wall)) as u64;
    while part < PARTS && bound(part, wall) < end {
        let ns = bound(part + 1, wall).min(end).saturating_sub(bound(part, wall).max(start));
        f(part as usize, ns);
        part += 1;
    }
}
