//! [`Pool`]: worker processes that run jobs.

use super::aside::aside;
use super::codec::to_bytes;
use super::crew::{deadline, Crew};
use super::error::{StartError, SubmitError};
use super::event::Event;
use super::handshake;
use super::job::{Completion, Job, Terms};
use super::keeper::Keeper;
use super::plan::Plan;
use super::state::{Jobs, Limits, Overdue};
use super::stderr::Printer;
use heirloom_core::mark::{self, WaitCause};
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time in which jobs may finish when the last handle of a pool is dropped. `Drop` blocks for at most this time and [`KILLED`].
const DROP_GRACE: Duration = Duration::from_secs(1);
/// Maximum wait for the end of killed processes. They normally end within milliseconds; this bounds a stuck one.
const KILLED: Duration = Duration::from_secs(10);

/// Maximum time in which the last lines of the workers' stderr are passed on, since this process's stderr may block.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Worker processes that run jobs, which any thread may submit.
///
/// A clone is another handle of the same pool, for a thread, a task or a service's state. When the last clone is dropped, the pool
/// shuts down. That blocks, with one second for the jobs that it has. [`shutdown`](Self::shutdown) on any clone ends the pool for
/// all of them: later submissions fail with [`SubmitError::ShutDown`]. Handles of jobs don't keep the pool open.
pub struct Pool<J, R> {
    inner: Arc<Inner>,
    types: PhantomData<fn(J) -> R>,
}

impl<J, R> Clone for Pool<J, R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), types: PhantomData }
    }
}

/// The result of a shutdown: what was left to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Number of jobs that were not done. Each failed with [`JobError::ShutDown`](super::JobError::ShutDown).
    pub not_done: usize,
    /// The ids of the processes that did not end by themselves and were killed.
    pub killed: Vec<u32>,
    /// Whether all processes and threads have ended. If not, one is stuck in the operating system.
    pub gone: bool,
}

/// The parts that don't depend on the types.
struct Inner {
    worker: &'static str,
    /// A number that tells the pool from others.
    number: u64,
    jobs: Arc<Jobs>,
    crew: Crew,
    /// The thread that writes to stderr, which may block there.
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
    pub(super) fn start(plan: Plan, limits: Limits, submit_timeout: Duration) -> Result<Self, StartError> {
        let inner = Inner::start(plan, limits, submit_timeout)?;
        Ok(Self { inner: Arc::new(inner), types: PhantomData })
    }

    /// Serialises the job. Returns the job and its bytes.
    pub(super) fn wrap(&self, terms: &Terms, job: J, to: Completion) -> Result<(J, Arc<Job>), SubmitError<J>> {
        let bytes = match to_bytes(&job) {
            Ok(bytes) => bytes,
            Err(error) => return Err(SubmitError::Unserialisable { job, message: error.to_string() }),
        };
        if bytes.len() > self.inner.message_bytes {
            return Err(SubmitError::TooLarge { job, bytes: bytes.len(), limit: self.inner.message_bytes });
        }
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        Ok((job, Arc::new(Job::new(id, self.inner.number, terms, bytes, to))))
    }
}

impl<J, R> Pool<J, R> {
    /// Shuts the pool down. It takes no new jobs, finishes the submitted ones, and lets the workers exit. After `timeout`, jobs
    /// that are not done fail, and processes that still run are killed.
    ///
    /// Further calls do nothing and return an empty report.
    ///
    /// Takes at most `timeout` and the time until killed processes have ended: milliseconds, at most ten seconds.
    pub fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        self.inner.shutdown(timeout)
    }

    /// Ends the pool at once: jobs that are not done fail, all processes are killed.
    pub fn kill(&self) -> ShutdownReport {
        self.inner.kill()
    }

    /// As [`shutdown`](Self::shutdown), as a future for any executor, whose thread it doesn't block. A new thread shuts the pool
    /// down at once. (If the system has no thread left, this call blocks.)
    pub fn shutdown_async(&self, timeout: Duration) -> impl Future<Output = ShutdownReport> + Send + 'static {
        let inner = Arc::clone(&self.inner);
        let ended = match aside(move || inner.shutdown(timeout)) {
            Ok(ended) => Ok(ended),
            Err(_) => Err(self.shutdown(timeout)),
        };
        async {
            match ended {
                Ok(ended) => ended.await.unwrap_or(ShutdownReport { not_done: 0, killed: Vec::new(), gone: false }),
                Err(report) => report,
            }
        }
    }

    pub(super) fn jobs(&self) -> Arc<Jobs> {
        Arc::clone(&self.inner.jobs)
    }

    pub(super) fn submit_deadline(&self) -> Instant {
        deadline(self.inner.submit_timeout)
    }
}

impl ShutdownReport {
    /// Whether all jobs were done and all processes ended by themselves.
    pub fn is_clean(&self) -> bool {
        self.not_done == 0 && self.killed.is_empty() && self.gone
    }
}

impl Inner {
    fn start(plan: Plan, limits: Limits, submit_timeout: Duration) -> Result<Self, StartError> {
        let workers = plan.workers;
        handshake::prepare().map_err(StartError::Io)?;
        let mut inner = Self {
            worker: plan.worker,
            number: plan.pool,
            jobs: Arc::new(Jobs::new(workers, limits)),
            crew: Crew::default(),
            printing: Crew::default(),
            keepers: Vec::new(),
            next_id: AtomicU64::new(0),
            message_bytes: plan.message_bytes,
            submit_timeout,
        };
        let started = inner.start_keepers(&Arc::new(plan), workers).and_then(|reports| {
            inner.start_clock().map_err(StartError::Io)?;
            Ok(reports)
        });
        match started.and_then(|reports| mark::wait(WaitCause::Workers, || all_started(&reports, workers))) {
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

    /// Starts the thread that watches deadlines.
    fn start_clock(&self) -> io::Result<()> {
        let (jobs, keepers) = (Arc::clone(&self.jobs), self.keepers.clone());
        // An error: the keeper has ended, so it has no worker to kill.
        let overdue = move |Overdue { seat, job }: Overdue| drop(keepers[seat].send(Event::Overdue(job)));
        self.crew.spawn("heirloom-clock", move || jobs.keep_time(overdue))
    }

    fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let deadline = deadline(timeout);
        mark::wait(WaitCause::Workers, || self.jobs.drain(deadline));
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
        // An error: the keeper has ended, so no message is needed.
        self.keepers.iter().for_each(|keeper| drop(keeper.send(event())));
    }

    fn report(&self, gone: bool) -> ShutdownReport {
        self.printing.wait(deadline(LAST_LINES));
        ShutdownReport { not_done: 0, killed: self.jobs.take_killed(), gone }
    }
}

/// Waits until all keepers have reported their first start, or one has failed.
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
