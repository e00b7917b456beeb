//! How a pool is set up.

use super::aside::aside;
use super::error::StartError;
use super::frame::OVERHEAD;
use super::plan::Plan;
use super::pool::Pool;
use super::role::{in_worker, was_served};
use super::state::Limits;
use heirloom_core::Context;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::any::type_name;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A pool that was not started yet.
///
/// | setting | default |
/// |---|---|
/// | [`workers`](Self::workers) | the available parallelism |
/// | [`queue`](Self::queue) | 1,024 jobs |
/// | [`submit_timeout`](Self::submit_timeout) | 30 s |
/// | [`in_flight`](Self::in_flight) | at most 32 jobs in a worker |
/// | [`message_bytes`](Self::message_bytes) | 16 MiB |
/// | [`retries`](Self::retries) | 0 |
/// | [`restarts`](Self::restarts) | 10 within 60 s, of each worker |
/// | [`start_timeout`](Self::start_timeout) | 10 s |
/// | [`executable`](Self::executable), [`test_entry`](Self::test_entry) | this program itself |
/// | [`arg`](Self::arg), [`env`](Self::env) | no argument, this process's environment |
/// | [`nested`](Self::nested) | no |
#[must_use = "a pool has no processes before `start`"]
pub struct PoolBuilder<J, R> {
    plan: Plan,
    workers: usize,
    limits: Limits,
    submit_timeout: Duration,
    /// Whether `plan.executable` was chosen, so that it need not call `serve` in this process too.
    chosen: bool,
    nested: bool,
    types: PhantomData<fn(J) -> R>,
}

impl<J, R> PoolBuilder<J, R>
where
    J: Serialize + DeserializeOwned + Send,
    R: Serialize + DeserializeOwned + Send,
{
    pub(super) fn new(worker: &'static str) -> Self {
        let plan = Plan {
            worker,
            job_type: type_name::<J>(),
            reply_type: type_name::<R>(),
            executable: this_program(),
            args: Vec::new(),
            envs: Vec::new(),
            message_bytes: 16 << 20,
            start_timeout: Duration::from_secs(10),
            restarts: 10,
            restart_window: Duration::from_secs(60),
            cx: Context::INERT,
        };
        Self {
            plan,
            workers: std::thread::available_parallelism().map_or(1, NonZero::get),
            limits: Limits { queue: 1024, in_flight: 32, retries: 0 },
            submit_timeout: Duration::from_secs(30),
            chosen: false,
            nested: false,
            types: PhantomData,
        }
    }

    /// How many processes, at least one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// How many jobs may wait until a worker takes them, at least one.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.limits.queue = jobs.max(1);
        self
    }

    /// How long [`submit`](Pool::submit) waits at most while the queue is full.
    pub fn submit_timeout(mut self, timeout: Duration) -> Self {
        self.submit_timeout = timeout;
        self
    }

    /// How many jobs a worker may have at most, the one that it runs included; at least one.
    ///
    /// It gets fewer the longer they take: beside the job that it runs, as many as take a millisecond together. A job
    /// that waits in a worker can't be taken by another one that is free. With 32 a pool passes 5 to 9 times
    /// as many of the smallest jobs as with one, with 128 hardly more (`examples/jobs_per_second.rs`).
    pub fn in_flight(mut self, jobs: usize) -> Self {
        self.limits.in_flight = jobs.max(1);
        self
    }

    /// How large a serialised job or reply may be, in bytes; at most 1 GiB.
    pub fn message_bytes(mut self, bytes: usize) -> Self {
        self.plan.message_bytes = bytes.min((1 << 30) - OVERHEAD);
        self
    }

    /// How often a job is tried again after the worker died that was at it. Such a job may have had its effect already,
    /// so it runs *at least* once then.
    pub fn retries(mut self, retries: u32) -> Self {
        self.limits.retries = retries;
        self
    }

    /// How often each worker that died is started again: `limit` times within `window`. It waits before: 5 ms, then
    /// twice as long each time, up to a second. When no worker is left, all jobs fail.
    pub fn restarts(mut self, limit: u32, window: Duration) -> Self {
        self.plan.restarts = limit;
        self.plan.restart_window = window;
        self
    }

    /// How long a process may take until it is ready.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.plan.start_timeout = timeout;
        self
    }

    /// Another program, which calls [`serve`](super::serve) with a worker of this name and these types.
    pub fn executable(mut self, path: impl AsRef<Path>) -> Self {
        self.plan.executable = path.as_ref().to_owned();
        self.chosen = true;
        self
    }

    /// Adds an argument of the worker's command line.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.plan.args.push(arg.as_ref().to_owned());
        self
    }

    /// Sets a variable of the worker's environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.plan.envs.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// For pools in tests: a test's program has no `main` of its own that could call [`serve`](super::serve), and
    /// started again it would run all tests. So the workers run this one test alone, by its name as `cargo test` prints
    /// it, and that test calls `serve`. When it runs as a test, it returns at once. Inside a module the name is
    /// `tests::heirloom_worker`.
    ///
    /// ```
    /// # use heirloom_ipc::workers::{self, Worker};
    /// static DOUBLE: Worker<u32, u32> = Worker::new("double", |_span, n| 2 * n);
    ///
    /// #[test]
    /// fn heirloom_worker() {
    ///     workers::serve(&[&DOUBLE]);
    /// }
    ///
    /// #[test]
    /// fn numbers_are_doubled() {
    ///     let pool = DOUBLE.pool().test_entry("heirloom_worker").start().unwrap();
    ///     // ..
    /// }
    /// ```
    #[allow(clippy::test_attr_in_doctest)] // that is what it shows; `ipc/tests/workers` does it
    pub fn test_entry(mut self, test: &str) -> Self {
        self.plan.args = ["--exact", test, "--include-ignored", "--nocapture", "--quiet"].map(OsString::from).into();
        self.chosen = true;
        self
    }

    /// Allows a worker to have a pool of its own. What *its* workers record is not in the trace: a worker has no collector.
    pub fn nested(mut self, nested: bool) -> Self {
        self.nested = nested;
        self
    }

    /// Starts the processes and waits until all are ready, or one of them failed. They record into the tracer that is
    /// current, else into the global one: start that first.
    ///
    /// Cost: some milliseconds; four threads and eight descriptors for each worker, two threads for the pool.
    ///
    /// # Errors
    ///
    /// The first worker's failure; the others are ended. See [`StartError`].
    pub fn start(mut self) -> Result<Pool<J, R>, StartError> {
        if in_worker() && !self.nested {
            return Err(StartError::InsideWorker);
        }
        if !self.chosen && !was_served() {
            return Err(StartError::NotServed);
        }
        self.plan.cx = Context::current();
        Pool::start(self.plan, self.workers, self.limits, self.submit_timeout)
    }

    /// As [`start`](Self::start), as a future of any executor, whose thread it doesn't block: a thread of its own starts the
    /// pool, at once. The workers record into the trace that is current where this is called.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_async(self) -> impl Future<Output = Result<Pool<J, R>, StartError>> + Send
    where
        J: 'static,
        R: 'static,
    {
        let cx = Context::current();
        let started = aside(move || {
            let _current = cx.enter();
            self.start()
        });
        async { started.map_err(StartError::Io)?.await.unwrap_or(Err(StartError::ShutDown)) }
    }
}

/// The file that this process runs, also if another one has its name by now.
fn this_program() -> PathBuf {
    let itself = Path::new("/proc/self/exe");
    match itself.exists() {
        true => itself.to_owned(),
        false => std::env::current_exe().unwrap_or_default(),
    }
}

impl<J, R> fmt::Debug for PoolBuilder<J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("PoolBuilder");
        out.field("worker", &self.plan.worker).field("workers", &self.workers).field("limits", &self.limits);
        out.field("executable", &self.plan.executable).finish_non_exhaustive()
    }
}
