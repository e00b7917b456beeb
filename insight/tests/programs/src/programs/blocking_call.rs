//! A blocking call in asynchronous code.
//!
//! - **Wrong:** `render pdf` takes 180 ms on a thread of the runtime, which has two: all other requests wait.
//! - **Names it:** lost time, or a finding, with the cause *blocked executor* beside `render pdf`: polls over 10 ms.
//! - **Mends it:** `spawn_blocking`.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::tokio as traced;
use heirloom::{Context, Span};
use heirloom_insight::analysis::Cause;
use std::time::Duration;

pub(super) const PROGRAM: Program = Program {
    name: "blocking-call",
    about: "a blocking call on tokio's threads; mended: spawn_blocking",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected {
        causes: &[Cause::BlockedExecutor],
        blamed: "render pdf",
        cure: Cure::SpawnBlocking("render pdf"),
        says: "",
    },
    run,
};

const REQUESTS: usize = 14;

fn run(plan: &Plan, root: &Span) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(plan.lanes).enable_time().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("a runtime: {error}"));
    let (plan, cx) = (*plan, root.context());
    runtime.block_on(async {
        let requests: Vec<_> =
            (0..REQUESTS).map(|_| traced::spawn(cx, "request", move |request| answer(plan, request))).collect();
        for request in requests {
            request.await.unwrap_or_else(|error| panic!("a request: {error}"));
        }
    });
}

async fn answer(plan: Plan, request: Context) {
    tokio::time::sleep(Duration::from_secs_f64(plan.scale * 5e-3)).await;
    if plan.mended {
        let rendered = traced::spawn_blocking(request, "render pdf", move |_| plan.wait(180.0));
        rendered.await.unwrap_or_else(|error| panic!("a blocking call: {error}"));
    } else {
        request.in_span("render pdf", |_| plan.wait(180.0));
    }
    request.in_span("reply", |_| plan.wait(1.0));
}
