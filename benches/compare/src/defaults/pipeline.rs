//! A rayon pipeline with items of about a microsecond, and a span around each item.
//!
//! One process runs the pipeline without a tracer, then with it, then without it again. The tracer starts in between, and the first
//! span is among those measured. The difference is to the mean of the two runs without.

use super::{fate, numbers, Numbers};
use crate::peers::{Measurement, Peer};
use crate::plan::Scenario;
use crate::usage::{thread_cpu_ns, CpuTime};
use crate::work::{steps_that_take, work};
use crate::workload::{Item, Samples};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;
use std::time::Instant;

/// Target time of an item.
const ITEM_NS: f64 = 1000.0;

/// The number of the first item's span.
const FIRST_ID: u64 = 1 << 40;

/// Measures in this process.
pub fn measure(scenario: &Scenario) -> Result<Numbers, String> {
    crate::peers::run(scenario.peer, Pipeline(scenario))
}

struct Pipeline<'a>(&'a Scenario);

impl Measurement for Pipeline<'_> {
    type Result = Numbers;

    fn of<P: Peer>(self) -> Result<Numbers, String> {
        let pool = ThreadPoolBuilder::new().num_threads(self.0.threads).build().map_err(|error| error.to_string())?;
        let run = Run { pool, items: self.0.spans_per_thread * self.0.threads as u64, steps: steps_that_take(ITEM_NS) };
        match self.0.attributes {
            false => run.compare::<P, false>(self.0),
            true => run.compare::<P, true>(self.0),
        }
    }
}

/// The times of one run, in nanoseconds.
#[derive(Clone, Copy)]
struct Times {
    wall: f64,
    /// CPU time of the pool's threads.
    pool: f64,
    /// CPU time of the process.
    process: f64,
}

struct Run {
    pool: ThreadPool,
    items: u64,
    /// The number of steps that take an item's time.
    steps: u32,
}

impl Run {
    fn compare<P: Peer, const ATTRIBUTES: bool>(&self, scenario: &Scenario) -> Result<Numbers, String> {
        self.pool.broadcast(|_| black_box(work(1, 1000 * self.steps))); // So that the pool's threads run.
        let before = self.untraced()?;
        // Each thread may take all items; the floor's rings have to hold them.
        let peer = P::start(&Scenario { spans_per_thread: self.items, ..scenario.clone() })?;
        let parent = peer.open_parent();
        let samples = Samples::new();
        let (process, pool, begin) = (CpuTime::now()?, self.pool_cpu_ns(), Instant::now());
        self.sum(|i| {
            let item = Item { thread: rayon::current_thread_index().unwrap_or(0), id: FIRST_ID + i };
            peer.within::<ATTRIBUTES, _>(&parent, item, &samples, || work(i, self.steps))
        });
        let wall = begin.elapsed().as_nanos() as f64;
        let pool = self.pool_cpu_ns() - pool;
        self.pool.broadcast(|_| peer.leave(self.items));
        let tally = peer.finish(parent)?;
        let traced = Times { wall, pool, process: cpu_since(&process)? };
        let after = self.untraced()?;
        let mean = |of: fn(&Times) -> f64| (of(&before) + of(&after)) / 2.0;
        let more = |of: fn(&Times) -> f64| 100.0 * (of(&traced) / mean(of) - 1.0);
        let mut all = fate(self.items, &tally);
        all.append(&mut numbers([
            ("slower_percent", more(|times| times.wall)),
            ("pool_percent", more(|times| times.pool)),
            ("added_cpu_ns", (traced.process - mean(|times| times.process)) / self.items as f64),
            ("untraced_wall_ns", mean(|times| times.wall)),
        ]));
        Ok(all)
    }

    fn untraced(&self) -> Result<Times, String> {
        let (process, pool, begin) = (CpuTime::now()?, self.pool_cpu_ns(), Instant::now());
        self.sum(|i| work(i, self.steps));
        let wall = begin.elapsed().as_nanos() as f64;
        Ok(Times { wall, pool: self.pool_cpu_ns() - pool, process: cpu_since(&process)? })
    }

    fn pool_cpu_ns(&self) -> f64 {
        self.pool.broadcast(|_| thread_cpu_ns()).iter().sum::<u64>() as f64
    }

    fn sum(&self, item: impl Fn(u64) -> u64 + Sync) {
        black_box(self.pool.install(|| (0..self.items).into_par_iter().map(&item).sum::<u64>()));
    }
}

fn cpu_since(before: &CpuTime) -> Result<f64, String> {
    let cpu = CpuTime::now()?.since(before);
    Ok((cpu.user_ns + cpu.system_ns) as f64)
}
