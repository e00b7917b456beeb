//! The longest chain.

use super::{Graph, NodeIx, NodeKind, NONE};
use std::cmp::Reverse;

/// The longest chain of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// Its length in nanoseconds, without any split of leaves: no schedule of the pieces as they were is faster.
    pub length: u64,
    /// Its length with every leaf split down to one item: T-infinity.
    pub finest: u64,
    /// The nodes of the chain that isn't split, in order, and why each had to wait for the one before it.
    pub nodes: Vec<(NodeIx, Because)>,
}

/// Why a node had to wait for the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// It is the first one.
    Start,
    /// It is the next part of the same job: of the span, its parent, or its child.
    Child,
    /// It follows a join.
    Join,
    /// It follows a message.
    Queue,
    /// It follows on the same thread.
    Lane,
}

impl Because {
    /// The word for it in [`crate::analysis::Step`].
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Child => "child",
            Self::Join => "join",
            Self::Queue => "queue",
            Self::Lane => "lane",
        }
    }
}

pub(super) fn longest(graph: &Graph) -> CriticalPath {
    let (ends, from) = chains(graph, |ix| graph.nodes[ix as usize].length());
    let last = (0..graph.nodes.len() as NodeIx).max_by_key(|ix| (ends[*ix as usize], Reverse(*ix)));
    let Some(last) = last else { return CriticalPath::default() };
    let (length, nodes) = (ends[last as usize], walk_back(graph, &from, last));
    drop((ends, from));
    let finest = if graph.jobs.iter().any(|job| job.items > 1) { finest(graph) } else { length };
    CriticalPath { length, finest, nodes }
}

/// The length of the longest chain with every leaf split down to one item.
fn finest(graph: &Graph) -> u64 {
    let (ends, _) = chains(graph, |ix| {
        let node = &graph.nodes[ix as usize];
        node.length().div_ceil(graph.jobs[node.job as usize].items)
    });
    ends.into_iter().max().unwrap_or(0)
}

/// For each node: the length of the longest chain up to its end, and the node before it on that chain.
fn chains(graph: &Graph, length: impl Fn(NodeIx) -> u64) -> (Vec<u64>, Vec<NodeIx>) {
    let mut ends = vec![0_u64; graph.nodes.len()];
    let mut from = vec![NONE; graph.nodes.len()];
    let mut reach = |ends: &mut [u64], to: NodeIx, node: NodeIx| {
        let end = ends[node as usize];
        let start = &mut ends[to as usize];
        if from[to as usize] == NONE || end > *start {
            *start = end;
            from[to as usize] = node;
        }
    };
    for run in &graph.runs {
        let mut edges = graph.edges_of_run(run).iter().peekable();
        for node in run.clone() {
            ends[node as usize] += length(node);
            if let Some(next) = graph.next(node) {
                reach(&mut ends, next, node);
            }
            while let Some((_, to)) = edges.next_if(|(source, _)| *source == node) {
                reach(&mut ends, *to, node);
            }
        }
    }
    (ends, from)
}

fn walk_back(graph: &Graph, from: &[NodeIx], last: NodeIx) -> Vec<(NodeIx, Because)> {
    let mut nodes = Vec::new();
    let mut at = last;
    while at != NONE {
        let mut because = Because::Start;
        let node = at;
        at = from[node as usize];
        if at != NONE {
            because = between(graph, at, node);
        }
        // What led to a marker is the reason for the node behind it.
        while at != NONE && !graph.takes_time(at) {
            let before = from[at as usize];
            because = because.stronger(kind_of(graph.nodes[at as usize].kind));
            at = before;
        }
        if graph.takes_time(node) {
            nodes.push((node, if at == NONE { Because::Start } else { because }));
        }
    }
    nodes.reverse();
    nodes
}

fn between(graph: &Graph, from: NodeIx, to: NodeIx) -> Because {
    let same = graph.nodes[from as usize].job == graph.nodes[to as usize].job;
    let both_run = graph.takes_time(from) && graph.takes_time(to);
    if !same && both_run {
        Because::Lane
    } else {
        kind_of(graph.nodes[to as usize].kind)
    }
}

fn kind_of(kind: NodeKind) -> Because {
    match kind {
        NodeKind::Join | NodeKind::BlockedJoin => Because::Join,
        NodeKind::Sent | NodeKind::Received => Because::Queue,
        NodeKind::Part | NodeKind::Delay | NodeKind::Fork | NodeKind::Spawn | NodeKind::ChildEnd => Because::Child,
    }
}

impl Because {
    fn stronger(self, other: Self) -> Self {
        if matches!(self, Self::Child) {
            other
        } else {
            self
        }
    }
}
