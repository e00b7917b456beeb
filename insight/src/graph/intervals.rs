//! The intervals of a lane: what may be innermost there, and the times at which parts must be cut.

use super::grouped::Grouped;
use super::NONE;
use crate::account::moved;
use crate::model::{LaneIx, Run, SpanIx};
use std::cmp::Reverse;

/// What an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A nested span.
    Span,
    /// A poll of a span.
    Poll,
    /// A stolen strand.
    Strand,
    /// A fan-out, on the thread that waits for it.
    Fan,
    /// The same on the thread of the span above, which handed it to another one.
    HandedOver,
    /// A wait.
    Wait,
}

/// An interval on a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) what: What,
    /// The index in the table of its kind.
    pub(super) ix: u32,
    /// Orders intervals that have the same start and end: what is below another in the tree comes behind it.
    rank: u32,
}

/// Of one lane: its intervals, the outer ones first, and the cuts, by time.
#[derive(Default)]
pub(super) struct OfLane {
    pub(super) intervals: Vec<Interval>,
    pub(super) cuts: Vec<u64>,
}

/// What lies on each lane. Intervals are large and there is one for each span, so they are made lane by lane.
pub(super) struct Lanes<'a> {
    run: &'a Run,
    depths: Vec<u32>,
    spans: Grouped,
    /// The intervals that aren't spans, and the cuts.
    others: Vec<OfLane>,
}

impl<'a> Lanes<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let mut others: Vec<OfLane> = Vec::new();
        others.resize_with(run.lanes.len(), OfLane::default);
        let depths = depths(run);
        add_others(run, &depths, &mut others);
        add_cuts(run, &mut others);
        let lane_of = |span| if super::on_lane(run, span) { span.lane } else { NONE };
        let spans = Grouped::of(run.lanes.len(), run.spans.iter().map(lane_of));
        Self { run, depths, spans, others }
    }

    /// What lies on a lane. Can be asked once for each.
    pub(super) fn take(&mut self, lane: LaneIx) -> OfLane {
        let OfLane { mut intervals, mut cuts } = std::mem::take(&mut self.others[lane as usize]);
        let spans = self.spans.rows(lane);
        intervals.reserve_exact(spans.len());
        intervals.extend(spans.iter().map(|ix| {
            let span = &self.run.spans[*ix as usize];
            let (end, rank) = (span.end.max(span.start), 3 * self.depths[*ix as usize]);
            Interval { start: span.start, end, what: What::Span, ix: *ix, rank }
        }));
        // The rows of each table are sorted already: a stable sort merges them.
        intervals.sort_by_key(|i| (i.start, Reverse(i.end), i.rank, i.what, i.ix));
        cuts.sort_unstable();
        cuts.dedup();
        OfLane { intervals, cuts }
    }
}

fn add_others(run: &Run, depths: &[u32], lanes: &mut [OfLane]) {
    let depth = |span: Option<SpanIx>| span.map_or(0, |span| depths[span as usize]);
    let mut add = |lane: u32, start: u64, end: u64, what: What, ix: usize, rank: u32| {
        if let (Some(lane), Ok(ix)) = (lanes.get_mut(lane as usize), u32::try_from(ix)) {
            lane.intervals.push(Interval { start, end: end.max(start), what, ix, rank });
        }
    };
    for (ix, poll) in run.polls.iter().enumerate() {
        add(poll.lane, poll.start, poll.end, What::Poll, ix, 3 * depth(Some(poll.span)));
    }
    for (ix, fan) in run.fans.iter().enumerate() {
        if let Some(join) = fan.join.filter(|join| *join > fan.begin) {
            let rank = 3 * depth(fan.parent) + 1;
            add(fan.lane, fan.begin, join, What::Fan, ix, rank);
            if let Some(lane) = moved(run, fan) {
                add(lane, fan.begin, join, What::HandedOver, ix, rank);
            }
        }
    }
    for (ix, strand) in run.strands.iter().enumerate() {
        let parent = run.fans.get(strand.fan as usize).and_then(|fan| fan.parent);
        add(strand.lane, strand.start, strand.end, What::Strand, ix, 3 * depth(parent) + 2);
    }
    for (ix, wait) in run.waits.iter().enumerate() {
        // Stolen work that took all of a wait lies inside it.
        let all =
            wait.span.map(|span| &run.spans[span as usize]).filter(|s| (s.start, s.end) == (wait.start, wait.end));
        let rank = if all.is_some() { 3 * depth(wait.span) + 2 } else { 0 };
        let blocked = wait.blocked();
        add(wait.lane, blocked.start, blocked.end, What::Wait, ix, rank);
    }
}

/// How many ancestors each span has. A parent that stands behind its child in the table (their starts are equal, or a clock jumped)
/// counts as a root. The depth is capped, so that sums can't overflow.
fn depths(run: &Run) -> Vec<u32> {
    const DEEPEST: u32 = 1 << 20;
    let mut depths = vec![0; run.spans.len()];
    for (ix, span) in run.spans.iter().enumerate() {
        if let Some(parent) = span.parent().map(|p| p as usize).filter(|p| *p != ix) {
            let above = if parent < ix { depths[parent] } else { 0 };
            depths[ix] = (above + 1).min(DEEPEST);
        }
    }
    depths
}

fn add_cuts(run: &Run, lanes: &mut [OfLane]) {
    let mut cut = |lane: u32, at: u64| {
        if let Some(lane) = lanes.get_mut(lane as usize) {
            lane.cuts.push(at);
        }
    };
    for span in run.spans.iter().filter(|span| span.fan().is_none()) {
        if let Some(parent) = span.parent().map(|p| &run.spans[p as usize]) {
            if parent.lane != span.lane || !span.nested {
                cut(parent.lane, span.start);
            }
        }
    }
    for fan in &run.fans {
        if let Some(parent) = fan.parent.map(|p| &run.spans[p as usize]) {
            cut(parent.lane, fan.begin);
            cut(fan.lane, fan.begin);
            if let Some(join) = fan.join {
                cut(parent.lane, join);
            }
        }
    }
    for wait in &run.waits {
        if let Some(releaser) = wait.releaser.map(|p| &run.spans[p as usize]) {
            cut(releaser.lane, wait.end);
        }
    }
    for hold in &run.holds {
        cut(hold.lane, hold.start);
        cut(hold.lane, hold.end);
    }
    for stage in &run.stages {
        cut(stage.lane, stage.at);
        // The thread that runs a job records when it was submitted, so the submitter's thread is that of the parent.
        if let Some(parent) = stage.by.or(run.spans[stage.span as usize].parent()) {
            cut(run.spans[parent as usize].lane, stage.at);
        }
    }
}
