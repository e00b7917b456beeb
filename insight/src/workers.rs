//! Which lanes are worker processes.

use crate::model::{FanKind, Lane, PoolPlace, Run, StageKind};
use std::collections::HashSet;

/// Whether each lane is the thread of a worker process: it ran a job that was sent to it, or a piece of a map over such jobs, or it
/// has its place in the pool of one that did.
pub(crate) fn lanes(run: &Run) -> Vec<bool> {
    let ran = ran(run);
    let pools: HashSet<_> =
        run.lanes.iter().zip(&ran).filter(|(_, ran)| **ran).filter_map(|(row, _)| pool(row)).collect();
    run.lanes.iter().zip(ran).map(|(row, ran)| ran || pool(row).is_some_and(|pool| pools.contains(&pool))).collect()
}

/// A pool has the same id in each of its processes, and its id is random.
fn pool(lane: &Lane) -> Option<(u64, &str)> {
    lane.pool.as_ref().map(|PoolPlace { pool, name, .. }| (*pool, &**name))
}

fn ran(run: &Run) -> Vec<bool> {
    // Without such a map no span needs to be looked at.
    let maps = run.fans.iter().any(|fan| fan.kind == FanKind::Workers);
    let is_worker = |fan: u32| run.fans[fan as usize].kind == FanKind::Workers;
    let spans = if maps { &*run.spans } else { &[] };
    let pieces = spans.iter().filter(|span| span.fan().is_some_and(is_worker)).map(|span| span.lane);
    let strands = run.strands.iter().filter(|strand| is_worker(strand.fan)).map(|strand| strand.lane);
    let sent = run.stages.iter().filter(|stage| stage.kind == StageKind::Sent);
    let jobs = sent.map(|stage| run.spans[stage.span as usize].lane);
    let mut ran = vec![false; run.lanes.len()];
    pieces.chain(strands).chain(jobs).for_each(|lane| ran[lane as usize] = true);
    ran
}
