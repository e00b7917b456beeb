//! Pools of worker processes, over `ipc-channel`: jobs and replies as bincode, each job with its [`Context`].
//!
//! ```
//! use heirloom_core::Span;
//! use heirloom_ipc::workers::{self, Worker};
//! use std::time::Duration;
//!
//! static LENGTH: Worker<String, usize> = Worker::new("length", length);
//!
//! fn length(span: &Span, text: String) -> usize {
//!     span.set("bytes", text.len()); // recorded in the worker, as a child of the parent that came with the job
//!     text.len()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     workers::serve(&[&LENGTH]); // in a worker process: serves jobs and exits; else returns at once
//!     let pool = LENGTH.pool().workers(2).start()?;
//!     heirloom_core::in_root("run", |root| {
//!         let one = pool.submit(root, String::from("heirloom"))?.wait(Duration::from_secs(10))?;
//!         assert_eq!(one, 8);
//!         let all: Result<Vec<usize>, _> = pool.map(root, ["a", "bb", "ccc"].map(String::from)).collect();
//!         assert_eq!(all?, [1, 2, 3]);
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Guarantees
//!
//! | event | effect |
//! |---|---|
//! | a job panics | [`JobError::Panicked`] with the message and the job; the worker goes on |
//! | a worker dies | the job that it ran fails with [`JobError::WorkerDied`], or is tried again ([`retries`](PoolBuilder::retries)); jobs that it had not started go to other workers; it is started again |
//! | workers die too often | all jobs fail with [`JobError::NoWorkers`] |
//! | the parent dies | its workers end at once, even in the middle of a job |
//! | more jobs than the workers can run | [`submit`](Pool::submit) and [`submit_async`](Pool::submit_async) wait up to a limit, [`try_submit`](Pool::try_submit) refuses |
//! | a job outlives its [`deadline`](Submission::deadline) | [`JobError::DeadlineExceeded`]; a worker that doesn't answer soon is replaced |
//! | a job or reply is too large, or can't be serialised | an error with the size or the reason; the pool goes on |
//! | a process is not a usable worker | [`StartError`] within the [`start_timeout`](PoolBuilder::start_timeout), and nothing is left behind |
//! | a program forgets [`serve`] | [`StartError::NotServed`]; if it is started as a worker anyway, it can't start pools |
//! | shutdown, drop | bounded in time; processes that don't end are killed |
//!
//! Jobs run at most once. With `retries` they run at least once. A job that may never end needs a deadline. Without one it occupies
//! its worker until [`Pool::kill`].
//!
//! # Tracing
//!
//! Start the tracer (`heirloom::init`) before the pool. Workers record into the tracer of the context that is current where the
//! pool is started, else into the global one. Each job's span is a child of the context that came with the job. The spans of its
//! threads and rayon tasks are below it. All of them reach the pool's process, even if the worker is killed. A context of another
//! tracer can't be a parent in a worker. Without a tracer in the pool's process, each worker starts a separate one, with the
//! settings of its environment (`HEIRLOOM_TRACE_FILE` gets the process id).
//!
//! `pool.map` is a fan-out: its jobs' spans have its id. When a job was submitted, sent, answered and taken is recorded beside its
//! span, and what blocked a thread: a full queue, a job's handle, a map, the start of the pool. A worker records its place in the
//! pool, and when it had no job.
//!
//! # Cost and limits
//!
//! - Each worker needs four threads, most of them asleep, and eight descriptors. Each pool needs two threads. The process needs one
//!   thread that watches all of its workers (without pidfds, one per worker).
//! - A worker is in a separate process group. So an interrupt or a stop (Ctrl-Z) from the terminal, and a signal to the parent's
//!   group, don't reach it.
//! - Processes that a worker started go on when the worker is killed.
//! - `Job` and `Reply` are serialised with bincode, which supports neither untagged or internally tagged enums nor skipped or
//!   flattened fields.
//! - There is no security boundary between a pool and its workers: they run as the same user, from the same program.
//!
//! A job's context is sent with its tracestate and its baggage ([`Context::baggage`](heirloom_core::Context::baggage)).
//! [`Submission::with_baggage`] sends other baggage. The worker reads it with [`baggage`], and passes it on.
//!
//! A worker's stderr is passed on to this process's stderr, line by line. Its last 4 KiB are in the error about its death
//! ([`Death::stderr_tail`]), and in no span, unless the pool is built with `record_stderr` (feature `capture`). It
//! never blocks the worker: lines that this process's stderr doesn't accept in time are dropped, and a line reports their number. A
//! worker's stdout is this process's stdout. Its stdin is empty.
//!
//! # Async
//!
//! These futures run on any runtime, and none blocks an executor's thread:
//!
//! | blocking | as a future | does its work |
//! |---|---|---|
//! | [`PoolBuilder::start`] | [`start_async`](PoolBuilder::start_async) | on a new thread |
//! | [`Pool::submit`], [`Submission::submit`] | [`submit_async`](Pool::submit_async) | on the polling thread: the job is serialised |
//! | [`JobHandle::wait`] | `handle.await`, [`wait_async`](JobHandle::wait_async) | on the polling thread: the reply is deserialised |
//! | [`Pool::shutdown`] | [`shutdown_async`](Pool::shutdown_async) | on a new thread |
//!
//! Dropping a future of a submission or a wait is safe: no place in the queue and no reply is lost. A pool is [`Clone`]: give each
//! task a clone. Dropping the last clone blocks while the pool shuts down. In async code call `shutdown_async` before.
//!
//! ```
//! # use heirloom_ipc::workers::{self, Worker};
//! # use std::time::Duration;
//! static LENGTH: Worker<String, usize> = Worker::new("length", |_span, text| text.len());
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # workers::serve(&[&LENGTH]);
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! # let root = heirloom_core::root("request");
//! let pool = LENGTH.pool().workers(1).start_async().await?;
//! let job = pool.job(&root, String::from("heirloom")).deadline(Duration::from_secs(10)).submit_async().await?;
//! assert_eq!(job.await?, 8);
//! pool.shutdown_async(Duration::from_secs(10)).await;
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # In tests
//!
//! See [`PoolBuilder::test_entry`].
//!
//! [`Context`]: heirloom_core::Context

mod aside;
mod builder;
mod clock;
mod codec;
mod crew;
#[cfg_attr(not(target_os = "linux"), path = "doorway_portable.rs")]
mod doorway;
mod error;
mod event;
mod frame;
mod handle;
mod handshake;
mod job;
mod keeper;
#[cfg(feature = "capture")]
mod last_words;
mod launch;
mod map;
mod message;
mod pace;
mod plan;
mod pool;
mod process;
mod propagation;
mod restarts;
mod role;
mod room;
mod serve;
mod slot;
mod state;
mod stderr;
mod submission;
mod trace;
mod traffic;
mod trip;
mod worker;

pub use builder::PoolBuilder;
pub use error::{Death, JobError, StartError, SubmitError};
pub use handle::{JobHandle, WaitError};
pub use map::{AsCompleted, Map};
pub use pool::{Pool, ShutdownReport};
pub use serve::serve;
pub use submission::Submission;
pub use worker::{Serve, Worker};

/// The baggage of the job that this worker runs, on any of its threads; empty between jobs and in other processes.
///
/// It came with the job, from its context or from [`Submission::with_baggage`]. Traced commands that the worker starts meanwhile
/// get it in `BAGGAGE`. Jobs of nested pools ([`PoolBuilder::nested`]) get it too.
///
/// Cost: a read lock, which only the start and the end of a job take for writing, and a copy of the baggage.
pub fn baggage() -> heirloom_core::Baggage {
    crate::baggage::current()
}
