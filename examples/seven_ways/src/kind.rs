//! The four kinds of concurrency: each runs leaves below one root and returns how many it made.

use crate::machine::Machine;
use crate::way::{Way, EXPECTED_PARENT};
use heirloom::prelude::*;
use heirloom::workers::{Pool, Worker};
use heirloom::{Context, Span};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::error::Error;
use tokio::task::JoinSet;

/// A kind of concurrency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tokio tasks that move between threads.
    Async,
    /// Rayon's pool, with work stealing.
    ThreadPool,
    /// Worker processes.
    ProcessPool,
    /// Another process, over HTTP.
    Distributed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Async, Self::ThreadPool, Self::ProcessPool, Self::Distributed];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::ThreadPool => "thread pool",
            Self::ProcessPool => "process pool",
            Self::Distributed => "distributed",
        }
    }
}

/// Leaves of one job.
pub const LEAVES_OF_A_JOB: u64 = 50;

/// Some leaves, by number, in one way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The way to trace.
    pub way: Way,
    /// The first leaf's number.
    pub first: u64,
    /// The number of leaves.
    pub leaves: u64,
    /// The expected parent of the job's span.
    pub parent: String,
}

/// The job of the worker processes.
pub static LEAVES: Worker<Job, u64> = Worker::new("job", work);

fn work(span: &Span, job: Job) -> u64 {
    job.run(span)
}

impl Job {
    /// The jobs that together make `leaves` leaves.
    pub fn all(way: Way, leaves: u64, parent: &Span) -> Vec<Job> {
        let parent = parent.context().span_id().to_string();
        let job = |first| Job { way, first, leaves: LEAVES_OF_A_JOB.min(leaves - first), parent: parent.clone() };
        (0..leaves).step_by(LEAVES_OF_A_JOB as usize).map(job).collect()
    }

    /// Makes the leaves on this thread, below the job's span, which is current.
    pub fn run(&self, span: &Span) -> u64 {
        span.set(EXPECTED_PARENT, &*self.parent);
        let cx = span.context();
        (self.first..self.first + self.leaves).for_each(|n| self.way.leaf(cx, n));
        self.leaves
    }

    /// The same in a task.
    async fn run_in_task(self, cx: Context) -> u64 {
        Context::current().update().set(EXPECTED_PARENT, &*self.parent);
        for n in self.first..self.first + self.leaves {
            self.way.leaf_in_task(cx, n).await;
        }
        self.leaves
    }
}

/// The means of all kinds: a runtime, a pool of processes, another machine.
#[derive(Debug)]
pub struct Stage {
    runtime: tokio::runtime::Runtime,
    workers: Pool<Job, u64>,
    machine: Machine,
}

impl Stage {
    /// Starts all of it.
    ///
    /// # Errors
    /// One of them can't be started.
    pub fn start(machine: Machine, entry: Option<&'static str>) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let pool = LEAVES.pool().workers(2);
        let workers = match entry {
            Some(test) => pool.test_entry(test).start()?,
            None => pool.start()?,
        };
        Ok(Self { runtime, workers, machine })
    }

    /// Makes `leaves` leaves in one way and one kind of concurrency, below a new root. Returns the number of jobs.
    ///
    /// # Errors
    /// A job failed.
    pub fn run(&self, way: Way, kind: Kind, leaves: u64) -> Result<u64, Box<dyn Error>> {
        let name = format!("{} in {}", way.name(), kind.name());
        heirloom::in_root(name, |root| {
            root.trace_update().user("u-7").session("s-1").tags([kind.name()]);
            let jobs = Job::all(way, leaves, root);
            let count = jobs.len() as u64;
            let made = match kind {
                Kind::Async => self.runtime.block_on(tasks(root, jobs))?,
                Kind::ThreadPool => jobs.par_iter().traced(root).map("job", |span, job| job.run(span)).sum(),
                Kind::ProcessPool => {
                    self.workers.map(root, jobs).try_fold(0, |sum, made| made.map(|made| sum + made))?
                }
                Kind::Distributed => self.runtime.block_on(self.machine.run(root, jobs))?,
            };
            if made != leaves {
                return Err(format!("{made} leaves were made, not {leaves}").into());
            }
            Ok(count)
        })
    }

    /// Ends the other machine and returns its last line: its ledger.
    ///
    /// # Errors
    /// The other machine failed.
    pub fn finish(self) -> Result<String, Box<dyn Error>> {
        let Self { runtime, machine, workers } = self;
        drop(workers);
        machine.finish(&runtime)
    }
}

async fn tasks(root: &Span, jobs: Vec<Job>) -> Result<u64, Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    for job in jobs {
        tasks.traced(root).spawn("job", |cx| job.run_in_task(cx));
    }
    let mut made = 0;
    while let Some(leaves) = tasks.join_next().await {
        made += leaves?;
    }
    Ok(made)
}
