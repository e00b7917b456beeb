//! Uses every adapter of the pool crate once. As `api.rs`, this file is compiled with and without recording.

use heirloom_core::{root, Context, Span};
use heirloom_pool::background::{self, BackgroundBuilder, BackgroundJob, BoxedJob, JobFuture, Outcome, WaitError};
use heirloom_pool::prelude::*;
use heirloom_pool::rayon::{Items, LeafMap, Leaves, PerLeaf, Scope, ScopeFifo, Traced, TracedPool};
use heirloom_pool::{carry, carry_in_span, crossbeam, threads, tokio as tasks};
use rayon::prelude::*;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Runs a future that is never pending.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A rayon pool of one thread: it finishes its spawned jobs before it takes the next job from outside.
fn one_thread() -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.unwrap_or_else(|error| panic!("{error}"))
}

/// The current context in each job. Jobs that get their span check that it is current.
struct Seen(Mutex<Vec<Context>>);

impl Seen {
    fn current(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Context::current());
    }

    fn in_span(&self, span: &Span) {
        assert_eq!(Context::current(), span.context());
        span.set("key", 1);
        self.current();
    }

    fn pass<T>(&self, span: &Span, value: T) -> T {
        self.in_span(span);
        value
    }
}

/// Makes all calls. Returns the current context of each job: as many contexts as [`JOBS`], with and without recording.
pub fn everything() -> Vec<Context> {
    static SEEN: Seen = Seen(Mutex::new(Vec::new()));
    let root = root("root");
    per_item(&SEEN, &root);
    per_leaf(&root);
    stages(&SEEN, &root);
    twins(&SEEN, &root);
    on_a_pool(&SEEN, &root);
    on_threads(&SEEN, &root);
    in_background(&SEEN, &root);
    on_tokio(&SEEN, &root);
    std::mem::take(&mut SEEN.0.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The number of jobs that report the current context, over all functions below.
pub const JOBS: usize = 10 + 8 + 17 + 11 + 7 + 7 + 13;

fn per_item(seen: &'static Seen, root: &Span) {
    let items = || -> Traced<_> { (0..2_u32).into_par_iter().traced(root) };
    assert_eq!(items().map("static", |span, n| seen.pass(span, n)).sum::<u32>(), 1);
    items().for_each(String::from("owned"), |span, _| seen.in_span(span));
    assert_eq!(items().filter_map("item", |span, n| Some(seen.pass(span, n))).max(), Some(1));
    assert_eq!(items().flat_map_iter("item", |span, n| seen.pass(span, [n])).count(), 2);
    assert_eq!(items().try_for_each("item", |span, _| seen.pass(span, Some(()))), Some(()));
}

/// What is current is left alone here.
fn per_leaf(root: &Span) {
    let leaves = || -> PerLeaf<_> { (0..2_u32).into_par_iter().traced(root).per_leaf() };
    let map: LeafMap<_, _> = leaves().map("leaf", |n| n);
    assert_eq!((map.len(), map.sum::<u32>()), (2, 1));
    leaves().for_each("leaf", |_| ());
    assert_eq!(leaves().filter_map("leaf", Some).flat_map_iter(|n| [n]).count(), 2);
    assert_eq!(leaves().flat_map_iter("leaf", |n| [n]).count(), 2);
    assert_eq!(leaves().try_for_each("leaf", |_| Ok::<(), ()>(())), Ok(()));
    assert_eq!((0..2_u32).into_par_iter().traced(root).summary().map("leaf", |n| n).count(), 2);
}

fn stages(seen: &'static Seen, root: &Span) {
    let base = || (0..2_u32).into_par_iter().traced(root);
    let name = String::from("borrowed");
    let items: Items<_> = base().items(&name);
    let leaves: Leaves<_> = base().leaves("leaf");
    assert_eq!((items.len(), leaves.len()), (2, 2));
    items.for_each(|_| seen.current());
    leaves.for_each(|_| seen.current());
    base().items("item").enumerate().for_each(|_| seen.current());
    base().leaves("leaf").rev().for_each(|_| seen.current());
}

fn twins(seen: &'static Seen, root: &Span) {
    use heirloom_pool::rayon as twins;
    let pool = one_thread();
    twins::install(&pool, root, "job", |span| {
        seen.in_span(span);
        twins::join(span, || seen.current(), || seen.current());
        twins::join_context(span, |_| seen.current(), |_| seen.current());
        twins::scope(span, |s: &Scope<'_, '_>| {
            s.spawn("job", |_, span| seen.in_span(span));
            s.spawn_broadcast("job", |_, span, _| seen.in_span(span));
        });
        twins::scope_fifo(span, |s: &ScopeFifo<'_, '_>| {
            s.spawn_fifo("job", |_, span| seen.in_span(span));
            s.spawn_broadcast("job", |_, span, _| seen.in_span(span));
        });
        twins::in_place_scope(span, |s| s.spawn("job", |_, span| seen.in_span(span)));
        twins::in_place_scope_fifo(span, |s| s.spawn_fifo("job", |_, span| seen.in_span(span)));
        twins::broadcast(span, "job", |span, _| seen.in_span(span));
        twins::spawn(span, "job", |span| seen.in_span(span));
        twins::spawn_fifo(span, "job", |span| seen.in_span(span));
        twins::spawn_broadcast(span, "job", |span, _| seen.in_span(span));
    });
    pool.install(|| ());
    carry(root, || seen.current())();
    carry_in_span(root, "job", |span| seen.in_span(span))();
}

fn on_a_pool(seen: &'static Seen, root: &Span) {
    let pool = one_thread();
    let traced: TracedPool<'_> = pool.traced(root);
    traced.install("job", |span| seen.in_span(span));
    traced.join(|| seen.current(), || seen.current());
    traced.scope(|s| s.spawn("job", |_, span| seen.in_span(span)));
    traced.scope_fifo(|s| s.spawn_fifo("job", |_, span| seen.in_span(span)));
    traced.in_place_scope(|s| s.spawn("job", |_, span| seen.in_span(span)));
    traced.in_place_scope_fifo(|s| s.spawn_fifo("job", |_, span| seen.in_span(span)));
    traced.broadcast("job", |span, _| seen.in_span(span));
    traced.spawn("job", |span| seen.in_span(span));
    traced.spawn_fifo("job", |span| seen.in_span(span));
    traced.spawn_broadcast("job", |span, _| seen.in_span(span));
    pool.install(|| ());
}

fn on_threads(seen: &'static Seen, root: &Span) {
    let joined = [
        threads::spawn(root, "job", |span| seen.in_span(span)).join().is_ok(),
        threads::Builder::new()
            .name("thread")
            .spawn(root, "job", |span| seen.in_span(span))
            .is_ok_and(|t| t.join().is_ok()),
        threads::scope(root, |s| s.spawn("job", |span| seen.in_span(span)).join().is_ok()),
        threads::scope(root, |s| {
            let builder = threads::Builder::new().stack_size(1 << 20);
            let thread = builder.spawn_scoped(s.under(root), "job", |span| seen.in_span(span));
            thread.is_ok_and(|thread| thread.join().is_ok())
        }),
        crossbeam::scope(root, |s| {
            seen.current();
            s.spawn("job", |s, span| {
                seen.in_span(span);
                s.spawn("job", |_, span| seen.in_span(span));
            });
        })
        .is_ok(),
    ];
    assert_eq!(joined, [true; 5]);
}

fn in_background(seen: &'static Seen, root: &Span) {
    fn over<T: Outcome>(job: BackgroundJob<T>) {
        assert!(job.wait(LONG).is_ok());
    }
    let job = || -> BackgroundBuilder { root.background("job") };
    over(job().on_thread(|span| seen.in_span(span)));
    over(root.context().background("job").child().on(|job: BoxedJob| job(), |span| seen.in_span(span)));
    over(job().unlinked().on(|job| job(), |span| seen.pass(span, Ok::<(), ()>(()))));
    over(job().on_pool(&one_thread(), |span| seen.in_span(span)));
    let run = |job: JobFuture<(), _>| now(job);
    over(job().on_executor(run, async { seen.current() }));
    let awaited = now(async { job().on_executor(now, async { seen.current() }).await });
    assert!(matches!(awaited, Some(Ok(()))));
    assert!(matches!(job().on_thread(|span| seen.pass(span, Err::<(), ()>(()))).wait(LONG), Ok(Err(()))));
    assert!(matches!(job().on(drop, |_| ()).wait(LONG), Err(WaitError::NeverRan)));
    background::wait_all(Duration::ZERO);
}

fn on_tokio(seen: &'static Seen, root: &Span) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let local = tokio::task::LocalSet::new();
    let task = move |cx: Context| async move {
        assert_eq!(Context::current(), cx);
        seen.current();
    };
    let on_runtime = [
        runtime.traced(root).spawn("task", task),
        runtime.traced(root).spawn_blocking("task", |span| seen.in_span(span)),
        runtime.handle().traced(root).spawn("task", task),
        runtime.handle().traced(root).spawn_blocking("task", |span| seen.in_span(span)),
    ];
    let on_set = local.traced(root).spawn_local("task", task);
    local.block_on(&runtime, async {
        let mut set = tokio::task::JoinSet::new();
        set.traced(root).spawn("task", task);
        set.traced(root).spawn_on("task", task, runtime.handle());
        set.traced(root).spawn_blocking("task", |span| seen.in_span(span));
        set.traced(root).spawn_blocking_on("task", |span| seen.in_span(span), runtime.handle());
        set.traced(root).spawn_local("task", task);
        set.traced(root).spawn_local_on("task", task, &local);
        let twins = [
            tasks::spawn(root, "task", task),
            tasks::spawn_local(root, "task", task),
            tasks::spawn_blocking(root, "task", |_| ()),
        ];
        for task in on_runtime.into_iter().chain([on_set]).chain(twins) {
            assert!(task.await.is_ok());
        }
        while let Some(task) = set.join_next().await {
            assert!(task.is_ok());
        }
        assert!(root.background("job").on_tokio(async { Ok::<(), ()>(()) }).await.is_ok());
    });
}
