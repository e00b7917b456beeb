//! [`events`]: what changes besides the items of lanes, by time.

use super::capacity::Groups;
use super::ready::Ready;
use super::track::fan_end;
use crate::model::{FanIx, Run};

/// A poll of at least this many nanoseconds blocks its executor: 10 ms.
pub(super) const LONG_POLL_NS: u64 = 10_000_000;

/// At most so many parts of the run have a utilisation.
const BUCKETS: u64 = 400;

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A part of the run ends.
    Bucket,
    /// The threads of a group may run from now on, or no longer.
    Alive(u32, bool),
    /// A poll that blocks its executor begins or ends: group and poll.
    LongPoll(u32, u32, bool),
    /// Work is ready, or no longer.
    Ready(u32, bool),
    /// A lane works on something else while its join is ready: that begins or ends.
    Buried(FanIx, bool),
    /// A lock is taken.
    Hold(u32),
}

/// The length of a part of the run that has a utilisation, nanoseconds.
pub(super) fn bucket_ns(run: &Run) -> u64 {
    (run.window.end - run.window.start).div_ceil(BUCKETS).max(1)
}

/// All changes, sorted. At one time, what ends comes before what begins.
pub(super) fn events(run: &Run, groups: &Groups, ready: &[Ready]) -> Vec<(u64, Event)> {
    let mut all: Vec<(u64, bool, Event)> = Vec::new();
    let mut stretch = |start: u64, end: u64, event: &dyn Fn(bool) -> Event| {
        if start < end {
            all.extend([(start, true, event(true)), (end, false, event(false))]);
        }
    };
    for (group, at) in groups.all.iter().zip(0..) {
        stretch(group.alive.start, group.alive.end, &|begins| Event::Alive(at, begins));
    }
    for (work, at) in ready.iter().zip(0..) {
        stretch(work.start, work.end, &|begins| Event::Ready(at, begins));
    }
    for (poll, at) in run.polls.iter().zip(0..).filter(|(poll, _)| poll.end.saturating_sub(poll.start) >= LONG_POLL_NS)
    {
        let group = groups.of_lane[poll.lane as usize];
        stretch(poll.start, poll.end, &|begins| Event::LongPoll(group, at, begins));
    }
    for (fan, at) in run.fans.iter().zip(0..).filter(|(fan, _)| !fan.blocks && fan.join.is_some()) {
        let last = fan.children.iter().map(|child| run.spans[*child as usize].end).max();
        if let Some(last) = last {
            stretch(last, fan_end(run, at), &|begins| Event::Buried(at, begins));
        }
    }
    all.extend(run.holds.iter().zip(0..).map(|(hold, at)| (hold.start, true, Event::Hold(at))));
    let ends = (run.window.start..run.window.end).step_by(usize::try_from(bucket_ns(run)).unwrap_or(usize::MAX));
    all.extend(ends.skip(1).map(|end| (end, false, Event::Bucket)));
    all.sort_unstable();
    all.into_iter().map(|(time, _, event)| (time, event)).collect()
}
