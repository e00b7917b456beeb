//! [`JobHandle`]: whoever wants a job's reply asks its handle.

use super::error::{JobError, WaitError};
use super::job::{Failure, Outcome, Slot};
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A job that was submitted. Dropping the handle leaves the job alone.
///
/// It is also a future, of `Result<R, JobError<J>>`, that needs no particular runtime: `handle.await`.
#[must_use = "a job's reply and its errors reach only the handle"]
pub struct JobHandle<J, R> {
    slot: Arc<Slot>,
    types: PhantomData<fn(J) -> R>,
}

impl<J: DeserializeOwned, R: DeserializeOwned> JobHandle<J, R> {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self { slot, types: PhantomData }
    }

    /// Waits until the job is over, at most for `timeout`, and takes its reply.
    ///
    /// The job's span has ended by then.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] gives the handle back, [`WaitError::Failed`] says why there is no reply.
    pub fn wait(self, timeout: Duration) -> Result<R, WaitError<J, R>> {
        match self.slot.wait(timeout) {
            Some(outcome) => decode(outcome).map_err(WaitError::Failed),
            None => Err(WaitError::TimedOut(self)),
        }
    }

    /// Takes the reply if the job is over, and doesn't wait.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(self) -> Result<R, WaitError<J, R>> {
        self.wait(Duration::ZERO)
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
        self.slot.poll(cx.waker()).map_or(Poll::Pending, |outcome| Poll::Ready(decode(outcome)))
    }
}

impl<J, R> fmt::Debug for JobHandle<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("is_finished", &self.is_finished()).finish()
    }
}

/// Reads the reply, or gives the job back. On the thread that asks, so that the pool's threads never run `Deserialize`.
pub(super) fn decode<J: DeserializeOwned, R: DeserializeOwned>(outcome: Outcome) -> Result<R, JobError<J>> {
    match outcome {
        Ok(reply) => postcard::from_bytes(&reply).map_err(|error| JobError::Message {
            job: None,
            message: format!("the job was done, but its reply can't be read here: {error}"),
        }),
        Err((failure, job)) => Err(give_back(failure, postcard::from_bytes(&job).ok())),
    }
}

fn give_back<J>(failure: Failure, job: Option<J>) -> JobError<J> {
    match failure {
        Failure::Panicked(message) => JobError::Panicked { job, message },
        Failure::Message(message) => JobError::Message { job, message },
        Failure::WorkerDied(death) => JobError::WorkerDied { job, death },
        Failure::NoWorkers(death) => JobError::NoWorkers { job, death },
        Failure::ShutDown => JobError::ShutDown { job },
    }
}
