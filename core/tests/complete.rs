//! `Builder::complete`: nothing is dropped while waiting helps. A deadline ends every circle, and then the mode.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::diagnostics::Cause;
use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
use heirloom_core::{builder, never_record_here, Builder, FlushError, Guard, Name, Overload, Report, Settings, Tracer};
use heirloom_harness::watch;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::{process, until, until_all_wait, LONG};

const SHORT: Duration = Duration::from_millis(300);
/// How late a call with a deadline may be, on a machine that does other things too.
const SLACK: Duration = Duration::from_secs(2);

/// The smallest rings and queues, so that everything is soon full.
fn small() -> Builder {
    let mut settings = Settings::default();
    settings.shard_bytes = 64 << 10;
    settings.queue_bytes = 64 << 10;
    settings.verify = true;
    builder("complete").settings(settings)
}

fn flood(tracer: &Tracer, threads: usize, spans: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                let root = tracer.root("root");
                (0..spans).for_each(|i| _ = root.span("span").set("i", i));
            });
        }
    });
}

fn says(report: &Report, what: &str) {
    assert!(report.problems().iter().any(|p| p.contains(what)), "nothing says {what:?} in\n{report}");
}

#[test]
fn a_slow_exporter_gets_everything() {
    let _watch = watch(2 * LONG);
    let slow = Bad::new("slow", Way::Slow(Duration::from_millis(2)));
    let memory = Memory::new();
    let guard = small().exporter(slow.clone()).exporter(memory.clone()).complete(LONG).start().unwrap();
    flood(guard.tracer(), 4, 20_000);
    let report = guard.finish_within(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!((slow.taken(), memory.len()), (4 * 20_001, 4 * 20_001));
    let waits = report.ledger().waits;
    assert!(waits.count > 0 && waits.timed_out == 0, "{waits:?}");
}

#[test]
fn a_batch_larger_than_the_queue_is_delivered() {
    let _watch = watch(2 * LONG);
    let memory = Memory::new();
    let guard = small().exporter(memory.clone()).complete(LONG).start().unwrap();
    for _ in 0..10 {
        // A batch of one span, of 192 KB.
        let span = guard.tracer().root("large");
        (0..12).for_each(|i| _ = span.set(Name::dynamic(&i.to_string()), "x".repeat(16_000)));
    }
    let report = guard.finish_within(LONG);
    assert!(report.is_complete() && memory.len() == 10, "{report}");
    let attributes = memory.spans().iter().map(|span| span.attributes.len()).sum::<usize>();
    assert_eq!(attributes, 120);
}

/// Records until something was refused or dropped.
fn until_lost(tracer: &Tracer) {
    until("something is lost", || {
        (0..1000).for_each(|_| tracer.root("flood").end());
        let ledger = tracer.ledger();
        ledger.transparent.full > 0 || ledger.exporters.iter().any(|e| e.dropped.queue_full() > 0)
    });
}

#[test]
fn the_deadline_ends_the_mode_for_the_rest_of_the_run_and_that_is_reported_once() {
    let _watch = watch(3 * LONG);
    let (door, fine) = (Door::new(), Bad::new("fine", Way::Fine));
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let guard = small()
        .exporter(Bad::new("hangs", Way::Hangs(door.clone())))
        .exporter(fine.clone())
        .on_diagnostic(move |diagnostic| {
            heard.lock().unwrap().push((diagnostic.cause(), diagnostic.message().to_owned()))
        })
        .complete(SHORT)
        .start()
        .unwrap();
    let start = Instant::now();
    until_lost(guard.tracer());
    // The collector waits for the exporter, the thread for the collector: one deadline each at most.
    assert!(start.elapsed() >= SHORT && start.elapsed() < 2 * SHORT + SLACK, "{:?}", start.elapsed());
    let waits = guard.tracer().ledger().waits;
    let (_, took) = (flood(guard.tracer(), 2, 50_000), Instant::now());
    assert!(took.elapsed() < LONG);
    assert_eq!(guard.tracer().ledger().waits.count, waits.count, "nothing waits any more");
    let ended = |said: &[(Cause, String)]| said.iter().filter(|(cause, _)| *cause == Cause::NotComplete).count();
    until("the end of the mode is reported", || ended(&said.lock().unwrap()) > 0);
    until("the other exporter has what was read", || {
        let ledger = guard.tracer().ledger();
        ledger.exporters.iter().find(|e| e.name == "fine").unwrap().queued == 0
    });
    door.open();
    let report = guard.finish_within(LONG);
    says(&report, "nothing waits any more");
    // The collector waits for the exporter as long as the thread waits for the collector.
    let why = [
        "exporter \"hangs\" has made no room in its queue for 300ms",
        "a thread has waited for the collector for 300ms",
    ];
    assert!(report.problems().iter().any(|problem| why.iter().any(|why| problem.contains(why))), "{report}");
    assert!(report.ledger().is_balanced(), "{report}");
    assert_eq!(ended(&said.lock().unwrap()), 1, "{said:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_thread_whose_wait_is_in_vain_ends_the_mode_too() {
    let _watch = watch(2 * LONG);
    let mut settings = Settings::default();
    settings.complete = Some(SHORT);
    // It reads only when it is told to.
    let mut collector = heirloom_core::testing::region::Collector::start(4096, settings).unwrap();
    let tracer = collector.tracer().clone();
    let start = Instant::now();
    while tracer.root("flood").is_recording() {}
    assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT + SLACK, "{:?}", start.elapsed());
    assert_eq!((tracer.ledger().waits.count, tracer.ledger().waits.timed_out), (1, 1));
    // The collector has read: as long as the mode lasts, a thread would wait again.
    collector.pass();
    while tracer.root("flood").is_recording() {}
    assert_eq!(tracer.ledger().waits.count, 1);
}

#[test]
fn after_the_mode_the_setting_for_overload_applies() {
    let _watch = watch(3 * LONG);
    let door = Door::new();
    let overload = Overload::Wait(Duration::from_secs(5));
    let bad = Bad::new("hangs", Way::Hangs(door.clone()));
    let guard = small().overload(overload).exporter(bad).complete(SHORT).start().unwrap();
    until_lost(guard.tracer());
    let before = guard.tracer().ledger();
    flood(guard.tracer(), 1, 50_000);
    let after = guard.tracer().ledger();
    assert!(after.waits.count > before.waits.count && after.waits.timed_out == before.waits.timed_out, "{after:#?}");
    assert_eq!(after.transparent.full, before.transparent.full);
    door.open();
}

#[test]
fn flush_and_finish_keep_their_deadlines() {
    let _watch = watch(2 * LONG);
    let door = Door::new();
    let guard = small().exporter(Bad::new("hangs", Way::Hangs(door.clone()))).complete(LONG).start().unwrap();
    let tracer = guard.tracer().clone();
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| (0..1_000_000).take_while(|_| tracer.root("flood").is_recording()).count());
        door.await_visitor();
        until_all_wait(&tracer);
        let start = Instant::now();
        let error = tracer.flush(SHORT).unwrap_err();
        assert!(matches!(error, FlushError::Timeout { .. }), "{error}");
        assert!(start.elapsed() < SHORT + SLACK, "{:?}", start.elapsed());
        let start = Instant::now();
        let report = guard.finish_within(SHORT);
        assert!(start.elapsed() < SHORT + SLACK, "{:?}", start.elapsed());
        says(&report, "not finished after");
        // The end of the tracer ends the wait, long before its own deadline.
        assert!(worker.join().unwrap() > 0 && start.elapsed() < SHORT + 2 * SLACK, "{:?}", start.elapsed());
    });
    door.open();
}

#[test]
fn an_exporter_that_panics_or_fails_loses_its_own_spans_and_hangs_nothing() {
    let _watch = watch(2 * LONG);
    for way in [Way::Panics, Way::Fails] {
        let fine = Bad::new("fine", Way::Fine);
        let bad = Bad::new("bad", way);
        let guard = small().exporter(bad).exporter(fine.clone()).complete(LONG).start().unwrap();
        flood(guard.tracer(), 2, 10_000);
        let report = guard.finish_within(LONG);
        let ledger = report.ledger();
        assert!(ledger.is_balanced() && ledger.transparent.total() == 0, "{report}");
        assert_eq!((fine.taken(), ledger.exporters[0].dropped.queue_full()), (2 * 10_001, 0));
        assert_eq!(ledger.exporters[0].dropped.total(), 2 * 10_001);
        assert!(!report.problems().iter().any(|p| p.contains("nothing waits any more")), "{report}");
    }
}

/// How an exporter records.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// On the thread on which it is called.
    Here,
    /// On a thread of its own, for which it waits; marked, or not.
    Helper { marked: bool },
}

/// An exporter whose every call records more than its tracer's rings and queues hold.
struct Records {
    tracer: Arc<OnceLock<Tracer>>,
    from: From,
    recorded: Arc<AtomicU64>,
    taken: Arc<AtomicU64>,
}

impl Exporter for Records {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.taken.fetch_add(delivery.len() as u64, Ordering::Relaxed);
        let tracer = self.tracer.get().unwrap().clone();
        let record = || (0..2000).filter(|_| tracer.root("of the exporter").is_recording()).count();
        let recorded = match self.from {
            From::Here => record(),
            From::Helper { marked } => std::thread::scope(|scope| {
                let helper = scope.spawn(|| {
                    if marked {
                        never_record_here();
                    }
                    record()
                });
                helper.join().unwrap()
            }),
        };
        self.recorded.fetch_add(recorded as u64, Ordering::Relaxed);
        Ok(())
    }

    fn name(&self) -> &str {
        "records"
    }
}

fn start_recording_exporter(from: From, deadline: Duration) -> (Guard, Arc<AtomicU64>, Arc<AtomicU64>) {
    let (tracer, recorded, taken) = (Arc::new(OnceLock::new()), Arc::default(), Arc::default());
    let exporter =
        Records { tracer: Arc::clone(&tracer), from, recorded: Arc::clone(&recorded), taken: Arc::clone(&taken) };
    let guard = small().exporter(exporter).complete(deadline).start().unwrap();
    tracer.set(guard.tracer().clone()).unwrap();
    (guard, recorded, taken)
}

#[test]
fn an_exporter_that_records_does_not_wait_for_itself() {
    let _watch = watch(2 * LONG);
    for from in [From::Here, From::Helper { marked: true }] {
        let (guard, recorded, taken) = start_recording_exporter(from, LONG);
        flood(guard.tracer(), 2, 5000);
        let report = guard.finish_within(LONG);
        assert!(report.is_complete(), "{report}");
        assert_eq!((recorded.load(Ordering::Relaxed), taken.load(Ordering::Relaxed)), (0, 2 * 5001));
    }
}

#[test]
fn a_circle_through_a_thread_that_is_not_marked_ends_at_the_deadline() {
    let _watch = watch(3 * LONG);
    let (guard, recorded, _) = start_recording_exporter(From::Helper { marked: false }, SHORT);
    flood(guard.tracer(), 1, 5000);
    until("the circle has closed", || recorded.load(Ordering::Relaxed) > 0);
    let report = guard.finish_within(SHORT);
    says(&report, "nothing waits any more");
}

#[test]
fn a_span_of_a_thread_that_is_marked_later_still_ends() {
    let memory = Memory::new();
    let guard = builder("marked").settings(Settings::default()).exporter(memory.clone()).start().unwrap();
    let tracer = guard.tracer().clone();
    std::thread::spawn(move || {
        let span = tracer.root("before");
        never_record_here();
        assert!(!tracer.root("after").is_recording() && !span.span("child").is_recording());
        span.end();
        assert_eq!(tracer.flush(LONG), Err(FlushError::OwnThread));
    })
    .join()
    .unwrap();
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(memory.spans().iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["before"]);
}

#[cfg(unix)]
#[test]
fn a_process_whose_threads_wait_ends() {
    match process::case() {
        None => {
            let start = Instant::now();
            process::run_well("a_process_whose_threads_wait_ends", "ends", &[]);
            assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
        }
        Some(_) => {
            let door = Door::new();
            let guard =
                small().exporter(Bad::new("hangs", Way::Hangs(door.clone()))).complete(10 * LONG).init().unwrap();
            let tracer = guard.tracer().clone();
            let records = Arc::new(AtomicBool::new(false));
            let started = Arc::clone(&records);
            std::thread::spawn(move || loop {
                tracer.root("flood").end();
                started.store(true, Ordering::Relaxed);
            });
            door.await_visitor();
            until("it records", || records.load(Ordering::Relaxed));
            // Neither finished nor dropped: the end of the process does that, while the thread waits.
            std::mem::forget(guard);
        }
    }
}
