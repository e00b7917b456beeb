//! Background jobs that are futures: their traces, how they end, and that `finish` waits for them.
#![cfg(all(feature = "tokio", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::mark::{MarkKind, WaitCause};
use heirloom_core::testing;
use heirloom_core::{in_root, in_span, root, Context, SpanKind, Status};
use heirloom_pool::background::{wait_all, BackgroundJob, JobFuture, WaitError};
use heirloom_pool::prelude::*;
use std::future::{pending, poll_fn, Future, IntoFuture as _};
use std::pin::{pin, Pin};
use std::rc::Rc;
use std::sync::{mpsc, Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{yield_now, LocalSet};

const LONG: Duration = Duration::from_secs(20);

/// The counter of running jobs is process-wide: tests that look at it, and that leave a job running, take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// An executor of a few lines: each job has a thread, which is parked between its polls.
fn on_a_thread<F: Future<Output = ()> + Send + 'static>(job: F) -> thread::JoinHandle<()> {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    thread::spawn(|| {
        let mut job = pin!(job);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        while job.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
    })
}

/// What a job does that is pending a few times.
async fn steps() {
    for _ in 0..3 {
        in_span("step", |_| ());
        yield_now().await;
    }
}

#[test]
fn a_future_has_a_trace_of_its_own_in_which_its_span_is_current_at_every_poll() {
    let _turn = turn();
    for runtime in [multi_thread(), current_thread()] {
        testing::run(|t| {
            runtime.block_on(async {
                let job = in_root("root", |root| {
                    root.background("job").on_tokio(async {
                        let cx = Context::current();
                        steps().await;
                        assert_eq!(Context::current(), cx);
                    })
                });
                job.await.unwrap();
            });
            t.assert_tree_sorted("job\n  step\n  step\n  step\nroot");
            let (root, job) = (t.span("root"), t.span("job"));
            assert_ne!(job.trace_id, root.trace_id);
            assert_eq!(job.kind, SpanKind::Consumer);
            let [(trace, span, _)] = &job.links[..] else { panic!("one link") };
            assert_eq!((*trace, *span), (root.trace_id, root.span_id));
            for key in ["heirloom.queue_ns", "heirloom.busy_ns", "heirloom.idle_ns"] {
                assert!(job.attribute(key).and_then(|value| value.as_i64()) >= Some(0), "{key}");
            }
            assert_eq!(job.attribute("heirloom.polls").and_then(|value| value.as_i64()), Some(4));
            t.assert_complete();
        });
    }
}

#[test]
fn any_executor_runs_a_job() {
    let _turn = turn();
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").child().on_executor(on_a_thread, steps()));
        job.wait(LONG).unwrap();
        t.assert_tree_sorted("root\n  job\n    step\n    step\n    step");
        t.assert_complete();
    });
}

#[test]
fn a_future_that_is_not_send_goes_to_an_executor_of_its_thread() {
    let _turn = turn();
    testing::run(|t| {
        let (runtime, local, text) = (current_thread(), LocalSet::new(), Rc::new("text"));
        let measure = async move {
            yield_now().await;
            Ok::<_, std::convert::Infallible>(text.len())
        };
        let job = in_root("root", |root| {
            root.background("job").unlinked().on_executor(|job| local.spawn_local(job), measure)
        });
        let length = local.block_on(&runtime, async { job.await });
        assert_eq!(length.unwrap(), Ok(4));
        t.assert_tree_sorted("job\nroot");
        assert!(t.span("job").links.is_empty());
        t.assert_complete();
    });
}

#[test]
fn finish_waits_for_futures() {
    let _turn = turn();
    let runtime = multi_thread();
    let (begun, has_begun) = mpsc::channel();
    let ((), report, spans) = testing::run_to_the_end(
        |builder| builder,
        |_| {
            let _runtime = runtime.enter();
            drop(root("root").background("job").on_tokio(async move {
                begun.send(()).unwrap();
                let started = Instant::now();
                while started.elapsed() < Duration::from_millis(50) {
                    yield_now().await;
                }
                in_span("at the end", |_| ());
            }));
            has_begun.recv_timeout(LONG).unwrap();
        },
    );
    assert!(report.is_complete(), "{report}");
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["at the end", "job", "root"]);
}

#[test]
fn a_job_that_waits_for_all_jobs_does_not_wait_for_itself() {
    let _turn = turn();
    let job = Context::INERT.background("job").on_executor(on_a_thread, async {
        yield_now_once().await;
        let started = Instant::now();
        Ok::<_, std::convert::Infallible>((wait_all(LONG), started.elapsed()))
    });
    let (left, waited) = job.wait(LONG).unwrap().unwrap();
    assert!(left == 1 && waited < LONG / 2);
    assert_eq!(wait_all(LONG), 0);
}

/// Pending once, on any executor.
async fn yield_now_once() {
    let mut polled = false;
    std::future::poll_fn(|task| {
        task.waker().wake_by_ref();
        match std::mem::replace(&mut polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

#[test]
fn an_await_names_the_job_and_is_recorded_only_if_it_waited() {
    let _turn = turn();
    for runtime in [multi_thread(), current_thread()] {
        testing::run(|t| {
            let (release, released) = mpsc::channel();
            let root = root("root");
            let slow = root.background("slow").on_thread(move |_| {
                released.recv_timeout(LONG).unwrap();
                thread::sleep(Duration::from_millis(5));
            });
            let over = root.background("over").on_thread(|_| ());
            while !over.is_finished() {
                thread::yield_now();
            }
            let task = heirloom_pool::tokio::spawn;
            runtime.block_on(async {
                let waiter = task(&root, "waiter", |_| async move {
                    over.await.unwrap();
                    let mut slow = pin!(slow.into_future());
                    poll_fn(|task| {
                        let poll = slow.as_mut().poll(task);
                        if poll.is_pending() {
                            release.send(()).unwrap();
                        }
                        poll
                    })
                    .await
                    .unwrap();
                });
                waiter.await.unwrap();
            });
            let awaits = |mark: &heirloom_core::export::MarkData| {
                mark.kind == MarkKind::Wait && mark.a == WaitCause::Await as u64
            };
            let waits: Vec<_> = t.marks().into_iter().filter(awaits).collect();
            let [wait] = &waits[..] else { panic!("{waits:#?}") };
            assert_eq!((wait.span, wait.d), (Some(t.span("waiter").span_id), t.span("slow").span_id.to_u64()));
            assert!(wait.length_ns >= 5_000_000, "{wait:?}");
        });
    }
}

#[test]
fn an_err_closes_the_span_as_an_error_of_that_type() {
    let _turn = turn();
    testing::run(|t| {
        let job = in_root("root", |root| {
            root.background("job").on_executor(on_a_thread, async {
                yield_now_once().await;
                "x".parse::<u8>()
            })
        });
        assert!(job.wait(LONG).unwrap().is_err());
        let job = t.span("job");
        assert_eq!(job.status, Status::Error(String::new()));
        let error_type = job.attribute("error.type").and_then(|value| value.as_str().map(str::to_owned));
        assert_eq!(error_type.as_deref(), Some("core::num::error::ParseIntError"));
        t.assert_complete();
    });
}

#[test]
fn a_panic_closes_the_span_as_an_error_and_reaches_the_executor() {
    let _turn = turn();
    testing::run(|t| {
        let runtime = multi_thread();
        let mut task = None;
        let fails = async {
            yield_now().await;
            std::panic::panic_any(42_u8)
        };
        let job: BackgroundJob<()> =
            in_root("root", |root| root.background("job").on_executor(|job| task = Some(runtime.spawn(job)), fails));
        let panic = runtime.block_on(task.unwrap()).unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&42_u8));
        assert!(matches!(job.wait(LONG), Err(WaitError::Panicked)));
        assert!(matches!(t.span("job").status, Status::Error(_)));
        t.assert_balanced();
    });
}

/// Tells how many jobs count as running when it is dropped.
struct Last(mpsc::Sender<usize>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.send(wait_all(Duration::ZERO)).unwrap();
    }
}

#[test]
fn a_job_that_is_aborted_is_cancelled_in_its_span_and_its_handle() {
    let _turn = turn();
    testing::run(|t| {
        let runtime = multi_thread();
        let (begun, has_begun) = oneshot::channel();
        let (tell, running) = mpsc::channel();
        let mut task = None;
        let last = Last(tell);
        let never_ends = async move {
            let _last = last;
            begun.send(()).unwrap();
            pending::<()>().await
        };
        let spawn = |job: JobFuture<(), _>| task = Some(runtime.spawn(job));
        let job = in_root("root", |root| root.background("job").on_executor(spawn, never_ends));
        runtime.block_on(has_begun).unwrap();
        assert!(!job.is_finished());
        task.unwrap().abort();
        assert!(matches!(job.wait(LONG), Err(WaitError::Cancelled)));
        assert_eq!(running.recv().unwrap(), 1, "the handle is told after the future was dropped, with its span");
        let job = t.span("job");
        assert!(job.attribute("heirloom.cancelled").is_some() && job.status == Status::Unset);
        t.assert_complete();
    });
    assert_eq!(wait_all(LONG), 0);
}

#[test]
fn a_job_that_is_dropped_before_its_first_poll_never_ran_and_has_no_span() {
    let _turn = turn();
    testing::run(|t| {
        let job = in_root("root", |root| root.background("job").on_executor(drop, async { unreachable!() }));
        let _: &BackgroundJob<()> = &job;
        assert!(matches!(job.wait(LONG), Err(WaitError::NeverRan)));
        t.assert_tree("root");
        t.assert_complete();
    });
}

#[test]
fn a_task_that_awaits_the_handle_is_woken() {
    let _turn = turn();
    let (release, released) = mpsc::channel::<()>();
    let job = Context::INERT.background("job").on_thread(move |_| released.recv());
    current_thread().block_on(async {
        let mut finished: Pin<Box<dyn Future<Output = _>>> = Box::pin(async { job.await });
        let mut early = true;
        std::future::poll_fn(|task| {
            let poll = finished.as_mut().poll(task);
            if std::mem::take(&mut early) {
                assert!(poll.is_pending());
                release.send(()).unwrap();
            }
            poll
        })
        .await
        .unwrap()
        .unwrap();
    });
}

#[test]
fn a_job_outside_of_the_trace_of_an_unsampled_span_decides_on_its_own() {
    let _turn = turn();
    testing::run(|t| {
        use heirloom_core::{SpanId, TraceId};
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
        remote.in_span("not sampled", |span| {
            let own = span.background("job").on_executor(on_a_thread, steps());
            let child = span.background("child").child().on_executor(on_a_thread, steps());
            own.wait(LONG).unwrap();
            child.wait(LONG).unwrap();
        });
        t.assert_tree("job\n  step\n  step\n  step");
        assert!(t.span("job").links.is_empty());
    });
}
