//! [`Submission`]: one job and its settings, before it is submitted.

use super::crew::deadline;
use super::error::SubmitError;
use super::handle::JobHandle;
use super::job::{Completion, Deadline, Outcome, Terms};
use super::pool::Pool;
use super::room::Room;
use super::slot::Slot;
use super::state::Refused;
use crate::baggage;
use heirloom_core::{Baggage, Context};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A job and its settings, before it is submitted. From [`Pool::job`].
///
/// ```
/// # use heirloom_ipc::workers::{self, Worker};
/// # use std::time::Duration;
/// # static LENGTH: Worker<String, usize> = Worker::new("length", |_span, text| text.len());
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # workers::serve(&[&LENGTH]);
/// # let pool = LENGTH.pool().workers(1).start()?;
/// # let root = heirloom_core::root("run");
/// let job = pool.job(&root, String::from("heirloom")).deadline(Duration::from_secs(10)).submit()?;
/// assert_eq!(job.wait(Duration::from_secs(20))?, 8);
/// # Ok(())
/// # }
/// ```
#[must_use = "a job does nothing until `submit`, `try_submit` or `submit_async`"]
pub struct Submission<J, R> {
    pool: Pool<J, R>,
    cx: Context,
    job: J,
    baggage: Baggage,
    deadline: Option<Duration>,
}

impl<J, R> Pool<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    /// Prepares a job, to set a deadline or baggage. Its span is recorded in the worker that runs it, as a child of `cx`.
    /// Nothing happens until [`submit`](Submission::submit), [`try_submit`](Submission::try_submit) or
    /// [`submit_async`](Submission::submit_async).
    pub fn job(&self, cx: impl Into<Context>, job: J) -> Submission<J, R> {
        let cx = cx.into();
        Submission { pool: self.clone(), cx, job, baggage: baggage::of(cx), deadline: None }
    }

    /// Submits a job: short for [`job(cx, job)`](Self::job)[`.submit()`](Submission::submit).
    ///
    /// # Errors
    ///
    /// The job was not taken and comes back. See [`SubmitError`].
    pub fn submit(&self, cx: impl Into<Context>, job: J) -> Result<JobHandle<J, R>, SubmitError<J>> {
        self.job(cx, job).submit()
    }

    /// As [`submit`](Self::submit), without waiting: short for [`Submission::try_submit`].
    ///
    /// # Errors
    ///
    /// [`SubmitError::Full`] if the queue is full; else as [`submit`](Self::submit).
    pub fn try_submit(&self, cx: impl Into<Context>, job: J) -> Result<JobHandle<J, R>, SubmitError<J>> {
        self.job(cx, job).try_submit()
    }

    /// As [`submit`](Self::submit), as a future for any executor: short for [`Submission::submit_async`].
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub fn submit_async(
        &self,
        cx: impl Into<Context>,
        job: J,
    ) -> impl Future<Output = Result<JobHandle<J, R>, SubmitError<J>>> + Send {
        self.job(cx, job).submit_async()
    }
}

impl<J, R> Submission<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    /// Sets the maximum time until the job is done, from its submission. After that it fails with
    /// [`JobError::DeadlineExceeded`](super::JobError::DeadlineExceeded):
    ///
    /// - A job that waits for room in the queue is not taken ([`SubmitError::Full`]).
    /// - A job in the queue, or in a worker that has not started it, never runs.
    /// - A worker that runs the job gets another 100 ms to answer. Then it is killed and replaced, which doesn't count as one of
    ///   its [`restarts`](super::PoolBuilder::restarts). Its open spans are closed as aborted, with this cause. Its other jobs go
    ///   to other workers.
    ///
    /// Such a job is not tried again. Short jobs that were sent to a worker behind one that hangs wait there, and may miss their
    /// own deadlines: [`in_flight(1)`](super::PoolBuilder::in_flight) sends none ahead. Cost: an entry in a sorted set, under the
    /// lock of the queue.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Sends baggage with the job. The worker reads it with [`baggage`](super::baggage()) while it runs the job, and passes it on
    /// to the commands that it starts and to the jobs that it submits. All processes on the way can read it.
    ///
    /// Without this, a job has the baggage of its context ([`Context::baggage`]), or else, in a worker that runs a job, that
    /// job's. Empty baggage sends none.
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = baggage;
        self
    }

    /// Submits the job. Blocks while the queue is full, up to the
    /// [`submit_timeout`](super::PoolBuilder::submit_timeout).
    ///
    /// Cost: serialising the job on this thread, three allocations, one lock.
    ///
    /// # Errors
    ///
    /// The job was not taken and comes back. See [`SubmitError`].
    pub fn submit(self) -> Result<JobHandle<J, R>, SubmitError<J>> {
        let (pool, terms, job) = self.terms();
        let slot = Arc::new(Slot::default());
        let (job, wrapped) = pool.wrap(&terms, job, Completion::Handle(Arc::clone(&slot)))?;
        let room = Room::new(pool.jobs(), wrapped, pool.submit_deadline());
        handle(room.wait(), slot, job)
    }

    /// As [`submit`](Self::submit), without waiting.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Full`] if the queue is full; else as [`submit`](Self::submit).
    pub fn try_submit(self) -> Result<JobHandle<J, R>, SubmitError<J>> {
        let (pool, terms, job) = self.terms();
        let slot = Arc::new(Slot::default());
        let (job, wrapped) = pool.wrap(&terms, job, Completion::Handle(Arc::clone(&slot)))?;
        handle(pool.jobs().try_submit(&wrapped), slot, job)
    }

    /// As [`submit`](Self::submit), as a future for any executor. While the queue is full it is pending, up to the
    /// [`submit_timeout`](super::PoolBuilder::submit_timeout). It never blocks the executor's thread. Waiting submitters, blocking
    /// ones too, are served in order of arrival. A wait of more than a microsecond is recorded, as an `.await` without a job's
    /// span.
    ///
    /// The future keeps the pool open. If it is dropped before it is ready, the job is not submitted and takes no place in the
    /// queue. Its timeouts start when it is first polled.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub async fn submit_async(self) -> Result<JobHandle<J, R>, SubmitError<J>> {
        let (pool, terms, job) = self.terms();
        let slot = Arc::new(Slot::default());
        let (job, wrapped) = pool.wrap(&terms, job, Completion::Handle(Arc::clone(&slot)))?;
        let room = Room::new(pool.jobs(), wrapped, pool.submit_deadline());
        handle(room.awaited().await, slot, job)
    }

    fn terms(self) -> (Pool<J, R>, Terms, J) {
        let Self { pool, cx, job, baggage, deadline: after } = self;
        let deadline = after.map(|after| Deadline { at: deadline(after), after });
        (pool, Terms { cx, baggage, deadline, fan: 0 }, job)
    }
}

impl<J, R> fmt::Debug for Submission<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Submission");
        out.field("pool", &self.pool).field("cx", &self.cx).field("baggage", &self.baggage);
        out.field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

fn handle<J, R>(
    submitted: Result<(), Refused>,
    slot: Arc<Slot<Outcome>>,
    job: J,
) -> Result<JobHandle<J, R>, SubmitError<J>>
where
    J: DeserializeOwned,
    R: DeserializeOwned,
{
    match submitted {
        Ok(()) => Ok(JobHandle::new(slot)),
        Err(Refused::Full) => Err(SubmitError::Full(job)),
        Err(Refused::ShutDown) => Err(SubmitError::ShutDown(job)),
    }
}
