//! A background job that occupies the pool's threads.
//!
//! - **Wrong:** two `reindex` of 300 ms run on the pool of the request, which has half of its four threads until they end.
//! - **Names it:** `reindex` occupies the threads for which `thumbnail` waits.
//! - **Mends it:** `reindex` has its own threads.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;
use std::time::Duration;

pub(super) const PROGRAM: Program = Program {
    name: "background-job",
    about: "background jobs run on the pool of the requests; mended: on their own threads",
    lanes: 4,
    mended_lanes: 4,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected {
        causes: &[Cause::BlockedExecutor],
        blamed: "reindex",
        cure: Cure::SpawnBlocking("reindex"),
        says: "",
    },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.lanes).build();
    let pool = pool.unwrap_or_else(|error| panic!("a pool: {error}"));
    let plan = *plan;
    let jobs = [1, 2].map(|_| {
        let job = root.background("reindex").child();
        let reindex = move |_: &Span| plan.wait(300.0);
        if plan.mended {
            job.on_thread(reindex)
        } else {
            job.on_pool(&pool, reindex)
        }
    });
    pool.traced(root).install("request", |request| {
        (0..60).into_par_iter().with_max_len(1).traced(request).for_each("thumbnail", |_, _| plan.wait(20.0));
    });
    for job in jobs {
        job.wait(Duration::from_secs(60)).unwrap_or_else(|error| panic!("a background job: {error}"));
    }
}
