//! An order of the nodes in which each is behind what it depends on.

use super::{Graph, JobIx, NodeIx};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Puts the nodes in order, and leaves out edges that would close a circle. Markers of one moment may do so; nothing else does,
/// since edges go forwards in time.
pub(super) fn put_in_order(graph: &mut Graph) {
    let (runs, backward) = Order::new(graph).runs();
    graph.runs = runs;
    graph.left_out = backward.len() as u64;
    if graph.left_out > 0 {
        graph.edges.retain(|edge| backward.binary_search(edge).is_err());
        graph.index_edges();
    }
}

struct Order<'a> {
    graph: &'a Graph,
    /// For each node: how many edges lead to it from nodes that aren't in order yet.
    waits_for: Vec<u32>,
    /// For each job: the first node that isn't in order yet.
    next: Vec<NodeIx>,
    /// Nodes that depend on nothing that isn't in order yet.
    free: Vec<NodeIx>,
    /// Nodes that were next when an edge to them was left, by time.
    stuck: BinaryHeap<Reverse<(u64, NodeIx)>>,
    /// Edges to nodes that were in order before their source.
    backward: Vec<(NodeIx, NodeIx)>,
}

impl<'a> Order<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut waits_for = vec![0_u32; graph.nodes.len()];
        graph.edges.iter().for_each(|(_, to)| waits_for[*to as usize] += 1);
        let next = graph.jobs.iter().map(|job| job.nodes.start).collect();
        let (free, stuck, backward) = (Vec::new(), BinaryHeap::new(), Vec::new());
        let mut order = Self { graph, waits_for, next, free, stuck, backward };
        for job in graph.jobs.iter().filter(|job| !job.nodes.is_empty()) {
            match order.may_follow(job.nodes.start) {
                true => order.free.push(job.nodes.start),
                false => order.wait(job.nodes.start),
            }
        }
        order.free.reverse();
        order
    }

    /// The runs of nodes, and the edges that lead back, sorted.
    fn runs(mut self) -> (Vec<Range<NodeIx>>, Vec<(NodeIx, NodeIx)>) {
        let mut runs = Vec::new();
        while let Some(first) = self.free.pop().or_else(|| self.forced()) {
            runs.push(self.run(first));
        }
        runs.shrink_to_fit();
        self.backward.sort_unstable();
        (runs, self.backward)
    }

    fn job(&self, node: NodeIx) -> JobIx {
        self.graph.nodes[node as usize].job
    }

    fn is_done(&self, node: NodeIx) -> bool {
        node < self.next[self.job(node) as usize]
    }

    fn may_follow(&self, node: NodeIx) -> bool {
        self.waits_for[node as usize] == 0
    }

    fn wait(&mut self, node: NodeIx) {
        self.stuck.push(Reverse((self.graph.nodes[node as usize].start, node)));
    }

    /// The earliest node that was next and isn't in order yet: jobs wait for each other in a circle.
    fn forced(&mut self) -> Option<NodeIx> {
        while let Some(Reverse((_, node))) = self.stuck.pop() {
            if !self.is_done(node) {
                return Some(node);
            }
        }
        None
    }

    /// Puts a node in order, and those of its job behind it that depend on nothing else.
    fn run(&mut self, first: NodeIx) -> Range<NodeIx> {
        let graph = self.graph;
        let job = self.job(first) as usize;
        let end = graph.jobs[job].nodes.end;
        let mut edges = graph.edges_of_run(&(first..end)).iter().peekable();
        let mut node = first;
        loop {
            self.next[job] = node + 1;
            while let Some((_, to)) = edges.next_if(|(from, _)| *from == node) {
                self.pass(node, *to);
            }
            node += 1;
            if node == end {
                break;
            }
            if !self.may_follow(node) {
                self.wait(node);
                break;
            }
        }
        first..node
    }

    fn pass(&mut self, from: NodeIx, to: NodeIx) {
        let left = &mut self.waits_for[to as usize];
        *left = left.saturating_sub(1);
        if self.is_done(to) {
            self.backward.push((from, to));
        } else if self.may_follow(to) && self.next[self.job(to) as usize] == to {
            self.free.push(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Job, Node, NodeKind, NONE};

    /// Two jobs of two markers each, the first one earlier, with these edges.
    fn graph(edges: &[(u32, u32)]) -> Graph {
        let marker = |job, start| Node { start, length: 0, job, span: NONE, lane: NONE, kind: NodeKind::Sent };
        let job = |nodes| Job { span: None, fan: None, items: 1, nodes };
        let mut graph = Graph {
            nodes: vec![marker(0, 1), marker(0, 2), marker(1, 3), marker(1, 4)],
            jobs: vec![job(0..2), job(2..4)],
            edges: edges.to_vec(),
            ..Graph::default()
        };
        graph.index_edges();
        super::put_in_order(&mut graph);
        graph
    }

    #[test]
    fn a_node_is_behind_what_it_depends_on() {
        let graph = graph(&[(2, 1)]);
        assert_eq!((graph.runs, graph.left_out), (vec![0..1, 2..4, 1..2], 0));
    }

    #[test]
    fn the_edge_that_leads_back_in_a_circle_is_left_out() {
        let graph = graph(&[(1, 2), (3, 0)]);
        assert_eq!((&graph.edges, graph.left_out), (&vec![(1, 2)], 1));
        assert_eq!((graph.runs, graph.edge_starts), (vec![0..2, 2..4], vec![0, 1, 1]));
    }
}
