//! [`Template`]: the plan of a run as it was, from which those of changed runs are made.

use super::chain;
use super::change::Change;
use super::faster::{Named, Sums};
use super::plan::{Making, Plan};
use super::shrink::{self, Folds};
use crate::graph::{Graph, Job, Node, NONE};
use crate::model::Run;
use crate::parallel;
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
        let name = |node: &Node| node.span().map_or(NONE, |span| run.spans[span as usize].name);
        let (names, (folds, making)) = parallel::both(
            || graph.nodes.iter().map(name).collect(),
            || {
                let folds = shrink::folds(graph, run, most);
                let making = Making::all(run, graph, &folds, Change::None, 1);
                (folds, making)
            },
        );
        let of_fan = (0..).zip(&graph.jobs).filter(|(_, job)| job.fan.is_some());
        let divisible = of_fan
            .map(|(ix, _)| ix)
            .filter(|ix| !folds.is_folded(*ix) && !folds.chains.is_inside(*ix) && chain::simple(graph, *ix))
            .collect();
        Self { of_node: making.of_node, names, plan: making.plan, divisible, folds }
    }

    /// The plan for a changed run. `split` is into how many pieces leaves of parallel iterators are split, as far as they have as
    /// many items.
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
            Change::Faster { name, factor } => {
                self.faster(graph, name, &[factor]).pop().map_or(Cow::Borrowed(&self.plan), Cow::Owned)
            }
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

    /// For each factor, a plan of the same nodes and edges, with other lengths where spans have this name. Reads the graph once for
    /// all factors.
    pub(super) fn faster(&self, graph: &Graph, name: u32, factors: &[f64]) -> Vec<Plan> {
        let mut plans = vec![self.plan.clone(); factors.len()];
        let named = Named { graph, names: &self.names, name };
        for (ix, job) in (0..).zip(&graph.jobs).filter(|(ix, _)| !self.folds.is_folded(*ix)) {
            for node in named.nodes(ix) {
                let place = self.of_node[node as usize] as usize;
                let planned = plans.iter_mut().filter_map(|plan| plan.nodes.get_mut(place));
                planned.zip(factors).for_each(|(planned, factor)| named.one(planned, node, job.items, *factor));
            }
        }
        let mut sums = Sums::new(factors);
        for jobs in self.folds.groups().filter(|jobs| jobs.len() > 1) {
            let place = self.of_node[graph.jobs[jobs[0] as usize].nodes.start as usize] as usize;
            named.side_by_side(jobs, &mut sums);
            plans.iter_mut().zip(sums.of()).for_each(|(plan, sum)| sum.put(&mut plan.nodes[place]));
        }
        plans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FanKind;
    use crate::testing::Kit;

    /// Items of several lengths that can be split, with a step inside each, and a serial phase.
    fn run() -> Run {
        let mut kit = Kit::new();
        let main = kit.lane("main");
        let lane = kit.pool("rayon", 1)[0];
        let root = kit.span(main, "run", None, 0..1_000);
        kit.span(main, "step", Some(root), 800..899);
        let fan = kit.fan(FanKind::Iterator, Some(root), main, 0, Some(700));
        kit.fan_mut(fan).blocks = true;
        for at in 0..20 {
            let item = kit.item(fan, lane, "item", at * 31..at * 31 + 30);
            kit.span(lane, "step", Some(item), at * 31 + 5..at * 31 + 7 + at % 5);
            kit.items(item, 2 + at % 3);
        }
        kit.run()
    }

    #[test]
    fn plans_of_several_factors_are_those_made_from_the_graph_for_each() {
        let (run, factors) = (run(), [1.25, 1.5, 2.0, 4.0, f64::INFINITY]);
        let graph = Graph::new(&run);
        for most in [6, 200] {
            let template = Template::new(&run, &graph, most);
            for name in 0..run.names.len() as u32 {
                let plans = template.faster(&graph, name, &factors);
                for (plan, factor) in plans.iter().zip(factors) {
                    let change = Change::Faster { name, factor };
                    let made = Making::all(&run, &graph, &template.folds, change, 1).plan;
                    assert_eq!(format!("{:?}", plan.nodes), format!("{:?}", made.nodes), "{change:?}, {most}");
                }
            }
        }
    }
}
