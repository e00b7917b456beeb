//! [`Seat`]: the place of one worker process and of its successors, and its unanswered jobs.

use crate::workers::error::Death;
use crate::workers::job::Job;
use crate::workers::pace::Pace;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar};

/// A job and the number of its remaining retries.
pub(super) struct Ticket {
    pub(super) job: Arc<Job>,
    pub(super) retries: u32,
}

pub(super) struct Seat {
    pub(super) status: Status,
    /// The number of the process in this seat.
    pub(super) generation: u64,
    /// Unanswered jobs, in the order in which the worker got them.
    pub(super) in_flight: VecDeque<Ticket>,
    pub(super) pace: Pace,
    /// Whether its sender thread waits and was not notified yet.
    pub(super) idle: bool,
    pub(super) mail: Arc<Condvar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Starting, or waiting to be started again.
    Down,
    Up,
    /// It will not be started again.
    Failed,
}

impl Seat {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self {
            status: Status::Down,
            generation: 0,
            in_flight: VecDeque::new(),
            pace: Pace::new(max_in_flight),
            idle: false,
            mail: Arc::default(),
        }
    }

    /// Takes the jobs of a dead worker: the one that it had started if that fails now, and those that return to the queue. Jobs
    /// that failed by their deadline are in neither.
    pub(super) fn unanswered(&mut self) -> (Option<Arc<Job>>, VecDeque<Ticket>) {
        let mut unanswered = std::mem::take(&mut self.in_flight);
        let begun = unanswered.pop_front().filter(|begun| !begun.job.is_settled());
        unanswered.retain(|ticket| !ticket.job.is_settled());
        let failed = begun.and_then(|begun| match begun.retries {
            0 => Some(begun.job),
            retries => {
                unanswered.push_front(Ticket { retries: retries - 1, ..begun });
                None
            }
        });
        (failed, unanswered)
    }
}

/// The number of running workers.
pub(super) fn up(seats: &[Seat]) -> usize {
    seats.iter().filter(|seat| seat.status == Status::Up).count()
}

/// The last death if no worker is left.
pub(super) fn lost(seats: &[Seat], last_death: &Option<Box<Death>>) -> Option<Box<Death>> {
    last_death.clone().filter(|_| seats.iter().all(|seat| seat.status == Status::Failed))
}
