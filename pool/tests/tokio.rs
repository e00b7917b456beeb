//! Tokio's runtimes as programs use them: tasks that move, interleave, are dropped, and hand work to other pools.
#![cfg(all(feature = "tokio", feature = "rayon", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::mark::{MarkKind, WaitCause};
use heirloom_core::stream::StreamExt as _;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, root, Context, SpanId, Status, Value};
use heirloom_pool::carry_in_span;
use heirloom_pool::prelude::*;
use heirloom_pool::tokio as traced;
use rayon::prelude::*;
use std::collections::HashMap;
use std::future::{pending, poll_fn, Future};
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::sync::{mpsc, Arc};
use std::task::Poll;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, Barrier, Notify};
use tokio::task::{yield_now, JoinSet, LocalSet};

const LONG: Duration = Duration::from_secs(20);

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Runs the test on both kinds of runtime, below a root; `expected` is the tree that it leaves.
fn on_both<Fut: Future<Output = ()>>(expected: &str, test: impl Fn(Context) -> Fut) {
    for runtime in [multi_thread(), current_thread()] {
        testing::run(|t| {
            let root = root("root");
            let cx = root.context();
            runtime.block_on(test(cx).in_span(root));
            assert_eq!(t.tree_by_name().trim(), expected);
            t.assert_complete();
        });
    }
}

fn flag(span: &SpanData, key: &str) -> bool {
    match span.attribute(key) {
        Some(Value::Bool(value)) => *value,
        None => false,
        other => panic!("{key} is {other:?}"),
    }
}

fn number(span: &SpanData, key: &str) -> Option<i64> {
    match span.attribute(key) {
        Some(Value::I64(value)) => Some(*value),
        None => None,
        other => panic!("{key} is {other:?}"),
    }
}

/// The waits for a job, which spans have them, and whether each took at least a millisecond.
fn job_waits(t: &Testing) -> Vec<(Option<SpanId>, bool)> {
    root("the end").end();
    let waits = t.marks().into_iter().filter(|mark| mark.kind == MarkKind::Wait && mark.a == WaitCause::Job as u64);
    waits.map(|wait| (wait.span, wait.length_ns >= 1_000_000)).collect()
}

#[test]
fn a_thread_that_is_blocked_on_a_future_waits_while_it_is_parked_and_works_in_polls() {
    for runtime in [multi_thread(), current_thread()] {
        testing::run(|t| {
            let waker = Arc::new(Notify::new());
            in_root("main", |main| {
                let woken = Arc::clone(&waker);
                let busy = thread::spawn(move || {
                    thread::sleep(Duration::from_millis(50));
                    woken.notify_one();
                });
                runtime.traced(main).block_on("poll", |cx| async move {
                    cx.in_span("work", |_| thread::sleep(Duration::from_millis(5)));
                    waker.notified().await;
                    cx.in_span("more work", |_| thread::sleep(Duration::from_millis(5)));
                });
                busy.join().unwrap();
            });
            t.assert_tree("main\n  poll\n    work\n    more work");
            let main = t.span("main").span_id;
            assert_eq!(job_waits(t), [(Some(main), true)], "one wait, and no poll is one");
            let marks = t.marks();
            let wait = marks.iter().find(|mark| mark.kind == MarkKind::Wait).unwrap();
            let (work, more) = (t.span("work"), t.span("more work"));
            let until_ns = wait.time_ns + wait.length_ns;
            assert!(work.end_ns <= wait.time_ns && until_ns <= more.start_ns, "{work:?} {wait:?} {more:?}");
            t.assert_complete();
        });
    }
}

#[test]
fn a_future_that_is_ready_at_once_leaves_no_wait() {
    testing::run(|t| {
        in_root("main", |main| {
            let runtime = current_thread();
            assert_eq!(runtime.traced(main).block_on("ready", |_| async { 7 }), 7);
            assert_eq!(heirloom_pool::block_on(main, "ready", |_| async { 8 }, |f| runtime.block_on(f)), 8);
        });
        assert_eq!(job_waits(t), []);
    });
}

#[track_caller]
fn assert_cancelled(span: &SpanData) {
    assert!(flag(span, "heirloom.cancelled") && span.status == Status::Unset && !span.incomplete, "{span:?}");
}

/// Waits in a task until another thread has woken it while its worker was busy, so that it may go on elsewhere.
async fn away_from_this_worker() {
    let (block, blocked) = mpsc::channel::<()>();
    let (woken, wake) = oneshot::channel();
    let (busy, now_busy) = mpsc::channel();
    let helper = thread::spawn(move || {
        now_busy.recv_timeout(LONG).unwrap();
        woken.send(()).unwrap();
    });
    // The next task of this worker, unless another one steals it.
    let blocker = tokio::spawn(async move {
        busy.send(()).unwrap();
        blocked.recv_timeout(LONG).unwrap_err();
    });
    wake.await.unwrap();
    drop(block);
    blocker.await.unwrap();
    helper.join().unwrap();
}

#[test]
fn a_task_that_moves_between_threads_keeps_its_span() {
    testing::run(|t| {
        let runtime = multi_thread();
        let root = root("root");
        let task = runtime.traced(&root).spawn("task", |cx| async move {
            let first = thread::current().id();
            in_span("step", |_| ());
            let mut steps = 1;
            while thread::current().id() == first {
                away_from_this_worker().await;
                assert_eq!(Context::current(), cx);
                in_span("step", |_| ());
                steps += 1;
            }
            steps
        });
        let steps = runtime.block_on(task).unwrap();
        root.end();
        let expected = format!("root\n  task\n{}", "    step\n".repeat(steps));
        assert_eq!(t.tree_by_name(), expected);
        let lanes: Vec<_> = t.spans().into_iter().filter(|s| s.name == "step").map(|s| s.lane.thread_id).collect();
        assert!(lanes.iter().any(|lane| *lane != lanes[0]), "it did not move: {lanes:?}");
        t.assert_complete();
    });
}

#[test]
fn two_tasks_of_one_thread_do_not_see_each_other() {
    on_both(
        "root\n  a\n    step a\n    step a\n    step a\n  b\n    step b\n    step b\n    step b",
        |cx| async move {
            let task = |name: &'static str, step: &'static str| {
                traced::spawn(cx, name, move |own| async move {
                    for _ in 0..3 {
                        assert_eq!(Context::current(), own);
                        in_span(step, |_| ());
                        yield_now().await;
                    }
                })
            };
            let (a, b) = (task("a", "step a"), task("b", "step b"));
            assert_eq!(Context::current(), cx);
            a.await.unwrap();
            b.await.unwrap();
        },
    );
}

#[test]
fn a_task_says_how_long_it_was_queued_and_ran() {
    testing::run(|t| {
        current_thread().block_on(async {
            traced::spawn(Context::current(), "task", |_| yield_now()).await.unwrap();
            traced::spawn_blocking(Context::current(), "blocking", |_| ()).await.unwrap();
        });
        let span = t.span("task");
        assert_eq!(number(&span, "heirloom.polls"), Some(2));
        for key in ["heirloom.queue_ns", "heirloom.busy_ns", "heirloom.idle_ns"] {
            assert!(number(&span, key).is_some(), "{key}: {span:?}");
        }
        assert!(number(&t.span("blocking"), "heirloom.queue_ns").is_some());
        assert!(!flag(&span, "heirloom.cancelled") && !flag(&t.span("blocking"), "heirloom.cancelled"));
    });
}

#[test]
fn a_task_writes_to_its_own_span_by_its_context() {
    testing::run(|t| {
        let root = root("root");
        multi_thread().block_on(async {
            let task = traced::spawn(&root, "task", |cx| async move {
                cx.update().set("before", 1);
                let elsewhere = tokio::spawn(
                    async {
                        Context::current().update().set("after", 2);
                    }
                    .in_context(cx),
                );
                elsewhere.await.unwrap();
            });
            task.await.unwrap();
        });
        root.end();
        let span = t.span("task");
        assert_eq!((number(&span, "before"), number(&span, "after")), (Some(1), Some(2)));
        t.assert_complete();
    });
}

#[test]
fn a_branch_that_select_drops_is_cancelled() {
    testing::run(|t| {
        let root = root("root");
        let race = async {
            let slow = pending::<()>().in_span(root.span("slow"));
            let fast = yield_now().in_span(root.span("fast"));
            tokio::select! {
                () = slow => unreachable!(),
                () = fast => {}
            }
            let late = tokio::time::timeout(Duration::from_millis(1), pending::<()>().in_span(root.span("late")));
            late.await.unwrap_err();
        };
        current_thread().block_on(race);
        assert_cancelled(&t.span("slow"));
        assert_cancelled(&t.span("late"));
        assert!(!flag(&t.span("fast"), "heirloom.cancelled"));
    });
}

#[test]
fn the_aborted_tasks_of_a_join_set_are_cancelled() {
    testing::run(|t| {
        let root = root("root");
        multi_thread().block_on(async {
            let mut tasks = JoinSet::new();
            let started = Arc::new(Barrier::new(11));
            for _ in 0..10 {
                let started = Arc::clone(&started);
                tasks.traced(&root).spawn("task", |_| async move {
                    started.wait().await;
                    pending::<()>().await
                });
            }
            started.wait().await;
            tasks.abort_all();
            while let Some(ended) = tasks.join_next().await {
                assert!(ended.unwrap_err().is_cancelled());
            }
        });
        root.end();
        let spans = t.spans();
        let tasks: Vec<_> = spans.iter().filter(|span| span.name == "task").collect();
        assert_eq!(tasks.len(), 10);
        tasks.into_iter().for_each(assert_cancelled);
        t.assert_complete();
    });
}

#[test]
fn a_task_that_was_aborted_before_it_ran_is_cancelled() {
    testing::run(|t| {
        let root = root("root");
        current_thread().block_on(async {
            let task = traced::spawn(&root, "task", |_| async { unreachable!() });
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        root.end();
        let span = t.span("task");
        assert_cancelled(&span);
        assert!(number(&span, "heirloom.queue_ns").is_some() && number(&span, "heirloom.polls").is_none());
        t.assert_tree("root\n  task");
        t.assert_complete();
    });
}

#[test]
fn tasks_that_a_runtime_drops_when_it_shuts_down_are_cancelled() {
    testing::run(|t| {
        let root = root("root");
        let runtime = multi_thread();
        let (started, has_started) = mpsc::channel();
        runtime.traced(&root).spawn("task", |_| async move {
            let _own = in_span("own", |span| span.context());
            started.send(()).unwrap();
            pending::<()>().await
        });
        has_started.recv_timeout(LONG).unwrap();
        drop(runtime);
        root.end();
        assert_cancelled(&t.span("task"));
        t.assert_tree("root\n  task\n    own");
        t.assert_complete();
    });
}

#[test]
fn local_tasks_keep_what_is_not_sent() {
    testing::run(|t| {
        let root = root("root");
        let (runtime, local) = (current_thread(), LocalSet::new());
        let text = Rc::new("text");
        let (a, b) = (Rc::clone(&text), Rc::clone(&text));
        let first = local.traced(&root).spawn_local("first", move |_| async move {
            yield_now().await;
            in_span("inside", |_| a.len())
        });
        let all = local.block_on(&runtime, async {
            let mut tasks = JoinSet::new();
            tasks.traced(&root).spawn_local("second", move |cx| async move {
                traced::spawn_local(cx, "third", move |_| async move { b.len() }).await.unwrap()
            });
            first.await.unwrap() + tasks.join_next().await.unwrap().unwrap()
        });
        root.end();
        assert_eq!(all, 8);
        t.assert_tree_sorted("root\n  first\n    inside\n  second\n    third");
        t.assert_complete();
    });
}

#[test]
fn a_stream_in_a_task_keeps_its_span_and_counts_its_items() {
    testing::run(|t| {
        let runtime = multi_thread();
        let root = root("root");
        let task = runtime.traced(&root).spawn("task", |cx| async move {
            let (send, receive) = tokio::sync::mpsc::channel(1);
            let producer = traced::spawn(cx, "producer", |_| async move {
                for n in 0..10_u32 {
                    send.send(n).await.unwrap();
                }
            });
            let mut stream = pin!(Receive(receive).in_span(cx.span("stream")));
            let mut sum = 0;
            while let Some(n) = poll_fn(|task| stream.as_mut().poll_next(task)).await {
                assert_eq!(Context::current(), cx);
                sum += n;
            }
            producer.await.unwrap();
            sum
        });
        assert_eq!(runtime.block_on(task).unwrap(), 45);
        root.end();
        assert_eq!(number(&t.span("stream"), "heirloom.items"), Some(10));
        let tree = t.tree_by_name();
        assert_eq!(tree, format!("root\n  task\n    producer\n    stream\n{}", "      received\n".repeat(10)));
        t.assert_complete();
    });
}

/// A channel as a stream, with a span for each item.
struct Receive(tokio::sync::mpsc::Receiver<u32>);

use futures_core::Stream;

impl Stream for Receive {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<Option<u32>> {
        let poll = self.0.poll_recv(task);
        if let Poll::Ready(Some(_)) = poll {
            in_span("received", |_| ());
        }
        poll
    }
}

#[test]
fn from_async_to_rayon_and_back_it_is_one_tree() {
    let expected = "root\n  after\n  crunch\n    item\n    item\n    item\n    tell\n      told\n  told";
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let pool = Arc::new(pool);
    on_both(expected, |cx| {
        let pool = Arc::clone(&pool);
        async move {
            let (done, result) = oneshot::channel();
            let runtime = tokio::runtime::Handle::current();
            let crunch = carry_in_span(cx, "crunch", move |span| {
                let sum: u32 = (1..4_u32).into_par_iter().traced(span).map("item", |_, n| n).sum();
                (sum, runtime.traced(span).spawn("tell", |_| async { in_span("told", |_| ()) }))
            });
            // Sent once the span has ended.
            pool.spawn(move || drop(done.send(crunch())));
            let (sum, told) = result.await.unwrap();
            told.await.unwrap();
            assert_eq!((sum, Context::current()), (6, cx));
            in_span("told", |_| ());
            traced::spawn(Context::current(), "after", |_| async {}).await.unwrap();
        }
    });
}

#[test]
fn what_blocks_runs_below_its_task() {
    on_both("root\n  task\n    read\n      line\n    write", |cx| async move {
        let task = traced::spawn(cx, "task", |cx| async move {
            let read = traced::spawn_blocking(cx, "read", |_| in_span("line", |_| 1));
            let mut set = JoinSet::new();
            set.traced(cx).spawn_blocking("write", |span| usize::from(span.is_recording()));
            read.await.unwrap() + set.join_next().await.unwrap().unwrap()
        });
        assert_eq!(task.await.unwrap(), 2);
    });
}

const TASKS: usize = 10_000;

/// All are open at once, wake in any order on any thread, and have a child before and after.
fn many(runtime: &Runtime) {
    let root = root("root");
    runtime.block_on(async {
        let (open, go) = (Arc::new(Barrier::new(TASKS + 1)), Arc::new(Notify::new()));
        let mut tasks = JoinSet::new();
        for n in 0..TASKS {
            let (open, go) = (Arc::clone(&open), Arc::clone(&go));
            tasks.traced(&root).spawn("task", move |cx| async move {
                cx.in_span("before", |span| _ = span.set("n", n));
                let notified = go.notified();
                open.wait().await;
                notified.await;
                yield_now().await;
                in_span("after", |span| _ = span.set("n", n));
            });
        }
        open.wait().await;
        go.notify_waiters();
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    root.end();
}

fn check_many(t: &Testing) {
    t.assert_complete();
    let spans = t.spans();
    let root = spans.iter().find(|span| span.name == "root").unwrap();
    let mut children: HashMap<_, Vec<_>> = HashMap::new();
    for span in spans.iter().filter(|span| span.name != "root" && span.name != "task") {
        children.entry(span.parent_span_id).or_default().push((span.name.as_str(), number(span, "n").unwrap()));
    }
    let tasks: Vec<_> = spans.iter().filter(|span| span.name == "task").collect();
    assert_eq!((tasks.len(), spans.len()), (TASKS, 3 * TASKS + 1));
    for task in tasks {
        assert_eq!(task.parent_span_id, Some(root.span_id));
        let mut own = children.remove(&Some(task.span_id)).unwrap();
        own.sort();
        let n = own[0].1;
        assert_eq!(own, [("after", n), ("before", n)], "a wrong parent");
    }
    assert!(children.is_empty());
}

#[test]
fn none_of_ten_thousand_tasks_is_lost_or_has_a_wrong_parent() {
    for runtime in [multi_thread(), current_thread()] {
        // They begin as fast as a thread can: rings that hold them all, so that none is refused.
        testing::run_with(
            |builder| builder.shard_bytes(16 << 20),
            |t| {
                many(&runtime);
                check_many(t);
            },
        );
    }
}

#[test]
fn ten_thousand_tasks_in_a_small_ring_make_a_coarser_tree_and_no_orphan() {
    testing::run_with(
        |builder| testing::small_shards(builder, 64 << 10),
        |t| {
            many(&multi_thread());
            t.assert_balanced();
            let ledger = t.tracer().ledger();
            assert!(ledger.transparent.full > 0 && ledger.open == 0, "{ledger}");
            assert_eq!(t.spans().iter().filter(|span| span.parent_span_id.is_none()).count(), 1);
        },
    );
}

#[test]
fn a_task_says_when_it_was_spawned_and_its_thread_which_place_it_has_in_which_runtime() {
    use heirloom_core::mark::{MarkKind, StageKind};
    for (runtime, workers) in [(multi_thread(), 2), (current_thread(), 1)] {
        testing::run(|t| {
            let root = root("root");
            let cx = root.context();
            runtime.block_on(async {
                for _ in 0..10 {
                    traced::spawn(cx, "task", |_| yield_now()).await.unwrap();
                }
                traced::spawn_blocking(cx, "blocking", |_| ()).await.unwrap();
                let local = LocalSet::new();
                let task = local.traced(cx).spawn_local("local", |_| yield_now());
                local.run_until(task).await.unwrap();
            });
            root.end();
            let (spans, marks) = (t.spans(), t.marks());
            for job in spans.iter().filter(|span| span.name != "root") {
                let of_job = marks.iter().filter(|mark| mark.kind == MarkKind::Stage && mark.span == Some(job.span_id));
                let stages: Vec<_> = of_job.map(|mark| (mark.a, mark.time_ns <= job.start_ns)).collect();
                assert_eq!(stages, [(StageKind::Submitted as u64, true)], "{}", job.name);
            }
            let places: Vec<_> = marks.iter().filter(|mark| mark.kind == MarkKind::Pool).collect();
            assert!(!places.is_empty() && places.len() <= workers, "{places:#?}");
            for place in &places {
                assert!(&*place.text == "tokio" && place.c == workers as u64 && place.a < place.c, "{place:#?}");
                assert_eq!(place.b, places[0].b);
            }
            let placed = |name: &str| {
                let mut of_name = spans.iter().filter(|span| span.name == name);
                of_name.all(|span| places.iter().any(|place| place.lane == span.lane))
            };
            assert!(placed("task") && !placed("blocking"));
            assert_eq!(placed("local"), workers == 1, "a local set of a runtime with workers runs on none of them");
        });
    }
}
