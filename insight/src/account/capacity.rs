//! [`Groups`]: how many threads may run.

use super::lanes::Lanes;
use super::track::Blocked;
use crate::model::{Lane, PoolPlace, Run, WaitCause};
use crate::workers;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Threads that may take each other's work.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Threads that may run at once.
    pub(super) size: u64,
    /// The same, with those that are blocked until work of other groups ends.
    pub(super) total: u64,
    /// Whether it is a pool. The lanes outside of pools are one group.
    pub(super) is_pool: bool,
    /// When it was there.
    pub(super) alive: Range<u64>,
    /// Lanes that recorded.
    pub(super) lanes: u64,
}

/// The group of each lane.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    pub(super) of_lane: Vec<u32>,
}

impl Groups {
    /// The lanes outside of pools are group 0.
    pub(super) fn of(run: &Run, lanes: &Lanes) -> Self {
        let (size, total) = plain_size(run, lanes);
        let plain = Group { size, total, is_pool: false, alive: run.window.clone(), lanes: 0 };
        let mut groups = Self { all: vec![plain], of_lane: Vec::new() };
        let lifetimes = lifetimes(run, lanes);
        let mut numbers = HashMap::new();
        let workers = workers::lanes(run);
        for ((row, presence), is_worker) in run.lanes.iter().zip(&lanes.presence).zip(&workers) {
            let alive = &lifetimes[row.process as usize];
            let group = match &row.pool {
                None => 0,
                Some(pool) => *numbers.entry(pool_key(row, pool, *is_worker)).or_insert_with(|| {
                    groups.all.push(Group { size: 0, total: 0, is_pool: true, alive: alive.clone(), lanes: 0 });
                    groups.all.len() as u32 - 1
                }),
            };
            let of = &mut groups.all[group as usize];
            if let Some(pool) = &row.pool {
                of.size = of.size.max(u64::from(pool.size));
                of.total = of.size;
                of.alive = of.alive.start.min(alive.start)..of.alive.end.max(alive.end);
            }
            of.lanes += u64::from(!presence.is_empty());
            groups.of_lane.push(group);
        }
        let of_workers = groups.of_lane.iter().zip(workers).filter(|(_, is_worker)| *is_worker);
        let of_workers: HashSet<u32> = of_workers.map(|(group, _)| *group).collect();
        of_workers.iter().for_each(|group| awaited(run, &mut groups.all[*group as usize].alive));
        groups
    }
}

/// A pool of worker processes is there from when a thread began to wait for it.
fn awaited(run: &Run, alive: &mut Range<u64>) {
    let waits = run.waits.iter().filter(|wait| wait.cause == WaitCause::Workers);
    let around = waits.filter(|wait| (wait.start..=wait.end).contains(&alive.start));
    alive.start = around.map(|wait| wait.start).fold(alive.start, u64::min);
}

/// On how many lanes a run was: the threads of its pools, or if it has none, its threads. So runs that were given the same number
/// of lanes have the same number here.
///
/// ```
/// use heirloom_insight::{account::threads, testing::Kit};
///
/// let mut kit = Kit::new();
/// let (one, two) = (kit.lane("one"), kit.lane("two"));
/// kit.span(one, "a", None, 0..10);
/// kit.span(two, "b", None, 0..10);
/// assert_eq!(threads(&kit.run()), 2);
/// ```
#[must_use]
pub fn threads(run: &Run) -> u32 {
    let mut pools = HashMap::new();
    for (row, is_worker) in run.lanes.iter().zip(workers::lanes(run)) {
        if let Some(pool) = &row.pool {
            let size = pools.entry(pool_key(row, pool, is_worker)).or_insert(0_u32);
            *size = (*size).max(pool.size);
        }
    }
    match pools.is_empty() {
        true => run.lanes.iter().filter(|lane| lane.is_known()).count() as u32,
        false => pools.values().fold(0, |sum: u32, size| sum.saturating_add(*size)),
    }
}

/// What tells pools apart: the process, and the pool's id in it. A pool of worker processes has a thread in each.
fn pool_key(lane: &Lane, pool: &PoolPlace, is_worker: bool) -> (Option<u32>, u64) {
    ((!is_worker).then_some(lane.process), pool.pool)
}

/// From the first item of a process to its last. The process that begins first, which started the others, is there all the time.
fn lifetimes(run: &Run, lanes: &Lanes) -> Vec<Range<u64>> {
    let mut all: Vec<Option<Range<u64>>> = vec![None; run.processes.len()];
    for (row, presence) in run.lanes.iter().zip(&lanes.presence).filter(|(_, presence)| !presence.is_empty()) {
        let process = all[row.process as usize].get_or_insert_with(|| presence.clone());
        *process = process.start.min(presence.start)..process.end.max(presence.end);
    }
    let first = all.iter().flatten().map(|process| process.start).min();
    let lifetime = |process: Option<Range<u64>>| match process {
        Some(process) if Some(process.start) == first => run.window.clone(),
        process => process.unwrap_or_default(),
    };
    all.into_iter().map(lifetime).collect()
}

/// The largest number of lanes outside of pools that were there at once and not blocked until other work ended; and the largest
/// number of them with those that were blocked until work of others ended.
fn plain_size(run: &Run, lanes: &Lanes) -> (u64, u64) {
    let mut events = Vec::new();
    let mut add = |time: &Range<u64>, free: i64, all: i64| {
        if !time.is_empty() {
            events.extend([(time.start, free, all), (time.end, -free, -all)]);
        }
    };
    let plain = run.lanes.iter().zip(&lanes.presence).filter(|(row, _)| row.pool.is_none());
    plain.for_each(|(_, presence)| add(presence, 1, 1));
    lanes.blocked.iter().for_each(|(time, by)| add(time, -1, if *by == Blocked::Threads { -1 } else { 0 }));
    events.sort_unstable();
    let (mut free, mut all, mut size, mut total) = (0, 0, 0, 0);
    for at_once in events.chunk_by(|a, b| a.0 == b.0) {
        free += at_once.iter().map(|event| event.1).sum::<i64>();
        all += at_once.iter().map(|event| event.2).sum::<i64>();
        (size, total) = (size.max(free), total.max(all));
    }
    (size as u64, total as u64)
}
