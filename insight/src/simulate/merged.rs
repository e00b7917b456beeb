//! [`Merged`]: parts of one chain that are run as one for each pool.

use super::chain::Chains;
use super::node::{PlanNode, Step};

/// Parts of one chain that are run as one for each pool, and by how much that may change the simulated time.
#[derive(Default)]
pub(super) struct Merged {
    /// The first node of the present ones, and how long all of them take.
    first: usize,
    length: u64,
    /// The longest ones.
    longest: u64,
    /// All those that others on their lanes may have to wait for.
    shared: u64,
}

impl Merged {
    /// Adds a node, or its time to the one of the same pool that it is merged with. Returns which.
    pub(super) fn add(&mut self, nodes: &mut Vec<PlanNode>, node: PlanNode) -> u32 {
        self.length += node.length();
        let merged = nodes[self.first..].iter().position(|other| other.step == node.step);
        let Some(at) = merged.map(|at| self.first + at) else {
            nodes.push(node);
            return nodes.len() as u32 - 1;
        };
        let other = &mut nodes[at];
        other.on += node.on;
        other.off += node.off;
        other.longest += node.longest;
        other.finest += node.finest;
        self.longest = self.longest.max(self.length);
        at as u32
    }

    /// The next node isn't merged with those that were added to `job`.
    pub(super) fn end(&mut self, nodes: &[PlanNode], job: u32, chains: &Chains) {
        let is_shared = |node: &PlanNode| matches!(node.step, Step::Part(pool) if !chains.owns(job, pool));
        let present = &nodes[self.first..];
        if present.len() > 1 && present.iter().any(is_shared) {
            self.shared += self.length;
        }
        self.skip(nodes);
    }

    /// The next node is the first one.
    pub(super) fn skip(&mut self, nodes: &[PlanNode]) {
        (self.first, self.length) = (nodes.len(), 0);
    }

    /// By how much all that was merged may change the simulated time.
    pub(super) fn error(&self) -> u64 {
        self.longest + self.shared
    }
}
