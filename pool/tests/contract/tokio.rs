//! Tokio's adapters: each on a runtime with one thread for tasks and one for closures that block.

use super::{in_span, Adapter, Context, Ended, Job};
use ::tokio::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use ::tokio::task::{block_in_place, spawn_blocking, yield_now, JoinError, JoinSet, LocalSet};
use heirloom_pool::prelude::*;
use heirloom_pool::tokio as traced;
use std::future::IntoFuture;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The job as a task: it runs in its second poll.
async fn task(cx: Context, job: Job) {
    yield_now().await;
    job(cx);
}

/// The same for a future that reads the current context.
async fn current_task(job: Job) {
    yield_now().await;
    job(Context::current());
}

fn ended(result: Result<(), JoinError>) -> Ended {
    result.map_err(JoinError::into_panic)
}

fn caught(block: impl FnOnce()) -> Ended {
    catch_unwind(AssertUnwindSafe(block))
}

fn joined(result: Option<Result<(), JoinError>>) -> Ended {
    ended(result.unwrap())
}

macro_rules! adapters {
    ($($adapter:ident: $runtime:ident, |$on:ident, $cx:ident, $job:ident| $run:expr;)*) => {$(
        pub(super) struct $adapter(Runtime);

        impl Adapter for $adapter {
            fn new() -> Self {
                Self($runtime())
            }

            fn run(&self, $cx: Context, $job: Job) -> Ended {
                let $on = &self.0;
                $run
            }

            fn current_between_jobs(&self) -> Option<Context> {
                Some(self.0.block_on(async {
                    let current = ::tokio::spawn(async { Context::current() }).await.unwrap();
                    let blocking = spawn_blocking(Context::current).await.unwrap();
                    assert_eq!(blocking, Context::INERT);
                    current
                }))
            }
        }
    )*};
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).max_blocking_threads(2).build().unwrap()
}

fn local() -> LocalRuntime {
    Builder::new_current_thread().max_blocking_threads(1).build_local(LocalOptions::default()).unwrap()
}

fn this_thread() -> Runtime {
    Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

adapters! {
    Spawn: threads, |on, cx, job| ended(on.block_on(async {
        traced::spawn(cx, "job", |cx| task(cx, job)).await
    }));
    SpawnBlocking: threads, |on, cx, job| ended(on.block_on(async {
        traced::spawn_blocking(cx, "job", |span| job(span.context())).await
    }));
    SpawnLocal: this_thread, |on, cx, job| ended(LocalSet::new().block_on(on, async {
        traced::spawn_local(cx, "job", |cx| task(cx, job)).await
    }));
    OnHandle: threads, |on, cx, job| {
        ended(on.block_on(on.handle().traced(cx).spawn("job", |cx| task(cx, job))))
    };
    BlockingOnHandle: this_thread, |on, cx, job| {
        ended(on.block_on(on.handle().traced(cx).spawn_blocking("job", |span| job(span.context()))))
    };
    OnRuntime: this_thread, |on, cx, job| ended(on.block_on(on.traced(cx).spawn("job", |cx| task(cx, job))));
    BlockingOnRuntime: threads, |on, cx, job| {
        ended(on.block_on(on.traced(cx).spawn_blocking("job", |span| job(span.context()))))
    };
    OnLocalSet: this_thread, |on, cx, job| {
        let set = LocalSet::new();
        let task = set.traced(cx).spawn_local("job", |cx| task(cx, job));
        ended(set.block_on(on, task))
    };
    BlockOnHandle: threads, |on, cx, job| caught(|| on.handle().traced(cx).block_on("job", |cx| task(cx, job)));
    BlockOnRuntime: this_thread, |on, cx, job| caught(|| on.traced(cx).block_on("job", |cx| task(cx, job)));
    BlockOnLocalSet: this_thread, |on, cx, job| {
        let set = LocalSet::new();
        caught(|| set.traced(cx).block_on(on, "job", |cx| task(cx, job)))
    };
    OnLocalRuntime: this_thread, |_on, cx, job| {
        let local = local();
        ended(local.block_on(local.traced(cx).spawn_local("job", |cx| task(cx, job))))
    };
    BlockingOnLocalRuntime: this_thread, |_on, cx, job| {
        let local = local();
        ended(local.block_on(local.traced(cx).spawn_blocking("job", |span| job(span.context()))))
    };
    BlockOnLocalRuntime: this_thread, |_on, cx, job| caught(|| local().traced(cx).block_on("job", |cx| task(cx, job)));
    BlockInPlace: threads, |on, cx, job| ended(on.block_on(async {
        traced::spawn(cx, "job", |cx| async move { block_in_place(|| job(cx)) }).await
    }));
    BlockOn: threads, |on, cx, job| {
        caught(|| heirloom_pool::block_on(cx, "job", |cx| task(cx, job), |future| on.block_on(future)))
    };
    IntoJoinSet: threads, |on, cx, job| joined(on.block_on(async {
        let mut set = JoinSet::new();
        set.traced(cx).spawn("job", |cx| task(cx, job));
        set.join_next().await
    }));
    BlockingIntoJoinSet: this_thread, |on, cx, job| joined(on.block_on(async {
        let mut set = JoinSet::new();
        set.traced(cx).spawn_blocking("job", |span| job(span.context()));
        set.join_next().await
    }));
    LocalIntoJoinSet: this_thread, |on, cx, job| joined(LocalSet::new().block_on(on, async {
        let mut set = JoinSet::new();
        set.traced(cx).spawn_local("job", |cx| task(cx, job));
        set.join_next().await
    }));
    IntoJoinSetOn: threads, |on, cx, job| {
        let mut set = JoinSet::new();
        set.traced(cx).spawn_on("job", |cx| task(cx, job), on.handle());
        joined(on.block_on(set.join_next()))
    };
    BlockingIntoJoinSetOn: threads, |on, cx, job| {
        let mut set = JoinSet::new();
        set.traced(cx).spawn_blocking_on("job", |span| job(span.context()), on.handle());
        joined(on.block_on(set.join_next()))
    };
    LocalIntoJoinSetOn: this_thread, |on, cx, job| {
        let (local, mut set) = (LocalSet::new(), JoinSet::new());
        set.traced(cx).spawn_local_on("job", |cx| task(cx, job), &local);
        joined(local.block_on(on, set.join_next()))
    };
    InSpan: this_thread, |on, cx, job| {
        let span = cx.span("job");
        let job = task(span.context(), job).in_span(span);
        catch_unwind(AssertUnwindSafe(|| on.block_on(job)))
    };
    BackgroundFuture: threads, |on, cx, job| {
        let mut task = None;
        let run = async { current_task(job).await };
        let handle = cx.background("job").child().on_executor(|job| task = Some(on.spawn(job)), run);
        let ended = ended(on.block_on(task.unwrap()));
        assert_eq!(on.block_on(handle.into_future()).is_ok(), ended.is_ok());
        ended
    };
    // Tokio keeps the panic of a task that nothing waits for: it is taken on the way.
    BackgroundOnTokio: threads, |on, cx, job| {
        let (tell, told) = std::sync::mpsc::channel();
        let caught: Job = Box::new(move |cx| {
            let ended = catch_unwind(AssertUnwindSafe(|| job(cx)));
            let fails = ended.is_err();
            tell.send(ended).unwrap();
            assert!(!fails, "the panic goes on");
        });
        let _runtime = on.enter();
        let handle = cx.background("job").child().on_tokio(current_task(caught));
        let succeeded = on.block_on(handle.into_future()).is_ok();
        let ended = told.recv().unwrap();
        assert_eq!(ended.is_ok(), succeeded);
        ended
    };
    InContext: threads, |on, cx, job| {
        let job = async { in_span("job", super::given(job)) }.in_context(cx);
        ended(on.block_on(on.spawn(job)))
    };
}
