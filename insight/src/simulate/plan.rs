//! [`Plan`]: a graph, changed and folded, in the form that is simulated.

use super::chain;
use super::change::{Change, LONG_POLL_NS};
use super::merged::Merged;
pub(super) use super::node::{PlanNode, Step};
use super::shrink::Folds;
use crate::graph::{Graph, NodeIx, NodeKind, NONE};
use crate::model::Run;
use std::sync::Arc;

/// How many threads for blocking calls there are, as in tokio.
const BLOCKING_THREADS: u32 = 512;

/// What a simulated run has.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// The size of each pool of the graph.
    pub pools: Vec<u32>,
    /// Cores. `None`: as many as lanes.
    pub cores: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PlanJob {
    pub(super) first: u32,
    pub(super) end: u32,
    /// The job of the graph; the first one, if it was folded.
    pub(super) origin: u32,
}

/// A hold, by nodes of the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanHold {
    pub(super) lock: u32,
    pub(super) first: u32,
    pub(super) last: u32,
}

/// A graph, changed and folded, in the form that is simulated.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) nodes: Vec<PlanNode>,
    pub(super) jobs: Vec<PlanJob>,
    /// The job of each node.
    pub(super) job_of: Arc<Vec<u32>>,
    /// Plans of changes that leave the edges as they are share them.
    pub(super) edges: Arc<Vec<(u32, u32)>>,
    /// For each node, where its edges begin.
    pub(super) edge_starts: Arc<Vec<u32>>,
    /// The nodes, each behind what it depends on.
    pub(super) order: Arc<Vec<u32>>,
    pub(super) holds: Vec<PlanHold>,
    pub(super) locks: u32,
    /// How long each lock takes to a job that waits for it, after another one released it.
    pub(super) hand_offs: Arc<Vec<u64>>,
    pub(super) pools: usize,
    pub(super) fold_error: u64,
    pub(super) extra_pool: Option<u32>,
}

impl Plan {
    /// By how much folding may change the simulated time: nanoseconds. 0 if nothing was folded.
    #[must_use]
    pub fn fold_error(&self) -> u64 {
        self.fold_error
    }

    /// How many nodes it has.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The sizes of pools, with those that the change added.
    pub(super) fn sizes(&self, lanes: &Lanes) -> Vec<u32> {
        let mut sizes = lanes.pools.clone();
        sizes.resize(self.pools, BLOCKING_THREADS);
        sizes.iter_mut().for_each(|size| *size = (*size).max(1));
        sizes
    }

    /// How long a lock takes to a job that waits for it.
    pub(super) fn hand_off(&self, lock: u32) -> u64 {
        self.hand_offs.get(lock as usize).copied().unwrap_or(0)
    }

    pub(super) fn edges_from(&self, node: u32) -> &[(u32, u32)] {
        &self.edges[self.edge_starts[node as usize] as usize..self.edge_starts[node as usize + 1] as usize]
    }

    fn index(&mut self, mut edges: Vec<(u32, u32)>) {
        edges.sort_unstable();
        edges.dedup();
        let mut starts = vec![0; self.nodes.len() + 1];
        for (from, to) in &edges {
            starts[*from as usize + 1] += 1;
            self.nodes[*to as usize].waits_for += 1;
        }
        for node in 0..self.nodes.len() {
            starts[node + 1] += starts[node];
        }
        (self.edges, self.edge_starts) = (Arc::new(edges), Arc::new(starts));
        for job in self.jobs.iter().filter(|job| job.first < job.end) {
            self.nodes[job.end as usize - 1].is_last = true;
        }
        let mut job_of = vec![0; self.nodes.len()];
        for (ix, job) in (0..).zip(&self.jobs) {
            job_of[job.first as usize..job.end as usize].fill(ix);
        }
        self.job_of = Arc::new(job_of);
        self.order = Arc::new(order(self));
    }
}

/// The nodes, each behind what it depends on.
fn order(plan: &Plan) -> Vec<u32> {
    let mut waits_for: Vec<u32> = plan.nodes.iter().map(|node| node.waits_for).collect();
    for job in plan.jobs.iter().filter(|job| job.first < job.end) {
        (job.first + 1..job.end).for_each(|node| waits_for[node as usize] += 1);
    }
    let mut free: Vec<u32> = (0..plan.nodes.len() as u32).filter(|node| waits_for[*node as usize] == 0).collect();
    let mut order = Vec::with_capacity(plan.nodes.len());
    while let Some(node) = free.pop() {
        order.push(node);
        for to in next(plan, node) {
            waits_for[to as usize] -= 1;
            if waits_for[to as usize] == 0 {
                free.push(to);
            }
        }
    }
    order
}

/// The nodes that depend on a node by themselves.
pub(super) fn next(plan: &Plan, node: u32) -> impl Iterator<Item = u32> + '_ {
    let of_job = (!plan.nodes[node as usize].is_last).then_some(node + 1);
    plan.edges_from(node).iter().map(|(_, to)| *to).chain(of_job)
}

fn empty(graph: &Graph) -> Plan {
    Plan {
        nodes: Vec::new(),
        jobs: Vec::new(),
        job_of: Arc::default(),
        edges: Arc::default(),
        edge_starts: Arc::default(),
        order: Arc::default(),
        holds: Vec::new(),
        locks: graph.held.iter().map(|held| held.lock + 1).max().unwrap_or(0),
        hand_offs: Arc::new(graph.hand_offs.clone()),
        pools: graph.pools.len(),
        fold_error: 0,
        extra_pool: None,
    }
}

pub(super) struct Making<'a> {
    run: &'a Run,
    graph: &'a Graph,
    change: Change,
    split: u32,
    /// The node of the plan for each node of the graph. [`NONE`]: it isn't planned.
    pub(super) of_node: Vec<u32>,
    merged: Merged,
    pub(super) plan: Plan,
}

impl<'a> Making<'a> {
    pub(super) fn all(run: &'a Run, graph: &'a Graph, folds: &Folds, change: Change, split: u32) -> Self {
        let of_node = vec![NONE; graph.nodes.len()];
        let mut making =
            Making { run, graph, change, split: split.max(1), of_node, merged: Merged::default(), plan: empty(graph) };
        for group in folds.groups() {
            match group {
                [job] => making.whole(*job, folds),
                jobs => making.folded(jobs),
            }
        }
        let edges = making.edges(folds);
        making.holds();
        making.plan.index(edges);
        making
    }

    /// A job as it is, or split into pieces.
    fn whole(&mut self, job: u32, folds: &Folds) {
        let row = &self.graph.jobs[job as usize];
        if row.nodes.is_empty() {
            return;
        }
        let pieces = self.pieces(job);
        for piece in 0..pieces {
            let first = self.plan.nodes.len() as u32;
            for ix in folds.chains.nodes(self.graph, job) {
                let items = self.graph.jobs[self.graph.nodes[ix as usize].job as usize].items;
                let node = self.node(ix, piece, pieces, items);
                if !folds.is_merged(ix) {
                    self.merged.end(&self.plan.nodes, job, &folds.chains);
                }
                let at = self.merged.add(&mut self.plan.nodes, node);
                if piece == 0 {
                    self.of_node[ix as usize] = at;
                }
            }
            self.merged.end(&self.plan.nodes, job, &folds.chains);
            self.markers_on_lanes(first);
            self.plan.jobs.push(PlanJob { first, end: self.plan.nodes.len() as u32, origin: job });
        }
    }

    /// A job that starts others needs a lane for that: the one of its next part, or of the one before.
    fn markers_on_lanes(&mut self, first: u32) {
        let nodes = &mut self.plan.nodes[first as usize..];
        let pool = |node: &PlanNode| if let Step::Part(pool) = node.step { Some(pool) } else { None };
        let Some(mut last) = nodes.iter().find_map(pool) else { return };
        for node in nodes {
            match node.step {
                Step::Part(pool) => last = pool,
                Step::Signal => node.step = Step::Part(last),
                _ => {}
            }
        }
    }

    /// Into how many pieces a job is split.
    fn pieces(&self, job: u32) -> u64 {
        let row = &self.graph.jobs[job as usize];
        let name = row.span.map(|span| self.run.spans[span as usize].name);
        let wanted = match self.change {
            Change::Finer { name: finer, pieces } if row.fan.is_some() && name == Some(finer) => u64::from(pieces),
            _ => u64::from(self.split).min(row.items),
        };
        if wanted > 1 && chain::simple(self.graph, job) {
            wanted
        } else {
            1
        }
    }

    fn node(&mut self, ix: NodeIx, piece: u64, pieces: u64, items: u64) -> PlanNode {
        let node = self.graph.nodes[ix as usize];
        let share = |ns: u64| ns / pieces + u64::from(piece < ns % pieces);
        let (on, off) = self.change.lengths(self.run, self.graph, ix);
        let (on, off) = (share(on), share(off));
        let step = match (node.kind, self.graph.pool(&node)) {
            (NodeKind::Part, Some(pool)) => Step::Part(self.moved(ix, pool)),
            (NodeKind::Part | NodeKind::Delay, _) => Step::Delay,
            (NodeKind::Join, _) => Step::TiedJoin,
            (NodeKind::Fork | NodeKind::Spawn | NodeKind::Sent, _) => Step::Signal,
            (NodeKind::BlockedJoin | NodeKind::ChildEnd | NodeKind::Received, _) => Step::Marker,
        };
        let (longest, finest) = (on + off, (on + off).div_ceil((items / pieces).max(1)));
        PlanNode { step, on, off, longest, finest, waits_for: 0, rank: node.start, is_last: false }
    }

    /// The pool of a node: another one, if its poll is long and is moved there.
    fn moved(&mut self, ix: NodeIx, pool: u32) -> u32 {
        let node = &self.graph.nodes[ix as usize];
        let named = |name| node.span().is_some_and(|span| self.run.spans[span as usize].name == name);
        match self.change {
            Change::SpawnBlocking(name) if node.length() > LONG_POLL_NS && named(name) => {
                let extra = self.graph.pools.len() as u32;
                self.plan.extra_pool = Some(extra);
                self.plan.pools = extra as usize + 1;
                extra
            }
            _ => pool,
        }
    }

    /// Several jobs as one piece.
    fn folded(&mut self, jobs: &[u32]) {
        let at = self.plan.nodes.len() as u32;
        let rank = self.graph.nodes[self.graph.jobs[jobs[0] as usize].nodes.start as usize].start;
        let mut sum =
            PlanNode { step: Step::Delay, on: 0, off: 0, longest: 0, finest: 0, waits_for: 0, rank, is_last: false };
        for job in jobs {
            let row = &self.graph.jobs[*job as usize];
            let (mut longest, mut finest) = (0, 0);
            for ix in row.nodes.clone() {
                self.of_node[ix as usize] = at;
                let node = self.node(ix, 0, 1, row.items);
                sum.step = if let Step::Part(_) = node.step { node.step } else { sum.step };
                sum.on += node.on;
                sum.off += node.off;
                longest += node.longest;
                finest += node.finest;
            }
            sum.longest = sum.longest.max(longest);
            sum.finest = sum.finest.max(finest);
        }
        self.plan.nodes.push(sum);
        self.merged.skip(&self.plan.nodes);
        self.plan.jobs.push(PlanJob { first: at, end: at + 1, origin: jobs[0] });
    }

    fn edges(&mut self, folds: &Folds) -> Vec<(u32, u32)> {
        self.plan.fold_error = fold_error(&self.plan, self.graph, folds) + self.merged.error();
        let of_node = |node: NodeIx| self.of_node[node as usize];
        let all = self.graph.edges.iter().map(|(from, to)| (of_node(*from), of_node(*to)));
        let mut edges: Vec<_> = all.filter(|(from, to)| *from != NONE && *to != NONE).collect();
        self.edges_of_pieces(&mut edges);
        edges
    }

    /// The pieces behind the first one depend on the same, and the same depends on them.
    fn edges_of_pieces(&self, edges: &mut Vec<(u32, u32)>) {
        let jobs = self.plan.jobs.chunk_by(|a, b| a.origin == b.origin);
        let split: Vec<&[PlanJob]> = jobs.filter(|pieces| pieces.len() > 1).collect();
        if split.is_empty() {
            return;
        }
        let mut into: std::collections::HashMap<u32, Vec<u32>> = std::collections::HashMap::new();
        let mut out: std::collections::HashMap<u32, Vec<u32>> = std::collections::HashMap::new();
        for (from, to) in &*edges {
            into.entry(*to).or_default().push(*from);
            out.entry(*from).or_default().push(*to);
        }
        for pieces in split {
            let (before, behind) = (into.get(&pieces[0].first), out.get(&(pieces[0].end - 1)));
            for piece in &pieces[1..] {
                edges.extend(before.into_iter().flatten().map(|from| (*from, piece.first)));
                edges.extend(behind.into_iter().flatten().map(|to| (piece.end - 1, *to)));
            }
        }
    }

    fn holds(&mut self) {
        for held in &self.graph.held {
            if self.change != Change::WithoutLock(held.lock) {
                let (first, last) = (self.of_node[held.first as usize], self.of_node[held.last as usize]);
                self.plan.holds.push(PlanHold { lock: held.lock, first, last });
            }
        }
    }
}

/// The longest folded piece of each fan-out, summed.
fn fold_error(plan: &Plan, graph: &Graph, folds: &Folds) -> u64 {
    let mut longest = std::collections::BTreeMap::new();
    for job in plan.jobs.iter().filter(|job| folds.is_folded(job.origin)) {
        let fan = graph.jobs[job.origin as usize].fan;
        let entry: &mut u64 = longest.entry(fan).or_default();
        *entry = (*entry).max(plan.nodes[job.first as usize].length());
    }
    longest.values().sum()
}
