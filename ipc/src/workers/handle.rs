//! [`JobHandle`]: returns a job's reply.

use super::codec::from_bytes;
use super::error::JobError;
use super::job::{Failure, Outcome};
use super::slot::{Found, Slot};
use heirloom_core::mark::{self, Awaiting, WaitCause};
use heirloom_core::SpanId;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A submitted job. Dropping the handle doesn't affect the job. Neither does dropping the clone of the pool that it came from.
///
/// It is also a future of `Result<R, JobError<J>>`, for any runtime: use `handle.await`, or [`wait_async`](Self::wait_async) to
/// keep the handle. A wait in either form is recorded, with the job's span, if it took more than a microsecond.
#[must_use = "a job's reply and its errors reach only the handle"]
pub struct JobHandle<J, R> {
    slot: Arc<Slot<Outcome>>,
    awaiting: Awaiting,
    types: PhantomData<fn(J) -> R>,
}

/// The reason why [`JobHandle::wait`] has no reply.
#[non_exhaustive]
pub enum WaitError<J, R> {
    /// The timeout has passed. The job goes on. This is its handle.
    TimedOut(JobHandle<J, R>),
    /// The job is over, without a reply.
    Failed(JobError<J>),
}

impl<J: DeserializeOwned, R: DeserializeOwned> JobHandle<J, R> {
    pub(super) fn new(slot: Arc<Slot<Outcome>>) -> Self {
        Self { slot, awaiting: Awaiting::default(), types: PhantomData }
    }

    /// Blocks until the job is over, for at most `timeout`, and takes its reply.
    ///
    /// The job's span has ended then, unless the job failed by its deadline.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] gives the handle back. [`WaitError::Failed`] has the reason why there is no reply.
    pub fn wait(self, timeout: Duration) -> Result<R, WaitError<J, R>> {
        let from = mark::stamp();
        let found = self.slot.wait(timeout);
        let until = mark::stamp();
        if !from.is_short_until(until) {
            mark::waited_until(WaitCause::Job, from, until, None, None, span(&found));
        }
        match found {
            Found::Nothing => Err(WaitError::TimedOut(self)),
            found => reply(found).map_err(WaitError::Failed),
        }
    }

    /// Takes the reply if the job is over. Doesn't wait.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(self) -> Result<R, WaitError<J, R>> {
        self.wait(Duration::ZERO)
    }

    /// Waits for the job as a future for any executor, whose thread it never blocks.
    ///
    /// If the future is dropped, the handle still returns the reply. So set a time limit with the runtime
    /// (`tokio::time::timeout(limit, job.wait_async())`) or with the job's [`deadline`](super::Submission::deadline). The reply is
    /// returned once.
    ///
    /// Cost: one short lock per poll, and two clock reads if it waits. The reply is deserialised on the thread that polls.
    ///
    /// # Errors
    ///
    /// The job is over without a reply, or an earlier call has taken the reply.
    pub async fn wait_async(&mut self) -> Result<R, JobError<J>> {
        // An earlier call's future may have been dropped.
        self.awaiting = Awaiting::default();
        self.await
    }
}

impl<J, R> JobHandle<J, R> {
    /// Whether the job is over.
    pub fn is_finished(&self) -> bool {
        self.slot.is_settled()
    }
}

impl<J: DeserializeOwned, R: DeserializeOwned> Future for JobHandle<J, R> {
    type Output = Result<R, JobError<J>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let poll = this.slot.poll(cx.waker());
        this.awaiting.polled(&poll, span);
        poll.map(reply)
    }
}

/// The span that a worker recorded for the job.
fn span(found: &Found<Outcome>) -> Option<SpanId> {
    match found {
        Found::Value(outcome) => outcome.trip.as_ref().map(|trip| trip.span),
        Found::Nothing | Found::Taken => None,
    }
}

/// The result from a settled slot.
fn reply<J: DeserializeOwned, R: DeserializeOwned>(found: Found<Outcome>) -> Result<R, JobError<J>> {
    match found {
        Found::Value(outcome) => decode(outcome),
        Found::Taken | Found::Nothing => Err(JobError::Message {
            job: None,
            message: String::from("the job's reply was taken from this handle before; a handle returns it once"),
        }),
    }
}

/// Deserialises the reply, or the job of a failure. Called on the caller's thread, so that the pool's threads never run
/// `Deserialize`.
pub(super) fn decode<J: DeserializeOwned, R: DeserializeOwned>(outcome: Outcome) -> Result<R, JobError<J>> {
    let Outcome { result, trip } = outcome;
    if let Some(trip) = trip {
        trip.taken();
    }
    match result {
        Ok(reply) => from_bytes(&reply).map_err(|error| JobError::Message {
            job: None,
            message: format!("the job was done, but its reply can't be deserialised: {error}"),
        }),
        Err((failure, job)) => Err(give_back(failure, from_bytes(&job).ok())),
    }
}

fn give_back<J>(failure: Failure, job: Option<J>) -> JobError<J> {
    match failure {
        Failure::Panicked(message) => JobError::Panicked { job, message },
        Failure::Message(message) => JobError::Message { job, message },
        Failure::WorkerDied(death) => JobError::WorkerDied { job, death },
        Failure::NoWorkers(death) => JobError::NoWorkers { job, death },
        Failure::Deadline(after) => JobError::DeadlineExceeded { job, after },
        Failure::ShutDown => JobError::ShutDown { job },
    }
}

impl<J, R> fmt::Display for WaitError<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::TimedOut(_) => {
                f.write_str("the job was not over within the timeout; it goes on, wait again on the returned handle")
            }
            WaitError::Failed(error) => error.fmt(f),
        }
    }
}

// Implemented by hand, so that jobs need no `Debug`.

impl<J, R> fmt::Debug for JobHandle<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("is_finished", &self.is_finished()).finish()
    }
}

impl<J, R> fmt::Debug for WaitError<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::TimedOut(_) => f.write_str("TimedOut(..)"),
            WaitError::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

impl<J, R> std::error::Error for WaitError<J, R> {}
