//! Submission: puts jobs into the queue.

use super::alarms::Alarm;
use super::seat::Ticket;
use super::waiting::Place;
use super::{release, Jobs, Phase, Refused, State};
use crate::workers::job::{Failure, Job};
use std::sync::{Arc, MutexGuard};
use std::task::{Poll, Waker};
use std::time::Instant;

impl Jobs {
    /// Queues a job if there is room.
    pub(crate) fn try_submit(&self, job: &Arc<Job>) -> Result<(), Refused> {
        let state = self.lock();
        self.admit(state, job).unwrap_or(Err(Refused::Full))
    }

    /// Queues a job if there is room. Else takes a place among the waiting submitters, or keeps it.
    pub(crate) fn poll_submit(
        &self,
        job: &Arc<Job>,
        until: Instant,
        place: &mut Option<Place>,
        waker: &Waker,
    ) -> Poll<Result<(), Refused>> {
        let mut state = self.lock();
        if state.has_room(&self.limits) {
            if let Some(place) = place.take() {
                let State { waiting, alarms, .. } = &mut *state;
                place.leave(waiting, alarms);
            }
        } else if Instant::now() < until {
            let place = place.get_or_insert_with(|| Place { number: state.waiting.number(), until });
            state.waiting.set(place.number, waker);
            if state.alarms.set(until, Alarm::Waited(place.number)) {
                self.clock.notify_one();
            }
            return Poll::Pending;
        }
        Poll::Ready(self.admit(state, job).unwrap_or(Err(Refused::Full)))
    }

    /// A submitter stops waiting. If it had its turn, the next one gets it.
    pub(crate) fn leave(&self, place: Place) {
        let mut state = self.lock();
        let State { waiting, alarms, .. } = &mut *state;
        if place.leave(waiting, alarms).is_none() && state.has_room(&self.limits) {
            state.wake_submitters(1);
        }
        release(state);
    }

    /// Queues a job, or refuses it; `None` if there is no room.
    fn admit(&self, mut state: MutexGuard<'_, State>, job: &Arc<Job>) -> Option<Result<(), Refused>> {
        if !state.has_room(&self.limits) {
            return None;
        }
        if state.phase != Phase::Open {
            return Some(Err(Refused::ShutDown));
        }
        if let Some(death) = state.lost() {
            drop(state);
            job.settle(Err(Failure::NoWorkers(death)));
            return Some(Ok(()));
        }
        if let Some(deadline) = job.deadline {
            if state.alarms.set(deadline.at, Alarm::Expires(job.id)) {
                self.clock.notify_one();
            }
        }
        state.queue.push_back(Ticket { job: Arc::clone(job), retries: self.limits.retries });
        state.notify_a_sender();
        Some(Ok(()))
    }
}
