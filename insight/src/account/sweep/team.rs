//! [`Team`]: the threads of a group while the sweep goes on.

use super::Sweep;
use crate::account::blame::{Culprit, Who};
use crate::account::capacity::Group;
use crate::account::samples::LANE;
use crate::analysis::Cause;
use std::collections::BTreeSet;

/// What a lane is for the others of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before its first item, or after its last.
    Absent,
    /// It works, or waits for a lock or a queue.
    Busy,
    /// It has nothing to do, with so many [`LANE`]ths of itself.
    Idle(u64),
    /// The same, and its next item is near.
    BetweenItems(u64),
    /// It is blocked until others of its group end.
    BlockedHere,
    /// It is blocked until work of other groups ends.
    BlockedElsewhere,
}

/// The threads of a group.
#[derive(Debug)]
pub(super) struct Team {
    size: u64,
    total: u64,
    is_pool: bool,
    pub(super) alive: bool,
    /// Lanes that are there and not blocked.
    present: u64,
    blocked: u64,
    idle: u64,
    between_items: u64,
    /// Lanes that begin later.
    pub(super) unborn: u64,
    /// Work that is ready.
    pub(super) ready: BTreeSet<u32>,
    pub(super) long_polls: Vec<u32>,
    /// The running sum when the last charge was made.
    per_idle: u128,
}

impl Team {
    pub(super) fn new(group: &Group) -> Self {
        Self {
            size: group.size,
            total: group.total,
            is_pool: group.is_pool,
            alive: false,
            present: 0,
            blocked: 0,
            idle: 0,
            between_items: 0,
            unborn: group.lanes,
            ready: BTreeSet::new(),
            long_polls: Vec::new(),
            per_idle: 0,
        }
    }

    pub(super) fn add(&mut self, place: Place) {
        self.count(place, u64::wrapping_add);
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.count(place, u64::wrapping_sub);
    }

    fn count(&mut self, place: Place, change: fn(u64, u64) -> u64) {
        let to = |sum: &mut u64, by| *sum = change(*sum, by);
        match place {
            Place::Absent => {}
            Place::Busy => to(&mut self.present, 1),
            Place::Idle(units) => {
                to(&mut self.present, 1);
                to(&mut self.idle, units);
            }
            Place::BetweenItems(units) => {
                to(&mut self.present, 1);
                to(&mut self.between_items, units);
            }
            // Threads that wait for threads of their own group take the place of one that isn't there.
            Place::BlockedHere if !self.is_pool => {}
            Place::BlockedHere | Place::BlockedElsewhere => to(&mut self.blocked, 1),
        }
    }

    /// How many of its threads may work now.
    fn capacity(&self) -> u64 {
        if !self.alive {
            return self.present;
        }
        self.total.saturating_sub(self.blocked).min(self.size).max(self.present)
    }

    fn absent(&self) -> u64 {
        self.capacity() - self.present
    }

    /// Threads without anything to do, in [`LANE`]ths.
    fn held(&self) -> u64 {
        if self.ready.is_empty() {
            self.idle + self.between_items + self.absent() * LANE
        } else {
            0
        }
    }
}

impl Sweep<'_> {
    /// Changes a team, after what it has cost so far is charged.
    pub(super) fn team<R>(&mut self, team: usize, change: impl FnOnce(&mut Team) -> R) {
        self.settle_team(team);
        let team = &mut self.teams[team];
        self.threads -= team.capacity() * LANE;
        self.held -= team.held();
        change(team);
        self.threads += team.capacity() * LANE;
        self.held += team.held();
    }

    /// Charges what idle threads beside ready work have cost.
    pub(super) fn settle_team(&mut self, at: usize) {
        let team = &mut self.teams[at];
        let idle = self.per_idle - team.per_idle;
        team.per_idle = self.per_idle;
        let Some(work) = team.ready.first().map(|work| self.ready[*work as usize]).filter(|_| idle > 0) else { return };
        let [long, short, absent] = [team.idle, team.between_items, team.absent() * LANE].map(|n| idle * u128::from(n));
        let late = if team.unborn > 0 { Cause::StartUp } else { Cause::Dispatch };
        let poll = team.long_polls.last().filter(|_| work.is_job).map(|poll| self.run.polls[*poll as usize].span);
        let mut charge = |cause, amount| {
            self.ledger.charge(Culprit { cause, who: Who::Spans(work.name), lock: None }, None, amount);
        };
        charge(Cause::SmallChunks, short);
        charge(late, absent);
        match poll {
            None => charge(Cause::Dispatch, long),
            Some(span) => self.blame(Cause::BlockedExecutor, Some(span), None, long),
        }
    }
}
