//! Work that was ready, and had not begun.

use super::capacity::Groups;
use crate::model::{NameIx, Run, SpanIx, StageKind};

/// A gap that is shorter is the cost of an item, not that of a thread that had slept: nanoseconds.
pub(super) const SHORT_NS: u64 = 10_000;

/// A stretch of time in which work of a name was ready for the lanes of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) group: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) name: NameIx,
    /// Whether it is a job that was submitted, and not the items of a fan-out.
    pub(super) is_job: bool,
}

/// The pieces of a fan-out are ready from its begin on, until the last one begins. A job is, from when it was submitted.
pub(super) fn ready(run: &Run, groups: &Groups) -> Vec<Ready> {
    let of = |span: SpanIx| {
        let span = &run.spans[span as usize];
        (groups.of_lane[span.lane as usize], span.start, span.name)
    };
    let fans = run.fans.iter().filter_map(|fan| {
        let (group, end, name) = of(*fan.children.last()?);
        Some(Ready { group, start: fan.begin, end, name, is_job: false })
    });
    let submitted = run.stages.iter().filter(|stage| stage.kind == StageKind::Submitted);
    let jobs = submitted.map(|stage| {
        let (group, end, name) = of(stage.span);
        Ready { group, start: stage.at, end, name, is_job: true }
    });
    let mut all: Vec<Ready> = fans.chain(jobs).filter(|ready| ready.start < ready.end).collect();
    all.sort_by_key(|ready| (ready.start, ready.end, ready.group, ready.name));
    all
}

/// The mean length of the children of each fan-out.
pub(super) fn mean_items(run: &Run) -> Vec<u64> {
    let length = |span: &SpanIx| u128::from(run.spans[*span as usize].end - run.spans[*span as usize].start);
    let mean = |children: &[SpanIx]| {
        let sum: u128 = children.iter().map(length).sum();
        (sum / children.len().max(1) as u128) as u64
    };
    run.fans.iter().map(|fan| mean(&fan.children)).collect()
}

/// Whether each span is a piece of a fan-out with at least two, or inside of one.
pub(super) fn in_fans(run: &Run) -> Vec<bool> {
    let is_piece = |fan: Option<u32>| fan.is_some_and(|fan| run.fans[fan as usize].children.len() > 1);
    let mut inside = vec![false; run.spans.len()];
    for at in 0..run.spans.len() {
        let span = &run.spans[at];
        inside[at] = is_piece(span.fan())
            || match span.parent() {
                // Rows are sorted by start, so a parent usually comes first.
                Some(parent) if (parent as usize) < at => inside[parent as usize],
                parent => {
                    let above = std::iter::successors(parent, |parent| run.spans[*parent as usize].parent());
                    above.take(64).any(|parent| is_piece(run.spans[parent as usize].fan()))
                }
            };
    }
    inside
}
