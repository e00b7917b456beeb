//! Pools of worker processes, over `ipc-channel`: jobs and replies as postcard, each job with its [`Context`].
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
//! # What is promised
//!
//! | what happens | what follows |
//! |---|---|
//! | a job panics | [`JobError::Panicked`] with the message and the job; the worker goes on |
//! | a worker dies | the job that it was at fails with [`JobError::WorkerDied`], or is tried again ([`retries`](PoolBuilder::retries)); jobs that it had not begun go to others; it is started again |
//! | workers die too often | all jobs fail with [`JobError::NoWorkers`] |
//! | the parent dies | its workers end at once, whatever they are doing |
//! | more jobs than workers can do | [`submit`](Pool::submit) and [`submit_async`](Pool::submit_async) wait up to a limit, [`try_submit`](Pool::try_submit) refuses |
//! | a job outlives its [`deadline`](Submission::deadline) | [`JobError::DeadlineExceeded`]; a worker that doesn't answer soon is replaced |
//! | a job or reply is too large, or can't be serialised | an error that says so; the pool goes on |
//! | something is no worker | [`StartError`] within the deadline, and nothing left behind |
//! | a program forgets [`serve`] | [`StartError::NotServed`]; started anyway, its workers refuse to start pools |
//! | shutdown, drop | bounded; what doesn't end is killed |
//!
//! Jobs run at most once, unless `retries` is set: then at least once. A job that may be endless needs a deadline: without one
//! it keeps its worker until [`Pool::kill`].
//!
//! # What is traced
//!
//! Start the tracer (`heirloom::init`) before the pool. Workers record into the tracer that is current where the pool is
//! started, else into the global one: each job's span is a child of the context that came with it, however many threads
//! or rayon tasks it has below it, and ends up in the pool's process, also if the worker is killed. A context of another
//! tracer is no parent there. Without a tracer each worker records on its own, as its environment says
//! (`HEIRLOOM_TRACE_FILE` gets the process id).
//!
//! # What it takes
//!
//! For each worker four threads, most of them asleep, and eight descriptors; for each pool two threads; for the process one
//! that watches all of its workers (where the system has no pidfd, one for each). A worker is in a process group of its own, so
//! that an interrupt from the terminal leaves it to its pool; so do a stop (Ctrl-Z) and a signal to the parent's group.
//! What a worker itself started lives on when it is killed. `Job` and `Reply` are serialised with
//! postcard, which can't carry untagged enums, skipped or flattened fields. Workers trust their pool and the pool its
//! workers: same user, same program.
//!
//! A job's context travels with its tracestate. [`Context`] has no baggage of its own: give it to the job
//! ([`Submission::with_baggage`]). The worker reads it with [`baggage`], and passes it on.
//!
//! A worker's stderr is passed on to this process's stderr, line by line, and its last 4 KiB are part of what is said
//! about its death. It never holds the worker up: what this process's stderr doesn't take in time is left out, and
//! a line says how much that was. Its stdout is this process's own; its stdin is empty.
//!
//! # Async
//!
//! Nothing here needs a particular runtime, and none of these blocks an executor's thread:
//!
//! | blocks | as a future | its work is done |
//! |---|---|---|
//! | [`PoolBuilder::start`] | [`start_async`](PoolBuilder::start_async) | on a thread of its own |
//! | [`Pool::submit`], [`Submission::submit`] | [`submit_async`](Pool::submit_async) | where it is polled: the job is serialised |
//! | [`JobHandle::wait`] | `handle.await`, [`wait_async`](JobHandle::wait_async) | where it is polled: the reply is read |
//! | [`Pool::shutdown`] | [`shutdown_async`](Pool::shutdown_async) | on a thread of its own |
//!
//! Dropping a future of a submission or a wait loses nothing but what it was asked for: no place in the queue, no reply. A
//! pool is [`Clone`]: give each task its own. Dropping the last clone blocks while the pool shuts down; in async code call
//! `shutdown_async` before.
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
mod carrier;
mod clock;
mod crew;
mod error;
mod event;
mod frame;
mod handle;
mod handshake;
mod job;
mod keeper;
mod launch;
mod map;
mod message;
mod pace;
mod plan;
mod pool;
mod process;
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
mod why;
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
/// It came with the job ([`Submission::with_baggage`]). What the worker starts meanwhile gets it without being told: traced
/// commands in `BAGGAGE`, jobs of its own pools ([`PoolBuilder::nested`]).
///
/// Cost: a lock that only the start and the end of a job take for writing; a copy of the baggage.
pub fn baggage() -> heirloom_core::Baggage {
    crate::baggage::current()
}
