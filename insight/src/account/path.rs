//! [`observed`]: the critical path of the recorded schedule, walked back from the end.
//!
//! From a span's end, the walk goes to what ended last inside of it: a child, or the wait for a lock or a queue, which leads to the
//! span that ended the wait. From a span's start it goes to the job before it on its lane, if the span was ready while that ran, or
//! else to the parent, or to what submitted it. So each step had to end before the next one could go on, in this schedule.

use super::track::Lists;
use crate::analysis;
use crate::model::{Run, SpanIx, Stage, StageKind, WaitCause};
use std::collections::HashMap;

/// A child that is shorter than this part of the run isn't a step by itself.
const SHORTEST_PART: u64 = 10_000;
/// The walk ends after so many steps.
const MAX_STEPS: usize = 100_000;

/// A step, back in time.
struct Back {
    span: SpanIx,
    from: u64,
    to: u64,
    because: &'static str,
}

/// The path, from its start to its end.
pub(super) fn observed(run: &Run, lists: &Lists) -> Vec<analysis::Step> {
    let mut steps = Walk::new(run, lists).steps();
    steps.reverse();
    let step = |back: Back| {
        let span = &run.spans[back.span as usize];
        analysis::Step {
            span: span.id.to_string(),
            name: run.names[span.name as usize].to_string(),
            lane: span.lane,
            from: back.from - run.window.start,
            to: back.to - run.window.start,
            because: back.because,
        }
    };
    steps.into_iter().map(step).collect()
}

struct Walk<'a> {
    run: &'a Run,
    lists: &'a Lists,
    /// Spans with a long child, its end, and the child, sorted. Few are long.
    children: Vec<(SpanIx, u64, SpanIx)>,
    /// The waits of spans that another span ended, by their end.
    waits: HashMap<SpanIx, Vec<(u64, u32)>>,
    submitted: HashMap<SpanIx, &'a Stage>,
    shortest: u64,
}

impl<'a> Walk<'a> {
    fn new(run: &'a Run, lists: &'a Lists) -> Self {
        let submitted = run.stages.iter().filter(|stage| stage.kind == StageKind::Submitted);
        let submitted: HashMap<SpanIx, &Stage> = submitted.map(|stage| (stage.span, stage)).collect();
        // Nothing waits for a background job, unless a wait says so.
        let is_background = |at: &SpanIx| submitted.get(at).is_some_and(|stage| stage.by.is_some());
        let shortest = ((run.window.end - run.window.start) / SHORTEST_PART).max(1);
        let long = run.spans.iter().zip(0..).filter(|(span, _)| span.end - span.start >= shortest);
        let long = long.filter(|(_, at)| !is_background(at));
        let mut children: Vec<(SpanIx, u64, SpanIx)> =
            long.filter_map(|(span, at)| Some((span.parent()?, span.end, at))).collect();
        children.sort_unstable();
        let mut waits: HashMap<SpanIx, Vec<(u64, u32)>> = HashMap::new();
        for (wait, at) in run.waits.iter().zip(0..) {
            if let (Some(span), Some(_)) = (wait.span, wait.releaser.or(wait.holder)) {
                waits.entry(span).or_default().push((wait.end, at));
            }
        }
        waits.values_mut().for_each(|waits| waits.sort_unstable());
        Self { run, lists, children, waits, submitted, shortest }
    }

    fn steps(&self) -> Vec<Back> {
        let spans = &self.run.spans;
        // Of those that end last, the one that starts first.
        let Some(last) = (0..spans.len()).rev().max_by_key(|at| (spans[*at].end, u64::MAX - spans[*at].start)) else {
            return Vec::new();
        };
        let (mut at, mut now) = (last as SpanIx, spans[last].end);
        let mut steps: Vec<Back> = Vec::new();
        for _ in 0..MAX_STEPS {
            let (from, next, because) = match self.inside(at, now) {
                Some((from, next, because)) => (from, Some((next, from.min(spans[next as usize].end))), because),
                None => {
                    let (next, because) = self.before(at);
                    (spans[at as usize].start.min(now), next, because)
                }
            };
            push(&mut steps, Back { span: at, from, to: now, because });
            match next {
                Some((next, time)) if time <= now => (at, now) = (next, time),
                _ => break,
            }
        }
        steps
    }

    /// What ended last inside of a span, before `now`: when, which span the walk goes to, and why.
    fn inside(&self, at: SpanIx, now: u64) -> Option<(u64, SpanIx, &'static str)> {
        let start = self.run.spans[at as usize].start;
        let child = self.last_child(at, now).map(|(end, child)| {
            let because = if self.run.spans[child as usize].fan().is_some() { "join" } else { "child" };
            (end, child, because)
        });
        let wait = self.last_wait(at, now);
        let last = child.into_iter().chain(wait).max_by_key(|last| last.0)?;
        (last.0 > start).then_some(last)
    }

    fn last_child(&self, at: SpanIx, now: u64) -> Option<(u64, SpanIx)> {
        let before = &self.children[..self.children.partition_point(|child| (child.0, child.1) <= (at, now))];
        before.last().filter(|child| child.0 == at).map(|(_, end, child)| (*end, *child))
    }

    /// The last wait that ended strictly before `now`: the walk goes back in time with each wait.
    fn last_wait(&self, at: SpanIx, now: u64) -> Option<(u64, SpanIx, &'static str)> {
        let ends = self.waits.get(&at)?;
        let (end, wait) = *ends[..ends.partition_point(|end| end.0 < now)].last()?;
        let wait = &self.run.waits[wait as usize];
        let because = match wait.cause {
            WaitCause::Mutex | WaitCause::Read | WaitCause::Write => "lock",
            WaitCause::Job | WaitCause::Await | WaitCause::Thread => "join",
            _ => "queue",
        };
        let next = wait.releaser.or(wait.holder)?;
        let runs = self.run.spans[next as usize].start < end && next != at;
        (runs && end - wait.start >= self.shortest).then_some((end, next, because))
    }

    /// What came before the start of a span, and when the walk goes on there.
    fn before(&self, at: SpanIx) -> (Option<(SpanIx, u64)>, &'static str) {
        let span = &self.run.spans[at as usize];
        let stage = self.submitted.get(&at).copied();
        let job = stage.map(|stage| (stage.at.min(span.start), "queue"));
        let fan = span.fan().map(|fan| (self.run.fans[fan as usize].begin.min(span.start), "start"));
        let other_lane = span.parent().is_none_or(|parent| self.run.spans[parent as usize].lane != span.lane);
        let (ready, because) = job.or(fan).unwrap_or((span.start, "start"));
        let may_follow = job.is_some() || fan.is_some() || (span.parent().is_none() && other_lane);
        let ready_for_lane = if span.parent().is_none() && job.is_none() && fan.is_none() { 0 } else { ready };
        let previous = self.previous(at).filter(|previous| may_follow && previous.1 > ready_for_lane);
        match (previous, stage.and_then(|stage| stage.by).or(span.parent())) {
            (Some(previous), _) => (Some(previous), "lane"),
            (None, Some(parent)) => {
                let above = &self.run.spans[parent as usize];
                (Some((parent, ready.min(above.end))).filter(|_| above.start <= ready), because)
            }
            (None, None) => (None, "start"),
        }
    }

    /// The job that ended last on the lane of a span before it started.
    fn previous(&self, at: SpanIx) -> Option<(SpanIx, u64)> {
        let spans = &self.run.spans;
        let span = &spans[at as usize];
        let nested = self.lists.nested(span.lane);
        let mut previous = *nested[..nested.partition_point(|other| *other < at)].last()?;
        if spans[previous as usize].end > span.start {
            return None;
        }
        // Out of the spans that it was inside of.
        while let Some(parent) = spans[previous as usize].parent() {
            let above = &spans[parent as usize];
            if above.lane != span.lane || !above.nested || above.end > span.start {
                break;
            }
            previous = parent;
        }
        Some((previous, spans[previous as usize].end))
    }
}

/// Adds a step, unless it has no length.
fn push(steps: &mut Vec<Back>, back: Back) {
    if back.from < back.to {
        steps.push(back);
    }
}
