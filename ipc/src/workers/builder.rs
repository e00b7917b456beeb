//! [`PoolBuilder`]: the settings of a pool.

use super::aside::aside;
use super::error::StartError;
use super::frame::OVERHEAD;
use super::plan::Plan;
use super::pool::Pool;
use super::role::{in_worker, was_served};
use super::state::Limits;
use crate::process;
use heirloom_core::Context;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::any::type_name;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::marker::PhantomData;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The settings of a pool that was not started yet.
///
/// | setting | default |
/// |---|---|
/// | [`workers`](Self::workers) | the available parallelism |
/// | [`queue`](Self::queue) | 1,024 jobs |
/// | [`submit_timeout`](Self::submit_timeout) | 30 s |
/// | [`in_flight`](Self::in_flight) | at most 32 jobs per worker |
/// | [`message_bytes`](Self::message_bytes) | 16 MiB |
/// | [`retries`](Self::retries) | 0 |
/// | [`restarts`](Self::restarts) | 10 within 60 s, for each worker |
/// | [`start_timeout`](Self::start_timeout) | 10 s |
/// | [`executable`](Self::executable), [`test_entry`](Self::test_entry) | this program itself |
/// | [`arg`](Self::arg), [`env`](Self::env) | no argument, this process's environment |
/// | [`nested`](Self::nested) | no |
#[must_use = "a pool has no processes before `start`"]
pub struct PoolBuilder<J, R> {
    plan: Plan,
    limits: Limits,
    submit_timeout: Duration,
    /// Whether `plan.executable` was set. Then this process need not call `serve`.
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
            pool: RandomState::new().build_hasher().finish(),
            workers: std::thread::available_parallelism().map_or(1, NonZero::get),
            job_type: type_name::<J>(),
            reply_type: type_name::<R>(),
            executable: this_program(),
            args: Vec::new(),
            envs: Vec::new(),
            message_bytes: 16 << 20,
            start_timeout: Duration::from_secs(10),
            restarts: 10,
            restart_window: Duration::from_secs(60),
            #[cfg(feature = "capture")]
            record_stderr: false,
            cx: Context::INERT,
        };
        Self {
            plan,
            limits: Limits { queue: 1024, in_flight: 32, retries: 0 },
            submit_timeout: Duration::from_secs(30),
            chosen: false,
            nested: false,
            types: PhantomData,
        }
    }

    /// The number of processes, at least one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.plan.workers = workers.max(1);
        self
    }

    /// Maximum number of jobs that wait for a worker, at least one.
    pub fn queue(mut self, jobs: usize) -> Self {
        self.limits.queue = jobs.max(1);
        self
    }

    /// Maximum time that [`submit`](Pool::submit) waits while the queue is full.
    pub fn submit_timeout(mut self, timeout: Duration) -> Self {
        self.submit_timeout = timeout;
        self
    }

    /// Maximum number of jobs in a worker, including the one that it runs; at least one.
    ///
    /// Longer jobs lower the number: in addition to the job that it runs, a worker gets about a millisecond of work. A free worker
    /// can't take a job that waits in another worker. With 32, a pool runs 5 to 9 times as many of the smallest jobs per second as
    /// with one; 128 gains little more (`examples/jobs_per_second.rs`).
    pub fn in_flight(mut self, jobs: usize) -> Self {
        self.limits.in_flight = jobs.max(1);
        self
    }

    /// Maximum size of a serialised job or reply in bytes; at most 1 GiB.
    pub fn message_bytes(mut self, bytes: usize) -> Self {
        self.plan.message_bytes = bytes.min((1 << 30) - OVERHEAD);
        self
    }

    /// Maximum number of retries of a job whose worker died while it ran. Such a job may have had its effect already, so it then
    /// runs *at least* once.
    pub fn retries(mut self, retries: u32) -> Self {
        self.limits.retries = retries;
        self
    }

    /// Maximum number of restarts of each worker that died: `limit` times within `window`. The pause before a restart is 5 ms, then
    /// twice as long each time, up to a second. If no worker is left, all jobs fail.
    pub fn restarts(mut self, limit: u32, window: Duration) -> Self {
        self.plan.restarts = limit;
        self.plan.restart_window = window;
        self
    }

    /// Whether the span `worker died` gets the last 4 KiB of the worker's stderr, as the attribute `heirloom.worker.stderr`.
    /// Default: no, because a worker may write anything there.
    ///
    /// The tracer's rules for captured values apply ([`Capture`](heirloom_core::Capture)): the switch, the limit, the mask. In
    /// each line, what follows `name=` or `name:` is replaced by `<redacted>` if the deny-list has the name. A line whose start is
    /// not within the 4 KiB is left out.
    #[cfg(feature = "capture")]
    pub fn record_stderr(mut self, record: bool) -> Self {
        self.plan.record_stderr = record;
        self
    }

    /// Maximum time until a process is ready.
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.plan.start_timeout = timeout;
        self
    }

    /// Uses another program, which calls [`serve`](super::serve) with a worker of this name and these types.
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

    /// For pools in tests. A test program's `main` doesn't call [`serve`](super::serve), and the program would run all tests when
    /// it is started again. So the workers run only this test, named as `cargo test` prints it, and the test calls `serve`. In a
    /// normal test run it returns at once. Inside a module the name is `tests::heirloom_worker`.
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
    #[allow(clippy::test_attr_in_doctest)] // the example shows a test; `ipc/tests/workers` runs one
    pub fn test_entry(mut self, test: &str) -> Self {
        self.plan.args = ["--exact", test, "--include-ignored", "--nocapture", "--quiet"].map(OsString::from).into();
        self.chosen = true;
        self
    }

    /// Allows a worker to start another pool. The spans of *that* pool's workers are not in the trace, because a worker has no
    /// collector.
    pub fn nested(mut self, nested: bool) -> Self {
        self.nested = nested;
        self
    }

    /// Starts the processes and waits until all are ready or one has failed. They record into the current context's tracer, else
    /// into the global one. Start the tracer first.
    ///
    /// Cost: some milliseconds; four threads and eight descriptors for each worker, two threads for the pool.
    ///
    /// # Errors
    ///
    /// The failure of the first worker that failed. The others are ended. See [`StartError`].
    pub fn start(mut self) -> Result<Pool<J, R>, StartError> {
        if in_worker() && !self.nested {
            return Err(StartError::InsideWorker);
        }
        if process::is_elevated() {
            return Err(StartError::Elevated);
        }
        if !self.chosen && !was_served() {
            return Err(StartError::NotServed);
        }
        self.plan.cx = Context::current();
        Pool::start(self.plan, self.limits, self.submit_timeout)
    }

    /// As [`start`](Self::start), as a future for any executor, whose thread it doesn't block. A new thread starts the pool at
    /// once. The workers record into the tracer of the context that is current when this is called.
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

/// The file that this process runs, even if another file has its name by now.
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
        out.field("worker", &self.plan.worker).field("workers", &self.plan.workers).field("limits", &self.limits);
        out.field("executable", &self.plan.executable).finish_non_exhaustive()
    }
}
