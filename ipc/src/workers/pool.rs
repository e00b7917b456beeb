//! [`Pool`]: worker processes that take jobs.

use super::builder::Plan;
use super::crew::{deadline, Crew};
use super::error::{StartError, SubmitError};
use super::handshake;
use super::job::{Completion, Job, Slot};
use super::keeper::{Event, Keeper};
use super::state::{Jobs, Limits, Refused};
use super::stderr::Printer;
use super::{why, AsCompleted, JobHandle, Map};
use heirloom_core::Context;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long `Drop` lets jobs finish.
const DROP_GRACE: Duration = Duration::from_secs(1);
/// How long killed processes may take to be gone.
const KILLED: Duration = Duration::from_secs(10);

/// How long the last lines of the workers' stderr may take to be passed on.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Worker processes that take jobs, from any thread.
///
/// Dropping it shuts it down, with a second for the jobs that it has; see [`shutdown`](Self::shutdown).
pub struct Pool<J, R> {
    inner: Inner,
    types: PhantomData<fn(J) -> R>,
}

/// What was not done when a pool was shut down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Jobs that were not done. Each failed with [`JobError::ShutDown`](super::JobError::ShutDown).
    pub not_done: usize,
    /// The processes that did not end by themselves and were killed.
    pub killed: Vec<u32>,
    /// Whether all processes and threads are gone. If not, something is stuck in the operating system.
    pub gone: bool,
}

/// What doesn't depend on the types.
struct Inner {
    worker: &'static str,
    jobs: Arc<Jobs>,
    crew: Crew,
    /// The thread that writes to stderr, which may be stuck there.
    printing: Crew,
    keepers: Vec<Sender<Event>>,
    next_id: AtomicU64,
    message_bytes: usize,
    submit_timeout: Duration,
}

impl<J, R> Pool<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    pub(super) fn start(
        plan: Plan,
        workers: usize,
        limits: Limits,
        submit_timeout: Duration,
    ) -> Result<Self, StartError> {
        let inner = Inner::start(plan, workers, limits, submit_timeout)?;
        Ok(Self { inner, types: PhantomData })
    }

    /// Gives a job to the pool. Its span is recorded in the worker that runs it, as a child of `cx`.
    ///
    /// Waits while the queue is full, up to the [`submit_timeout`](super::PoolBuilder::submit_timeout).
    ///
    /// Cost: the job is serialised on this thread; three allocations, one lock.
    ///
    /// # Errors
    ///
    /// The job was not taken and comes back. See [`SubmitError`].
    pub fn submit(&self, cx: impl Into<Context>, job: J) -> Result<JobHandle<J, R>, SubmitError<J>> {
        self.submit_until(cx.into(), job, Some(deadline(self.inner.submit_timeout)))
    }

    /// As [`submit`](Self::submit), without waiting.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Full`] if the queue is full; else as [`submit`](Self::submit).
    pub fn try_submit(&self, cx: impl Into<Context>, job: J) -> Result<JobHandle<J, R>, SubmitError<J>> {
        self.submit_until(cx.into(), job, None)
    }

    fn submit_until(&self, cx: Context, job: J, deadline: Option<Instant>) -> Result<JobHandle<J, R>, SubmitError<J>> {
        let slot = Arc::new(Slot::default());
        let (job, wrapped) = self.wrap(cx, job, Completion::Handle(Arc::clone(&slot)))?;
        match self.enqueue(&wrapped, deadline) {
            Ok(()) => Ok(JobHandle::new(slot)),
            Err(Refused::Full) => Err(SubmitError::Full(job)),
            Err(Refused::ShutDown) => Err(SubmitError::ShutDown(job)),
        }
    }

    /// Runs all jobs and gives their results in the jobs' order.
    ///
    /// Jobs are submitted as the queue has room, while results are asked for. A result that comes before its turn is
    /// kept. Each call of `next` takes as long as the jobs do: a job that never ends is waited for until another thread
    /// calls [`kill`](Self::kill). Use [`submit`](Self::submit) for jobs that are given up one by one.
    ///
    /// A job whose submission fails is [`JobError::NotSubmitted`](super::JobError::NotSubmitted).
    pub fn map<I>(&self, cx: impl Into<Context>, jobs: I) -> Map<'_, J, R, I::IntoIter>
    where
        I: IntoIterator<Item = J>,
    {
        Map::new(self.map_as_completed(cx, jobs))
    }

    /// As [`map`](Self::map), but gives results as they come, each with its job's index.
    pub fn map_as_completed<I>(&self, cx: impl Into<Context>, jobs: I) -> AsCompleted<'_, J, R, I::IntoIter>
    where
        I: IntoIterator<Item = J>,
    {
        AsCompleted::new(self, cx.into(), jobs.into_iter())
    }

    /// The job's bytes, beside the job itself.
    pub(super) fn wrap(&self, cx: Context, job: J, to: Completion) -> Result<(J, Arc<Job>), SubmitError<J>> {
        let bytes = match postcard::to_stdvec(&job) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = why::explain(&job, &error);
                return Err(SubmitError::Unserialisable { job, message });
            }
        };
        if bytes.len() > self.inner.message_bytes {
            return Err(SubmitError::TooLarge { job, bytes: bytes.len(), limit: self.inner.message_bytes });
        }
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        Ok((job, Arc::new(Job::new(id, cx, bytes, to))))
    }
}

impl<J, R> Pool<J, R> {
    /// Shuts the pool down: no new jobs; those that were submitted get done; then the workers exit. At `timeout`
    /// whatever is not done fails, and processes that are still there are killed.
    ///
    /// Further calls do nothing and report nothing.
    ///
    /// Takes `timeout` and the time until killed processes are gone: milliseconds, at most ten seconds.
    pub fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        self.inner.shutdown(timeout)
    }

    /// Ends the pool now: jobs that are not done fail, all processes are killed.
    pub fn kill(&self) -> ShutdownReport {
        self.inner.kill()
    }

    /// As [`shutdown`](Self::shutdown), without blocking the runtime's thread.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[cfg(feature = "tokio")]
    pub async fn shutdown_async(self, timeout: Duration) -> ShutdownReport
    where
        J: 'static,
        R: 'static,
    {
        let done = tokio::task::spawn_blocking(move || self.shutdown(timeout)).await;
        done.unwrap_or(ShutdownReport { not_done: 0, killed: Vec::new(), gone: false })
    }

    pub(super) fn enqueue(&self, job: &Arc<Job>, deadline: Option<Instant>) -> Result<(), Refused> {
        self.inner.jobs.submit(job, deadline)
    }

    pub(super) fn submit_deadline(&self) -> Instant {
        deadline(self.inner.submit_timeout)
    }
}

impl ShutdownReport {
    /// Whether every job was done and every process ended by itself.
    pub fn is_clean(&self) -> bool {
        self.not_done == 0 && self.killed.is_empty() && self.gone
    }
}

impl Inner {
    fn start(plan: Plan, workers: usize, limits: Limits, submit_timeout: Duration) -> Result<Self, StartError> {
        handshake::prepare().map_err(StartError::Io)?;
        let mut inner = Self {
            worker: plan.worker,
            jobs: Arc::new(Jobs::new(workers, limits)),
            crew: Crew::default(),
            printing: Crew::default(),
            keepers: Vec::new(),
            next_id: AtomicU64::new(0),
            message_bytes: plan.message_bytes,
            submit_timeout,
        };
        let started = inner.start_keepers(&Arc::new(plan), workers);
        match started.and_then(|reports| all_started(&reports, workers)) {
            Ok(()) => Ok(inner),
            Err(error) => {
                inner.kill();
                Err(error)
            }
        }
    }

    fn start_keepers(
        &mut self,
        plan: &Arc<Plan>,
        workers: usize,
    ) -> Result<Receiver<Result<(), StartError>>, StartError> {
        let (report, reports) = mpsc::channel();
        let printer = Printer::start(&self.printing).map_err(StartError::Io)?;
        for seat in 0..workers {
            let (mail, events) = mpsc::channel();
            self.keepers.push(mail.clone());
            let keeper = Keeper {
                seat,
                jobs: Arc::clone(&self.jobs),
                plan: Arc::clone(plan),
                crew: self.crew.clone(),
                printer: printer.clone(),
                events,
                mail,
                attempt: 0,
            };
            let report = report.clone();
            self.crew.spawn("heirloom-keep", move || keeper.keep(report)).map_err(StartError::Io)?;
        }
        Ok(reports)
    }

    fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let deadline = deadline(timeout);
        self.jobs.drain(deadline);
        if self.jobs.is_over() {
            self.tell(|| Event::Close);
            if self.crew.wait(deadline) {
                return self.report(true);
            }
        }
        self.kill()
    }

    fn kill(&self) -> ShutdownReport {
        let not_done = self.jobs.close();
        self.tell(|| Event::Kill);
        let gone = self.crew.wait(Instant::now() + KILLED);
        ShutdownReport { not_done, ..self.report(gone) }
    }

    fn tell(&self, event: impl Fn() -> Event) {
        // A keeper that is gone needs to be told nothing.
        self.keepers.iter().for_each(|keeper| drop(keeper.send(event())));
    }

    fn report(&self, gone: bool) -> ShutdownReport {
        self.printing.wait(deadline(LAST_LINES));
        ShutdownReport { not_done: 0, killed: self.jobs.take_killed(), gone }
    }
}

/// Waits until each keeper has told how its first start went, or the first has failed.
fn all_started(reports: &Receiver<Result<(), StartError>>, workers: usize) -> Result<(), StartError> {
    (0..workers).try_for_each(|_| reports.recv().unwrap_or(Err(StartError::ShutDown)))
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shutdown(DROP_GRACE);
    }
}

impl<J, R> fmt::Debug for Pool<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, in_flight, workers) = self.inner.jobs.counts();
        let mut out = f.debug_struct("Pool");
        out.field("worker", &self.inner.worker).field("workers", &workers);
        out.field("queued", &queued).field("in_flight", &in_flight).finish_non_exhaustive()
    }
}
