//! [`Chains`]: jobs with the pieces that they wait for alone.
//!
//! A job that starts one piece and does nothing until that has ended is a chain with it, whichever lanes they run on. In a large
//! graph such a piece is planned as a part of that job: without a begin, a join, and a job of its own.

use crate::graph::{Graph, JobIx, NodeIx, NodeKind, NONE};

/// Which pieces are planned as a part of the job that waits for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    /// Where each of them begins in the job that waits, and the piece. In order.
    forks: Vec<(NodeIx, JobIx)>,
    /// Whether each job is such a piece. Empty: none is.
    inside: Vec<bool>,
    /// For each pool: the only job that runs there, if pieces count as the job that waits for them. [`NONE`]: there are several.
    owners: Vec<JobIx>,
}

impl Chains {
    /// Pieces of more than `longest` nanoseconds stay jobs.
    pub(super) fn of(graph: &Graph, longest: u64) -> Self {
        let mut into = vec![0_u8; graph.nodes.len()];
        graph.edges.iter().for_each(|(_, to)| into[*to as usize] = into[*to as usize].saturating_add(1));
        let mut chains = Self { forks: Vec::new(), inside: vec![false; graph.jobs.len()], owners: Vec::new() };
        let mut host_of: Vec<JobIx> = (0..graph.jobs.len() as u32).collect();
        for (fork, first) in graph.edges.iter().copied() {
            let piece = graph.nodes[first as usize].job;
            if !waited_for(graph, &into, fork, first) {
                continue;
            }
            host_of[piece as usize] = graph.nodes[fork as usize].job;
            let nodes = graph.jobs[piece as usize].nodes.clone();
            let length: u64 = nodes.map(|node| graph.nodes[node as usize].length()).sum();
            if length <= longest && is_alone(graph, &into, fork) {
                chains.inside[piece as usize] = true;
                chains.forks.push((fork, piece));
            }
        }
        chains.owners = owners(graph, &host_of);
        chains
    }

    /// Whether a job is planned as a part of another one.
    pub(super) fn is_inside(&self, job: JobIx) -> bool {
        self.inside.get(job as usize).is_some_and(|inside| *inside)
    }

    /// The node before each piece that is inside another job, and the first one of the piece.
    pub(super) fn begins<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = (NodeIx, NodeIx)> + 'a {
        self.forks.iter().map(|(fork, piece)| (*fork, graph.jobs[*piece as usize].nodes.start))
    }

    /// The nodes of a job and of the pieces inside it, one behind the other, without where these begin and end.
    pub(super) fn nodes<'a>(&'a self, graph: &'a Graph, job: JobIx) -> impl Iterator<Item = NodeIx> + 'a {
        let nodes = graph.jobs[job as usize].nodes.clone();
        let mut forks = self.forks_of(&nodes).iter().peekable();
        let mut at = nodes.start;
        let next = move || {
            let here = at;
            match forks.next_if(|(fork, _)| *fork == here) {
                _ if here >= nodes.end => None,
                Some((_, piece)) => {
                    at += 2;
                    Some(graph.jobs[*piece as usize].nodes.clone())
                }
                None => {
                    at += 1;
                    Some(here..at)
                }
            }
        };
        std::iter::from_fn(next).flatten()
    }

    /// Of how many pools the parts of a job are, with those of the pieces inside it.
    pub(super) fn pools(&self, graph: &Graph, job: JobIx) -> usize {
        let mut pools = Vec::new();
        for (_, piece) in self.forks_of(&graph.jobs[job as usize].nodes) {
            let pool = graph.pool(&graph.nodes[graph.jobs[*piece as usize].nodes.start as usize]);
            if !pools.contains(&pool) {
                pools.push(pool);
            }
        }
        1 + pools.len()
    }

    fn forks_of(&self, nodes: &std::ops::Range<NodeIx>) -> &[(NodeIx, JobIx)] {
        let first = self.forks.partition_point(|(fork, _)| *fork < nodes.start);
        &self.forks[first..self.forks.partition_point(|(fork, _)| *fork < nodes.end)]
    }

    /// Whether a pool runs only this job, and pieces that it waits for.
    pub(super) fn owns(&self, job: JobIx, pool: u32) -> bool {
        self.owners.get(pool as usize) == Some(&job)
    }
}

/// Whether `first` begins a piece that depends only on `fork`, and that only the node behind `fork` waits for.
fn waited_for(graph: &Graph, into: &[u8], fork: NodeIx, first: NodeIx) -> bool {
    let piece = graph.nodes[first as usize].job;
    let nodes = graph.jobs[piece as usize].nodes.clone();
    let starts = matches!(graph.nodes[fork as usize].kind, NodeKind::Fork | NodeKind::Spawn) && nodes.start == first;
    if !starts || into[first as usize] != 1 || graph.next(fork).is_none() || !simple(graph, piece) {
        return false;
    }
    matches!(graph.edges_of(piece), [(last, join)] if *last == nodes.end - 1 && *join == fork + 1)
        && into[nodes.start as usize + 1..nodes.end as usize].iter().all(|into| *into == 0)
}

/// Whether `fork` starts nothing else, the node behind it waits for nothing else, and the lane is free meanwhile.
fn is_alone(graph: &Graph, into: &[u8], fork: NodeIx) -> bool {
    let join = fork + 1;
    matches!(graph.nodes[join as usize].kind, NodeKind::BlockedJoin | NodeKind::ChildEnd)
        && (into[fork as usize], into[join as usize]) == (0, 1)
        && graph.edges_from(fork).len() == 1
        && graph.edges_from(join).is_empty()
}

fn owners(graph: &Graph, host_of: &[JobIx]) -> Vec<JobIx> {
    let mut owners: Vec<Option<JobIx>> = vec![None; graph.pools.len()];
    for node in &graph.nodes {
        if let Some(pool) = graph.pool(node) {
            let (owner, host) = (&mut owners[pool as usize], host_of[node.job as usize]);
            *owner = Some(if owner.is_none_or(|known| known == host) { host } else { NONE });
        }
    }
    owners.into_iter().map(|owner| owner.unwrap_or(NONE)).collect()
}

/// Whether a job is a chain of parts in one pool that only its first node's edges lead to, and only its last node's edges leave.
/// `held` nodes aside.
pub(super) fn simple(graph: &Graph, job: u32) -> bool {
    let nodes = graph.jobs[job as usize].nodes.clone();
    let rows = &graph.nodes[nodes.start as usize..nodes.end as usize];
    let pool = rows.first().and_then(|node| graph.pool(node));
    let parts = pool.is_some() && rows.iter().all(|node| node.kind == NodeKind::Part && graph.pool(node) == pool);
    parts && !holds(graph, nodes)
}

fn holds(graph: &Graph, nodes: std::ops::Range<u32>) -> bool {
    let at = graph.held.partition_point(|held| held.first < nodes.start);
    graph.held.get(at).is_some_and(|held| held.first < nodes.end)
}
