//! A slow start of worker processes.
//!
//! - **Wrong:** each worker process loads for 240 ms before it serves jobs, and the program waits for all of them.
//! - **Names it:** lost time with the cause *start-up*, or *serial*, beside `start workers`.
//! - **Mends it:** a worker loads a quarter as much.

use crate::expect::{Cure, Expected};
use crate::{work, Plan, Program, Work};
use heirloom::workers::{self, Worker};
use heirloom::Span;
use heirloom_insight::analysis::Cause;
use std::time::Duration;

pub(super) const PROGRAM: Program = Program {
    name: "slow-start",
    about: "worker processes load for 240 ms before their first job; mended: for 60 ms",
    lanes: 4,
    mended_lanes: 4,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected {
        causes: &[Cause::StartUp, Cause::Serial],
        blamed: "start workers",
        cure: Cure::Shorter("start workers", 180.0),
        says: "",
    },
    run,
};

/// The variable that says how long a worker loads, in milliseconds.
const LOADING: &str = "PLANTED_LOADING_MS";

/// A job: how long it takes, in milliseconds.
static JOB: Worker<f64, u32> = Worker::new("job", |_span, ms| {
    work::wait(ms, 1.0);
    std::process::id()
});

/// In a worker process: loads, serves jobs, and exits. Otherwise it returns at once.
pub fn serve_if_worker() {
    if let Some(ms) = std::env::var(LOADING).ok().and_then(|ms| ms.parse().ok()) {
        work::wait(ms, 1.0);
    }
    workers::serve(&[&JOB]);
}

fn run(plan: &Plan, root: &Span) {
    let loading = plan.scale * if plan.mended { 60.0 } else { 240.0 };
    let pool = root.in_span("start workers", |_| {
        JOB.pool().workers(plan.lanes).in_flight(1).env(LOADING, loading.to_string()).start()
    });
    let pool = pool.unwrap_or_else(|error| panic!("the workers didn't start: {error}"));
    let jobs = std::iter::repeat_n(20.0 * plan.scale, 10 * plan.lanes);
    for worker in pool.map(root, jobs) {
        worker.unwrap_or_else(|error| panic!("a job failed: {error}"));
    }
    root.in_span("stop workers", |_| pool.shutdown(Duration::from_secs(10)));
}
