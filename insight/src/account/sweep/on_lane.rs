//! [`OnLane`]: a lane while the sweep goes on.

use super::team::Place;
use crate::account::lanes::Lanes;
use crate::account::ready::SHORT_NS;
use crate::account::samples::{Interval, LANE};
use crate::account::track::{Item, Lists, State, Track};
use crate::model::{FanIx, LaneIx, LockIx, Run};

/// What a span is charged with while it is on its lane.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// It ran while others had nothing to do.
    pub(super) held: u128,
    /// The same, while its lane's join was ready.
    pub(super) buried: u128,
    /// It was ready, without a core.
    pub(super) machine: u128,
    /// Lanes at work, summed over time, when it began.
    pub(super) busy: u128,
}

/// A lane.
#[derive(Debug)]
pub(super) struct OnLane<'a> {
    pub(super) track: Track<'a, Sums>,
    pub(super) intervals: &'a [Interval],
    pub(super) state: State,
    pub(super) place: Place,
    /// Of the samples: which part of its time in spans it works, and which part of the time outside it does too.
    pub(super) working_share: u64,
    pub(super) untraced_share: u64,
    /// Which part of the time outside of spans it was ready and had no core.
    pub(super) queued_share: u64,
    /// Joins of this lane that are ready.
    pub(super) buried: Vec<FanIx>,
    /// The running sums when its state began.
    pub(super) per_idle: u128,
    pub(super) per_active: u128,
    /// Locks that a span of this lane holds and others wait for.
    pub(super) holding: Vec<LockIx>,
    /// When it was there for the last time.
    pub(super) until: u64,
}

impl<'a> OnLane<'a> {
    /// A lane before its first item.
    pub(super) fn new(run: &'a Run, lists: &'a Lists, lanes: &'a Lanes, lane: LaneIx) -> Self {
        OnLane {
            track: Track::new(run, lists, lane),
            intervals: lanes.shares.lane(lane),
            until: lanes.presence[lane as usize].end,
            state: State::Idle,
            place: Place::Absent,
            working_share: LANE,
            untraced_share: 0,
            queued_share: 0,
            buried: Vec::new(),
            per_idle: 0,
            per_active: 0,
            holding: Vec::new(),
        }
    }

    /// Reads the interval of the samples that it is in. Returns when that ends, or when the next one begins.
    pub(super) fn look_at_samples(&mut self, time: u64) -> Option<u64> {
        while self.intervals.first().is_some_and(|interval| interval.end <= time) {
            self.intervals = &self.intervals[1..];
        }
        let now = self.intervals.first().filter(|interval| interval.start <= time);
        self.working_share = now.map_or(LANE, Interval::working_share);
        self.untraced_share = now.map_or(0, Interval::untraced_share);
        self.queued_share = now.map_or(0, Interval::queued_share);
        let next = self.intervals.first()?;
        Some(if now.is_some() { next.end } else { next.start })
    }

    /// What the lane waits for, if it waits for a lock.
    pub(super) fn locked(&self) -> Option<u32> {
        match self.state {
            State::Lock(wait) => Some(wait),
            _ => None,
        }
    }

    /// Whether the next item of a fan-out comes sooner than an item takes on average.
    pub(super) fn gap_is_short(&self, run: &Run, mean_items: &[u64], time: u64) -> bool {
        let Some((start, Item::Span(next))) = self.track.next_item() else { return false };
        let in_join = self.track.stack.last().is_none_or(|top| start <= top.end);
        let fan = run.spans[next as usize].fan();
        in_join && fan.is_some_and(|fan| start - time < mean_items[fan as usize].max(SHORT_NS))
    }
}
