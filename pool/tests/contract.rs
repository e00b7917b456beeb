//! One list of promises, which every adapter that records a span for a job keeps.
//!
//! An adapter takes part by an implementation of [`Adapter`] and a line in `contract!`.
#![cfg(all(feature = "rayon", feature = "crossbeam", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_span, Context, Span, SpanId, Status, TraceId};
use heirloom_pool::prelude::*;
use heirloom_pool::{carry, carry_in_span, threads};
use rayon::prelude::*;
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};
use std::sync::{mpsc, Mutex};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Is given the context of its span: a future can't borrow the span itself.
type Job = Box<dyn FnOnce(Context) + Send>;
type Ended = thread::Result<()>;

trait Adapter {
    fn new() -> Self;

    /// Runs the job below `cx` in a span called "job", and waits for it: the panic is the error.
    fn run(&self, cx: Context, job: Job) -> Ended;

    /// What is current on the thread that runs the jobs, between two of them. `None` if each job has a new thread.
    fn current_between_jobs(&self) -> Option<Context>;
}

/// The job as the adapters for closures take it.
fn given(job: Job) -> impl FnOnce(&Span) + Send + 'static {
    move |span| job(span.context())
}

mod promises {
    use super::*;

    fn in_root(body: impl FnOnce(&Span)) {
        heirloom_core::in_root("root", body);
    }

    /// Spans whose parent is nowhere. A remote parent is none of ours.
    fn orphans(spans: &[SpanData]) -> usize {
        let known = |id: SpanId| spans.iter().any(|span| span.span_id == id);
        spans.iter().filter(|span| !span.parent_is_remote && span.parent_span_id.is_some_and(|id| !known(id))).count()
    }

    fn assert_complete(t: &Testing, count: usize) {
        let spans = t.spans();
        assert_eq!((spans.len(), orphans(&spans)), (count, 0));
        t.assert_balanced();
    }

    /// What a careless job may do: scopes that are never left.
    fn leak_scopes(cx: Context) {
        std::mem::forget(Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), true).enter());
        std::mem::forget(cx.enter());
    }

    pub(super) fn the_parent_by_handle_is_right<A: Adapter>() {
        testing::run(|t| {
            in_root(|root| {
                in_span("current, but not the parent", |_| A::new().run(root.context(), Box::new(|_| ())).unwrap());
            });
            t.assert_tree_sorted("root\n  current, but not the parent\n  job");
        });
    }

    pub(super) fn inside_the_job_its_span_is_current<A: Adapter>() {
        testing::run(|t| {
            in_root(|root| {
                let job = |cx| {
                    assert_eq!(Context::current(), cx);
                    in_span("inside", |_| ());
                };
                A::new().run(root.context(), Box::new(job)).unwrap();
            });
            t.assert_tree_sorted("root\n  job\n    inside");
        });
    }

    pub(super) fn what_was_current_before_the_job_is_current_after_it<A: Adapter>() {
        testing::run(|_| {
            in_root(|root| {
                let adapter = A::new();
                let before = adapter.current_between_jobs();
                adapter.run(root.context(), Box::new(|_| ())).unwrap();
                assert_eq!(adapter.current_between_jobs(), before);
                assert_eq!(Context::current(), root.context());
            });
        });
    }

    pub(super) fn a_job_that_panics_or_leaks_scopes_leaves_no_trace_on_its_thread<A: Adapter>() {
        testing::run(|t| {
            in_root(|root| {
                let adapter = A::new();
                let before = adapter.current_between_jobs();
                adapter.run(root.context(), Box::new(leak_scopes)).unwrap();
                assert_eq!(adapter.current_between_jobs(), before);
                let fails = |cx| {
                    leak_scopes(cx);
                    panic_any(42_u8)
                };
                adapter.run(root.context(), Box::new(fails)).unwrap_err();
                assert_eq!(adapter.current_between_jobs(), before);
                adapter.run(root.context(), Box::new(|_| in_span("inside", |_| ()))).unwrap();
                assert_eq!(Context::current(), root.context());
            });
            t.assert_tree_sorted("root\n  job\n  job\n  job\n    inside");
        });
    }

    pub(super) fn a_panic_passes_unchanged_and_closes_the_span_as_an_error<A: Adapter>() {
        testing::run(|t| {
            in_root(|root| {
                let ended = A::new().run(root.context(), Box::new(|_| panic_any(42_u8)));
                assert_eq!(ended.unwrap_err().downcast_ref(), Some(&42_u8));
            });
            let status = |name| t.spans().into_iter().find(|span| span.name == name).unwrap().status;
            assert!(matches!(status("job"), Status::Error(_)));
            assert_eq!(status("root"), Status::Unset);
            assert_complete(t, 2);
        });
    }

    pub(super) fn nothing_is_lost_and_every_job_has_ended<A: Adapter>() {
        testing::run(|t| {
            let adapter = A::new();
            in_root(|root| {
                for done in 1..=20 {
                    adapter.run(root.context(), Box::new(|_| in_span("inside", |_| ()))).unwrap();
                    assert_eq!(t.spans().len(), 2 * done);
                }
            });
            assert_complete(t, 41);
        });
    }

    pub(super) fn what_is_below_an_unsampled_parent_is_not_recorded<A: Adapter>() {
        testing::run(|t| {
            let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
            remote.in_span("not sampled", |parent| {
                let job = |cx: Context| {
                    assert!(cx.is_valid() && !cx.is_sampled());
                    in_span("inside", |_| ());
                };
                A::new().run(parent.context(), Box::new(job)).unwrap();
            });
            assert_complete(t, 0);
        });
    }

    pub(super) fn an_inert_context_makes_no_orphan<A: Adapter>() {
        testing::run(|t| {
            A::new().run(Context::INERT, Box::new(|_| in_span("inside", |_| ()))).unwrap();
            assert_eq!(orphans(&t.spans()), 0);
            t.assert_balanced();
        });
    }
}

macro_rules! contract {
    ($($name:ident: $adapter:ty,)*) => {$(
        mod $name {
            use super::*;

            contract!(@promises $adapter:
                the_parent_by_handle_is_right
                inside_the_job_its_span_is_current
                what_was_current_before_the_job_is_current_after_it
                a_job_that_panics_or_leaks_scopes_leaves_no_trace_on_its_thread
                a_panic_passes_unchanged_and_closes_the_span_as_an_error
                nothing_is_lost_and_every_job_has_ended
                what_is_below_an_unsampled_parent_is_not_recorded
                an_inert_context_makes_no_orphan
            );
        }
    )*};
    (@promises $adapter:ty: $($promise:ident)*) => {$(
        #[test]
        fn $promise() {
            promises::$promise::<$adapter>();
        }
    )*};
}

contract! {
    plain_thread: Threads,
    scoped_thread: ScopedThreads,
    crossbeam_scope: CrossbeamScope,
    crossbeam_builder: CrossbeamBuilder,
    carried: Carried,
    carried_in_span: CarriedInSpan,
    rayon_map: RayonMap,
    rayon_flat_map_iter: RayonFlatMapIter,
    rayon_items: RayonItems,
    rayon_items_pulled: RayonItemsPulled,
    rayon_leaves: RayonLeaves,
    rayon_leaves_pulled: RayonLeavesPulled,
    rayon_join: RayonJoin,
    rayon_scope: RayonScope,
    rayon_join_context: RayonJoinContext,
    rayon_scope_fifo: RayonScopeFifo,
    rayon_in_place_scope: RayonInPlaceScope,
    rayon_in_place_scope_fifo: RayonInPlaceScopeFifo,
    rayon_scope_broadcast: RayonScopeBroadcast,
    rayon_scope_fifo_broadcast: RayonScopeFifoBroadcast,
    rayon_spawn: RayonSpawn,
    rayon_spawn_fifo: RayonSpawnFifo,
    rayon_broadcast: RayonBroadcast,
    rayon_spawn_broadcast: RayonSpawnBroadcast,
    rayon_install: RayonInstall,
    rayon_pool_install: RayonPoolInstall,
    rayon_pool_join: RayonPoolJoin,
    rayon_pool_scope: RayonPoolScope,
    rayon_pool_scope_fifo: RayonPoolScopeFifo,
    rayon_pool_in_place_scope: RayonPoolInPlaceScope,
    rayon_pool_in_place_scope_fifo: RayonPoolInPlaceScopeFifo,
    rayon_pool_spawn: RayonPoolSpawn,
    rayon_pool_spawn_fifo: RayonPoolSpawnFifo,
    rayon_pool_broadcast: RayonPoolBroadcast,
    rayon_pool_spawn_broadcast: RayonPoolSpawnBroadcast,
    background_on_a_pool: BackgroundOnPool,
    background_on_anything: BackgroundOn,
}

#[cfg(feature = "tokio")]
#[path = "contract/tokio.rs"]
mod tokio;

#[cfg(feature = "tokio")]
contract! {
    tokio_spawn: tokio::Spawn,
    tokio_spawn_blocking: tokio::SpawnBlocking,
    tokio_spawn_local: tokio::SpawnLocal,
    tokio_handle: tokio::OnHandle,
    tokio_handle_blocking: tokio::BlockingOnHandle,
    tokio_runtime: tokio::OnRuntime,
    tokio_runtime_blocking: tokio::BlockingOnRuntime,
    tokio_local_set: tokio::OnLocalSet,
    tokio_handle_block_on: tokio::BlockOnHandle,
    tokio_runtime_block_on: tokio::BlockOnRuntime,
    tokio_local_set_block_on: tokio::BlockOnLocalSet,
    tokio_local_runtime: tokio::OnLocalRuntime,
    tokio_local_runtime_blocking: tokio::BlockingOnLocalRuntime,
    tokio_local_runtime_block_on: tokio::BlockOnLocalRuntime,
    tokio_block_in_place: tokio::BlockInPlace,
    any_block_on: tokio::BlockOn,
    tokio_join_set: tokio::IntoJoinSet,
    tokio_join_set_blocking: tokio::BlockingIntoJoinSet,
    tokio_join_set_local: tokio::LocalIntoJoinSet,
    tokio_join_set_on: tokio::IntoJoinSetOn,
    tokio_join_set_blocking_on: tokio::BlockingIntoJoinSetOn,
    tokio_join_set_local_on: tokio::LocalIntoJoinSetOn,
    future_in_span: tokio::InSpan,
    future_in_context: tokio::InContext,
    background_future: tokio::BackgroundFuture,
    background_on_tokio: tokio::BackgroundOnTokio,
}

struct Threads;

impl Adapter for Threads {
    fn new() -> Self {
        Self
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        threads::spawn(cx, "job", given(job)).join()
    }

    fn current_between_jobs(&self) -> Option<Context> {
        None
    }
}

struct ScopedThreads;

impl Adapter for ScopedThreads {
    fn new() -> Self {
        Self
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        threads::scope(cx, |s| s.spawn("job", given(job)).join())
    }

    fn current_between_jobs(&self) -> Option<Context> {
        None
    }
}

struct CrossbeamScope;

impl Adapter for CrossbeamScope {
    fn new() -> Self {
        Self
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        heirloom_pool::crossbeam::scope(cx, |s| s.spawn("job", |_, span| given(job)(span)).join()).unwrap()
    }

    fn current_between_jobs(&self) -> Option<Context> {
        None
    }
}

struct CrossbeamBuilder;

impl Adapter for CrossbeamBuilder {
    fn new() -> Self {
        Self
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        let job = |s: &heirloom_pool::crossbeam::Scope<'_, '_>| {
            let thread = s.builder().name("worker".to_owned()).spawn("job", |_, span| given(job)(span));
            thread.unwrap().join()
        };
        heirloom_pool::crossbeam::scope(cx, job).unwrap()
    }

    fn current_between_jobs(&self) -> Option<Context> {
        None
    }
}

/// A pool of one thread that knows nothing of tracing.
struct PlainPool {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
    ended: Mutex<mpsc::Receiver<Ended>>,
}

impl PlainPool {
    fn new() -> Self {
        let (jobs, queue) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (end, ended) = mpsc::channel();
        thread::spawn(move || queue.into_iter().try_for_each(|job| end.send(catch_unwind(AssertUnwindSafe(job)))));
        Self { jobs, ended: Mutex::new(ended) }
    }

    fn run(&self, job: impl FnOnce() + Send + 'static) -> Ended {
        self.jobs.send(Box::new(job)).unwrap();
        self.ended.lock().unwrap().recv_timeout(LONG).unwrap()
    }

    fn current(&self) -> Context {
        let (tell, told) = mpsc::channel();
        self.run(move || tell.send(Context::current()).unwrap()).unwrap();
        told.recv().unwrap()
    }
}

struct Carried(PlainPool);

impl Adapter for Carried {
    fn new() -> Self {
        Self(PlainPool::new())
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        self.0.run(carry(cx, || in_span("job", given(job))))
    }

    fn current_between_jobs(&self) -> Option<Context> {
        Some(self.0.current())
    }
}

struct CarriedInSpan(PlainPool);

impl Adapter for CarriedInSpan {
    fn new() -> Self {
        Self(PlainPool::new())
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        self.0.run(carry_in_span(cx, "job", given(job)))
    }

    fn current_between_jobs(&self) -> Option<Context> {
        Some(self.0.current())
    }
}

struct BackgroundOn(PlainPool);

impl Adapter for BackgroundOn {
    fn new() -> Self {
        Self(PlainPool::new())
    }

    fn run(&self, cx: Context, job: Job) -> Ended {
        let mut ended = None;
        let handle = cx.background("job").child().on(|job| ended = Some(self.0.run(job)), given(job));
        let ended = ended.unwrap();
        assert_eq!(handle.wait(LONG).is_ok(), ended.is_ok());
        ended
    }

    fn current_between_jobs(&self) -> Option<Context> {
        Some(self.0.current())
    }
}

/// A rayon pool of one thread. What a detached job panicked with can be asked for.
struct RayonPool {
    pool: rayon::ThreadPool,
    panics: Mutex<mpsc::Receiver<Box<dyn std::any::Any + Send>>>,
}

impl RayonPool {
    fn new() -> Self {
        let (tell, panics) = mpsc::channel();
        let builder = rayon::ThreadPoolBuilder::new().num_threads(1);
        let pool = builder.panic_handler(move |panic| tell.send(panic).unwrap()).build().unwrap();
        Self { pool, panics: Mutex::new(panics) }
    }

    /// Runs the body on the pool's thread.
    fn run(&self, body: impl FnOnce() + Send) -> Ended {
        catch_unwind(AssertUnwindSafe(|| self.pool.install(body)))
    }

    /// How the job that was spawned last ended. The pool's only thread has done it before it is here.
    fn detached(&self) -> Ended {
        self.run(|| ()).unwrap();
        self.panics.lock().unwrap().try_recv().map_or(Ok(()), Err)
    }

    fn current(&self) -> Context {
        self.pool.install(Context::current)
    }
}

/// The job as a broadcast takes it: the pool has one thread.
fn once(job: Job) -> impl Fn(&Span) + Send + Sync {
    let job = Mutex::new(Some(job));
    move |span| {
        let job = job.lock().unwrap().take().unwrap();
        job(span.context());
    }
}

macro_rules! rayon_adapters {
    ($($adapter:ident: |$pool:ident, $cx:ident, $job:ident| $run:expr;)*) => {$(
        struct $adapter(RayonPool);

        impl Adapter for $adapter {
            fn new() -> Self {
                Self(RayonPool::new())
            }

            fn run(&self, $cx: Context, $job: Job) -> Ended {
                let $pool = &self.0;
                $run
            }

            fn current_between_jobs(&self) -> Option<Context> {
                Some(self.0.current())
            }
        }
    )*};
}

rayon_adapters! {
    RayonMap: |pool, cx, job| pool.run(|| {
        let jobs = vec![job].into_par_iter().traced(cx);
        assert_eq!(jobs.map("job", |span, job| given(job)(span)).count(), 1);
    });
    RayonFlatMapIter: |pool, cx, job| pool.run(|| {
        let jobs = vec![job].into_par_iter().traced(cx);
        assert_eq!(jobs.flat_map_iter("job", |span, job| [given(job)(span)]).count(), 1);
    });
    RayonItems: |pool, cx, job| pool.run(|| {
        vec![job].into_par_iter().traced(cx).items("job").for_each(|job| job(Context::current()));
    });
    RayonItemsPulled: |pool, cx, job| pool.run(|| {
        let jobs = vec![job].into_par_iter().traced(cx).items("job").enumerate();
        jobs.for_each(|(_, job)| job(Context::current()));
    });
    RayonLeaves: |pool, cx, job| pool.run(|| {
        vec![job].into_par_iter().traced(cx).leaves("job").for_each(|job| job(Context::current()));
    });
    RayonLeavesPulled: |pool, cx, job| pool.run(|| {
        let jobs = vec![job].into_par_iter().traced(cx).leaves("job").enumerate();
        jobs.for_each(|(_, job)| job(Context::current()));
    });
    RayonJoin: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::join(cx, || (), || in_span("job", given(job)));
    });
    RayonScope: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::scope(cx, |s| s.spawn("job", |_, span| given(job)(span)));
    });
    RayonJoinContext: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::join_context(cx, |_| (), |_| in_span("job", given(job)));
    });
    RayonScopeFifo: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::scope_fifo(cx, |s| s.spawn_fifo("job", |_, span| given(job)(span)));
    });
    RayonInPlaceScope: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::in_place_scope(cx, |s| s.spawn("job", |_, span| given(job)(span)));
    });
    RayonInPlaceScopeFifo: |pool, cx, job| pool.run(|| {
        heirloom_pool::rayon::in_place_scope_fifo(cx, |s| s.spawn_fifo("job", |_, span| given(job)(span)));
    });
    RayonScopeBroadcast: |pool, cx, job| pool.run(|| {
        let job = once(job);
        heirloom_pool::rayon::scope(cx, |s| s.spawn_broadcast("job", move |_, span, _| job(span)));
    });
    RayonScopeFifoBroadcast: |pool, cx, job| pool.run(|| {
        let job = once(job);
        heirloom_pool::rayon::scope_fifo(cx, |s| s.spawn_broadcast("job", move |_, span, _| job(span)));
    });
    RayonSpawn: |pool, cx, job| {
        pool.run(|| heirloom_pool::rayon::spawn(cx, "job", given(job))).unwrap();
        pool.detached()
    };
    RayonInstall: |pool, cx, job| {
        let install = || heirloom_pool::rayon::install(&pool.pool, cx, "job", given(job));
        catch_unwind(AssertUnwindSafe(install))
    };
    RayonSpawnFifo: |pool, cx, job| {
        pool.run(|| heirloom_pool::rayon::spawn_fifo(cx, "job", given(job))).unwrap();
        pool.detached()
    };
    RayonBroadcast: |pool, cx, job| pool.run(|| {
        let job = once(job);
        assert_eq!(heirloom_pool::rayon::broadcast(cx, "job", |span, _| job(span)), [()]);
    });
    RayonSpawnBroadcast: |pool, cx, job| {
        let job = once(job);
        pool.run(|| heirloom_pool::rayon::spawn_broadcast(cx, "job", move |span, _| job(span))).unwrap();
        pool.detached()
    };
    RayonPoolInstall: |pool, cx, job| {
        catch_unwind(AssertUnwindSafe(|| pool.pool.traced(cx).install("job", given(job))))
    };
    RayonPoolJoin: |pool, cx, job| {
        let run = || _ = pool.pool.traced(cx).join(|| (), || in_span("job", given(job)));
        catch_unwind(AssertUnwindSafe(run))
    };
    RayonPoolScope: |pool, cx, job| {
        let run = || pool.pool.traced(cx).scope(|s| s.spawn("job", |_, span| given(job)(span)));
        catch_unwind(AssertUnwindSafe(run))
    };
    RayonPoolScopeFifo: |pool, cx, job| {
        let run = || pool.pool.traced(cx).scope_fifo(|s| s.spawn_fifo("job", |_, span| given(job)(span)));
        catch_unwind(AssertUnwindSafe(run))
    };
    RayonPoolInPlaceScope: |pool, cx, job| {
        let run = || pool.pool.traced(cx).in_place_scope(|s| s.spawn("job", |_, span| given(job)(span)));
        catch_unwind(AssertUnwindSafe(run))
    };
    RayonPoolInPlaceScopeFifo: |pool, cx, job| {
        let run = || pool.pool.traced(cx).in_place_scope_fifo(|s| s.spawn_fifo("job", |_, span| given(job)(span)));
        catch_unwind(AssertUnwindSafe(run))
    };
    RayonPoolSpawn: |pool, cx, job| {
        pool.pool.traced(cx).spawn("job", given(job));
        pool.detached()
    };
    RayonPoolSpawnFifo: |pool, cx, job| {
        pool.pool.traced(cx).spawn_fifo("job", given(job));
        pool.detached()
    };
    RayonPoolBroadcast: |pool, cx, job| {
        let job = once(job);
        catch_unwind(AssertUnwindSafe(|| drop(pool.pool.traced(cx).broadcast("job", |span, _| job(span)))))
    };
    RayonPoolSpawnBroadcast: |pool, cx, job| {
        let job = once(job);
        pool.pool.traced(cx).spawn_broadcast("job", move |span, _| job(span));
        pool.detached()
    };
    BackgroundOnPool: |pool, cx, job| {
        let handle = cx.background("job").child().on_pool(&pool.pool, given(job));
        let succeeded = handle.wait(LONG).is_ok();
        let ended = pool.detached();
        assert_eq!(ended.is_ok(), succeeded);
        ended
    };
}
