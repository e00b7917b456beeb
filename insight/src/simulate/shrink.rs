//! Which pieces of fan-outs, and which parts of a job, are run as one, so that a graph stays small enough to be simulated often.

use super::chain::{simple, Chains};
use crate::graph::{Graph, Node, NodeKind};
use crate::model::Run;

/// Jobs of the graph, in the groups in which they are run.
#[derive(Clone, Debug)]
pub(super) struct Folds {
    /// The jobs, group by group.
    jobs: Vec<u32>,
    /// Where each group ends in `jobs`.
    ends: Vec<u32>,
    /// Whether each job is in a group of several.
    folded: Vec<bool>,
    /// Whether each node is run as one with the nodes before it in its chain. Empty: none is.
    merged: Vec<bool>,
    pub(super) chains: Chains,
}

impl Folds {
    /// No groups yet, of so many jobs.
    fn none(jobs: usize) -> Self {
        let (ends, merged) = (Vec::new(), Vec::new());
        Self { jobs: Vec::with_capacity(jobs), ends, folded: vec![false; jobs], merged, chains: Chains::default() }
    }

    /// The groups. A group of one is a job as it is.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.jobs[start as usize..*end as usize])
    }

    pub(super) fn is_folded(&self, job: u32) -> bool {
        self.folded[job as usize]
    }

    /// Whether a node is run as one with the nodes before it in its chain.
    pub(super) fn is_merged(&self, node: u32) -> bool {
        self.merged.get(node as usize).is_some_and(|merged| *merged)
    }

    fn add(&mut self, group: &[u32]) {
        if group.len() > 1 {
            group.iter().for_each(|job| self.folded[*job as usize] = true);
        }
        self.jobs.extend(group);
        self.ends.push(self.jobs.len() as u32);
    }
}

/// Groups the jobs so that about `most` nodes are left.
pub(super) fn folds(graph: &Graph, run: &Run, most: usize) -> Folds {
    let mut folds = Folds::none(graph.jobs.len());
    let jobs = || (0..).zip(&graph.jobs).filter(|(_, job)| !job.nodes.is_empty());
    if graph.nodes.len() <= most {
        jobs().for_each(|(ix, _)| folds.add(&[ix]));
        return folds;
    }
    // Of all work, about a quarter of `most` nodes are left.
    let longest = graph.work() / (most as u64 / 4).max(1);
    folds.chains = Chains::of(graph, longest);
    let (cut, merged) = (cuts(graph, &folds.chains), vec![false; graph.nodes.len()]);
    let mut merging = Merging { graph, longest, cut, merged };
    let mut pieces: Vec<u32> = Vec::new();
    let mut rest = 0;
    for (ix, job) in jobs() {
        if folds.chains.is_inside(ix) {
            continue;
        }
        let left = merging.job(ix, &folds.chains);
        if job.fan.is_some() && simple(graph, ix) {
            pieces.push(ix);
        } else {
            rest += left;
            folds.add(&[ix]);
        }
    }
    folds.merged = merging.merged;
    let alike = |ix: u32| {
        let job = &graph.jobs[ix as usize];
        let pool = graph.pool(&graph.nodes[job.nodes.start as usize]);
        (job.fan, pool, job.span.map(|span| run.spans[span as usize].name))
    };
    pieces.sort_by_cached_key(|ix| (alike(*ix), graph.nodes[graph.jobs[*ix as usize].nodes.start as usize].start));
    let room = most.saturating_sub(rest).max(most / 10).max(1);
    let by = pieces.len().div_ceil(room).max(1);
    for same in pieces.chunk_by(|a, b| alike(*a) == alike(*b)) {
        same.chunks(by).for_each(|group| folds.add(group));
    }
    folds
}

/// Finds which nodes are run as one with those before them: parts of one chain, if nothing outside of it depends on what is between
/// them, and no lock is taken or released there. Those of one pool become one node. In a chain on one pool that changes no schedule
/// with as many cores as lanes. With fewer, others wait longer for a core, and in a chain on several pools for a lane, so there is
/// a limit to what is merged.
struct Merging<'a> {
    graph: &'a Graph,
    /// The longest node.
    longest: u64,
    cut: Vec<bool>,
    merged: Vec<bool>,
}

impl Merging<'_> {
    /// Merges nodes of a job. Returns how many are left.
    fn job(&mut self, job: u32, chains: &Chains) -> usize {
        let of_pools = chains.pools(self.graph, job);
        let longest = self.longest.saturating_mul(of_pools as u64);
        let fit = |a: &Node, b: &Node| {
            (a.kind, b.kind) == (NodeKind::Part, NodeKind::Part)
                && (of_pools > 1 || self.graph.pool(a) == self.graph.pool(b))
        };
        let (mut length, mut left, mut last, mut pools) = (0, 0, None, Vec::new());
        for ix in chains.nodes(self.graph, job) {
            let node = &self.graph.nodes[ix as usize];
            let may = !self.cut[ix as usize] && last.is_some_and(|last| fit(last, node));
            last = Some(node);
            let merge = may && length + node.length() <= longest;
            if !merge {
                length = 0;
                pools.clear();
            }
            self.merged[ix as usize] = merge;
            length += node.length();
            let pool = self.graph.pool(node);
            if !pools.contains(&pool) {
                pools.push(pool);
                left += 1;
            }
        }
        left
    }
}

/// Before which nodes of a chain something depends on the time: an edge comes from or leads to another one, or a lock is taken or
/// released.
fn cuts(graph: &Graph, chains: &Chains) -> Vec<bool> {
    let mut cut = vec![false; graph.nodes.len() + 1];
    let inside = |node: u32| chains.is_inside(graph.nodes[node as usize].job);
    for (from, to) in graph.edges.iter().filter(|(from, to)| !inside(*from) && !inside(*to)) {
        cut[*from as usize + 1] = true;
        cut[*to as usize] = true;
    }
    for held in &graph.held {
        cut[held.first as usize] = true;
        cut[held.last as usize + 1] = true;
    }
    // The piece follows what is before its begin.
    chains.begins(graph).for_each(|(fork, first)| cut[first as usize] = cut[fork as usize]);
    cut
}
