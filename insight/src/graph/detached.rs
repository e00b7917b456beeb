//! Spans that are on no lane: they began on one thread and ended on another, or their thread isn't known.

use super::stretches::{Is, Stretch};
use super::sweep::{Found, NewJob, Origin, Presence};
use super::NONE;
use crate::model::{Run, Span, SpanIx};

/// Adds a job for each of them: the time in which no child of it ran.
pub(super) fn add(run: &Run, needed: &[bool], found: &mut Found<'_>) {
    if run.spans.iter().all(|span| !detached(run, span)) {
        return;
    }
    let inside = inside(run);
    let mut from = 0;
    for (ix, span) in (0..).zip(&run.spans).filter(|(_, span)| detached(run, span)) {
        let origin = match (span.fan(), span.parent()) {
            (Some(fan), _) => Origin::Fan(fan),
            (None, Some(parent)) => Origin::Child(parent),
            (None, None) => Origin::Root,
        };
        let job = found.jobs.len() as u32;
        let (start, end) = (span.start, span.end);
        found.jobs.push(NewJob { origin, span: ix, lane: NONE, start, end });
        if needed[ix as usize] {
            found.presences.push(Presence { span: ix, job, lane: NONE, start, end, fan: NONE });
        }
        while inside.get(from).is_some_and(|(parent, ..)| *parent < ix) {
            from += 1;
        }
        let children = inside[from..].iter().take_while(|(parent, ..)| *parent == ix);
        for (start, end) in between(span, children.map(|(_, start, end)| (*start, *end))) {
            let stretch = Stretch { is: Is::Latency, fresh_poll: false, job, span: ix, lane: NONE, start, end };
            found.stretches.push(stretch);
        }
    }
}

fn detached(run: &Run, span: &Span) -> bool {
    !span.polled && !super::on_lane(run, span)
}

/// What runs inside of detached spans, by parent and start: children, and fan-outs with a join.
fn inside(run: &Run) -> Vec<(SpanIx, u64, u64)> {
    let is_detached = |parent: &SpanIx| detached(run, &run.spans[*parent as usize]);
    let children = run.spans.iter().filter_map(|s| Some((s.parent().filter(is_detached)?, s.start, s.end)));
    let fans = run.fans.iter().filter_map(|f| Some((f.parent.filter(is_detached)?, f.begin, f.join?)));
    let mut inside: Vec<_> = children.chain(fans).collect();
    inside.sort_unstable();
    inside
}

/// The parts of a span that are in none of the intervals, cut where an interval begins or ends.
fn between(span: &Span, intervals: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let (mut parts, mut now) = (Vec::new(), span.start);
    for (start, end) in intervals {
        if start > now {
            parts.push((now, start.min(span.end)));
        }
        now = now.max(end);
        if now >= span.end {
            return parts;
        }
    }
    parts.push((now, span.end));
    parts.retain(|(start, end)| start < end);
    parts
}
