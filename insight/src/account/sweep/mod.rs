//! [`Sweep`]: all lanes side by side, from the start of the run to its end.
//!
//! Between two changes everything is constant. Let `C` be the capacity, `W` the work, and `N` the lanes that could have worked and
//! didn't. Then `C - W` is lost, and each of the `N` is charged an equal part of it, `(C - W) / N`. A lane's part goes to what held
//! it up. Two running sums suffice for that, whatever the number of lanes: `per_idle`, the charge of a lane that doesn't work, and
//! `per_active`, the part that each running span gets of the charges of lanes without anything to do. A stretch of a lane costs the
//! difference of a sum between its end and its start.

mod contention;
mod inner;
mod on_lane;
mod team;

use super::blame::{Culprit, Ledger, Who};
use super::capacity::Groups;
use super::events::{bucket_ns, events, Event};
use super::inflation::Inflation;
use super::lanes::Lanes;
use super::ready::{in_fans, mean_items, ready, Ready};
use super::samples::LANE;
use super::track::{Blocked, Item, Lists, State, Step};
use crate::analysis::{Bucket, Cause};
use crate::model::{FanIx, LaneIx, LockIx, Run, SpanIx, WaitCause};
use on_lane::{OnLane, Sums};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use team::{Place, Team};

/// The running sums are fixed-point numbers with so many bits after the point.
const FRACTION_BITS: u32 = 40;
/// A nanosecond of a whole lane, in the unit of the ledger.
pub(super) const LANE_NS: u128 = (LANE as u128) << FRACTION_BITS;

/// Lanes by what they do.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    busy: u64,
    locked: u64,
    waiting: u64,
}

/// The totals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Areas {
    /// In [`LANE`]ths, times nanoseconds.
    pub(super) capacity: u128,
    pub(super) work: u128,
    pub(super) most_capacity: u64,
    /// Lanes, times nanoseconds.
    busy: u128,
}

/// The state of the sweep.
pub(super) struct Sweep<'a> {
    run: &'a Run,
    lists: &'a Lists,
    now: u64,
    lanes: Vec<OnLane<'a>>,
    teams: Vec<Team>,
    locks: Vec<contention::Contended>,
    ready: Vec<Ready>,
    mean_items: Vec<u64>,
    in_fans: Vec<bool>,
    of_lane: &'a [u32],
    /// How many lanes the cores serve.
    served: u64,
    counts: Counts,
    /// Lanes that wait for threads or processes that may not be there yet.
    expecting: Vec<LaneIx>,
    /// Lanes at work, in [`LANE`]ths.
    work: u64,
    /// Lanes that may work, in [`LANE`]ths.
    threads: u64,
    /// Lanes without anything to do, in [`LANE`]ths.
    held: u64,
    per_idle: u128,
    per_active: u128,
    pub(super) areas: Areas,
    pub(super) ledger: Ledger,
    pub(super) inflation: Inflation,
    pub(super) buckets: Vec<Bucket>,
    bucket_ns: u64,
}

impl<'a> Sweep<'a> {
    /// Goes through the run. Takes a few steps for each start and end, and a logarithm of the number of lanes.
    pub(super) fn of(run: &'a Run, lists: &'a Lists, lanes: &'a Lanes, groups: &'a Groups) -> Self {
        let ready = ready(run, groups);
        let events = events(run, groups, &ready);
        let served = run.machine.cpus.map_or(u64::MAX, |cpus| lanes.shares.served(cpus));
        let lane = |lane: LaneIx| OnLane::new(run, lists, lanes, lane);
        let mut sweep = Self {
            run,
            lists,
            now: run.window.start,
            lanes: (0..run.lanes.len() as LaneIx).map(lane).collect(),
            teams: groups.all.iter().map(Team::new).collect(),
            locks: vec![contention::Contended::default(); run.locks.len()],
            ready,
            mean_items: mean_items(run),
            in_fans: in_fans(run),
            of_lane: &groups.of_lane,
            served,
            counts: Counts::default(),
            expecting: Vec::new(),
            work: 0,
            threads: 0,
            held: 0,
            per_idle: 0,
            per_active: 0,
            areas: Areas::default(),
            ledger: Ledger::default(),
            inflation: Inflation::new(run),
            buckets: vec![Bucket::default()],
            bucket_ns: bucket_ns(run),
        };
        sweep.go(&events, lanes);
        sweep
    }

    fn go(&mut self, events: &[(u64, Event)], lanes: &Lanes) {
        let mut events = events.iter().copied().peekable();
        let mut next: BinaryHeap<Reverse<(u64, LaneIx)>> = BinaryHeap::new();
        for lane in 0..self.lanes.len() as LaneIx {
            if !lanes.presence[lane as usize].is_empty() {
                next.extend(self.lanes[lane as usize].track.next_time().map(|time| Reverse((time, lane))));
            }
        }
        loop {
            let lane_time = next.peek().map(|next| next.0 .0);
            let is_event = |event: &(u64, Event)| lane_time.is_none_or(|time| event.0 <= time);
            if let Some((time, event)) = events.next_if(is_event) {
                self.pass(time);
                self.event(event);
            } else if let Some(mut first) = next.peek_mut() {
                let Reverse((time, lane)) = *first;
                self.pass(time);
                match self.change(lane, time) {
                    Some(again) => *first = Reverse((again, lane)),
                    None => {
                        std::collections::binary_heap::PeekMut::pop(first);
                    }
                }
            } else {
                break;
            }
        }
        self.pass(self.run.window.end);
        (0..self.teams.len()).for_each(|team| self.settle_team(team));
        (0..self.locks.len() as LockIx).for_each(|lock| self.settle_lock(lock));
        self.finish_buckets();
    }

    /// Time passes, and nothing changes.
    fn pass(&mut self, time: u64) {
        let time = time.clamp(self.now, self.run.window.end);
        let length = time - self.now;
        if length == 0 {
            return;
        }
        self.now = time;
        let capacity = self.threads.min(self.served).max(self.work);
        let (long, lost) = (u128::from(length), capacity - self.work);
        self.areas.capacity += u128::from(capacity) * long;
        self.areas.work += u128::from(self.work) * long;
        self.areas.busy += u128::from(self.counts.busy) * long;
        self.areas.most_capacity = self.areas.most_capacity.max(capacity);
        self.fill_bucket(length, capacity);
        let idle = self.threads.saturating_sub(self.work);
        if lost == 0 || idle == 0 {
            return;
        }
        let rate = ((u128::from(lost) << FRACTION_BITS) / u128::from(idle)) as u64;
        self.per_idle += u128::from(rate) * long;
        if self.held == 0 {
            return;
        }
        let charge = u128::from(rate) * u128::from(self.held);
        match self.counts.busy + self.counts.locked {
            0 => self.nothing_runs(charge * long),
            active => self.per_active += charge / u128::from(active) * long,
        }
    }

    /// Lanes have nothing to do, and nothing runs.
    fn nothing_runs(&mut self, charge: u128) {
        let to_come = self.teams.iter().any(|team| team.unborn > 0);
        if to_come && !self.expecting.is_empty() {
            // The spans that wait for what isn't there yet.
            let span = self.lanes[self.expecting[0] as usize].track.span();
            return self.blame(Cause::StartUp, span, None, charge);
        }
        self.blame(Cause::Unexplained, None, None, charge);
    }

    fn fill_bucket(&mut self, length: u64, capacity: u64) {
        let length = length as f64;
        if let Some(bucket) = self.buckets.last_mut() {
            bucket.working += self.work as f64 / LANE as f64 * length;
            bucket.lock += self.counts.locked as f64 * length;
            bucket.waiting += self.counts.waiting as f64 * length;
            bucket.capacity += capacity as f64 / LANE as f64 * length;
        }
    }

    /// Makes averages of the sums.
    fn finish_buckets(&mut self) {
        let wall = self.run.window.end - self.run.window.start;
        let last = self.buckets.len() as u64 - 1;
        for (bucket, at) in self.buckets.iter_mut().zip(0..) {
            let length = if at == last { wall - last * self.bucket_ns } else { self.bucket_ns }.max(1) as f64;
            let each = [&mut bucket.working, &mut bucket.lock, &mut bucket.waiting, &mut bucket.capacity];
            each.into_iter().for_each(|sum| *sum /= length);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Bucket => self.buckets.push(Bucket::default()),
            Event::Alive(team, alive) => self.team(team as usize, |team| team.alive = alive),
            Event::LongPoll(team, poll, true) => self.team(team as usize, |team| team.long_polls.push(poll)),
            Event::LongPoll(team, poll, false) => {
                self.team(team as usize, |team| team.long_polls.retain(|known| *known != poll));
            }
            Event::Ready(work, begins) => {
                let team = self.ready[work as usize].group as usize;
                self.team(team, |team| match begins {
                    true => team.ready.insert(work),
                    false => team.ready.remove(&work),
                });
            }
            Event::Buried(fan, begins) => {
                let lane = self.run.fans[fan as usize].lane;
                self.settle(lane);
                let buried = &mut self.lanes[lane as usize].buried;
                match begins {
                    true => buried.push(fan),
                    false => buried.retain(|known| *known != fan),
                }
            }
            Event::Hold(hold) => {
                let hold = &self.run.holds[hold as usize];
                if let (Some(span), true) = (hold.span, hold.contended) {
                    let holder = self.inner(span, hold.start..hold.end);
                    self.set_holder(hold.lock, Some(holder));
                }
            }
        }
    }

    /// All that happens on a lane now. Returns when something happens there again.
    fn change(&mut self, lane: LaneIx, time: u64) -> Option<u64> {
        self.settle_held_by(lane, contention::MAX_CHAIN);
        self.settle(lane);
        self.leave(lane);
        while self.lanes[lane as usize].track.next_time().is_some_and(|next| next <= time) {
            self.step(lane);
        }
        self.enter(lane, time)
    }

    fn step(&mut self, lane: LaneIx) {
        let on = &mut self.lanes[lane as usize];
        match on.track.step() {
            Some(Step::Begun) => {
                let Some(top) = on.track.stack.last_mut() else { return };
                top.sums.busy = self.areas.busy;
                if let Item::Wait(wait) = top.item {
                    self.met(wait);
                }
            }
            Some(Step::Ended(frame)) => self.ended(frame.item, frame.sums),
            None => {}
        }
    }

    /// Charges a span when it leaves its lane.
    fn ended(&mut self, item: Item, sums: Sums) {
        let span = match item {
            Item::Span(at) => Some(at),
            Item::Poll(at) => Some(self.run.polls[at as usize].span),
            Item::Strand(at) => self.run.fans[self.run.strands[at as usize].fan as usize].parent,
            Item::Wait(at) => return self.took(at),
            Item::Fan(_) => return,
        };
        if let Item::Span(at) = item {
            self.inflation.add(self.run, at, self.areas.busy - sums.busy);
        }
        let is_piece = matches!(item, Item::Strand(_)) || span.is_some_and(|span| self.in_fans[span as usize]);
        let cause = if is_piece { Cause::Straggler } else { Cause::Serial };
        self.blame(cause, span, None, sums.held);
        self.blame(Cause::BuriedJoin, span, None, sums.buried);
        self.blame(Cause::Machine, span, None, sums.machine);
    }

    /// Charges a span, by its name.
    pub(super) fn blame(&mut self, cause: Cause, span: Option<SpanIx>, lock: Option<LockIx>, amount: u128) {
        let who = span.map_or(Who::Unknown, |span| Who::Spans(self.run.spans[span as usize].name));
        self.ledger.charge(Culprit { cause, who, lock }, span, amount);
    }

    /// Charges what a lane has cost since its state began.
    pub(super) fn settle(&mut self, lane: LaneIx) {
        let on = &mut self.lanes[lane as usize];
        let idle = self.per_idle - on.per_idle;
        let active = self.per_active - on.per_active;
        (on.per_idle, on.per_active) = (self.per_idle, self.per_active);
        if idle == 0 && active == 0 {
            return;
        }
        match on.state {
            State::Working(span) => {
                let buries = on.buried.iter().any(|fan| is_stolen(self.run, *fan, span));
                let Some(top) = on.track.stack.last_mut() else { return };
                top.sums.machine += idle * u128::from(LANE - on.working_share);
                *(if buries { &mut top.sums.buried } else { &mut top.sums.held }) += active;
            }
            State::Idle if on.place != Place::Absent => {
                let shares = [(Cause::Untraced, on.untraced_share), (Cause::Machine, on.queued_share)];
                for (cause, share) in shares {
                    let culprit = Culprit { cause, who: Who::Thread(lane), lock: None };
                    self.ledger.charge(culprit, None, idle * u128::from(share));
                }
            }
            State::Lock(wait) => {
                let wait = &self.run.waits[wait as usize];
                // A known lock is counted separately.
                if wait.lock.is_none() {
                    self.blame(Cause::Lock, wait.holder.or(wait.releaser), None, idle * u128::from(LANE) + active);
                }
            }
            State::Queue(wait) => {
                let wait = &self.run.waits[wait as usize];
                let cause = if wait.cause == WaitCause::Full { Cause::FullQueue } else { Cause::EmptyQueue };
                // Without a sender it is held up by what runs meanwhile.
                if let Some(releaser) = wait.releaser {
                    let culprit = self.inner(releaser, wait.start..wait.end);
                    self.blame(cause, Some(culprit), wait.lock, idle * u128::from(LANE));
                }
            }
            State::Idle | State::Join(_) | State::Searching => {}
        }
    }

    /// Takes a lane out of the counts.
    fn leave(&mut self, lane: LaneIx) {
        let on = &self.lanes[lane as usize];
        match on.state {
            State::Working(_) => {
                self.counts.busy -= 1;
                self.work -= on.working_share;
            }
            State::Lock(wait) => {
                self.counts.locked -= 1;
                self.stop_waiting(wait, lane);
            }
            State::Queue(_) | State::Searching => self.counts.waiting -= 1,
            State::Join(blocked) => {
                self.counts.waiting -= 1;
                if blocked != Blocked::Pool {
                    self.expecting.retain(|known| *known != lane);
                }
            }
            State::Idle => {}
        }
    }

    /// Puts a lane into the counts again. Returns when something happens there next.
    fn enter(&mut self, lane: LaneIx, time: u64) -> Option<u64> {
        let on = &mut self.lanes[lane as usize];
        let next = on.track.next_time();
        let boundary = on.look_at_samples(time);
        on.state = on.track.state();
        match on.state {
            State::Working(_) => {
                self.counts.busy += 1;
                self.work += on.working_share;
            }
            State::Lock(wait) => {
                self.counts.locked += 1;
                self.start_waiting(wait, lane);
            }
            State::Queue(_) | State::Searching => self.counts.waiting += 1,
            State::Join(blocked) => {
                self.counts.waiting += 1;
                if blocked != Blocked::Pool {
                    self.expecting.push(lane);
                }
            }
            State::Idle => {}
        }
        let stays = next.is_some() || time < self.lanes[lane as usize].until;
        let place = self.place(lane, time, stays);
        self.put(lane, place);
        next.into_iter().chain(boundary.filter(|_| stays)).min()
    }

    /// The place of a lane among the others of its group.
    fn place(&self, lane: LaneIx, time: u64, stays: bool) -> Place {
        let on = &self.lanes[lane as usize];
        let idle = |units| match on.gap_is_short(self.run, &self.mean_items, time) {
            true => Place::BetweenItems(units),
            false => Place::Idle(units),
        };
        match on.state {
            _ if !stays => Place::Absent,
            State::Idle => idle(LANE - on.untraced_share - on.queued_share),
            State::Searching => idle(LANE),
            State::Queue(wait) if self.run.waits[wait as usize].releaser.is_none() => Place::Idle(LANE),
            State::Join(Blocked::Threads) => Place::BlockedHere,
            State::Join(_) => Place::BlockedElsewhere,
            State::Working(_) | State::Lock(_) | State::Queue(_) => Place::Busy,
        }
    }

    fn put(&mut self, lane: LaneIx, place: Place) {
        let on = &mut self.lanes[lane as usize];
        let before = std::mem::replace(&mut on.place, place);
        if before != place {
            let is_born = before == Place::Absent;
            self.team(self.of_lane[lane as usize] as usize, |team| {
                team.unborn -= u64::from(is_born && team.unborn > 0);
                team.remove(before);
                team.add(place);
            });
        }
    }
}

/// Whether a lane that waits for a fan-out took this span from elsewhere: it is neither the fan-out's parent nor below it, or it is
/// a piece of a fan-out that began elsewhere. The body of a scope, and a half of `join` that the thread runs itself, are neither.
fn is_stolen(run: &Run, fan: FanIx, span: Option<SpanIx>) -> bool {
    let (Some(mut at), Some(parent)) = (span, run.fans[fan as usize].parent) else { return true };
    let mut piece = None;
    while at != parent {
        let row = &run.spans[at as usize];
        piece = row.fan();
        match row.parent() {
            // A parent begins before its children.
            Some(above) if row.start >= run.spans[parent as usize].start => at = above,
            _ => return true,
        }
    }
    let own = |piece: FanIx| {
        let (own, other) = (&run.fans[fan as usize], &run.fans[piece as usize]);
        piece == fan || (other.lane == own.lane && other.begin >= own.begin)
    };
    piece.is_some_and(|piece| !own(piece))
}
