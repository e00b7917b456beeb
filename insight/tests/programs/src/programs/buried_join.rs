//! A join that is buried under stolen work.
//!
//! - **Wrong:** a thread that waits for the other half of its `join` takes an `archive` of 200 ms meanwhile. The other half ends
//!   long before, but `publish` comes only afterwards.
//! - **Names it:** lost time with the cause *buried join* beside `archive`.
//! - **Mends it:** `archive` has its own pool.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use std::sync::Barrier;
use std::time::Duration;

pub(super) const PROGRAM: Program = Program {
    name: "buried-join",
    about: "a thread that waits for a join takes long unrelated work; mended: that work has its own pool",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected {
        causes: &[Cause::BuriedJoin, Cause::BlockedExecutor],
        blamed: "archive",
        cure: Cure::SpawnBlocking("archive"),
        says: "",
    },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap_or_else(|error| panic!("a pool: {error}"))
    };
    let plan = *plan;
    let pages = pool(plan.lanes);
    let archives = plan.mended.then(|| pool(1));
    let both_run = Barrier::new(3);
    pages.traced(root).in_place_scope(|scope| {
        let both_run = &both_run;
        scope.spawn("page", move |_, page| {
            let half = |name, ms| {
                heirloom::in_span(name, |_| {
                    both_run.wait();
                    plan.wait(ms);
                });
            };
            heirloom::rayon::join(page, || half("left", 20.0), || half("right", 60.0));
            page.in_span("publish", |_| plan.wait(100.0));
        });
        // Both halves run, so this job is for the thread that waits first.
        both_run.wait();
        let job = root.background("archive").child();
        let job = job.on_pool(archives.as_ref().unwrap_or(&pages), move |_| plan.wait(200.0));
        job.wait(Duration::from_secs(60)).unwrap_or_else(|error| panic!("a background job: {error}"));
    });
}
