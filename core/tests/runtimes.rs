//! `flush` and `finish` where programs call them: inside tokio's runtimes, in a rayon job, in a panic hook, by a
//! hand-written executor; with exporters that work, are slow, hang and panic. All of them return within their budget.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{builder, FlushError, Guard, Report, Settings};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::{process, LONG};

const BUDGET: Duration = Duration::from_millis(1500);
const SLACK: Duration = Duration::from_millis(1500);

/// The exporters that each context meets.
const WAYS: [&str; 4] = ["fine", "slow", "hangs", "panics"];

/// A tracer with an exporter of this kind and something to deliver; the door of the one that hangs.
fn start(way: &str) -> (Guard, Door) {
    let door = Door::new();
    let exporter = match way {
        "fine" => Way::Fine,
        "slow" => Way::Slow(Duration::from_millis(50)),
        "hangs" => Way::Hangs(door.clone()),
        _ => Way::Panics,
    };
    let settings = builder("runtimes").settings(Settings::default()).finish_timeout(BUDGET);
    let guard = settings.exporter(Bad::new("it", exporter)).start().unwrap();
    guard.tracer().in_root("root", |root| root.in_span("child", |_| ()));
    (guard, door)
}

/// Whether a flush ended as it must with an exporter of this kind.
fn check_flush(way: &str, result: Result<(), FlushError>) {
    match (way, &result) {
        ("fine" | "slow", Ok(())) => {}
        ("hangs", Err(FlushError::Timeout { waiting_for: 1, .. })) => {}
        ("panics", Err(FlushError::Failed(why))) if why[0].contains("always panics") => {}
        _ => panic!("{way}: {result:?}"),
    }
}

fn check_report(way: &str, report: &Report) {
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.assembled == 2, "{way}: {report}");
    let exporter = &ledger.exporters[0];
    let expected = match way {
        "hangs" => exporter.queued == 2,
        "panics" => exporter.dropped.panicked == 2,
        _ => exporter.exported == 2 && report.is_complete(),
    };
    assert!(expected, "{way}: {report}");
}

#[track_caller]
fn in_time<R>(what: &str, work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < BUDGET + SLACK, "{what} took {:?}", start.elapsed());
    result
}

/// `flush` and then `finish`, blocking, wherever this is called.
fn flush_and_finish(context: &str) {
    for way in WAYS {
        let (guard, door) = start(way);
        check_flush(way, in_time(&format!("{context}, {way}: flush"), || guard.tracer().flush(BUDGET)));
        check_report(way, &in_time(&format!("{context}, {way}: finish"), || guard.finish()));
        door.open();
    }
}

/// The same without blocking a thread; `timeout` is the runtime's.
async fn flush_and_finish_async<T: Future>(context: &str, timeout: impl Fn(Duration) -> T) {
    for way in WAYS {
        let (guard, door) = start(way);
        let began = Instant::now();
        let flushed = race(guard.tracer().flush_async(), timeout(BUDGET)).await;
        match flushed {
            Some(result) => check_flush(way, result),
            None => assert_eq!(way, "hangs", "{context}: no end of the flush"),
        }
        assert!(began.elapsed() < BUDGET + SLACK, "{context}, {way}: flush took {:?}", began.elapsed());
        let began = Instant::now();
        check_report(way, &guard.finish_async().await);
        assert!(began.elapsed() < BUDGET + SLACK, "{context}, {way}: finish took {:?}", began.elapsed());
        door.open();
    }
}

/// What `work` resolves to, unless `timeout` does before.
async fn race<R, T: Future>(work: impl Future<Output = R>, timeout: T) -> Option<R> {
    let (mut work, mut timeout) = (Box::pin(work), Box::pin(timeout));
    std::future::poll_fn(move |cx| match (work.as_mut().poll(cx), timeout.as_mut().poll(cx)) {
        (Poll::Ready(result), _) => Poll::Ready(Some(result)),
        (_, Poll::Ready(_)) => Poll::Ready(None),
        _ => Poll::Pending,
    })
    .await
}

#[test]
fn on_a_plain_thread() {
    flush_and_finish("a plain thread");
}

#[test]
fn inside_a_current_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { flush_and_finish("current_thread") });
    runtime.block_on(flush_and_finish_async("current_thread", tokio::time::sleep));
}

#[test]
fn inside_a_multi_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async { flush_and_finish("a task") }).await.unwrap();
        tokio::task::spawn_blocking(|| flush_and_finish("spawn_blocking")).await.unwrap();
        tokio::spawn(flush_and_finish_async("a task", tokio::time::sleep)).await.unwrap();
    });
}

#[test]
fn while_a_flush_is_awaited_other_tasks_of_the_same_thread_go_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (guard, door) = start("hangs");
        let flush = guard.tracer().flush_async();
        // The exporter is let go by another task of this very thread.
        let task = tokio::spawn(async move { door.open() });
        tokio::time::timeout(LONG, flush).await.unwrap().unwrap();
        task.await.unwrap();
        check_report("fine", &guard.finish_async().await);
    });
}

/// Parks the thread until it is woken.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    let mut future = Box::pin(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park_timeout(LONG),
        }
    }
}

/// A timeout for an executor that has none: another thread wakes it.
fn after(time: Duration) -> impl Future<Output = ()> {
    let done: Arc<Mutex<(bool, Option<Waker>)>> = Arc::default();
    let ringing = Arc::clone(&done);
    std::thread::spawn(move || {
        std::thread::sleep(time);
        let mut state = ringing.lock().unwrap();
        state.0 = true;
        state.1.take().into_iter().for_each(Waker::wake);
    });
    std::future::poll_fn(move |cx| {
        let mut state = done.lock().unwrap();
        state.1 = Some(cx.waker().clone());
        if state.0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

#[test]
fn with_a_hand_written_executor() {
    block_on(flush_and_finish_async("block_on", after));
}

#[test]
fn a_flush_that_nobody_awaits_any_more_is_done_nevertheless() {
    let (guard, door) = start("hangs");
    let bad = Bad::new("second", Way::Fine);
    let other = builder("runtimes").settings(Settings::default()).exporter(bad.clone()).start().unwrap();
    other.tracer().root("span").end();
    let mut flush = Box::pin(other.tracer().flush_async());
    let _ = flush.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(flush);
    support::until("it is delivered", || bad.taken() == 1);
    drop(Box::pin(guard.tracer().flush_async()));
    door.open();
    check_report("fine", &guard.finish());
}

#[test]
fn inside_a_rayon_job() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| flush_and_finish("install"));
    let (sender, done) = std::sync::mpsc::channel();
    pool.spawn(move || {
        flush_and_finish("spawn");
        sender.send(()).unwrap();
    });
    done.recv_timeout(LONG).unwrap();
    pool.scope(|s| s.spawn(|_| flush_and_finish("scope")));
}

#[test]
fn in_a_panic_hook() {
    // A hook is the whole process's, so it has one to itself.
    if process::case().is_none() {
        process::run_well("in_a_panic_hook", "hook", &[]);
        return;
    }
    let done = Arc::new(Mutex::new(0));
    let count = Arc::clone(&done);
    let nested = std::sync::atomic::AtomicBool::new(false);
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // The panicking exporter's own panics come here as well, on its own thread.
        let message = info.payload().downcast_ref::<&str>().copied().unwrap_or("");
        if message == "of the program" && !nested.swap(true, std::sync::atomic::Ordering::SeqCst) {
            flush_and_finish("a panic hook");
            *count.lock().unwrap() += 1;
        } else if message != "this exporter always panics" {
            default(info);
        }
    }));
    let caught = std::thread::spawn(|| {
        let (guard, _door) = start("fine");
        guard.tracer().in_root("panics", |_| panic!("of the program"));
    });
    assert!(caught.join().is_err());
    assert_eq!(*done.lock().unwrap(), 1);
}
