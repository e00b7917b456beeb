//! One submitted job: its bytes, which are kept until it is over, and the receiver of its outcome.

use super::error::Death;
use super::slot::Slot;
use super::trip::Trip;
use heirloom_core::mark::{stamp, Stamp};
use heirloom_core::{Baggage, Context, SpanId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The reason why a job has no reply, before the error gets the job's type.
#[derive(Debug)]
pub(super) enum Failure {
    Panicked(String),
    Message(String),
    WorkerDied(Box<Death>),
    NoWorkers(Box<Death>),
    /// The job was not done within this time.
    Deadline(Duration),
    ShutDown,
}

/// What became of a job.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The reply's bytes, or the failure with the job's bytes.
    pub(super) result: Result<Vec<u8>, (Failure, Vec<u8>)>,
    /// Its times, if a worker replied and recorded a span.
    pub(super) trip: Option<Trip>,
}

/// The time by which a job has to be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// The time since the submission that the submitter allowed.
    pub(super) after: Duration,
}

pub(super) struct Job {
    pub(super) id: u64,
    pub(super) cx: Context,
    pub(super) tracestate: String,
    /// As text; empty for most jobs.
    pub(super) baggage: String,
    pub(super) deadline: Option<Deadline>,
    /// The id of the fan-out that the job belongs to; zero if to none.
    pub(super) fan: u64,
    pub(super) bytes: Vec<u8>,
    /// The pool's number.
    pool: u64,
    submitted: Stamp,
    /// When it was sent to a worker last.
    sent: Mutex<Option<Stamp>>,
    completion: Completion,
    settled: AtomicBool,
}

/// The receiver of a job's outcome.
pub(super) enum Completion {
    /// Its handle.
    Handle(Arc<Slot<Outcome>>),
    /// A `map`, which has this job at this index.
    Map(usize, Sender<(usize, Outcome)>),
}

/// The settings that are sent with a job's bytes.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) cx: Context,
    pub(super) baggage: Baggage,
    pub(super) deadline: Option<Deadline>,
    /// The id of the fan-out that the job belongs to; zero if to none.
    pub(super) fan: u64,
}

impl Job {
    pub(super) fn new(id: u64, pool: u64, terms: &Terms, bytes: Vec<u8>, completion: Completion) -> Self {
        Self {
            id,
            cx: terms.cx,
            tracestate: terms.cx.tracestate().to_string(),
            baggage: terms.baggage.to_string(),
            deadline: terms.deadline,
            fan: terms.fan,
            bytes,
            pool,
            submitted: stamp(),
            sent: Mutex::new(None),
            completion,
            settled: AtomicBool::new(false),
        }
    }

    /// It is about to be sent to a worker.
    pub(super) fn sent(&self) {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(stamp());
    }

    /// A worker has replied. `span` is the one that it recorded for the job.
    pub(super) fn replied(&self, result: Result<Vec<u8>, Failure>, span: SpanId) {
        let sent = *self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let (cx, pool, submitted) = (self.cx, self.pool, self.submitted);
        let trip = span.is_valid().then(|| Trip { cx, span, pool, submitted, sent, replied: stamp() });
        self.settle_with(result, trip);
    }

    /// The job is over. Only the first call counts.
    pub(super) fn settle(&self, result: Result<Vec<u8>, Failure>) {
        self.settle_with(result, None);
    }

    fn settle_with(&self, result: Result<Vec<u8>, Failure>, trip: Option<Trip>) {
        if self.settled.swap(true, Ordering::AcqRel) {
            return;
        }
        let outcome = Outcome { result: result.map_err(|failure| (failure, self.bytes.clone())), trip };
        match &self.completion {
            Completion::Handle(slot) => slot.settle(outcome),
            // An error: the map was dropped.
            Completion::Map(index, to) => drop(to.send((*index, outcome))),
        }
    }

    /// Whether it is over for its submitter. A worker may still run it.
    pub(super) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// It was not submitted, so its handle gets no outcome.
    pub(super) fn forget(&self) {
        self.settled.store(true, Ordering::Release);
    }
}

impl Drop for Job {
    /// Settles the job, so that no handle waits for a job that was lost with its thread.
    fn drop(&mut self) {
        self.settle(Err(Failure::ShutDown));
    }
}
