//! Asynchronous spans and jobs of queues: how long they were busy, ready, and neither.

use super::events::LONG_POLL_NS;
use super::names::quantile;
use crate::analysis::Task;
use crate::model::{Run, SpanIx, StageKind};
use crate::sorted;
use std::collections::{BTreeMap, HashMap};

/// How many spans are named.
const SPANS: usize = 5;

#[derive(Clone, Copy, Debug, Default)]
struct One {
    submitted: Option<u64>,
    busy_ns: u64,
    polls: u64,
    max_poll_ns: u64,
}

/// By name, the longest busy time first.
pub(super) fn tasks(run: &Run) -> Vec<Task> {
    let mut names: BTreeMap<u32, Vec<(SpanIx, One)>> = BTreeMap::new();
    for (span, one) in each(run) {
        names.entry(run.spans[span as usize].name).or_default().push((span, one));
    }
    let mut long: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for poll in run.polls.iter().filter(|poll| poll.end.saturating_sub(poll.start) >= LONG_POLL_NS) {
        long.entry(run.spans[poll.span as usize].name).or_default().push(poll.end - poll.start);
    }
    let mut tasks: Vec<Task> = names
        .into_iter()
        .map(|(name, all)| task(run, &run.names[name as usize], all, long.remove(&name).unwrap_or_default()))
        .collect();
    sorted::by(&mut tasks, |a, b| b.busy_ns.cmp(&a.busy_ns).then_with(|| a.name.cmp(&b.name)));
    tasks
}

/// All spans that were polled, or submitted to a queue.
fn each(run: &Run) -> HashMap<SpanIx, One> {
    let mut all: HashMap<SpanIx, One> = HashMap::new();
    for poll in &run.polls {
        let one = all.entry(poll.span).or_default();
        let length = poll.end.saturating_sub(poll.start);
        one.busy_ns += length;
        one.polls += 1;
        one.max_poll_ns = one.max_poll_ns.max(length);
    }
    for stage in run.stages.iter().filter(|stage| stage.kind == StageKind::Submitted) {
        let submitted = &mut all.entry(stage.span).or_default().submitted;
        *submitted = submitted.or(Some(stage.at));
    }
    all
}

fn task(run: &Run, name: &str, mut all: Vec<(SpanIx, One)>, mut long: Vec<u64>) -> Task {
    let mut task = Task { name: name.to_owned(), count: all.len() as u64, ..Task::default() };
    let mut latencies = Vec::with_capacity(all.len());
    for (span, one) in &all {
        let span = &run.spans[*span as usize];
        let length = span.end - span.start;
        let ready = one.submitted.map_or(0, |at| span.start.saturating_sub(at));
        let busy = if span.polled { one.busy_ns } else { length };
        task.busy_ns += busy;
        task.ready_ns += ready;
        task.idle_ns += length.saturating_sub(busy);
        task.polls += one.polls;
        task.max_poll_ns = task.max_poll_ns.max(one.max_poll_ns);
        latencies.push(length.saturating_add(ready));
    }
    (task.median_ns, task.p99_ns) = (quantile(&mut latencies, 50), quantile(&mut latencies, 99));
    (task.long_polls, task.long_poll_ns) = (long.len() as u64, long.iter().sum());
    task.median_long_poll_ns = quantile(&mut long, 50);
    all.retain(|(_, one)| one.max_poll_ns > 0);
    sorted::by_key(&mut all, |(span, one)| (u64::MAX - one.max_poll_ns, *span));
    task.spans = all.iter().take(SPANS).map(|(span, _)| run.spans[*span as usize].id.to_string()).collect();
    task
}
