//! Many spans of tracing's, in tasks that change threads and on plain threads: each has the right parent, none is lost.

use heirloom_bridge::HeirloomLayer;
use heirloom_core::export::SpanData;
use heirloom_core::future::FutureExt as _;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{root, span, Span};
use std::collections::HashMap;
use tracing::instrument::WithSubscriber;
use tracing::{info_span, Dispatch, Instrument};
use tracing_subscriber::prelude::*;

const JOBS: usize = 100;
const STEPS: usize = 25;

fn dispatch() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(HeirloomLayer::new()))
}

/// ours -> job (tracing's) -> step (Heirloom's) -> call (tracing's), each with the number of its job.
fn assert_every_parent(t: &Testing, ours: Span) {
    drop(ours);
    let spans = t.spans();
    assert_eq!(spans.len(), 1 + JOBS + 2 * JOBS * STEPS);
    let by_id: HashMap<_, _> = spans.iter().map(|span| (span.span_id, span)).collect();
    let parent = |span: &SpanData| span.parent_span_id.and_then(|id| by_id.get(&id).copied());
    for span in &spans {
        let above = parent(span);
        let expected = match span.name.as_str() {
            "ours" => None,
            "job" => Some("ours"),
            "step" => Some("job"),
            _ => Some("step"),
        };
        assert_eq!(above.map(|above| above.name.as_str()), expected);
        let number = above.filter(|above| above.name != "ours").map(|above| above.attribute("job"));
        assert!(number.is_none_or(|job| job == span.attribute("job")), "{span:?} under {above:?}");
    }
    t.assert_complete();
}

async fn steps(job: usize) {
    for _ in 0..STEPS {
        let step = span("step");
        step.set("job", job);
        let call = async move {
            let call = info_span!("call", job);
            tokio::task::yield_now().instrument(call).await;
        };
        call.in_context(&step).await;
    }
}

#[test]
fn tasks_that_change_threads_keep_every_parent() {
    testing::run(|t| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
        let (dispatch, ours) = (dispatch(), root("ours"));
        let work = |job: usize| {
            let work = async move { steps(job).instrument(info_span!("job", job)).await };
            work.in_context(&ours).with_subscriber(dispatch.clone())
        };
        let tasks: Vec<_> = (0..JOBS).map(|job| runtime.spawn(work(job))).collect();
        for task in tasks {
            runtime.block_on(task).expect("a task");
        }
        assert_every_parent(t, ours);
    });
}

#[test]
fn threads_keep_every_parent() {
    testing::run(|t| {
        let (dispatch, ours) = (dispatch(), root("ours"));
        let cx = ours.context();
        let work = |job: usize| {
            let _scope = cx.enter();
            let _job = info_span!("job", job).entered();
            for _ in 0..STEPS {
                let step = span("step");
                step.set("job", job);
                let _step = step.enter();
                info_span!("call", job).in_scope(std::thread::yield_now);
            }
        };
        std::thread::scope(|threads| {
            for first in 0..4 {
                let (dispatch, work) = (&dispatch, &work);
                threads.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || (first..JOBS).step_by(4).for_each(work));
                });
            }
        });
        assert_every_parent(t, ours);
    });
}
