//! Fan-outs that nothing recorded: [`guess`] those of a program without marks, [`awaited`] those for which a thread waited by other
//! means than an adapter, such as a runtime's `block_on`.

use super::order;
use crate::model::{Fan, FanIx, FanKind, Run, Sample, SpanIx};
use std::collections::HashSet;
use std::ops::Range;

/// A thread that used a CPU for less than this part of a time, one in so many, waited.
const LEAST_CPU: u64 = 10;

/// Adds a fan-out for each group of children of one span that overlap in time, if one of them ran on another lane than their
/// parent. Returns how many. Only processes without marks are looked at; the spans have to be in order.
///
/// The fan-out has a join if the parent ends after all of the group. Its thread counts as blocked if it ran none of them.
pub(super) fn guess(run: &mut Run) -> u64 {
    let marked = marked(run);
    if marked.iter().all(|marked| *marked) {
        return 0;
    }
    let (firsts, children) = children(run, &marked);
    let before = run.fans.len();
    for parent in 0..run.spans.len() {
        let all = &children[firsts[parent] as usize..firsts[parent + 1] as usize];
        let mut rest = all;
        while !rest.is_empty() {
            let (group, later) = rest.split_at(overlapping(run, rest));
            rest = later;
            add(run, parent as SpanIx, group);
        }
    }
    let added = run.fans.len() - before;
    if added > 0 {
        order::fans(run);
    }
    added as u64
}

/// Adds a fan-out for each group of children that overlap in time, if the thread of their parent, outside of any pool, recorded
/// nothing meanwhile and hardly used a CPU. Returns how many. The spans have to be in order.
///
/// The samples of the thread must cover the time. Where a wait or a fan-out is recorded, nothing needs to be guessed. Nothing waits
/// for a background job unless that is recorded.
pub(super) fn awaited(run: &mut Run) -> u64 {
    if run.samples.is_empty() {
        return 0;
    }
    let mut children: Vec<(SpanIx, SpanIx)> = Vec::new();
    let jobs: HashSet<SpanIx> = run.stages.iter().filter(|stage| stage.by.is_some()).map(|stage| stage.span).collect();
    for (ix, span) in (0..).zip(&run.spans) {
        let elsewhere = |parent: &SpanIx| {
            let above = &run.spans[*parent as usize];
            let lane = &run.lanes[above.lane as usize];
            above.nested && !above.polled && lane.pool.is_none() && lane.is_known() && span.lane != above.lane
        };
        if let Some(parent) = span.parent().filter(elsewhere).filter(|_| span.fan().is_none() && !jobs.contains(&ix)) {
            children.push((parent, ix));
        }
    }
    if children.is_empty() {
        return 0;
    }
    children.sort_unstable();
    let recorded = Recorded::of(run);
    let before = run.fans.len();
    for of_parent in children.chunk_by(|a, b| a.0 == b.0) {
        let parent = of_parent[0].0;
        let all: Vec<SpanIx> = of_parent.iter().map(|(_, child)| *child).collect();
        let mut rest = &all[..];
        while !rest.is_empty() {
            let (group, later) = rest.split_at(overlapping(run, rest));
            rest = later;
            if recorded.waited(run, parent, group) {
                add(run, parent, group);
            }
        }
    }
    let added = run.fans.len() - before;
    if added > 0 {
        order::fans(run);
    }
    added as u64
}

/// What lanes recorded, by lane: when spans started, when it waited or had a fan-out, and samples of its CPU time.
struct Recorded {
    starts: Vec<Vec<u64>>,
    /// In order, without overlaps.
    marked: Vec<Vec<Range<u64>>>,
    samples: Vec<Vec<Sample>>,
}

impl Recorded {
    fn of(run: &Run) -> Self {
        let lanes = run.lanes.len();
        let mut recorded =
            Self { starts: vec![Vec::new(); lanes], marked: vec![Vec::new(); lanes], samples: vec![Vec::new(); lanes] };
        run.spans.iter().for_each(|span| recorded.starts[span.lane as usize].push(span.start));
        let waits = run.waits.iter().map(|wait| (wait.lane, wait.start..wait.end));
        let fans = run.fans.iter().map(|fan| (fan.lane, fan.begin..fan.join.unwrap_or(fan.begin)));
        waits.chain(fans).for_each(|(lane, time)| recorded.marked[lane as usize].push(time));
        run.samples.iter().for_each(|sample| recorded.samples[sample.lane as usize].push(*sample));
        recorded.starts.iter_mut().for_each(|starts| starts.sort_unstable());
        recorded.samples.iter_mut().for_each(|samples| samples.sort_unstable_by_key(|sample| sample.start));
        for marked in &mut recorded.marked {
            marked.sort_unstable_by_key(|time| time.start);
            marked.dedup_by(|later, earlier| {
                let overlap = later.start <= earlier.end;
                if overlap {
                    earlier.end = earlier.end.max(later.end);
                }
                overlap
            });
        }
        recorded
    }

    /// Whether the thread of a span did nothing else while these children ran.
    fn waited(&self, run: &Run, parent: SpanIx, group: &[SpanIx]) -> bool {
        let above = &run.spans[parent as usize];
        let (lane, spans) = (above.lane as usize, || group.iter().map(|span| &run.spans[*span as usize]));
        let start = spans().map(|span| span.start).min().unwrap_or_default();
        let end = spans().map(|span| span.end).max().unwrap_or_default();
        let next = |sorted: &[u64]| sorted.get(sorted.partition_point(|at| *at <= above.start.max(start))).copied();
        let marked = &self.marked[lane];
        let first = marked.partition_point(|time| time.end <= start);
        end <= above.end
            && next(&self.starts[lane]).is_none_or(|next| next >= end)
            && marked.get(first).is_none_or(|time| time.start >= end)
            && self.off_cpu(lane, start..end)
    }

    /// Whether a thread hardly used a CPU in this time, by samples that cover nearly all of it.
    fn off_cpu(&self, lane: usize, time: Range<u64>) -> bool {
        let samples = &self.samples[lane];
        let (mut covered, mut cpu) = (0, 0.0);
        for sample in &samples[samples.partition_point(|sample| sample.end <= time.start)..] {
            if sample.start >= time.end {
                break;
            }
            let common = sample.end.min(time.end).saturating_sub(sample.start.max(time.start));
            covered += common;
            cpu += sample.cpu_ns as f64 * common as f64 / (sample.end - sample.start).max(1) as f64;
        }
        let length = time.end.saturating_sub(time.start);
        covered >= length - length / LEAST_CPU && cpu * LEAST_CPU as f64 <= length as f64
    }
}

/// Which processes recorded marks.
fn marked(run: &Run) -> Vec<bool> {
    let mut marked = vec![false; run.processes.len()];
    let lanes = run.fans.iter().map(|row| row.lane).chain(run.stages.iter().map(|row| row.lane));
    let lanes = lanes.chain(run.waits.iter().map(|row| row.lane)).chain(run.polls.iter().map(|row| row.lane));
    let lanes = lanes.chain(run.samples.iter().map(|row| row.lane)).chain(run.holds.iter().map(|row| row.lane));
    lanes.for_each(|lane| marked[run.lanes[lane as usize].process as usize] = true);
    run.loads.iter().for_each(|load| marked[load.process as usize] = true);
    run.lanes.iter().filter(|lane| lane.pool.is_some()).for_each(|lane| marked[lane.process as usize] = true);
    marked
}

/// The parent of a span, if both ran in one process without marks, on lanes that are known.
fn parent(run: &Run, span: SpanIx, marked: &[bool]) -> Option<usize> {
    let span = &run.spans[span as usize];
    let parent = span.parent()?;
    let [own, of_parent] = [span.lane, run.spans[parent as usize].lane].map(|lane| &run.lanes[lane as usize]);
    let counts = own.process == of_parent.process && own.is_known() && of_parent.is_known();
    (counts && !marked[own.process as usize]).then_some(parent as usize)
}

/// The children of each span, by start: where they begin, and the list.
fn children(run: &Run, marked: &[bool]) -> (Vec<u32>, Vec<SpanIx>) {
    let mut firsts = vec![0_u32; run.spans.len() + 1];
    let spans = 0..run.spans.len() as SpanIx;
    for parent in spans.clone().filter_map(|span| parent(run, span, marked)) {
        firsts[parent + 1] += 1;
    }
    for parent in 0..run.spans.len() {
        firsts[parent + 1] += firsts[parent];
    }
    let mut children = vec![0; firsts.last().copied().unwrap_or_default() as usize];
    let mut next = firsts.clone();
    for span in spans {
        if let Some(parent) = parent(run, span, marked) {
            children[next[parent] as usize] = span;
            next[parent] += 1;
        }
    }
    (firsts, children)
}

/// How many of the first children overlap in time, each with one before it.
fn overlapping(run: &Run, children: &[SpanIx]) -> usize {
    let mut end = 0;
    for (at, child) in children.iter().enumerate() {
        let span = &run.spans[*child as usize];
        if at > 0 && span.start >= end {
            return at;
        }
        end = end.max(span.end);
    }
    children.len()
}

fn add(run: &mut Run, parent: SpanIx, group: &[SpanIx]) {
    let above = &run.spans[parent as usize];
    let (lane, end) = (above.lane, above.end);
    let spans = || group.iter().map(|span| &run.spans[*span as usize]);
    if spans().all(|span| span.lane == lane) {
        return;
    }
    let blocks = spans().all(|span| span.lane != lane);
    let begin = spans().map(|span| span.start).min().unwrap_or_default();
    let join = spans().map(|span| span.end).max().filter(|last| *last <= end);
    let id = run.spans[group[0] as usize].id.to_u64();
    let at = run.fans.len() as FanIx;
    group.iter().for_each(|span| run.spans[*span as usize].set_fan(Some(at)));
    let (kind, blocks) = (FanKind::Guessed, blocks && join.is_some());
    run.fans.push(Fan {
        id,
        kind,
        within: None,
        parent: Some(parent),
        lane,
        begin,
        join,
        blocks,
        children: group.to_vec(),
    });
}
