//! `flush` and `finish` where programs call them: on a plain thread, inside tokio's runtimes, in a rayon job, in a panic hook, by a
//! hand-written executor, by a dropped guard, at exit; with exporters that work, are slow, hang, fail, panic, and wait before they
//! try again. All of them return within their budget, and the ledger is exact.
//!
//! `cargo test -p heirloom-core --test runtimes matrix -- --nocapture` prints the table.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, Builder, FlushError, Guard, Report, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::{process, LONG};

const BUDGET: Duration = Duration::from_millis(1000);
const SLACK: Duration = Duration::from_millis(1500);

/// The exporters that each context meets.
const WAYS: [&str; 6] = ["fine", "slow", "hangs", "fails", "panics", "waits"];

/// What each context met with each exporter: how long the flush and the end took.
static CELLS: Mutex<BTreeMap<(String, &str), String>> = Mutex::new(BTreeMap::new());

fn cell(context: &str, way: &'static str, text: String) {
    // A case in a separate process.
    if process::case().is_some() {
        eprintln!("cell\t{context}\t{way}\t{text}");
    }
    CELLS.lock().unwrap().insert((context.to_owned(), way), text);
}

/// An exporter whose backend is down: it waits for a minute before it tries again, and then succeeds.
struct Waits;

impl Exporter for Waits {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        delivery.closing().wait(LONG);
        Ok(())
    }
}

/// A tracer with an exporter of this kind.
fn with(way: &str, door: &Door) -> Builder {
    let builder = builder("runtimes").settings(Settings::default()).finish_timeout(BUDGET);
    let way = match way {
        "fine" => Way::Fine,
        "slow" => Way::Slow(Duration::from_millis(50)),
        "hangs" => Way::Hangs(door.clone()),
        "fails" => Way::Fails,
        "panics" => Way::Panics,
        _ => return builder.exporter(Waits),
    };
    builder.exporter(Bad::new("it", way))
}

/// A tracer with an exporter of this kind and something to deliver; the door of the one that hangs.
fn start(way: &str) -> (Guard, Door) {
    let door = Door::new();
    let guard = with(way, &door).start().unwrap();
    guard.tracer().in_root("root", |root| root.in_span("child", |_| ()));
    (guard, door)
}

/// Whether a flush ended as it must with an exporter of this kind.
fn check_flush(way: &str, result: Result<(), FlushError>) {
    match (way, &result) {
        ("fine" | "slow", Ok(())) => {}
        ("hangs" | "waits", Err(FlushError::Timeout { waiting_for: 1, .. })) => {}
        ("fails", Err(FlushError::Failed(why))) if why[0].contains("503") => {}
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
        "fails" => exporter.dropped.failed == 2,
        "panics" => exporter.dropped.panicked == 2,
        _ => exporter.exported == 2 && report.is_complete(),
    };
    assert!(expected, "{way}: {report}");
}

#[track_caller]
fn in_time<R>(what: &str, work: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < BUDGET + SLACK, "{what} took {:?}", start.elapsed());
    (result, start.elapsed())
}

/// `flush` and then `finish`, blocking, wherever this is called.
fn flush_and_finish(context: &str) {
    for way in WAYS {
        let (guard, door) = start(way);
        let (flushed, flush) = in_time(&format!("{context}, {way}: flush"), || guard.tracer().flush(BUDGET));
        check_flush(way, flushed);
        let (report, finish) = in_time(&format!("{context}, {way}: finish"), || guard.finish());
        check_report(way, &report);
        cell(context, way, format!("{flush:.0?} {finish:.0?}"));
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
            None => assert!(matches!(way, "hangs" | "waits"), "{context}: no end of the flush"),
        }
        let flush = began.elapsed();
        assert!(began.elapsed() < BUDGET + SLACK, "{context}, {way}: flush took {:?}", began.elapsed());
        let began = Instant::now();
        check_report(way, &guard.finish_async().await);
        let finish = began.elapsed();
        assert!(finish < BUDGET + SLACK, "{context}, {way}: finish took {finish:?}");
        cell(context, way, format!("{flush:.0?} {finish:.0?}"));
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

fn on_a_plain_thread() {
    flush_and_finish("a plain thread");
}

fn inside_a_current_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { flush_and_finish("current_thread") });
    runtime.block_on(flush_and_finish_async("current_thread, async", tokio::time::sleep));
}

fn inside_a_multi_thread_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async { flush_and_finish("a task") }).await.unwrap();
        tokio::task::spawn_blocking(|| flush_and_finish("spawn_blocking")).await.unwrap();
        tokio::spawn(flush_and_finish_async("a task, async", tokio::time::sleep)).await.unwrap();
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

fn with_a_hand_written_executor() {
    block_on(flush_and_finish_async("block_on, async", after));
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

fn inside_a_rayon_job() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| flush_and_finish("rayon: install"));
    let (sender, done) = std::sync::mpsc::channel();
    pool.spawn(move || {
        flush_and_finish("rayon: spawn");
        sender.send(()).unwrap();
    });
    done.recv_timeout(LONG).unwrap();
    pool.scope(|s| s.spawn(|_| flush_and_finish("rayon: scope")));
}

/// A guard that is dropped: its problems are messages.
fn dropped() {
    for way in WAYS {
        let (guard, door) = start(way);
        let tracer = guard.tracer().clone();
        let ((), took) = in_time(&format!("drop, {way}"), || drop(guard));
        assert!(tracer.ledger().is_balanced() && tracer.ledger().assembled == 2, "{way}");
        cell("drop", way, format!("{took:.0?}"));
        door.open();
    }
}

/// The end of a process. What it can't deliver is a message on its standard error.
fn at_exit(test: &str) {
    for way in WAYS {
        let start = Instant::now();
        let output = process::run(test, way, &[]);
        let took = start.elapsed();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{way}: {said}");
        assert!(took < BUDGET + 2 * SLACK, "exit, {way}: {took:?}");
        let about = said.lines().filter(|line| line.contains("exporter \"")).collect::<Vec<_>>().join("\n");
        let expected = match way {
            "hangs" => about.contains("2 spans were not delivered by the deadline"),
            "fails" => about.contains("lost 2 spans: it failed"),
            "panics" => about.contains("lost 2 spans: it panicked"),
            _ => about.is_empty(),
        };
        assert!(expected, "exit, {way}: {said}");
        cell("exit", way, format!("{took:.0?}"));
    }
}

fn exits(way: &str) -> ! {
    let guard = with(way, &Door::new()).init().unwrap();
    guard.tracer().in_root("root", |root| root.in_span("child", |_| ()));
    std::process::exit(7)
}

#[test]
fn the_shutdown_matrix_of_contexts_and_exporters() {
    let test = "the_shutdown_matrix_of_contexts_and_exporters";
    match process::case().as_deref() {
        None => {}
        Some("hook") => return in_a_panic_hook(),
        Some(way) => exits(way),
    }
    let contexts: [fn(); 6] = [
        on_a_plain_thread,
        inside_a_current_thread_runtime,
        inside_a_multi_thread_runtime,
        with_a_hand_written_executor,
        inside_a_rayon_job,
        dropped,
    ];
    let hook = || {
        for line in process::run_well(test, "hook", &[]).lines() {
            let ["cell", context, way, text] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
            let way = WAYS.iter().find(|known| **known == way).unwrap();
            cell(context, way, text.to_owned());
        }
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = contexts.into_iter().map(|context| scope.spawn(context)).collect();
        all.into_iter().for_each(|thread| thread.join().unwrap());
    });
    hook();
    at_exit(test);
    let cells = CELLS.lock().unwrap();
    let contexts: BTreeSet<_> = cells.keys().map(|(context, _)| context).collect();
    assert_eq!(cells.len(), contexts.len() * WAYS.len(), "a cell is empty: {cells:?}");
    assert_eq!(contexts.len(), 13, "{contexts:?}");
    println!("{:24}{}", "flush and finish", WAYS.map(|way| format!("{way:>18}")).concat());
    for context in contexts {
        let row = WAYS.map(|way| format!("{:>18}", cells[&(context.clone(), way)]));
        println!("{context:24}{}", row.concat());
    }
}

/// A hook is the whole process's, so it has one to itself.
fn in_a_panic_hook() {
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
