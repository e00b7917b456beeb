//! One submitted job: its bytes, which are kept until it is over, and whoever waits for it.

use super::error::Death;
use heirloom_core::Context;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// Why a job has no reply, before its type is known again.
#[derive(Debug)]
pub(super) enum Failure {
    Panicked(String),
    Message(String),
    WorkerDied(Box<Death>),
    NoWorkers(Box<Death>),
    ShutDown,
}

/// The reply's bytes; or what went wrong, with the job's bytes.
pub(super) type Outcome = Result<Vec<u8>, (Failure, Vec<u8>)>;

pub(super) struct Job {
    pub(super) id: u64,
    pub(super) cx: Context,
    pub(super) tracestate: String,
    pub(super) bytes: Vec<u8>,
    completion: Completion,
    settled: AtomicBool,
}

/// Who is told when a job is over.
pub(super) enum Completion {
    /// Its handle.
    Handle(Arc<Slot>),
    /// A `map` of which this is the job with this index.
    Map(usize, Sender<(usize, Outcome)>),
}

impl Job {
    pub(super) fn new(id: u64, cx: Context, bytes: Vec<u8>, completion: Completion) -> Self {
        let tracestate = super::carrier::tracestate(&cx);
        Self { id, cx, tracestate, bytes, completion, settled: AtomicBool::new(false) }
    }

    /// The job is over. Only the first call counts.
    pub(super) fn settle(&self, result: Result<Vec<u8>, Failure>) {
        if self.settled.swap(true, Ordering::AcqRel) {
            return;
        }
        let outcome = result.map_err(|failure| (failure, self.bytes.clone()));
        match &self.completion {
            Completion::Handle(slot) => slot.settle(outcome),
            // Nobody listens to a map that was dropped.
            Completion::Map(index, to) => drop(to.send((*index, outcome))),
        }
    }

    /// It was not submitted, so nobody shall hear of it.
    pub(super) fn forget(&self) {
        self.settled.store(true, Ordering::Release);
    }
}

impl Drop for Job {
    /// So that nobody waits for a job that got lost, whatever happened to the thread that had it.
    fn drop(&mut self) {
        self.settle(Err(Failure::ShutDown));
    }
}

/// Where a handle finds its job's outcome.
#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<SlotState>,
    changed: Condvar,
}

#[derive(Default)]
struct SlotState {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Slot {
    pub(super) fn is_settled(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// Waits for the outcome and takes it.
    pub(super) fn wait(&self, timeout: Duration) -> Option<Outcome> {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| state.outcome.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.outcome.take()
    }

    /// Takes the outcome, or remembers whom to wake.
    pub(super) fn poll(&self, waker: &Waker) -> Option<Outcome> {
        let mut state = self.lock();
        if state.outcome.is_none() && !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        state.outcome.take()
    }

    fn settle(&self, outcome: Outcome) {
        let mut state = self.lock();
        state.outcome = Some(outcome);
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
