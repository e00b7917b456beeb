//! The work of the pool's clock: it expires jobs, reports workers that don't answer, and ends the waits of submitters.

use super::alarms::Alarm;
use super::{release, Jobs, Overdue, Phase, State, GRACE};
use crate::workers::job::{Failure, Job};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

impl Jobs {
    /// Expires jobs, and reports workers that don't answer afterwards. Returns when the pool is over.
    pub(crate) fn keep_time(&self, overdue: impl Fn(Overdue)) {
        let mut state = self.lock();
        while state.phase != Phase::Closed && !state.is_drained() {
            let left = state.alarms.first().map(|at| at.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => {
                    drop(state);
                    self.ring_next(&overdue);
                    self.lock()
                }
                Some(left) => self.clock.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.clock.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Handles the first alarm, if it is due.
    pub(super) fn ring_next(&self, overdue: &impl Fn(Overdue)) {
        let mut state = self.lock();
        let now = Instant::now();
        let Some(alarm) = state.alarms.take(now) else { return };
        let (expired, late) = self.ring(&mut state, alarm, now);
        release(state);
        if let Some((job, after)) = expired {
            job.settle(Err(Failure::Deadline(after)));
        }
        late.into_iter().for_each(overdue);
    }

    /// Handles an alarm.
    fn ring(&self, state: &mut State, alarm: Alarm, now: Instant) -> (Option<(Arc<Job>, Duration)>, Option<Overdue>) {
        match alarm {
            Alarm::Waited(number) => {
                let waker = state.waiting.take(number);
                state.to_wake.extend(waker);
                (None, None)
            }
            Alarm::Overdue(seat, job) => (None, state.is_at(seat, job).then_some(Overdue { seat, job })),
            Alarm::Expires(id) => {
                let job = self.expire(state, id, now);
                (job.and_then(|job| job.deadline.map(|deadline| (job, deadline.after))), None)
            }
        }
    }

    /// Takes an expired job out of the queue. One that a worker has stays there until the worker answers or dies.
    fn expire(&self, state: &mut State, id: u64, now: Instant) -> Option<Arc<Job>> {
        if let Some(at) = state.queue.iter().position(|ticket| ticket.job.id == id) {
            let ticket = state.queue.remove(at)?;
            state.wake_submitters(1);
            self.tell_if_drained(state);
            return Some(ticket.job);
        }
        let mut seats = state.seats.iter().enumerate();
        let (seat, job) = seats.find_map(|(seat, here)| {
            here.in_flight.iter().find(|ticket| ticket.job.id == id).map(|ticket| (seat, Arc::clone(&ticket.job)))
        })?;
        if state.is_at(seat, id) {
            state.alarms.set(now + GRACE, Alarm::Overdue(seat, id));
        }
        Some(job)
    }

    /// A worker starts its next job. If that has expired already, the worker skips it or has just started it.
    pub(super) fn watch_if_overdue(&self, state: &mut State, seat: usize) {
        let Some((deadline, id)) =
            state.seats[seat].in_flight.front().and_then(|next| Some((next.job.deadline?, next.job.id)))
        else {
            return;
        };
        let now = Instant::now();
        if deadline.at <= now && state.alarms.set(now + GRACE, Alarm::Overdue(seat, id)) {
            self.clock.notify_one();
        }
    }
}
