//! Which lanes share one queue of work.

use super::{PoolIx, NONE};
use crate::model::{Lane, Run};
use crate::workers;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Threads among which work is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name, or that of its only thread.
    pub name: Arc<str>,
    /// How many threads work at once.
    pub size: u32,
    /// Whether a thread that waits for a fan-out runs other work meanwhile, and goes on only when that has ended, as rayon's do.
    pub steals: bool,
    /// Whether its threads said that they belong to it. Otherwise that was guessed.
    pub known: bool,
}

/// What lanes of one pool have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A pool of one process.
    Known { process: u32, pool: u64 },
    /// A pool of worker processes, by its id, its name and its size.
    Workers(u64, Arc<str>, u32),
    /// Worker processes that didn't name their pool.
    UnknownWorkers,
    /// Threads of a process that ran pieces of fan-outs and belong to no pool.
    Threads(u32),
    /// Any other thread.
    Alone(u32),
}

/// The pools, and the pool of each lane. `occupied` says when something was on each lane.
pub(super) fn of_lanes(run: &Run, occupied: &[Vec<(u64, u64)>]) -> (Vec<Pool>, Vec<PoolIx>) {
    let roles = roles(run);
    let mut members: BTreeMap<Key, Vec<u32>> = BTreeMap::new();
    for (ix, lane) in (0..).zip(&run.lanes) {
        members.entry(key(ix, lane, &roles)).or_default().push(ix);
    }
    let mut pools = Vec::new();
    let mut of_lane = vec![NONE; run.lanes.len()];
    for (key, lanes) in members {
        for lane in &lanes {
            of_lane[*lane as usize] = pools.len() as u32;
        }
        pools.push(pool(run, &key, &lanes, occupied));
    }
    (pools, of_lane)
}

/// What each lane is: a worker process; and whether it ran pieces of fan-outs.
struct Roles {
    worker: Vec<bool>,
    pieces: Vec<bool>,
}

fn roles(run: &Run) -> Roles {
    let mut roles = Roles { worker: workers::lanes(run), pieces: vec![false; run.lanes.len()] };
    let children = run.spans.iter().filter(|span| span.fan().is_some()).map(|span| span.lane);
    for lane in children.chain(run.strands.iter().map(|strand| strand.lane)) {
        roles.pieces[lane as usize] = true;
    }
    roles
}

fn key(ix: u32, lane: &Lane, roles: &Roles) -> Key {
    match &lane.pool {
        Some(place) if roles.worker[ix as usize] => Key::Workers(place.pool, place.name.clone(), place.size),
        Some(place) => Key::Known { process: lane.process, pool: place.pool },
        None if roles.worker[ix as usize] => Key::UnknownWorkers,
        None if roles.pieces[ix as usize] => Key::Threads(lane.process),
        None => Key::Alone(ix),
    }
}

fn pool(run: &Run, key: &Key, lanes: &[u32], occupied: &[Vec<(u64, u64)>]) -> Pool {
    let lane = &run.lanes[lanes[0] as usize];
    let (name, known) = match (&lane.pool, key) {
        (Some(place), _) => (place.name.clone(), true),
        (None, Key::UnknownWorkers) => (Arc::from("workers"), false),
        (None, Key::Threads(_)) => (Arc::from("threads"), false),
        (None, _) => (lane.label().into(), false),
    };
    let at_once = at_once(lanes.iter().flat_map(|lane| &occupied[*lane as usize]));
    let told = lanes.iter().filter_map(|lane| run.lanes[*lane as usize].pool.as_ref()).map(|place| place.size).max();
    // A pool is never smaller than what was seen of it: a pool may grow, and a size may be wrong.
    let size = told.unwrap_or(0).max(at_once).max(1);
    Pool { steals: known && &*name == "rayon", name, size, known }
}

/// The largest number of intervals that overlap.
fn at_once<'a>(intervals: impl Iterator<Item = &'a (u64, u64)>) -> u32 {
    let mut changes: Vec<(u64, bool)> = intervals.flat_map(|(start, end)| [(*start, true), (*end, false)]).collect();
    changes.sort_unstable();
    let (mut now, mut most) = (0_u32, 0);
    for (_, begins) in changes {
        now = if begins { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}
