//! How long requests took: asynchronous spans at the top of their trace.

use super::Case;
use crate::analysis::{Analysis, Task};
use crate::graph::{Graph, Job, Node, NodeKind, PoolIx};
use crate::model::{NameIx, Run, Span, SpanIx};
use crate::simulate::{Change, LONG_POLL_NS};
use std::collections::{BTreeSet, HashMap};

/// The times of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Requests {
    pub(super) count: u64,
    /// Of the time from arrival to end, waiting for a thread: the share.
    pub(super) waiting: f64,
    /// Threads of their pool.
    pub(super) threads: u32,
}

/// A 99th percentile before and after a change, both simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tail {
    pub(super) before: u64,
    pub(super) after: u64,
}

impl Tail {
    /// The gain as a part of the time before.
    pub(super) fn gain(self) -> f64 {
        if self.before == 0 {
            0.0
        } else {
            1.0 - self.after as f64 / self.before as f64
        }
    }
}

/// The requests of a run, if there are any.
pub(super) fn requests(run: &Run, graph: &Graph) -> Option<Requests> {
    let mut requests = Requests::default();
    let (mut waiting, mut all) = (0, 0);
    let arrivals = Arrivals::of(run);
    for job in graph.jobs.iter().filter(|job| is_request(run, job)) {
        let nodes = &graph.nodes[job.nodes.start as usize..job.nodes.end as usize];
        let arrived = arrivals.at(run, graph, job);
        let (waited, end, pool) = waited(graph, nodes, arrived);
        requests.count += 1;
        requests.threads = requests.threads.max(pool.map_or(0, |pool| graph.pools[pool as usize].size));
        waiting += waited;
        all += end - arrived.min(end);
    }
    requests.waiting = waiting as f64 / all.max(1) as f64;
    (requests.count > 0).then_some(requests)
}

/// The time in which a request was ready and no thread ran it, its end, and its pool.
fn waited(graph: &Graph, nodes: &[Node], arrived: u64) -> (u64, u64, Option<PoolIx>) {
    let (mut waited, mut now, mut pool) = (0, arrived, None);
    for node in nodes {
        if node.lane().is_some() {
            waited += node.start.saturating_sub(now);
            pool = graph.pool(node);
        }
        now = now.max(node.start + node.length());
    }
    (waited, now, pool)
}

/// The 99th percentile of the time from arrival to end, before and after polls of `name` are moved to threads for blocking calls.
pub(super) fn tail(case: &Case<'_>, name: NameIx) -> Option<Tail> {
    let before = simulated(case, Change::None)?;
    let after = simulated(case, Change::SpawnBlocking(name))?;
    Some(Tail { before, after })
}

fn simulated(case: &Case<'_>, change: Change) -> Option<u64> {
    let schedule = case.base.schedule(&case.base.plan(change, 1));
    let (run, graph) = (case.run, case.graph);
    let arrivals = Arrivals::of(run);
    let mut times: Vec<u64> = schedule
        .ends
        .iter()
        .map(|(job, end)| (&graph.jobs[*job as usize], *end))
        .filter(|(job, _)| is_request(run, job))
        .map(|(job, end)| end.saturating_sub(arrivals.at(run, graph, job).saturating_sub(run.window.start)))
        .collect();
    times.sort_unstable();
    let rank = (times.len() * 99).div_ceil(100);
    times.get(rank.checked_sub(1)?).copied()
}

fn is_request(run: &Run, job: &Job) -> bool {
    let span = job.span.map(|span| &run.spans[span as usize]);
    job.fan.is_none() && !job.nodes.is_empty() && span.is_some_and(|span| span.polled && span.parent().is_none())
}

fn is_arrival(kind: NodeKind, span: Option<u32>) -> bool {
    kind == NodeKind::Delay && span.is_none()
}

/// When requests arrived.
struct Arrivals {
    /// Those that a span of this program submitted.
    submitted: HashMap<SpanIx, u64>,
}

impl Arrivals {
    fn of(run: &Run) -> Self {
        let submitted =
            run.stages.iter().filter(|stage| stage.by.is_some()).map(|stage| (stage.span, stage.at)).collect();
        Self { submitted }
    }

    /// When it was submitted, or when a thread would have been ready for it, at the latest.
    fn at(&self, run: &Run, graph: &Graph, job: &Job) -> u64 {
        if let Some(submitted) = job.span.and_then(|span| self.submitted.get(&span)) {
            return *submitted;
        }
        let first = graph.nodes[job.nodes.start as usize];
        if is_arrival(first.kind, first.span()) {
            first.start + first.length()
        } else {
            run.window.start
        }
    }
}

/// The task with this name; or, if spans with this name block the threads of others' polls, a row for them.
pub(super) fn blocking(case: &Case<'_>, analysis: &Analysis, name: &str) -> Option<Task> {
    if let Some(task) = analysis.tasks.iter().find(|task| task.name == name && task.long_polls > 0) {
        return Some(task.clone());
    }
    let ix = case.name(name)?;
    let inside = inside_polls(case);
    let length = |span: &Span| span.end.saturating_sub(span.start);
    let blocks = |span: &&Span| span.name == ix && span.nested && length(span) > LONG_POLL_NS;
    let mut long: Vec<(u64, String)> = inside
        .iter()
        .map(|span| &case.run.spans[*span as usize])
        .filter(blocks)
        .map(|span| (length(span), span.id.to_string()))
        .collect();
    long.sort_unstable_by(|a, b| b.cmp(a));
    let (longest, _) = long.first()?;
    Some(Task {
        name: name.to_owned(),
        long_polls: long.len() as u64,
        long_poll_ns: long.iter().map(|(ns, _)| ns).sum(),
        max_poll_ns: *longest,
        median_long_poll_ns: long[long.len() / 2].0,
        spans: long.iter().take(5).map(|(_, id)| id.clone()).collect(),
        ..Task::default()
    })
}

/// The spans that ran on a thread inside of a poll. Their children on other threads and in other processes didn't.
fn inside_polls(case: &Case<'_>) -> BTreeSet<SpanIx> {
    let is_polled = |job: &&Job| job.span.is_some_and(|span| case.run.spans[span as usize].polled);
    let jobs = case.graph.jobs.iter().filter(is_polled);
    let nodes = jobs.flat_map(|job| &case.graph.nodes[job.nodes.start as usize..job.nodes.end as usize]);
    nodes.filter(|node| node.lane().is_some()).filter_map(Node::span).collect()
}
