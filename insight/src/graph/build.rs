//! Puts the graph together.

use super::edges::{self, Edges, End};
use super::items;
use super::ready::Ready;
use super::sweep::{self, Found, NewJob, Origin};
use super::{detached, hand_offs, holds, order, pools};
use super::{Graph, Job, JobIx, Node, NodeIx, NONE};
use crate::model::{FanKind, Run};
use std::ops::Range;

pub(super) fn graph(run: &Run) -> Graph {
    let needed = edges::needed(run);
    let mut found = sweep::lanes(run, &needed);
    detached::add(run, &needed, &mut found);
    let (pools, pool_of) = pools::of_lanes(run, &found.occupied);
    let sizes: Vec<u32> = pools.iter().map(|pool| pool.size).collect();
    let ready = Ready::new(&sizes, pool_of.clone(), &found.occupied);
    let pooled = |lane: u32| run.lanes.get(lane as usize).is_some_and(|lane| lane.pool.is_some());
    let edges = edges::find(run, &mut found, &ready, pooled);
    found.presences = Vec::new();
    let stretches = std::mem::take(&mut found.stretches);
    let made = items::nodes(found.jobs.len(), stretches, &found.cpu, &edges, &ready);
    let ranges = ranges(found.jobs.len(), &made.nodes);
    let mut graph = Graph {
        edges: links(&edges, &made.of_marker, &ranges),
        held: holds::held(run, &made.nodes),
        hand_offs: hand_offs::hand_offs(run),
        jobs: jobs(run, &found, &ranges),
        nodes: made.nodes,
        off: made.off,
        pool_of,
        pools,
        ..Graph::default()
    };
    graph.scaled = scaled(&graph);
    graph.index_edges();
    order::put_in_order(&mut graph);
    graph
}

fn ranges(jobs: usize, nodes: &[Node]) -> Vec<Range<NodeIx>> {
    let mut ranges = vec![0..0; jobs];
    let mut first = 0;
    for of_job in nodes.chunk_by(|a, b| a.job == b.job) {
        let last = first + of_job.len() as NodeIx;
        ranges[of_job[0].job as usize] = first..last;
        first = last;
    }
    ranges
}

/// A job without nodes hands its edges on: nothing waits for it.
fn links(edges: &Edges, of_marker: &[NodeIx], ranges: &[Range<NodeIx>]) -> Vec<(NodeIx, NodeIx)> {
    let node = |end: End| match end {
        End::Marker(marker) => of_marker[marker as usize],
        End::First(job) | End::Last(job) if ranges[job as usize].is_empty() => NONE,
        End::First(job) => ranges[job as usize].start,
        End::Last(job) => ranges[job as usize].end - 1,
    };
    let links = edges.links.iter().map(|(from, to)| (node(*from), node(*to)));
    let mut links: Vec<_> = links.filter(|(from, to)| *from != NONE && *to != NONE).collect();
    links.sort_unstable();
    links.dedup();
    links
}

fn jobs(run: &Run, found: &Found<'_>, ranges: &[Range<NodeIx>]) -> Vec<Job> {
    let job = |(new, nodes): (&NewJob, &Range<NodeIx>)| Job {
        span: (new.span != NONE).then_some(new.span),
        fan: if let Origin::Fan(fan) = new.origin { Some(fan) } else { None },
        items: items(run, new),
        nodes: nodes.clone(),
    };
    found.jobs.iter().zip(ranges).map(job).collect()
}

/// A leaf of an iterator can be split down to one item.
fn items(run: &Run, job: &NewJob) -> u64 {
    let Origin::Fan(fan) = job.origin else { return 1 };
    let span = run.spans.get(job.span as usize).filter(|span| span.fan() == Some(fan));
    let leaf = span.filter(|_| run.fans[fan as usize].kind == FanKind::Iterator);
    leaf.and_then(|_| run.items_of(job.span)).unwrap_or(1).max(1)
}

fn scaled(graph: &Graph) -> Option<u32> {
    let mut fans = vec![0_u64; graph.pools.len()];
    let mut all = vec![0_u64; graph.pools.len()];
    for node in &graph.nodes {
        let Some(pool) = graph.pool(node).map(|pool| pool as usize) else { continue };
        all[pool] += node.length();
        if graph.jobs[node.job as usize].fan.is_some() {
            fans[pool] += node.length();
        }
    }
    let most = |work: &[u64], may: &dyn Fn(usize) -> bool| {
        (0..work.len()).filter(|pool| work[*pool] > 0 && may(*pool)).max_by_key(|pool| (work[*pool], usize::MAX - pool))
    };
    most(&fans, &|_| true).or_else(|| most(&all, &|pool| graph.pools[pool].known)).map(|pool| pool as u32)
}

impl Graph {
    /// The edges that leave nodes of a job, other than those between them, by source.
    pub(crate) fn edges_of(&self, job: JobIx) -> &[(NodeIx, NodeIx)] {
        &self.edges[self.edge_starts[job as usize] as usize..self.edge_starts[job as usize + 1] as usize]
    }

    /// The edges that leave some nodes of one job.
    pub(super) fn edges_of_run(&self, run: &Range<NodeIx>) -> &[(NodeIx, NodeIx)] {
        let edges = self.edges_of(self.nodes[run.start as usize].job);
        let first = edges.partition_point(|(from, _)| *from < run.start);
        &edges[first..first + edges[first..].partition_point(|(from, _)| *from < run.end)]
    }

    /// The edges that leave a node, other than the one to the next node of its job.
    pub(crate) fn edges_from(&self, node: NodeIx) -> &[(NodeIx, NodeIx)] {
        self.edges_of_run(&(node..node + 1))
    }

    /// Finds where the edges of each job begin. They are sorted.
    pub(super) fn index_edges(&mut self) {
        self.edge_starts = vec![0; self.jobs.len() + 1];
        for (from, _) in &self.edges {
            self.edge_starts[self.nodes[*from as usize].job as usize + 1] += 1;
        }
        for job in 0..self.jobs.len() {
            self.edge_starts[job + 1] += self.edge_starts[job];
        }
    }

    /// Whether the next node belongs to the same job.
    pub(crate) fn next(&self, node: NodeIx) -> Option<NodeIx> {
        let job = &self.jobs[self.nodes[node as usize].job as usize];
        (node + 1 < job.nodes.end).then_some(node + 1)
    }

    /// Whether a node is work or time that passes.
    pub(crate) fn takes_time(&self, node: NodeIx) -> bool {
        self.nodes[node as usize].length() > 0
    }
}
