//! Work that goes from async code to rayon and to a worker process with async code, and returns, is one tree.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "record", feature = "rayon", feature = "tokio", feature = "workers", target_os = "linux"))]

use heirloom::prelude::*;
use heirloom::testing::{self, Testing};
use heirloom::tokio as traced;
use heirloom::workers::{serve, Pool, Worker};
use heirloom::{carry_in_span, in_span, Context, Span};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{yield_now, JoinSet};

const LONG: Duration = Duration::from_secs(30);

static DOUBLE: Worker<u32, u32> = Worker::new("double", double);

/// In the worker: runs tasks on a runtime, below the job's span.
fn double(span: &Span, n: u32) -> u32 {
    let double = async {
        yield_now().await;
        let half = traced::spawn(Context::current(), "half", move |_| async move {
            yield_now().await;
            in_span("half's own", |_| n)
        });
        n + half.await.unwrap()
    };
    current_thread().block_on(double.in_span(span.span("in the worker")))
}

/// The entry of worker processes. As a test it returns at once.
#[test]
fn heirloom_worker() {
    serve(&[&DOUBLE]);
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Starts a root span and a pool of workers, and runs the body on both kinds of runtime.
fn run(check: impl Fn(&Testing), body: impl AsyncFn(Context, &Arc<Pool<u32, u32>>)) {
    for runtime in [multi_thread(), current_thread()] {
        testing::run(|t| {
            let root = heirloom::root("root");
            let cx = root.context();
            runtime.block_on(
                async {
                    let pool = DOUBLE.pool().workers(2).test_entry("heirloom_worker").start_async().await.unwrap();
                    let pool = Arc::new(pool);
                    body(cx, &pool).await;
                    assert_eq!(Context::current(), cx);
                    in_span("after", |_| ());
                    assert!(Arc::into_inner(pool).unwrap().shutdown_async(LONG).await.is_clean());
                }
                .in_span(root),
            );
            t.assert_complete();
            check(t);
        });
    }
}

#[test]
fn from_async_to_a_worker_process_and_back_it_is_one_tree() {
    let expected =
        "root\n  after\n  task\n    back\n    double\n      in the worker\n        half\n          half's own\n";
    let check = |t: &Testing| {
        assert_eq!(t.tree_by_name(), expected);
        let here = std::process::id();
        for span in t.spans() {
            let in_a_worker = ["double", "in the worker", "half", "half's own"].contains(&span.name.as_str());
            assert_eq!(span.lane.process_id != here, in_a_worker, "{}", span.name);
        }
    };
    run(check, async |cx, pool| {
        let task = async {
            let doubled = pool.submit(Context::current(), 21).unwrap().await.unwrap();
            in_span("back", |_| doubled)
        };
        assert_eq!(task.in_span(cx.span("task")).await, 42);
    });
}

#[test]
fn many_tasks_that_go_through_rayon_and_a_worker_process_stay_apart() {
    const TASKS: u32 = 100;
    let check = |t: &Testing| {
        let spans = t.spans();
        let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
        for (child, parent, times) in [
            ("task", "root", 1),
            ("sum", "task", 1),
            ("item", "sum", 3),
            ("double", "task", 1),
            ("half", "in the worker", 1),
        ] {
            let parents: BTreeSet<_> = named(parent).iter().map(|span| Some(span.span_id)).collect();
            let children = named(child);
            assert_eq!(children.len(), times * TASKS as usize, "{child}");
            assert!(children.iter().all(|span| parents.contains(&span.parent_span_id)), "{child}");
            let different: BTreeSet<_> = children.iter().map(|span| span.parent_span_id).collect();
            assert_eq!(different.len(), parents.len(), "each {parent} has its own {child}");
        }
    };
    run(check, async |cx, pool| {
        let mut tasks = JoinSet::new();
        for n in 0..TASKS {
            let pool = Arc::clone(pool);
            let (send, sum) = oneshot::channel();
            tasks.traced(cx).spawn("task", move |cx| async move {
                let job = carry_in_span(cx, "sum", move |span| {
                    let items = [n; 3];
                    items.par_iter().traced(span).map("item", |_, n| *n).sum::<u32>()
                });
                // Sent after the span has ended.
                rayon::spawn(move || _ = send.send(job()));
                let sum = sum.await.unwrap();
                (n, sum, pool.submit(cx, n).unwrap().await.unwrap())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            let (n, sum, doubled) = ended.unwrap();
            assert_eq!((sum, doubled), (3 * n, 2 * n));
        }
    });
}
