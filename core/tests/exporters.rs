//! A backend that is slow, hangs, panics or fails costs counted spans: never latency, never another exporter's spans.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::diagnostics::{Cause, Diagnostic};
use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
use heirloom_core::{builder, testing, Builder, ExporterLedger, FlushError, Ledger, Report, Settings, Tracer};
use heirloom_harness::watch;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::exporters::{Bad, Door, Way};
use support::{until, LONG};

const SHORT: Duration = Duration::from_secs(1);
/// How late a call with a deadline may be, on a machine that does other things too.
const SLACK: Duration = Duration::from_secs(3);

fn start(change: impl FnOnce(Builder) -> Builder) -> heirloom_core::Guard {
    change(builder("exporters").settings(Settings::default()).verify(true)).start().unwrap()
}

fn record(tracer: &Tracer, traces: usize) {
    for _ in 0..traces {
        tracer.in_root("root", |root| root.in_span("child", |_| ()));
    }
}

fn of<'a>(ledger: &'a Ledger, name: &str) -> &'a ExporterLedger {
    ledger.exporters.iter().find(|e| e.name == name).unwrap()
}

fn says(report: &Report, what: &str) {
    assert!(report.problems().iter().any(|p| p.contains(what)), "nothing says {what:?} in\n{report}");
}

/// Records through a bad exporter and two good ones around it, and finishes.
fn finish_with(way: Way) -> (Bad, Report) {
    let (before, after) = (Memory::new(), Bad::new("after", Way::Fine));
    let bad = Bad::new("bad", way);
    let guard = start(|b| b.exporter(before.clone()).exporter(bad.clone()).exporter(after.clone()));
    record(guard.tracer(), 500);
    let start = Instant::now();
    let report = guard.finish_within(SHORT);
    assert!(start.elapsed() < SHORT + SLACK, "finish took {:?}", start.elapsed());
    assert_eq!((before.len(), after.taken()), (1000, 1000), "the others are not affected");
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.orphans == Some(0), "{report}");
    assert_eq!(of(ledger, "after").exported, 1000);
    (bad, report)
}

#[test]
fn an_exporter_that_works_leaves_nothing_to_say() {
    let _watch = watch(2 * LONG);
    let (fine, report) = finish_with(Way::Fine);
    assert_eq!(fine.taken(), 1000);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.to_string().lines().last(), Some(&*report.ledger().to_string()));
}

#[test]
fn an_exporter_that_hangs_for_ever_is_left_behind() {
    let _watch = watch(2 * LONG);
    let door = Door::new();
    let (_, report) = finish_with(Way::Hangs(door.clone()));
    assert_eq!((of(report.ledger(), "bad").exported, of(report.ledger(), "bad").queued), (0, 1000));
    says(&report, "still at work");
    says(&report, "exporter \"bad\": 1000 spans were not delivered by the deadline");
    door.open();
}

#[test]
fn an_exporter_that_panics_loses_its_batches_and_nothing_else() {
    let _watch = watch(2 * LONG);
    let (_, report) = finish_with(Way::Panics);
    assert_eq!(of(report.ledger(), "bad").dropped.panicked, 1000);
    says(&report, "exporter \"bad\" lost 1000 spans: it panicked");
}

#[test]
fn an_exporter_that_fails_loses_its_batches_and_nothing_else() {
    let _watch = watch(2 * LONG);
    let (_, report) = finish_with(Way::Fails);
    let ledger = report.ledger();
    assert_eq!(of(ledger, "bad").dropped.failed, 1000);
    assert_eq!((ledger.exported(), ledger.dropped()), (0, 1000), "those of the exporter that delivered least");
    says(&report, "exporter \"bad\" lost 1000 spans: it failed");
}

#[test]
fn of_a_batch_that_is_partly_refused_the_rest_counts_as_exported() {
    let _watch = watch(2 * LONG);
    let (bad, report) = finish_with(Way::Partly);
    let ledger = of(report.ledger(), "bad");
    assert!(ledger.dropped.failed > 0);
    assert_eq!(ledger.exported, bad.taken());
    assert_eq!(ledger.exported + ledger.dropped.failed, 1000);
    says(&report, "it failed");
}

#[test]
fn an_exporter_that_is_slow_gets_as_much_as_there_is_time_for() {
    let _watch = watch(2 * LONG);
    let (_, report) = finish_with(Way::Slow(10 * SHORT));
    assert_eq!(of(report.ledger(), "bad").queued, 1000);
    says(&report, "not delivered by the deadline");
}

#[test]
fn a_flush_waits_for_a_slow_exporter() {
    let _watch = watch(2 * LONG);
    let slow = Bad::new("slow", Way::Slow(Duration::from_millis(50)));
    let guard = start(|b| b.exporter(slow.clone()));
    record(guard.tracer(), 10);
    guard.tracer().flush(LONG).unwrap();
    assert_eq!(slow.taken(), 20);
    assert!(guard.finish().is_complete());
}

#[test]
fn a_flush_with_a_hanging_exporter_ends_at_its_deadline_and_says_so() {
    let _watch = watch(2 * LONG);
    let door = Door::new();
    let fine = Memory::new();
    let guard = start(|b| b.exporter(Bad::new("bad", Way::Hangs(door.clone()))).exporter(fine.clone()));
    record(guard.tracer(), 10);
    let start = Instant::now();
    let error = guard.tracer().flush(SHORT).unwrap_err();
    assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT + SLACK, "{:?}", start.elapsed());
    let FlushError::Timeout { waiting_for: 1, after } = error else { panic!("{error}") };
    assert!(after >= SHORT);
    assert!(error.to_string().contains("1 of the collector and the exporters"), "{error}");
    assert_eq!(fine.len(), 20, "the others are flushed");
    door.open();
    guard.tracer().flush(LONG).unwrap();
    assert!(guard.finish().is_complete());
}

#[test]
fn a_flush_whose_spans_an_exporter_lost_is_an_error_that_says_why() {
    let _watch = watch(2 * LONG);
    for (way, why) in [(Way::Fails, "the backend said 503"), (Way::Panics, "always panics"), (Way::Partly, "one span")]
    {
        let guard = start(|b| b.exporter(Bad::new("bad", way)).exporter(Memory::new()));
        record(guard.tracer(), 10);
        let error = guard.tracer().flush(LONG).unwrap_err();
        assert!(matches!(error, FlushError::Failed(_)), "{error:?}");
        assert!(error.to_string().contains("exporter \"bad\"") && error.to_string().contains(why), "{error}");
        assert_eq!(guard.tracer().flush(LONG), Ok(()), "nothing was lost since the last flush");
        drop(guard);
    }
}

#[test]
fn a_hanging_exporter_costs_no_memory_beyond_its_queue_and_its_losses_are_counted() {
    const HEALTHY: [&str; 2] = ["fine", "verify"];
    let _watch = watch(2 * LONG);
    let door = Door::new();
    let fine = Bad::new("fine", Way::Fine);
    let guard =
        start(|b| b.queue_bytes(1 << 20).exporter(Bad::new("bad", Way::Hangs(door.clone()))).exporter(fine.clone()));
    let before = support::resident_bytes();
    for _ in 0..400 {
        record(guard.tracer(), 500);
        // The healthy exporters have queues of the same size: on a busy machine they need time to empty them.
        until("the healthy exporters keep up", || {
            let ledger = guard.tracer().ledger();
            ledger.undrained < 1000 && HEALTHY.iter().all(|name| of(&ledger, name).queued < 1000)
        });
    }
    // The ledger's sums hold once the last batch is in every queue.
    until("the healthy exporters have everything", || {
        let ledger = guard.tracer().ledger();
        HEALTHY.iter().all(|name| of(&ledger, name).exported == 400_000)
    });
    let grown = support::resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
    let ledger = guard.tracer().ledger();
    assert!(ledger.is_balanced() && of(&ledger, "bad").dropped.queue_full() > 0, "{ledger:#?}");
    assert_eq!(of(&ledger, "fine").dropped.total(), 0, "{ledger:#?}");
    door.open();
    let report = guard.finish();
    says(&report, "its queue of 1 MiB was full");
    let line = report.ledger().to_string();
    assert!(line.contains(" leaves=") && line.contains(" torn=") && line.contains(" skeletons="), "{line}");
    let dropped = of(report.ledger(), "bad").dropped;
    assert!(dropped.torn * 100 < dropped.traces, "{report}");
    assert!(report.ledger().is_balanced() && of(report.ledger(), "bad").queued == 0, "{report}");
}

#[test]
fn the_bound_of_a_queue_includes_the_span_that_arrives() {
    let _watch = watch(2 * LONG);
    for (bytes, arrives) in [(64 << 10, false), (1 << 20, true)] {
        let memory = Memory::new();
        let guard = start(|b| b.exporter(memory.clone()).queue_bytes(bytes));
        // A batch of one span, of 100 KB.
        let text = "x".repeat(50_000);
        guard.tracer().root("large").set("one", &text).set("two", &text);
        let report = guard.finish();
        let ledger = of(report.ledger(), "memory");
        assert_eq!((ledger.dropped.total(), ledger.skeletons == 0), (0, arrives), "{report}");
        let spans = memory.spans();
        assert_eq!((spans[0].skeleton, spans[0].attributes.len()), (!arrives, if arrives { 2 } else { 0 }));
        assert!(report.ledger().is_balanced(), "{report}");
    }
}

#[test]
fn the_room_of_a_batch_is_free_again_when_its_exporter_returns() {
    let _watch = watch(2 * LONG);
    let memory = Memory::new();
    let guard = start(|b| b.exporter(memory.clone()).queue_bytes(64 << 10));
    let text = "x".repeat(10_000);
    for _ in 0..50 {
        guard.tracer().root("one of many").set("text", &text);
        guard.tracer().flush(LONG).unwrap();
    }
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(memory.spans().len(), 50);
}

#[test]
fn a_call_that_takes_too_long_is_reported_and_its_spans_count_by_its_result() {
    let _watch = watch(2 * LONG);
    let door = Door::new();
    let (builder, said) = impatient();
    let guard = builder.exporter(Bad::new("bad", Way::Hangs(door.clone()))).start().unwrap();
    record(guard.tracer(), 10);
    let _ = guard.tracer().flush(Duration::from_millis(1));
    let message = said.recv_timeout(LONG).unwrap();
    assert!(message.contains("exporter \"bad\" has worked on 20 spans for more than 10ms"), "{message}");
    let late = guard.tracer().ledger();
    assert_eq!((of(&late, "bad").queued, of(&late, "bad").dropped.total()), (20, 0), "they are not lost");
    door.open();
    record(guard.tracer(), 5);
    guard.tracer().flush(LONG).unwrap();
    let report = guard.finish();
    let ledger = of(report.ledger(), "bad");
    assert_eq!((ledger.exported, ledger.dropped.total(), ledger.queued), (30, 0, 0));
    assert!(report.is_complete(), "{report}");
    assert_eq!(said.try_iter().count(), 0, "once");
}

/// A tracer whose exporters have 10 ms for a call, and its messages about those that take longer.
fn impatient() -> (Builder, Receiver<String>) {
    let (sender, said) = channel();
    let sender = Mutex::new(sender);
    let mut settings = Settings::default();
    settings.export_timeout = Duration::from_millis(10);
    let tell = move |diagnostic: &Diagnostic| {
        if diagnostic.cause() == Cause::ExportTimedOut {
            let _ = sender.lock().unwrap().send(diagnostic.message().to_owned());
        }
    };
    (builder("exporters").settings(settings).on_diagnostic(tell), said)
}

/// An exporter that knows that its backend needs long.
struct Patient(Bad);

impl Exporter for Patient {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.export(delivery)
    }

    fn export_timeout(&self) -> Option<Duration> {
        Some(LONG)
    }

    fn name(&self) -> &str {
        "patient"
    }
}

#[test]
fn an_exporter_that_says_how_long_it_takes_has_that_time() {
    let _watch = watch(2 * LONG);
    let doors = [Door::new(), Door::new()];
    let [bad, patient] = doors.each_ref().map(|door| Bad::new("bad", Way::Hangs(door.clone())));
    let (builder, said) = impatient();
    let guard = builder.exporter(Patient(patient)).exporter(bad).start().unwrap();
    record(guard.tracer(), 10);
    let _ = guard.tracer().flush(Duration::from_millis(1));
    assert!(said.recv_timeout(LONG).unwrap().contains("exporter \"bad\""));
    doors.iter().for_each(Door::open);
    let report = guard.finish();
    assert_eq!((of(report.ledger(), "patient").exported, of(report.ledger(), "patient").dropped.total()), (20, 0));
    assert!(report.is_complete(), "{report}");
    assert_eq!(said.try_iter().count(), 0, "nothing of the patient one");
}

/// Its last step takes until the other end of the channel is dropped, and for so long if nothing drops it.
struct Concludes {
    takes: Duration,
    may_take: Option<Duration>,
    wait: Receiver<()>,
}

impl Exporter for Concludes {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&mut self) -> Result<(), ExportError> {
        let _ = self.wait.recv_timeout(self.takes);
        Ok(())
    }

    fn shutdown_timeout(&self) -> Option<Duration> {
        self.may_take
    }
}

#[test]
fn finish_waits_for_a_last_step_that_has_a_time_of_its_own() {
    let _watch = watch(2 * LONG);
    let (_open, wait) = channel();
    let exporter = Concludes { takes: 3 * SHORT, may_take: Some(LONG), wait };
    let guard = start(|b| b.exporter(exporter).finish_timeout(SHORT));
    record(guard.tracer(), 10);
    let start = Instant::now();
    let report = guard.finish();
    assert!(report.is_complete() && start.elapsed() >= 3 * SHORT, "{report} after {:?}", start.elapsed());
}

#[test]
fn a_last_step_that_outlasts_its_own_time_is_reported_and_left_alone() {
    let _watch = watch(2 * LONG);
    for may_take in [None, Some(2 * SHORT)] {
        let (_open, wait) = channel();
        let exporter = Concludes { takes: LONG, may_take, wait };
        let guard = start(|b| b.exporter(exporter).finish_timeout(SHORT));
        record(guard.tracer(), 10);
        let start = Instant::now();
        let report = guard.finish();
        let (took, least) = (start.elapsed(), may_take.unwrap_or(SHORT));
        assert!(took >= least && took < LONG / 2, "{may_take:?}: {took:?}");
        says(&report, "not finished after");
    }
}

/// Does something with the tracer on the exporter's own thread.
struct Inside<F>(F);

impl<F: FnMut() + Send + 'static> Exporter for Inside<F> {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        self.0();
        Ok(())
    }
}

/// The tracer, for an exporter that is made before it.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Option<Tracer>>>);

impl Later {
    fn with<R>(&self, run: impl FnOnce(&Tracer) -> R) -> R {
        let tracer = self.0.lock().unwrap().clone();
        run(&tracer.unwrap())
    }
}

#[test]
fn a_flush_from_an_exporters_thread_is_an_error_at_once() {
    let _watch = watch(2 * LONG);
    let later = Later::default();
    let found = Arc::new(Mutex::new(Vec::new()));
    let (inside, sink) = (later.clone(), Arc::clone(&found));
    let exporter = Inside(move || sink.lock().unwrap().push(inside.with(|t| t.flush(LONG))));
    let guard = start(|b| b.exporter(exporter));
    *later.0.lock().unwrap() = Some(guard.tracer().clone());
    record(guard.tracer(), 1);
    guard.tracer().flush(LONG).unwrap();
    assert_eq!(*found.lock().unwrap(), [Err(FlushError::OwnThread)]);
    assert!(guard.finish().is_complete());
}

#[test]
fn an_exporter_that_records_spans_itself_is_not_recorded() {
    let _watch = watch(2 * LONG);
    let later = Later::default();
    let inside = later.clone();
    let exporter = Inside(move || {
        inside.with(|tracer| {
            tracer.in_root("of the exporter", |span| {
                assert!(!span.is_recording());
                span.set("key", 1).event("event");
                assert!(!heirloom_core::span("ambient").is_recording());
            });
            assert!(tracer.open_spans(LONG).is_empty());
        });
    });
    let memory = Memory::new();
    let guard = start(|b| b.exporter(memory.clone()).exporter(exporter));
    *later.0.lock().unwrap() = Some(guard.tracer().clone());
    for _ in 0..3 {
        record(guard.tracer(), 1);
        guard.tracer().flush(LONG).unwrap();
    }
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!(memory.len(), 6);
}

/// Fails where it is told to.
struct Fails {
    flush: bool,
    shutdown: bool,
    drop: bool,
}

impl Exporter for Fails {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }
    fn flush(&mut self) -> Result<(), ExportError> {
        assert!(!self.flush, "no flush here");
        Ok(())
    }
    fn shutdown(&mut self) -> Result<(), ExportError> {
        if self.shutdown {
            return Err(ExportError::new("the file system is full"));
        }
        Ok(())
    }
    fn name(&self) -> &str {
        "fails"
    }
}

impl Drop for Fails {
    fn drop(&mut self) {
        assert!(!self.drop, "no drop here");
    }
}

#[test]
fn what_fails_in_flush_shutdown_or_drop_of_an_exporter_is_in_the_report() {
    let _watch = watch(2 * LONG);
    let cases = [
        (Fails { flush: true, shutdown: false, drop: false }, "no flush here"),
        (Fails { flush: false, shutdown: true, drop: false }, "the file system is full"),
        (Fails { flush: false, shutdown: false, drop: true }, "no drop here"),
    ];
    for (exporter, why) in cases {
        let guard = start(|b| b.exporter(exporter));
        record(guard.tracer(), 1);
        let report = guard.finish();
        says(&report, "exporter \"fails\": shutdown");
        says(&report, why);
        assert!(report.ledger().is_balanced() && report.ledger().exported() == 2, "{report}");
    }
}

#[test]
fn an_exporter_that_is_full_refuses_the_rest_in_words() {
    let _watch = watch(2 * LONG);
    let guard = start(|b| b.exporter(Memory::bounded(7)));
    record(guard.tracer(), 10);
    let report = guard.finish();
    assert_eq!((report.ledger().exported(), report.ledger().dropped()), (7, 13));
    says(&report, "exporter \"memory\" lost 13 spans: it failed");
}

#[test]
fn without_an_exporter_the_report_says_that_the_spans_went_nowhere() {
    let _watch = watch(2 * LONG);
    let guard = builder("none").settings(Settings::default()).start().unwrap();
    record(guard.tracer(), 3);
    let report = guard.finish();
    says(&report, "6 spans were delivered nowhere");
    assert!(report.ledger().is_balanced());
}

#[test]
fn a_test_that_loses_spans_in_its_exporter_cannot_pass_for_complete() {
    let _watch = watch(2 * LONG);
    testing::run_with(
        |b| b.exporter(Bad::new("bad", Way::Panics)),
        |t| {
            record(t.tracer(), 1);
            assert!(matches!(t.tracer().flush(LONG), Err(FlushError::Failed(_))));
            let complete = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| t.assert_complete()));
            assert!(complete.is_err());
            t.assert_balanced();
        },
    );
}
