//! `fork` inside a span: the child's handles are inert and it ends at once; the parent doesn't notice.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::{builder, root, span, Builder, Context, FlushError, Guard, SetError, Settings, Span};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::process::{self, new_file};

/// A child that has not ended after this many seconds is killed by its alarm.
const CHILD_SECONDS: libc::c_uint = 20;

/// Appends the name of each span to a file, a line each.
struct Lines(std::fs::File);

impl heirloom_core::export::Exporter for Lines {
    fn export(&mut self, batch: &heirloom_core::export::Batch) -> Result<(), heirloom_core::export::ExportError> {
        let text: String = batch.spans().map(|span| format!("{}\n", span.name())).collect();
        self.0.write_all(text.as_bytes()).map_err(|e| heirloom_core::export::ExportError::new(e.to_string()))
    }
}

/// Forks; the child does `work` and exits with its result, running its exit handlers. Returns its status.
fn in_a_fork(work: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child only uses what works after a fork: its own memory, `alarm` and `exit`.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        // SAFETY: no preconditions; the default action of the signal ends the process.
        unsafe { libc::alarm(CHILD_SECONDS) };
        let code = work();
        // SAFETY: no other thread exists, and exit handlers may run: that is what is tested.
        unsafe { libc::exit(code) };
    }
    let mut status = 0;
    // SAFETY: the pointer is to a live integer.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status
}

/// Everything that a child may call. Returns the number of the first promise that is broken; zero if none is.
fn everything_is_inert(guard: Guard, held: &Span) -> i32 {
    let tracer = guard.tracer().clone();
    let checks = [
        !root("child root").is_recording(),
        !span("child span").is_recording(),
        !held.span("child of held").is_recording(),
        !tracer.root("child root").is_recording(),
        matches!(held.try_set("key", 1), Err(SetError::NotRecording)),
        held.event("event").link(held).error("no").rename("other").context().is_valid(),
        held.in_span("in", |inner| !inner.is_recording() && Context::current() == inner.context()),
        tracer.flush(Duration::from_secs(60)) == Err(FlushError::Forked),
        tracer.open_spans(Duration::from_secs(60)).is_empty(),
        tracer.ledger().is_balanced(),
        guard.finish().to_string().contains("child of a fork"),
        heirloom_core::in_root("after", |after| !after.is_recording()),
    ];
    checks.iter().position(|ok| !ok).map_or(0, |at| at as i32 + 1)
}

/// Threads that come and go, so that a fork meets every lock in every state.
fn churn(tracer: &heirloom_core::Tracer, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let tracer = tracer.clone();
        std::thread::spawn(move || tracer.root("churn").end()).join().unwrap();
    }
}

/// Holds the locks of the ledger and of the shards' registry most of the time.
fn look(tracer: &heirloom_core::Tracer, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        drop(tracer.ledger());
    }
}

fn forks_with(start: impl Fn(Builder) -> Guard) {
    let path = new_file("fork");
    let lines = Lines(std::fs::File::create_new(&path).unwrap());
    let guard = start(builder("fork").settings(Settings::default()).exporter(lines).verify(true));
    let tracer = guard.tracer().clone();
    let scope = tracer.enter();
    let stop = AtomicBool::new(false);
    let rounds = 100;
    let mut guard = Some(guard);
    std::thread::scope(|s| {
        s.spawn(|| churn(&tracer, &stop));
        s.spawn(|| look(&tracer, &stop));
        for _ in 0..rounds {
            let held = root("held");
            let current = held.enter();
            let queued = held.span("queued before the fork");
            queued.end();
            let start = Instant::now();
            // Moved into the closure, which only the child calls; the parent gets it back.
            let slot = &mut guard;
            let status = in_a_fork(|| everything_is_inert(slot.take().unwrap(), &held));
            assert_eq!(status, 0, "the child's status after {:?}", start.elapsed());
            held.span("after the fork").end();
            drop(current);
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(scope);
    let report = guard.take().unwrap().finish();
    let ledger = report.ledger();
    assert!(report.is_complete() && ledger.orphans == Some(0), "{report}");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let count = |name: &str| text.lines().filter(|line| *line == name).count();
    for name in ["held", "queued before the fork", "after the fork"] {
        assert_eq!(count(name), rounds, "{name}");
    }
    assert_eq!(text.lines().count() as u64, ledger.exported(), "nothing is there twice");
    assert_eq!(text.lines().filter(|line| line.starts_with("child")).count(), 0);
}

#[test]
fn a_fork_inside_a_span_of_the_global_tracer_is_inert_in_the_child() {
    match process::case() {
        None => {
            drop(process::run_well("a_fork_inside_a_span_of_the_global_tracer_is_inert_in_the_child", "global", &[]))
        }
        Some(_) => forks_with(|b| b.init().unwrap()),
    }
}

#[test]
fn a_fork_inside_a_span_of_a_tracer_of_its_own_is_inert_in_the_child() {
    match process::case() {
        None => {
            drop(process::run_well("a_fork_inside_a_span_of_a_tracer_of_its_own_is_inert_in_the_child", "own", &[]))
        }
        Some(_) => forks_with(|b| b.start().unwrap()),
    }
}

#[test]
fn a_child_that_returns_from_everything_drops_its_guards_and_spans_without_a_trace() {
    match process::case() {
        None => {
            let test = "a_child_that_returns_from_everything_drops_its_guards_and_spans_without_a_trace";
            drop(process::run_well(test, "drop", &[]));
        }
        Some(_) => {
            let path = new_file("fork-drop");
            let lines = Lines(std::fs::File::create_new(&path).unwrap());
            let guard = builder("fork").settings(Settings::default()).exporter(lines).init().unwrap();
            let held = root("held");
            let mut kept = Some((guard, held));
            let slot = &mut kept;
            let status = in_a_fork(|| {
                drop(slot.take());
                0
            });
            assert_eq!(status, 0);
            let (guard, held) = kept.take().unwrap();
            held.end();
            assert!(guard.finish().is_complete());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "held\n");
            std::fs::remove_file(&path).unwrap();
        }
    }
}

/// The threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_child_reports_through_a_channel_of_its_own_whatever_its_parents_was_doing() {
    let test = "a_child_reports_through_a_channel_of_its_own_whatever_its_parents_was_doing";
    let rounds = 50;
    if process::case().is_none() {
        let text = process::run_well(test, "channel", &[]);
        for n in 0..rounds {
            assert_eq!(text.lines().filter(|line| *line == format!("heirloom: child {n}")).count(), 1, "{text}");
        }
        return;
    }
    let say = |text: String| report(Diagnostic::new(Level::Warn, Cause::Late, text));
    let guard = builder("fork").settings(Settings::default()).init().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        // Holds the lock of the parent's channel often, and keeps its thread at work.
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                say("parent".to_owned());
            }
        });
        let child = |n| {
            say(format!("child {n}"));
            let start = Instant::now();
            while threads() > 1 && start.elapsed() < Duration::from_secs(10) {
                std::thread::yield_now();
            }
            i32::from(threads() > 1)
        };
        let failed = (0..rounds).find(|n| in_a_fork(|| child(*n)) != 0);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(failed, None, "a child's message was not written");
    });
    drop(guard.finish());
}
