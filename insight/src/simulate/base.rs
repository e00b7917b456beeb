//! Predictions for a recorded run: simulated, and compared with what was measured.

use super::bounds::Lengths;
use super::change::Change;
use super::engine::{self, Schedule};
use super::plan::{Lanes, Plan};
use super::template::Template;
use crate::analysis::Point;
use crate::graph::Graph;
use crate::model::{NameIx, Run};
use crate::parallel;
use std::borrow::Cow;

/// A plan of more nodes than this is folded.
pub const MOST_NODES: usize = 200_000;

/// A recorded run, simulated as it was.
pub struct Base<'a> {
    run: &'a Run,
    graph: &'a Graph,
    lanes: Lanes,
    steals: Vec<bool>,
    template: Template,
    simulated: u64,
    wall: u64,
    measured_lanes: u32,
}

impl<'a> Base<'a> {
    /// Simulates the run on its own lanes. Folds a plan of more than `most_nodes` nodes ([`MOST_NODES`]).
    #[must_use]
    pub fn new(run: &'a Run, graph: &'a Graph, most_nodes: usize) -> Self {
        // Without samples, the time in which a thread waited for a core is part of its spans already.
        let cpus = run.machine.cpus.filter(|_| !run.samples.is_empty());
        let cores = cpus.map(|cpus| (cpus.floor() as u32).max(1));
        let pools: Vec<u32> = graph.pools.iter().map(|pool| pool.size).collect();
        let measured_lanes = graph.scaled.map_or(1, |scaled| pools[scaled as usize]);
        let mut base = Self {
            run,
            graph,
            lanes: Lanes { pools, cores },
            steals: graph.pools.iter().map(|pool| pool.steals).collect(),
            template: Template::new(run, graph, most_nodes),
            simulated: 0,
            wall: run.window.end.saturating_sub(run.window.start),
            measured_lanes,
        };
        base.simulated = base.schedule(&base.template.plan).end;
        if base.simulated > base.wall {
            // The run itself was faster than with continuations tied to their lanes: its joins weren't buried as deep.
            let tied = std::mem::take(&mut base.steals);
            let free = base.schedule(&base.template.plan).end;
            match free.abs_diff(base.wall) < base.simulated.abs_diff(base.wall) {
                true => base.simulated = free,
                false => base.steals = tied,
            }
        }
        base
    }

    /// The simulated time of the run as it was.
    #[must_use]
    pub fn simulated(&self) -> u64 {
        self.simulated
    }

    /// How many nodes a plan has.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.template.plan.nodes()
    }

    /// How long a what-if takes, in nodes that are simulated: those of its plan, and a hundredth of the graph's, which are read to
    /// make the plan.
    #[must_use]
    pub(crate) fn effort(&self) -> usize {
        self.nodes() + self.graph.nodes.len() / 100
    }

    /// The measured wall time divided by the simulated one; 1 if nothing was simulated.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.simulated == 0 {
            1.0
        } else {
            self.wall as f64 / self.simulated as f64
        }
    }

    /// By how much folding may change a predicted time: nanoseconds. 0 if nothing was folded.
    #[must_use]
    pub fn fold_error(&self) -> u64 {
        self.scaled(self.template.plan.fold_error())
    }

    /// The size of the pool that predictions vary, as it was.
    #[must_use]
    pub fn own_lanes(&self) -> u32 {
        self.measured_lanes
    }

    /// The numbers of lanes of its curves: [`points`]. A few if it was folded: what that changes is more than what is between them.
    #[must_use]
    pub fn lanes_of_curve(&self) -> Vec<u32> {
        let folded = self.template.plan.fold_error() > 0;
        points(self.nodes().max(if folded { SMALL + 1 } else { 0 }), self.own_lanes())
    }

    /// The plan after a change. `split` is into how many pieces leaves of parallel iterators are split, as far as they have as many
    /// items.
    #[must_use]
    pub fn plan(&self, change: Change, split: u32) -> Cow<'_, Plan> {
        self.template.changed(self.run, self.graph, change, split)
    }

    /// The schedule of a plan on the run's own lanes.
    #[must_use]
    pub fn schedule(&self, plan: &Plan) -> Schedule {
        engine::run(plan, &self.lanes, &self.steals)
    }

    /// The simulated time if a join went on on any lane of its pool.
    #[must_use]
    pub fn with_free_continuations(&self) -> u64 {
        engine::run(&self.plan(Change::None, 1), &self.lanes, &[]).end
    }

    /// The predicted time after a change, on the run's own lanes and cores.
    #[must_use]
    pub fn predict(&self, change: Change) -> Point {
        let plan = self.plan(change, 1);
        self.point(&plan, &Lengths::new(&plan), self.lanes.clone(), self.measured_lanes)
    }

    /// The predicted time with another number of lanes, on the cores that there are.
    #[must_use]
    pub fn on_lanes(&self, lanes: u32) -> Point {
        let plan = self.plan(Change::None, lanes.div_ceil(self.measured_lanes));
        let with = Lanes { pools: self.sizes(lanes), cores: self.lanes.cores };
        self.point(&plan, &Lengths::new(&plan), with, lanes)
    }

    /// The predicted times after a change, with other numbers of lanes. With more lanes than cores, it has as many cores as lanes;
    /// such points are marked as beyond. With more lanes than were measured, leaves of parallel iterators are split finer.
    #[must_use]
    pub fn curve(&self, change: Change, at: &[u32]) -> Vec<Point> {
        self.points(change, at, |lanes, point| lanes.iter().map(point).collect())
    }

    /// As [`predict`](Self::predict) and [`curve`](Self::curve), with one plan, unless leaves can be split: making one takes longer
    /// than simulating it.
    #[must_use]
    pub(crate) fn predict_with_curve(&self, change: Change, at: &[u32]) -> (Point, Vec<Point>) {
        self.with_curve(&self.plan(change, 1), change, at)
    }

    /// The same for spans of one name that are faster, for each factor.
    #[must_use]
    pub(crate) fn predict_faster_with_curves(
        &self,
        name: NameIx,
        factors: &[f64],
        at: &[u32],
    ) -> Vec<(Point, Vec<Point>)> {
        let plans = self.template.faster(self.graph, name, factors).into_iter().zip(factors);
        plans.map(|(plan, factor)| self.with_curve(&plan, Change::Faster { name, factor: *factor }, at)).collect()
    }

    /// `plan` is that of the change.
    fn with_curve(&self, plan: &Plan, change: Change, at: &[u32]) -> (Point, Vec<Point>) {
        let lengths = Lengths::new(plan);
        let point = self.point(plan, &lengths, self.lanes.clone(), self.measured_lanes);
        let can_be_split = self.template.split(self.graph, 2) > 1;
        let curve = match can_be_split {
            true => self.curve(change, at),
            false => at.iter().map(|lanes| self.point_of_curve(plan, &lengths, *lanes)).collect(),
        };
        (point, curve)
    }

    /// As [`curve`](Self::curve), simulated on several threads.
    #[must_use]
    pub fn curve_on_threads(&self, change: Change, at: &[u32]) -> Vec<Point> {
        self.points(change, at, |lanes, point| parallel::map(lanes, point).into_iter().flatten().collect())
    }

    /// Makes a plan for each stretch of lanes that have the same one, and gives `all` what simulates it.
    fn points(
        &self,
        change: Change,
        at: &[u32],
        all: impl Fn(&[u32], &(dyn Fn(&u32) -> Point + Sync)) -> Vec<Point>,
    ) -> Vec<Point> {
        let split = |lanes: &u32| self.template.split(self.graph, lanes.div_ceil(self.measured_lanes.max(1)));
        let of_plan = |lanes: &[u32]| {
            let plan = self.plan(change, split(&lanes[0]));
            let lengths = Lengths::new(&plan);
            all(lanes, &|lanes| self.point_of_curve(&plan, &lengths, *lanes))
        };
        at.chunk_by(|a, b| split(a) == split(b)).flat_map(of_plan).collect()
    }

    fn point_of_curve(&self, plan: &Plan, lengths: &Lengths, lanes: u32) -> Point {
        let cores = self.lanes.cores.map(|cores| cores.max(lanes));
        self.point(plan, lengths, Lanes { pools: self.sizes(lanes), cores }, lanes)
    }

    fn sizes(&self, lanes: u32) -> Vec<u32> {
        let mut pools = self.lanes.pools.clone();
        if let Some(scaled) = self.graph.scaled {
            pools[scaled as usize] = lanes;
        }
        pools
    }

    fn point(&self, plan: &Plan, lengths: &Lengths, with: Lanes, lanes: u32) -> Point {
        let schedule = engine::run(plan, &with, &self.steals);
        let bounds = lengths.bounds(plan, &with);
        let ratio = self.ratio();
        let machine = &self.run.machine;
        let cores = machine.cores.or(machine.cpus.map(|cpus| cpus.ceil() as u32)).unwrap_or(u32::MAX);
        Point {
            lanes,
            ns: self.scaled(schedule.end),
            lower_ns: if ratio < 1.0 { self.scaled(bounds.lower) } else { bounds.lower },
            upper_ns: {
                let upper = bounds.upper.max(schedule.end);
                if ratio > 1.0 {
                    self.scaled(upper)
                } else {
                    upper
                }
            },
            beyond: lanes > self.measured_lanes || lanes > cores,
        }
    }

    /// A simulated time, as it would be measured.
    #[must_use]
    pub fn scaled(&self, ns: u64) -> u64 {
        if ns == self.simulated && ns > 0 {
            self.wall
        } else {
            (ns as f64 * self.ratio()).round() as u64
        }
    }
}

/// A plan of so many nodes is small.
const SMALL: usize = 5_000;

/// The numbers of lanes of a curve, up to 64: all, if a plan is small, else a few, or only powers of two.
#[must_use]
pub fn points(nodes: usize, own: u32) -> Vec<u32> {
    const LARGE: usize = 250_000;
    const FEW: [u32; 12] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
    const POWERS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];
    if nodes <= SMALL {
        return (1..=64).collect();
    }
    let mut points = if nodes <= LARGE { FEW.to_vec() } else { POWERS.to_vec() };
    if own <= 64 && !points.contains(&own) {
        points.push(own);
        points.sort_unstable();
    }
    points
}
