//! [`Track`]: what a lane did, moment by moment. The innermost thing on it wins.

use crate::model::{Fan, FanKind, LaneIx, Run, SpanIx, WaitCause};

/// Something that occupies a lane: an index into a table of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A nested span.
    Span(u32),
    Poll(u32),
    Strand(u32),
    /// A fan-out until its join: on the lane that started it, or on that of the span above it ([`moved`]).
    Fan(u32),
    Wait(u32),
}

impl Item {
    /// From when to when.
    pub(super) fn time(self, run: &Run) -> (u64, u64) {
        let (start, end) = match self {
            Item::Span(at) => (run.spans[at as usize].start, run.spans[at as usize].end),
            Item::Poll(at) => (run.polls[at as usize].start, run.polls[at as usize].end),
            Item::Strand(at) => (run.strands[at as usize].start, run.strands[at as usize].end),
            Item::Fan(at) => (run.fans[at as usize].begin, fan_end(run, at)),
            Item::Wait(at) => {
                let blocked = run.waits[at as usize].blocked();
                (blocked.start, blocked.end)
            }
        };
        (start, end.max(start))
    }
}

/// The lane of the span above a fan-out that began on another lane: its thread handed the work over, as `install` of a pool does,
/// and is taken to wait for it.
pub(crate) fn moved(run: &Run, fan: &Fan) -> Option<LaneIx> {
    let above = &run.spans[fan.parent? as usize];
    let same_process = || run.lanes[above.lane as usize].process == run.lanes[fan.lane as usize].process;
    // A piece of another fan-out may be a half of a `join`, whose other half runs on the lane of the span above.
    (above.nested && above.lane != fan.lane && fan.within.is_none() && same_process()).then_some(above.lane)
}

/// The join of a fan-out, or the last end of its children.
pub(super) fn fan_end(run: &Run, fan: u32) -> u64 {
    let fan = &run.fans[fan as usize];
    let last = || fan.children.iter().map(|child| run.spans[*child as usize].end).max();
    fan.join.or_else(last).unwrap_or(fan.begin)
}

/// What a lane does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing that was recorded.
    Idle,
    /// It works for this span; a stolen piece without a span may have none.
    Working(Option<SpanIx>),
    /// It waits for a lock.
    Lock(u32),
    /// It waits for a queue, a channel or a condition variable.
    Queue(u32),
    /// It is blocked until other work ends.
    Join(Blocked),
    /// It is in the join of a fan-out that doesn't block it, and found nothing to do.
    Searching,
}

/// What a lane is blocked by that waits for other work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Threads outside of pools.
    Threads,
    /// Other processes.
    Workers,
    /// Threads of a pool.
    Pool,
}

/// The items of all lanes, by start.
#[derive(Debug)]
pub(super) struct Lists {
    /// Where the items of a lane begin in `items`.
    firsts: Vec<u32>,
    items: Vec<u32>,
    /// Waits, fan-outs, polls and strands, by lane and start: few beside spans.
    others: Vec<Vec<Item>>,
}

impl Lists {
    /// 4 bytes for each span.
    pub(super) fn of(run: &Run) -> Self {
        let mut firsts = vec![0_u32; run.lanes.len() + 1];
        let nested = || run.spans.iter().zip(0_u32..).filter(|(span, _)| span.nested);
        nested().for_each(|(span, _)| firsts[span.lane as usize + 1] += 1);
        for lane in 0..run.lanes.len() {
            firsts[lane + 1] += firsts[lane];
        }
        let mut items = vec![0; firsts.last().copied().unwrap_or_default() as usize];
        let mut next = firsts.clone();
        for (span, at) in nested() {
            let place = &mut next[span.lane as usize];
            items[*place as usize] = at;
            *place += 1;
        }
        let mut others: Vec<Vec<Item>> = vec![Vec::new(); run.lanes.len()];
        let mut add = |lane: LaneIx, item| others[lane as usize].push(item);
        run.polls.iter().zip(0..).for_each(|(row, at)| add(row.lane, Item::Poll(at)));
        run.strands.iter().zip(0..).for_each(|(row, at)| add(row.lane, Item::Strand(at)));
        run.waits.iter().zip(0..).for_each(|(row, at)| add(row.lane, Item::Wait(at)));
        for (row, at) in run.fans.iter().zip(0..) {
            // The halves of a join and the jobs of a scope may run on this lane without a span.
            if row.blocks || !matches!(row.kind, FanKind::Join | FanKind::Scope) {
                add(row.lane, Item::Fan(at));
            }
            if let Some(lane) = moved(run, row) {
                add(lane, Item::Fan(at));
            }
        }
        others.iter_mut().for_each(|items| items.sort_by_key(|item| key(run, *item)));
        Self { firsts, items, others }
    }

    fn spans(&self, lane: LaneIx) -> &[u32] {
        &self.items[self.firsts[lane as usize] as usize..self.firsts[lane as usize + 1] as usize]
    }

    /// The nested spans of a lane, by start.
    pub(super) fn nested(&self, lane: LaneIx) -> &[SpanIx] {
        self.spans(lane)
    }
}

/// The order of what occupies a lane: [`key`].
type Key = (u64, u64, bool, Item);

/// What begins first, then what is around the others, comes first. A guessed fan-out begins and ends with its children: a child
/// that takes as long is inside of it.
fn key(run: &Run, item: Item) -> Key {
    let (start, end) = item.time(run);
    (start, u64::MAX - end, is_in_guessed(run, item), item)
}

/// Whether it is a child of a guessed fan-out, on the lane of that fan-out.
fn is_in_guessed(run: &Run, item: Item) -> bool {
    let Item::Span(at) = item else { return false };
    let span = &run.spans[at as usize];
    let fan = span.fan().map(|fan| &run.fans[fan as usize]);
    fan.is_some_and(|fan| fan.kind == FanKind::Guessed && fan.lane == span.lane)
}

/// An item that began on a lane and has not ended yet, with what its reader adds up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<T> {
    pub(super) item: Item,
    pub(super) end: u64,
    pub(super) sums: T,
}

/// What happens next on a lane.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<T> {
    Begun,
    Ended(Frame<T>),
}

/// A lane, from its first item to its last.
#[derive(Debug)]
pub(super) struct Track<'a, T> {
    run: &'a Run,
    lane: LaneIx,
    spans: &'a [u32],
    others: &'a [Item],
    pub(super) stack: Vec<Frame<T>>,
    next: Option<Key>,
}

impl<'a, T: Default + Copy> Track<'a, T> {
    pub(super) fn new(run: &'a Run, lists: &'a Lists, lane: LaneIx) -> Self {
        let (spans, others) = (lists.spans(lane), &lists.others[lane as usize][..]);
        let mut track = Self { run, lane, spans, others, stack: Vec::new(), next: None };
        track.fetch();
        track
    }

    /// The time of the next step; `None` at the end.
    pub(super) fn next_time(&self) -> Option<u64> {
        let ends = self.stack.last().map(|top| top.end);
        let begins = self.next.map(|next| next.0);
        match (ends, begins) {
            (Some(ends), Some(begins)) => Some(ends.min(begins)),
            (ends, begins) => ends.or(begins),
        }
    }

    /// When the next item begins, and which.
    pub(super) fn next_item(&self) -> Option<(u64, Item)> {
        self.next.map(|(start, .., item)| (start, item))
    }

    /// The next step. What ends at a moment ends before anything begins then.
    pub(super) fn step(&mut self) -> Option<Step<T>> {
        let begins = self.next.map_or(u64::MAX, |next| next.0);
        match self.stack.last() {
            Some(top) if top.end <= begins => self.stack.pop().map(Step::Ended),
            _ => {
                let (start, rest, _, item) = self.next?;
                let end = (u64::MAX - rest).min(self.stack.last().map_or(u64::MAX, |top| top.end));
                self.stack.push(Frame { item, end: end.max(start), sums: T::default() });
                self.fetch();
                Some(Step::Begun)
            }
        }
    }

    fn fetch(&mut self) {
        let span = self.spans.first().map(|at| key(self.run, Item::Span(*at)));
        let other = self.others.first().map(|item| key(self.run, *item));
        self.next = match (span, other) {
            (Some(span), Some(other)) if other < span => self.take_other(other),
            (Some(span), _) => {
                self.spans = &self.spans[1..];
                Some(span)
            }
            (None, Some(other)) => self.take_other(other),
            (None, None) => None,
        };
    }

    fn take_other(&mut self, other: Key) -> Option<Key> {
        self.others = &self.others[1..];
        Some(other)
    }

    /// Whether the children of a fan-out run on threads of a pool.
    fn in_pool(&self, fan: &Fan) -> bool {
        fan.children.first().is_some_and(|child| {
            let lane = self.run.spans[*child as usize].lane;
            self.run.lanes[lane as usize].pool.is_some()
        })
    }

    /// The innermost span around what the lane does now.
    pub(super) fn span(&self) -> Option<SpanIx> {
        self.stack.iter().rev().find_map(|frame| match frame.item {
            Item::Span(at) => Some(at),
            _ => None,
        })
    }

    /// What the lane does now.
    pub(super) fn state(&self) -> State {
        let Some(top) = self.stack.last() else { return State::Idle };
        match top.item {
            Item::Span(at) => State::Working(Some(at)),
            Item::Poll(at) => State::Working(Some(self.run.polls[at as usize].span)),
            Item::Strand(at) => State::Working(self.run.fans[self.run.strands[at as usize].fan as usize].parent),
            Item::Wait(at) => wait(self.run, at),
            Item::Fan(at) => {
                let fan = &self.run.fans[at as usize];
                match (fan.blocks || fan.lane != self.lane, fan.kind) {
                    (false, _) => State::Searching,
                    (true, FanKind::Workers) => State::Join(Blocked::Workers),
                    (true, FanKind::Guessed) if !self.in_pool(fan) => State::Join(Blocked::Threads),
                    (true, _) => State::Join(Blocked::Pool),
                }
            }
        }
    }
}

fn wait(run: &Run, at: u32) -> State {
    match run.waits[at as usize].cause {
        WaitCause::Mutex | WaitCause::Read | WaitCause::Write => State::Lock(at),
        WaitCause::Full | WaitCause::Empty | WaitCause::Condvar => State::Queue(at),
        WaitCause::Thread => State::Join(Blocked::Threads),
        WaitCause::Workers => State::Join(Blocked::Workers),
        WaitCause::Install | WaitCause::Scope | WaitCause::Job | WaitCause::Await => State::Join(Blocked::Pool),
    }
}
