//! Bounds on the time of any schedule, and of any greedy one.

use super::plan::{next, Lanes, Plan, PlanNode, Step};
use std::collections::BTreeMap;

/// Bounds on the time of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// No schedule is faster: nanoseconds.
    pub lower: u64,
    /// No greedy schedule with free continuations is slower.
    pub upper: u64,
}

/// What doesn't depend on the lanes.
pub(super) struct Lengths {
    /// The longest chain with leaves split down to one item.
    finest: u64,
    /// Whether a node runs while its job holds a lock that others hold too.
    held: Vec<bool>,
    /// T1 of each pool, and how many jobs use it.
    pools: Vec<(u64, usize)>,
    on_cpu: u64,
    delays: u64,
    /// For each lock: how long it is held in all, how often, and how long it takes from one job to the next in all.
    holds: Vec<Held>,
}

/// A lock.
struct Held {
    ns: u64,
    times: usize,
    hand_offs_ns: u64,
}

/// Bounds on the time of `plan` on `lanes`.
#[must_use]
pub fn bounds(plan: &Plan, lanes: &Lanes) -> Bounds {
    Lengths::new(plan).bounds(plan, lanes)
}

impl Lengths {
    pub(super) fn new(plan: &Plan) -> Self {
        let holds = holds(plan);
        let [finest] = longest(plan, |node, _| [node.finest]);
        let mut lengths =
            Self { finest, held: held(plan), pools: vec![(0, 0); plan.pools], on_cpu: 0, delays: 0, holds };
        for job in &plan.jobs {
            let mut seen = Vec::new();
            for node in &plan.nodes[job.first as usize..job.end as usize] {
                match node.step {
                    Step::Part(pool) => {
                        lengths.on_cpu += node.on;
                        lengths.pools[pool as usize].0 += node.length();
                        if !seen.contains(&pool) {
                            lengths.pools[pool as usize].1 += 1;
                            seen.push(pool);
                        }
                    }
                    _ => lengths.delays += node.length(),
                }
            }
        }
        lengths
    }

    pub(super) fn bounds(&self, plan: &Plan, lanes: &Lanes) -> Bounds {
        let sizes = plan.sizes(lanes);
        let pools = || self.pools.iter().zip(&sizes);
        let cores = u64::from(lanes.cores.unwrap_or(u32::MAX));
        let longest_pool = pools().map(|((work, _), size)| work.div_ceil(u64::from(*size))).max().unwrap_or(0);
        let longest_hold = self.holds.iter().map(|held| held.ns).max().unwrap_or(0);
        let lower = self.finest.max(longest_pool).max(self.on_cpu.div_ceil(cores)).max(longest_hold);
        let one_by_one = self.delays + self.work() + self.shared().map(|held| held.hand_offs_ns).sum::<u64>();
        let upper = self.greedy(plan, &sizes, cores).min(one_by_one);
        Bounds { lower: lower.min(upper), upper }
    }

    fn work(&self) -> u64 {
        self.pools.iter().map(|(work, _)| work).sum()
    }

    /// For each pool: its size, if it can have more jobs than lanes.
    fn short_pools(&self, sizes: &[u32]) -> Vec<Option<u64>> {
        self.pools
            .iter()
            .zip(sizes)
            .map(|((_, jobs), size)| (*jobs > *size as usize).then_some(u64::from(*size)))
            .collect()
    }

    /// The number of cores, if more lanes than that can work at once.
    fn short_cores(&self, sizes: &[u32], cores: u64) -> Option<u64> {
        let at_once: u64 =
            self.pools.iter().zip(sizes).map(|((_, jobs), size)| u64::from(*size).min(*jobs as u64)).sum();
        (cores < at_once).then_some(cores)
    }

    fn locks(&self) -> u64 {
        self.shared().map(|held| held.ns + held.hand_offs_ns).sum()
    }

    /// The locks that a job may wait for.
    fn shared(&self) -> impl Iterator<Item = &Held> {
        self.holds.iter().filter(|held| held.times > 1)
    }

    /// While no node of some chain runs, it waits for a lane of a pool whose lanes all work, for a core while all work, or for a
    /// lock that is held or comes from another job. The time of each is at most what is not on that chain, divided by what there
    /// is.
    ///
    /// The same holds of all work together: while the chain waits for a lane or a core, at least as many parts run as the smallest
    /// pool that can run short has lanes, or as there are cores. The lower one of both bounds counts.
    fn greedy(&self, plan: &Plan, sizes: &[u32], cores: u64) -> u64 {
        let (pools, cores) = (self.short_pools(sizes), self.short_cores(sizes, cores));
        let rate = pools.iter().flatten().copied().chain(cores).min();
        let [by_resource, by_rate] = longest(plan, |node, ix| match node.step {
            Step::Part(_) if self.held[ix as usize] => [0, 0],
            Step::Part(pool) => {
                let elsewhere = pools[pool as usize].map_or(0, |size| node.longest / size);
                let on = cores.map_or(0, |cores| node.on.min(node.longest) / cores);
                [node.longest.saturating_sub(elsewhere + on), node.longest - rate.map_or(0, |rate| node.longest / rate)]
            }
            _ => [node.longest; 2],
        });
        let by_pools: u64 =
            self.pools.iter().zip(&pools).map(|((work, _), size)| size.map_or(0, |size| work.div_ceil(size))).sum();
        let by_cores = cores.map_or(0, |cores| self.on_cpu.div_ceil(cores));
        let by_resource = by_resource + by_pools + by_cores + self.locks();
        rate.map_or(by_resource, |rate| by_resource.min(by_rate + self.work().div_ceil(rate) + self.locks()))
    }
}

/// The longest chains, by several lengths for each node.
fn longest<const N: usize>(plan: &Plan, lengths: impl Fn(&PlanNode, u32) -> [u64; N]) -> [u64; N] {
    let mut ends = vec![[0_u64; N]; plan.nodes.len()];
    let mut most = [0; N];
    for node in &*plan.order {
        let lengths = lengths(&plan.nodes[*node as usize], *node);
        let end: [u64; N] = std::array::from_fn(|of| ends[*node as usize][of] + lengths[of]);
        most = std::array::from_fn(|of| most[of].max(end[of]));
        for to in next(plan, *node) {
            let to = &mut ends[to as usize];
            *to = std::array::from_fn(|of| to[of].max(end[of]));
        }
    }
    most
}

fn held(plan: &Plan) -> Vec<bool> {
    let mut users = vec![0_u32; plan.locks as usize];
    plan.holds.iter().for_each(|hold| users[hold.lock as usize] += 1);
    let mut held = vec![false; plan.nodes.len()];
    for hold in plan.holds.iter().filter(|hold| users[hold.lock as usize] > 1) {
        held[hold.first as usize..=hold.last as usize].fill(true);
    }
    held
}

fn holds(plan: &Plan) -> Vec<Held> {
    let mut by_lock: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
    for hold in &plan.holds {
        by_lock.entry(hold.lock).or_default().push((hold.first, hold.last));
    }
    let held = |(lock, holds): (u32, Vec<(u32, u32)>)| {
        let times = holds.len();
        Held { ns: held_in_all(plan, holds), times, hand_offs_ns: plan.hand_off(lock).saturating_mul(times as u64) }
    };
    by_lock.into_iter().map(held).collect()
}

/// A job that takes a lock again while it holds it counts once.
fn held_in_all(plan: &Plan, mut holds: Vec<(u32, u32)>) -> u64 {
    holds.sort_unstable();
    let (mut sum, mut behind) = (0, 0);
    for (first, last) in holds {
        let from = first.max(behind);
        sum += (from..=last).map(|node| plan.nodes[node as usize].length()).sum::<u64>();
        behind = behind.max(last + 1);
    }
    sum
}
