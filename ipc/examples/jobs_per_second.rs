//! How many small jobs a second a pool of four workers passes.
//!
//! ```sh
//! cargo run --release -p heirloom-ipc --example jobs_per_second -- [SECONDS] [WORKERS]
//! ```

use heirloom_ipc::workers::{self, Pool, Worker};
use std::time::{Duration, Instant};

static ADD: Worker<u64, u64> = Worker::new("add", |_span, n| n + 1);
static LENGTH: Worker<Vec<u8>, u64> = Worker::new("length", |_span, bytes| bytes.len() as u64);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    workers::serve(&[&ADD, &LENGTH]);
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let seconds = args.next().transpose()?.unwrap_or(3);
    let workers = args.next().transpose()?.unwrap_or(4) as usize;
    for in_flight in [1, 2, 8, 32, 64, 128] {
        let pool = ADD.pool().workers(workers).in_flight(in_flight).start()?;
        report(&format!("{workers} workers, at most {in_flight:3} in flight, a number"), seconds, || {
            many(&pool, 10_000, || 7)
        });
    }
    let pool = LENGTH.pool().workers(workers).start()?;
    report(&format!("{workers} workers, 1 KiB"), seconds, || many(&pool, 10_000, || vec![7; 1024]));
    report(&format!("{workers} workers, 1 MiB"), seconds, || many(&pool, 100, || vec![7; 1 << 20]));
    let pool = ADD.pool().workers(1).start()?;
    let turns = |n: u64| (0..n).filter(|n| pool.submit(heirloom_core::Context::INERT, *n).is_ok_and(replies)).count();
    report("1 worker, one job at a time, to and fro", seconds, || turns(1_000));
    Ok(())
}

fn replies(job: workers::JobHandle<u64, u64>) -> bool {
    job.wait(Duration::from_secs(10)).is_ok()
}

/// Runs `n` jobs; returns how many were done.
fn many<J, R>(pool: &Pool<J, R>, n: usize, job: impl Fn() -> J) -> usize
where
    J: serde::Serialize + serde::de::DeserializeOwned + Send,
    R: serde::Serialize + serde::de::DeserializeOwned + Send,
{
    let jobs = (0..n).map(|_| job());
    pool.map(heirloom_core::Context::INERT, jobs).filter(Result::is_ok).count()
}

fn report(what: &str, seconds: u64, run: impl Fn() -> usize) {
    run(); // warm
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < Duration::from_secs(seconds) {
        done += run();
    }
    println!("{what}: {:.0} jobs/s", done as f64 / started.elapsed().as_secs_f64());
}
