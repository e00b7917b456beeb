//! The jobs of a pool: one queue, and the unanswered jobs of each worker. One mutex guards them, held for a few list operations.
//!
//! A worker runs its jobs in the order in which it got them, and sends each reply before it starts the next job. So when it dies,
//! only the first of its unanswered jobs had started. The others go back to the queue.

use super::error::Death;
use super::job::{Failure, Job};
use super::pace::Pace;
use alarms::{Alarm, Alarms};
use heirloom_core::Context;
use seat::{lost, up, Seat, Status, Ticket};
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};
use waiting::Waiting;

mod alarms;
mod deadlines;
mod seat;
mod submit;
mod waiting;

pub(super) use waiting::Place;

/// Bytes after which a frame takes no further job, so that a frame of many jobs stays small.
const BATCH_BYTES: usize = 256 * 1024;
/// Time in which a worker may still answer a job whose deadline has passed, before it is killed. Most answer in time, because they
/// skip jobs that they have not started.
pub(super) const GRACE: Duration = Duration::from_millis(100);

pub(super) struct Jobs {
    state: Mutex<State>,
    /// The pool is closed and no job is left.
    drained: Condvar,
    /// Signalled when there is an earlier alarm, or when the pool is closed.
    clock: Condvar,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) queue: usize,
    pub(super) in_flight: usize,
    pub(super) retries: u32,
}

struct State {
    queue: VecDeque<Ticket>,
    seats: Vec<Seat>,
    phase: Phase,
    waiting: Waiting,
    alarms: Alarms,
    last_death: Option<Box<Death>>,
    killed: Vec<u32>,
    /// Woken once the lock is free.
    to_wake: Vec<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// New jobs are refused, submitted ones are finished.
    Closing,
    /// All jobs have failed or are done.
    Closed,
}

/// The next task of a worker's sender thread.
pub(super) enum Next {
    Send(Vec<Arc<Job>>),
    /// All jobs are done: tell the worker to exit.
    Bye,
    /// Stop: the worker is dead, or will be killed.
    Stop,
}

/// The reason why a job was not taken.
#[derive(Debug)]
pub(super) enum Refused {
    Full,
    ShutDown,
}

/// A worker that runs a job past its deadline and doesn't answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overdue {
    pub(super) seat: usize,
    pub(super) job: u64,
}

impl Jobs {
    pub(super) fn new(seats: usize, limits: Limits) -> Self {
        let state = State {
            queue: VecDeque::new(),
            seats: std::iter::repeat_with(|| Seat::new(limits.in_flight)).take(seats).collect(),
            phase: Phase::Open,
            waiting: Waiting::default(),
            alarms: Alarms::default(),
            last_death: None,
            killed: Vec::new(),
            to_wake: Vec::new(),
        };
        Self { state: Mutex::new(state), drained: Condvar::new(), clock: Condvar::new(), limits }
    }

    /// The worker of this seat is ready for jobs. Returns its generation.
    pub(super) fn up(&self, seat: usize) -> u64 {
        let mut state = self.lock();
        let seat = &mut state.seats[seat];
        seat.status = Status::Up;
        seat.generation += 1;
        seat.pace = Pace::new(self.limits.in_flight);
        seat.generation
    }

    /// Waits for the next task of this worker's sender thread.
    pub(super) fn next(&self, seat: usize, generation: u64) -> Next {
        let mut state = self.lock();
        loop {
            if state.phase == Phase::Closed || !state.is_current(seat, generation) {
                return Next::Stop;
            }
            if state.is_drained() {
                return Next::Bye;
            }
            let batch = state.take(seat);
            if !batch.is_empty() {
                state.wake_submitters(batch.len());
                release(state);
                return Next::Send(batch);
            }
            let mail = Arc::clone(&state.seats[seat].mail);
            state.seats[seat].idle = true;
            state = mail.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.seats[seat].idle = false;
        }
    }

    /// A reply was received. Returns its job; `None` if the worker had no such unanswered job.
    pub(super) fn replied(&self, seat: usize, generation: u64, id: u64, busy_ns: u64) -> Option<Arc<Job>> {
        let mut state = self.lock();
        let here = &mut state.seats[seat];
        if here.generation != generation || here.in_flight.front()?.job.id != id {
            return None;
        }
        let ticket = here.in_flight.pop_front()?;
        here.pace.note(busy_ns);
        state.forget_deadline(&ticket.job);
        self.watch_if_overdue(&mut state, seat);
        let here = &mut state.seats[seat];
        // Not for each reply: with half a window at a time, a frame has several jobs.
        if here.idle && here.in_flight.len() * 2 <= here.pace.window() && !state.queue.is_empty() {
            state.notify(seat);
        }
        self.tell_if_drained(&mut state);
        Some(ticket.job)
    }

    /// The worker takes no more jobs. Its sent replies are still to be read.
    pub(super) fn down(&self, seat: usize) {
        let mut state = self.lock();
        state.seats[seat].status = Status::Down;
        state.notify(seat);
    }

    /// The context of the job that a worker has started or will start next.
    pub(super) fn begun(&self, seat: usize) -> Option<Context> {
        self.lock().seats[seat].in_flight.front().map(|ticket| ticket.job.cx)
    }

    /// The worker is dead and all its replies were read.
    pub(super) fn died(&self, seat: usize, death: &Death) {
        let mut state = self.lock();
        state.last_death = Some(Box::new(death.clone()));
        state.seats[seat].generation += 1;
        let (failed, unanswered) = state.seats[seat].unanswered();
        failed.iter().for_each(|job| state.forget_deadline(job));
        unanswered.into_iter().rev().for_each(|ticket| state.queue.push_front(ticket));
        (0..state.queue.len().min(state.seats.len())).for_each(|_| state.notify_a_sender());
        self.tell_if_drained(&mut state);
        drop(state);
        if let Some(job) = failed {
            job.settle(Err(Failure::WorkerDied(Box::new(death.clone()))));
        }
    }

    /// No worker takes this seat again. If it was the last seat, all jobs fail.
    pub(super) fn failed(&self, seat: usize, death: &Death) {
        let mut state = self.lock();
        state.seats[seat].status = Status::Failed;
        state.last_death = Some(Box::new(death.clone()));
        let Some(death) = state.lost() else { return };
        let queue = std::mem::take(&mut state.queue);
        state.wake_submitters(usize::MAX);
        state.alarms.clear();
        self.tell_if_drained(&mut state);
        release(state);
        queue.into_iter().for_each(|ticket| ticket.job.settle(Err(Failure::NoWorkers(death.clone()))));
    }

    /// Refuses new jobs. Waits until the submitted ones are done, or until `deadline`.
    pub(super) fn drain(&self, deadline: Instant) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        state.wake_submitters(usize::MAX);
        self.tell_if_drained(&mut state);
        release(state);
        state = self.lock();
        while state.has_jobs() && state.phase == Phase::Closing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.drained.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Fails all jobs that are not done, and returns their number.
    pub(super) fn close(&self) -> usize {
        let mut state = self.lock();
        state.phase = Phase::Closed;
        let mut tickets: Vec<Ticket> = state.queue.drain(..).collect();
        state.seats.iter_mut().for_each(|seat| tickets.extend(seat.in_flight.drain(..)));
        tickets.retain(|ticket| !ticket.job.is_settled());
        (0..state.seats.len()).for_each(|seat| state.notify(seat));
        state.wake_submitters(usize::MAX);
        state.alarms.clear();
        self.drained.notify_all();
        self.clock.notify_all();
        release(state);
        tickets.iter().for_each(|ticket| ticket.job.settle(Err(Failure::ShutDown)));
        tickets.len()
    }

    /// Whether a dead worker needs no successor: the pool is closed, or is closing and has no jobs left.
    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.phase == Phase::Closed || state.is_drained()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().phase == Phase::Closed
    }

    /// Notes that this process was killed because the pool was shut down.
    pub(super) fn note_killed(&self, pid: u32) {
        self.lock().killed.push(pid);
    }

    pub(super) fn take_killed(&self) -> Vec<u32> {
        std::mem::take(&mut self.lock().killed)
    }

    /// Numbers of waiting jobs, of jobs in workers, and of running workers.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let in_flight = state.seats.iter().map(|seat| seat.in_flight.len()).sum();
        (state.queue.len(), in_flight, up(&state.seats))
    }

    /// Whether the worker of this seat runs this job.
    pub(super) fn is_at(&self, seat: usize, job: u64) -> bool {
        self.lock().is_at(seat, job)
    }

    fn tell_if_drained(&self, state: &mut State) {
        if state.is_drained() {
            (0..state.seats.len()).for_each(|seat| state.notify(seat));
            self.drained.notify_all();
            self.clock.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes jobs for this seat, up to its window, unless another worker has fewer.
    fn take(&mut self, seat: usize) -> Vec<Arc<Job>> {
        let all = self.queue.len() + self.seats.iter().map(|seat| seat.in_flight.len()).sum::<usize>();
        let share = all.div_ceil(up(&self.seats).max(1)).min(self.seats[seat].pace.window());
        let wanted = share.saturating_sub(self.seats[seat].in_flight.len());
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < wanted && bytes < BATCH_BYTES {
            let Some(next) = self.queue.front() else { break };
            bytes += next.job.bytes.len();
            if bytes > BATCH_BYTES && !batch.is_empty() {
                break;
            }
            let Some(ticket) = self.queue.pop_front() else { break };
            batch.push(Arc::clone(&ticket.job));
            self.seats[seat].in_flight.push_back(ticket);
        }
        batch
    }

    /// Wakes the sender thread of the worker with the fewest jobs.
    fn notify_a_sender(&mut self) {
        let waiting = self.seats.iter().enumerate();
        let waiting = waiting.filter(|(_, seat)| seat.idle && seat.in_flight.len() < seat.pace.window());
        if let Some((seat, _)) = waiting.min_by_key(|(_, seat)| seat.in_flight.len()) {
            self.notify(seat);
        }
    }

    fn notify(&mut self, seat: usize) {
        self.seats[seat].idle = false;
        self.seats[seat].mail.notify_one();
    }

    fn is_current(&self, seat: usize, generation: u64) -> bool {
        self.seats[seat].generation == generation && self.seats[seat].status == Status::Up
    }

    fn has_jobs(&self) -> bool {
        !self.queue.is_empty() || self.seats.iter().any(|seat| !seat.in_flight.is_empty())
    }

    fn is_drained(&self) -> bool {
        self.phase == Phase::Closing && !self.has_jobs()
    }

    /// Whether a submitter need not wait: the queue has room, or the job is refused anyway.
    fn has_room(&self, limits: &Limits) -> bool {
        self.phase != Phase::Open || self.queue.len() < limits.queue || self.lost().is_some()
    }

    fn lost(&self) -> Option<Box<Death>> {
        lost(&self.seats, &self.last_death)
    }

    /// Wakes the first submitters that wait for room.
    fn wake_submitters(&mut self, places: usize) {
        for _ in 0..places.min(self.waiting.len()) {
            let waker = self.waiting.take_first();
            self.to_wake.extend(waker);
        }
    }

    fn forget_deadline(&mut self, job: &Job) {
        if let Some(deadline) = job.deadline {
            self.alarms.drop(deadline.at, Alarm::Expires(job.id));
        }
    }

    fn is_at(&self, seat: usize, job: u64) -> bool {
        self.seats[seat].in_flight.front().is_some_and(|begun| begun.job.id == job)
    }
}

/// Unlocks, then wakes submitters: a waker may run any code, which may submit. A panic of one doesn't affect the others.
fn release(mut state: MutexGuard<'_, State>) {
    let wakers = std::mem::take(&mut state.to_wake);
    drop(state);
    wakers.into_iter().for_each(|waker| drop(catch_unwind(AssertUnwindSafe(|| waker.wake()))));
}

#[cfg(test)]
mod tests;
