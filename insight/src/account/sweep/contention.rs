//! [`Contended`]: who holds a lock that others wait for.

use super::Sweep;
use crate::account::samples::LANE;
use crate::analysis::Cause;
use crate::model::{LaneIx, LockIx, SpanIx};

/// Maximum number of times that blame is passed on, from a holder that waits for another lock to the holder of that one. It ends
/// chains that lead back to themselves. In a longer chain, the blame stays where it is then.
pub(super) const MAX_CHAIN: u32 = 8;

/// A lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Contended {
    /// The lanes that wait.
    waiting: Vec<LaneIx>,
    /// The span that took it last.
    holder: Option<SpanIx>,
    /// The running sums when the last charge was made.
    per_idle: u128,
    per_active: u128,
}

impl Sweep<'_> {
    /// A wait begins: it knows who holds the lock.
    pub(super) fn met(&mut self, wait: u32) {
        let wait = &self.run.waits[wait as usize];
        if let (Some(lock), Some(holder)) = (wait.lock, wait.holder) {
            let holder = self.inner(holder, wait.start..wait.end);
            self.set_holder(lock, Some(holder));
        }
    }

    /// A lane waits from now on.
    pub(super) fn start_waiting(&mut self, wait: u32, lane: LaneIx) {
        let Some(lock) = self.run.waits[wait as usize].lock else { return };
        self.settle_lock(lock);
        self.locks[lock as usize].waiting.push(lane);
        if self.locks[lock as usize].waiting.len() == 1 {
            self.remember(lock);
        }
    }

    /// A lane doesn't wait any longer, or something else began on it meanwhile.
    pub(super) fn stop_waiting(&mut self, wait: u32, lane: LaneIx) {
        let Some(lock) = self.run.waits[wait as usize].lock else { return };
        self.settle_lock(lock);
        if self.locks[lock as usize].waiting.len() == 1 {
            self.forget(lock);
        }
        let waiting = &mut self.locks[lock as usize].waiting;
        if let Some(at) = waiting.iter().position(|known| *known == lane) {
            waiting.swap_remove(at);
        }
    }

    /// A wait is over: the span that waited has the lock.
    pub(super) fn took(&mut self, wait: u32) {
        use crate::model::WaitCause::{Mutex, Read, Write};
        let wait = &self.run.waits[wait as usize];
        if let (Some(lock), Some(_), Mutex | Read | Write) = (wait.lock, wait.span, wait.cause) {
            self.set_holder(lock, wait.span);
        }
    }

    pub(super) fn set_holder(&mut self, lock: LockIx, holder: Option<SpanIx>) {
        self.settle_lock(lock);
        let is_contended = !self.locks[lock as usize].waiting.is_empty();
        if is_contended {
            self.forget(lock);
        }
        self.locks[lock as usize].holder = holder;
        if is_contended {
            self.remember(lock);
        }
    }

    fn holding(&mut self, lock: LockIx) -> Option<&mut Vec<LockIx>> {
        let holder = self.locks[lock as usize].holder?;
        let lane = self.run.spans[holder as usize].lane;
        Some(&mut self.lanes[lane as usize].holding)
    }

    fn remember(&mut self, lock: LockIx) {
        if let Some(holding) = self.holding(lock) {
            holding.push(lock);
        }
    }

    fn forget(&mut self, lock: LockIx) {
        if let Some(holding) = self.holding(lock) {
            holding.retain(|known| *known != lock);
        }
    }

    /// Charges what the lanes that wait for a lock have cost to its holder, or to the one that this waits for.
    pub(super) fn settle_lock(&mut self, lock: LockIx) {
        let state = &mut self.locks[lock as usize];
        let idle = self.per_idle - state.per_idle;
        let active = self.per_active - state.per_active;
        (state.per_idle, state.per_active) = (self.per_idle, self.per_active);
        let waiting = state.waiting.len() as u128;
        let charge = waiting * (idle * u128::from(LANE) + active);
        if charge > 0 {
            self.blame(Cause::Lock, self.culprit(lock), Some(lock), charge);
        }
    }

    /// The holder, or the holder of the lock that it waits for.
    fn culprit(&self, lock: LockIx) -> Option<SpanIx> {
        let mut culprit = self.locks[lock as usize].holder;
        for _ in 0..MAX_CHAIN {
            let lane = self.run.spans[culprit? as usize].lane;
            let wait = self.lanes[lane as usize].locked().map(|wait| &self.run.waits[wait as usize]);
            // A thread waits for the span that it is in.
            let Some(wait) = wait.filter(|wait| wait.lock != Some(lock)) else { break };
            match wait.lock.map_or(wait.holder, |next| self.locks[next as usize].holder) {
                Some(next) if Some(next) != culprit => culprit = Some(next),
                _ => break,
            }
        }
        culprit
    }

    /// Charges for all locks that a lane holds, before it begins or ends to wait itself.
    pub(super) fn settle_held_by(&mut self, lane: LaneIx, chain: u32) {
        for at in 0..self.lanes[lane as usize].holding.len() {
            let lock = self.lanes[lane as usize].holding[at];
            self.settle_lock(lock);
            if chain > 1 {
                for waiting in 0..self.locks[lock as usize].waiting.len() {
                    let next = self.locks[lock as usize].waiting[waiting];
                    if next != lane && !self.lanes[next as usize].holding.is_empty() {
                        self.settle_held_by(next, chain - 1);
                    }
                }
            }
        }
    }
}
