//! The order of the nodes, and the longest chain.

use super::{Graph, NodeIx, NodeKind, NONE};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

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

/// Puts the nodes in an order in which each follows what it depends on, and leaves out edges that would close a circle. Markers of one
/// moment may do so; nothing else does, since edges go forwards in time.
pub(super) fn put_in_order(graph: &mut Graph) {
    let mut waits_for = vec![0_u32; graph.nodes.len()];
    for (_, to) in &graph.edges {
        waits_for[*to as usize] += 1;
    }
    let mut stuck: BinaryHeap<Reverse<(u64, NodeIx)>> = BinaryHeap::new();
    let mut free = Vec::new();
    for job in graph.jobs.iter().filter(|job| !job.nodes.is_empty()) {
        reach(graph, &waits_for, job.nodes.start, &mut free, &mut stuck);
    }
    free.reverse();
    let mut done = vec![false; graph.nodes.len()];
    let mut order = Vec::with_capacity(graph.nodes.len());
    loop {
        let forced =
            || std::iter::from_fn(|| stuck.pop()).map(|Reverse((_, node))| node).find(|node| !done[*node as usize]);
        let Some(node) = free.pop().or_else(forced) else { break };
        done[node as usize] = true;
        order.push(node);
        for (_, to) in graph.edges_from(node).iter().copied() {
            waits_for[to as usize] = waits_for[to as usize].saturating_sub(1);
            let chained = graph.nodes[to as usize].job;
            let reached = to == graph.jobs[chained as usize].nodes.start || done[to as usize - 1];
            if waits_for[to as usize] == 0 && reached && !done[to as usize] {
                free.push(to);
            }
        }
        if let Some(next) = graph.next(node) {
            reach(graph, &waits_for, next, &mut free, &mut stuck);
        }
    }
    leave_out_backward(graph, &order);
    graph.order = order;
}

fn reach(
    graph: &Graph,
    waits_for: &[u32],
    node: NodeIx,
    free: &mut Vec<NodeIx>,
    stuck: &mut BinaryHeap<Reverse<(u64, NodeIx)>>,
) {
    if waits_for[node as usize] == 0 {
        free.push(node);
    } else {
        stuck.push(Reverse((graph.nodes[node as usize].start, node)));
    }
}

fn leave_out_backward(graph: &mut Graph, order: &[NodeIx]) {
    let mut place = vec![0_u32; graph.nodes.len()];
    for (at, node) in (0..).zip(order) {
        place[*node as usize] = at;
    }
    let before = graph.edges.len();
    graph.edges.retain(|(from, to)| place[*from as usize] < place[*to as usize]);
    graph.left_out = (before - graph.edges.len()) as u64;
    if graph.left_out > 0 {
        graph.index_edges();
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
    for node in graph.order.iter().copied() {
        let end = ends[node as usize] + length(node);
        ends[node as usize] = end;
        let others = graph.edges_from(node).iter().map(|(_, to)| *to);
        for to in graph.next(node).into_iter().chain(others) {
            let start = &mut ends[to as usize];
            if from[to as usize] == NONE || end > *start {
                *start = end;
                from[to as usize] = node;
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
