//! [`Template`]: the plan of a run as it was, from which those of changed runs are made.

use super::chain;
use super::change::{self, Change};
use super::plan::{Making, Plan};
use super::shrink::{self, Folds};
use crate::graph::{Graph, Job, Node, NONE};
use crate::model::Run;
use std::borrow::Cow;

/// The plan of a run as it was, from which those of changed runs are made.
#[derive(Clone, Debug)]
pub(super) struct Template {
    folds: Folds,
    /// The node of the plan for each node of the graph: of the first piece, if it was split.
    of_node: Vec<u32>,
    /// The name of each node of the graph, or [`NONE`]: spans are far apart in memory.
    names: Vec<u32>,
    /// Jobs that can be split: pieces of fan-outs that weren't folded.
    divisible: Vec<u32>,
    pub(super) plan: Plan,
}

impl Template {
    /// `most` is how many nodes it may have, about.
    pub(super) fn new(run: &Run, graph: &Graph, most: usize) -> Self {
        let folds = shrink::folds(graph, run, most);
        let making = Making::all(run, graph, &folds, Change::None, 1);
        let of_fan = (0..).zip(&graph.jobs).filter(|(_, job)| job.fan.is_some());
        let divisible = of_fan
            .map(|(ix, _)| ix)
            .filter(|ix| !folds.is_folded(*ix) && !folds.chains.is_inside(*ix) && chain::simple(graph, *ix))
            .collect();
        let name = |node: &Node| node.span.map_or(NONE, |span| run.spans[span as usize].name);
        let names = graph.nodes.iter().map(name).collect();
        Self { of_node: making.of_node, names, plan: making.plan, divisible, folds }
    }

    /// The plan for a changed run. `split` is into how many pieces leaves of parallel iterators are split, as far as they have as many items.
    pub(super) fn changed(&self, run: &Run, graph: &Graph, change: Change, split: u32) -> Cow<'_, Plan> {
        let split = self.split(graph, split);
        let mut divisible = self.divisible.iter().map(|job| &graph.jobs[*job as usize]);
        let named = |job: &Job, name| job.span.is_some_and(|span| run.spans[span as usize].name == name);
        let made = || Cow::Owned(Making::all(run, graph, &self.folds, change, split).plan);
        match change {
            Change::Finer { name, .. } if split == 1 && !divisible.any(|job| named(job, name)) => {
                Cow::Borrowed(&self.plan)
            }
            Change::Finer { .. } | Change::SpawnBlocking(_) => made(),
            _ if split > 1 => made(),
            Change::None => Cow::Borrowed(&self.plan),
            Change::WithoutLock(lock) => {
                let mut plan = self.plan.clone();
                plan.holds.retain(|hold| hold.lock != lock);
                Cow::Owned(plan)
            }
            Change::Faster { name, factor } => Cow::Owned(self.faster(graph, name, factor)),
        }
    }

    /// Into how many pieces leaves are split: 1 if there is none of several items.
    pub(super) fn split(&self, graph: &Graph, wanted: u32) -> u32 {
        let any = || self.divisible.iter().any(|job| graph.jobs[*job as usize].items > 1);
        if wanted > 1 && any() {
            wanted
        } else {
            1
        }
    }

    /// The same nodes and edges. Jobs with spans of this name have other lengths.
    fn faster(&self, graph: &Graph, name: u32, factor: f64) -> Plan {
        let mut plan = self.plan.clone();
        let shorter = |node: &Node| (change::shorter(node.on, factor), change::shorter(node.off, factor));
        let items = |node: &Node| graph.jobs[node.job as usize].items;
        let mut side_by_side = vec![false; plan.nodes.len()];
        let named = (0..).zip(&self.names).filter(|(_, name_of)| **name_of == name).map(|(ix, _): (usize, _)| ix);
        for ix in named {
            let (node, place) = (&graph.nodes[ix], self.of_node[ix] as usize);
            let Some(planned) = plan.nodes.get_mut(place) else { continue };
            let (on, off) = shorter(node);
            (planned.on, planned.off) = (planned.on - node.on + on, planned.off - node.off + off);
            if self.folds.is_folded(node.job) {
                side_by_side[place] = true;
            } else {
                let (before, after, items) = (node.length(), on + off, items(node));
                planned.longest = planned.longest - before + after;
                planned.finest = planned.finest - before.div_ceil(items) + after.div_ceil(items);
            }
        }
        let length = |ix: usize| {
            let node = &graph.nodes[ix];
            let (on, off) = if self.names[ix] == name { shorter(node) } else { (node.on, node.off) };
            on + off
        };
        for jobs in self.folds.groups().filter(|jobs| jobs.len() > 1) {
            let place = self.of_node[graph.jobs[jobs[0] as usize].nodes.start as usize] as usize;
            if side_by_side[place] {
                let planned = &mut plan.nodes[place];
                (planned.longest, planned.finest) = longest(jobs.iter().map(|job| &graph.jobs[*job as usize]), length);
            }
        }
        plan
    }
}

/// The longest of jobs side by side, and the same with leaves split down to one item.
fn longest<'a>(jobs: impl Iterator<Item = &'a Job>, length: impl Fn(usize) -> u64) -> (u64, u64) {
    jobs.fold((0, 0), |most, job| {
        let lengths = || (job.nodes.start as usize..job.nodes.end as usize).map(&length);
        let finest = lengths().map(|ns| ns.div_ceil(job.items)).sum();
        (most.0.max(lengths().sum()), most.1.max(finest))
    })
}
