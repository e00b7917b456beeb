//! How long planned nodes take when spans of one name are faster: for several factors at once, since reading a large graph takes
//! longer than a simulation.

use super::change::shorter;
use super::node::PlanNode;
use crate::graph::{Graph, JobIx, NodeIx};

/// The nodes of spans of one name.
pub(super) struct Named<'a> {
    pub(super) graph: &'a Graph,
    /// The name of each node.
    pub(super) names: &'a [u32],
    pub(super) name: u32,
}

impl Named<'_> {
    fn is(&self, node: NodeIx) -> bool {
        self.names[node as usize] == self.name
    }

    /// Those of a job.
    pub(super) fn nodes(&self, job: JobIx) -> impl Iterator<Item = NodeIx> + '_ {
        self.graph.jobs[job as usize].nodes.clone().filter(|node| self.is(*node))
    }

    /// Makes a node shorter that is a part of `planned`.
    pub(super) fn one(&self, planned: &mut PlanNode, node: NodeIx, items: u64, factor: f64) {
        let before = self.graph.cpu(node);
        let (on, off) = (shorter(before.0, factor), shorter(before.1, factor));
        (planned.on, planned.off) = (planned.on - before.0 + on, planned.off - before.1 + off);
        let (before, after) = (before.0 + before.1, on + off);
        planned.longest = planned.longest - before + after;
        planned.finest = planned.finest - split(before, items) + split(after, items);
    }

    /// Sums up jobs that are one node of a plan.
    pub(super) fn side_by_side(&self, jobs: &[JobIx], sums: &mut Sums) {
        sums.of.iter_mut().for_each(|sum| *sum = Sum::new(sum.factor));
        for job in jobs {
            let job = &self.graph.jobs[*job as usize];
            let mut others = Length::default();
            for ix in job.nodes.clone() {
                if self.is(ix) {
                    let (on, off) = self.graph.cpu(ix);
                    sums.of.iter_mut().for_each(|sum| sum.add(on, off, job.items));
                } else {
                    others.add(self.graph.nodes[ix as usize].length(), job.items);
                }
            }
            sums.of.iter_mut().for_each(|sum| sum.end_job(others));
        }
    }
}

/// The length of nodes that follow each other.
#[derive(Clone, Copy, Default)]
struct Length {
    longest: u64,
    /// With leaves split down to one item.
    finest: u64,
}

impl Length {
    fn add(&mut self, ns: u64, items: u64) {
        self.longest += ns;
        self.finest += split(ns, items);
    }
}

/// The time of one of so many items.
fn split(ns: u64, items: u64) -> u64 {
    match items {
        1 => ns,
        _ => ns.div_ceil(items),
    }
}

/// Jobs that are one node of a plan, for each factor.
pub(super) struct Sums {
    of: Vec<Sum>,
}

/// The same for one factor.
pub(super) struct Sum {
    factor: f64,
    /// Nanoseconds of named nodes on a CPU and off it, before and after.
    on: (u64, u64),
    off: (u64, u64),
    /// Named nodes of the present job.
    job: Length,
    /// The longest job.
    most: Length,
}

impl Sums {
    pub(super) fn new(factors: &[f64]) -> Self {
        Self { of: factors.iter().map(|factor| Sum::new(*factor)).collect() }
    }

    pub(super) fn of(&self) -> &[Sum] {
        &self.of
    }
}

impl Sum {
    fn new(factor: f64) -> Self {
        Self { factor, on: (0, 0), off: (0, 0), job: Length::default(), most: Length::default() }
    }

    fn add(&mut self, on: u64, off: u64, items: u64) {
        let (new_on, new_off) = (shorter(on, self.factor), shorter(off, self.factor));
        self.on = (self.on.0 + on, self.on.1 + new_on);
        self.off = (self.off.0 + off, self.off.1 + new_off);
        self.job.add(new_on + new_off, items);
    }

    /// `others` are the nodes of the job with other names.
    fn end_job(&mut self, others: Length) {
        let job = std::mem::take(&mut self.job);
        self.most.longest = self.most.longest.max(job.longest + others.longest);
        self.most.finest = self.most.finest.max(job.finest + others.finest);
    }

    /// Puts the new lengths into the node of the plan.
    pub(super) fn put(&self, planned: &mut PlanNode) {
        planned.on = planned.on - self.on.0 + self.on.1;
        planned.off = planned.off - self.off.0 + self.off.1;
        (planned.longest, planned.finest) = (self.most.longest, self.most.finest);
    }
}
