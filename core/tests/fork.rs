//! `fork` inside a span: the child's handles are inert until it starts a tracer, and it ends at once; the parent doesn't
//! notice. A child that starts a tracer records on its own.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod support;

use heirloom_core::diagnostics::{report, Cause, Diagnostic, Level};
use heirloom_core::export::{Delivery, ExportError, Exporter, SpanRef};
use heirloom_core::{builder, in_root, root, span, Builder, Context, FlushError, Guard, SetError, Settings, Span};
use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::process::{self, new_file};

/// A child that has not ended after this many seconds is killed by its alarm.
const CHILD_SECONDS: libc::c_uint = 20;
/// The status of a child whose work panicked.
const PANICKED: i32 = 99;

/// Appends the name of each span to a file, a line each.
struct Lines(std::fs::File);

impl heirloom_core::export::Exporter for Lines {
    fn export(&mut self, delivery: &heirloom_core::export::Delivery) -> Result<(), heirloom_core::export::ExportError> {
        let text: String = delivery.spans().map(|span| format!("{}\n", span.name())).collect();
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
        let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(PANICKED);
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

/// One line of [`Ids`].
#[derive(Debug)]
struct Line {
    name: String,
    trace: String,
    span: String,
    parent: String,
    remote: bool,
}

/// Appends the name and the ids of each span to a file, a line each.
struct Ids(std::fs::File);

impl Exporter for Ids {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let parent = |span: &SpanRef<'_>| span.parent_span_id().map_or_else(|| "-".to_owned(), |id| id.to_string());
        let line = |span: SpanRef<'_>| {
            format!(
                "{} {} {} {} {}\n",
                span.name(),
                span.trace_id(),
                span.span_id(),
                parent(&span),
                span.parent_is_remote()
            )
        };
        let text: String = delivery.spans().map(line).collect();
        self.0.write_all(text.as_bytes()).map_err(|e| ExportError::new(e.to_string()))
    }
}

fn lines(path: &Path) -> Vec<Line> {
    let line = |line: &str| {
        let [name, trace, span, parent, remote] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let text = str::to_owned;
        Line { name: name.into(), trace: text(trace), span: text(span), parent: text(parent), remote: remote == "true" }
    };
    std::fs::read_to_string(path).unwrap().lines().map(line).collect()
}

/// Starts a global tracer in this process, which writes to a new file.
fn init_with(path: &Path) -> Guard {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    builder("forked").settings(Settings::default()).exporter(Ids(file)).verify(true).init().unwrap()
}

/// What a child does with a tracer: spans below one of its parent's, on this thread and another one, and new traces.
fn record_under(parents: Context) {
    let there = |name: &'static str| std::thread::spawn(move || parents.span(name).end()).join().unwrap();
    parents.span("below").in_span("inner", |_| ());
    there("elsewhere");
    in_root("root", |root| root.set("key", 1).in_span("leaf", |_| ()));
    span("current").end(); // the parent's span is still current
}

/// The number of spans of [`record_under`].
const RECORDED: usize = 6;

/// Checks what [`record_under`] wrote below `parents`.
fn check(lines: &[Line], parents: Context) {
    let named = |name: &str| -> Vec<&Line> { lines.iter().filter(|line| line.name == name).collect() };
    assert_eq!(lines.len(), RECORDED, "{lines:?}");
    for name in ["below", "elsewhere", "current"] {
        let [line] = named(name)[..] else { panic!("{name}: {lines:?}") };
        assert_eq!((&line.trace, &line.parent), (&parents.trace_id().to_string(), &parents.span_id().to_string()));
        assert!(line.remote, "{line:?}");
    }
    let (below, inner, root, leaf) = (named("below")[0], named("inner")[0], named("root")[0], named("leaf")[0]);
    assert_eq!((&inner.parent, &leaf.parent, root.parent.as_str()), (&below.span, &root.span, "-"));
    assert!(root.trace != below.trace && leaf.trace == root.trace && !leaf.remote, "{lines:?}");
}

/// Threads of the parent that record all the time, with names that are new to the dictionary.
fn busy(tracer: &heirloom_core::Tracer, stop: &AtomicBool) {
    let mut n = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let name: &'static str = if n < 2_000 { Box::leak(format!("busy{n}").into()) } else { "busy" };
        tracer.in_root(name, |root| root.set("n", n).in_span(name, |_| ()));
        if n % 256 == 0 {
            let _ = tracer.flush(Duration::from_secs(10)); // so that no ring is full
        }
    }
}

#[test]
fn a_forked_child_that_starts_a_tracer_records_and_exports_and_the_parent_goes_on() {
    let test = "a_forked_child_that_starts_a_tracer_records_and_exports_and_the_parent_goes_on";
    if process::case().is_none() {
        return drop(process::run_well(test, "init", &[]));
    }
    let path = new_file("fork-init");
    let mut guard = Some(init_with(&path));
    let tracer = guard.as_ref().unwrap().tracer().clone();
    let stop = AtomicBool::new(false);
    let mut spans = Vec::new();
    std::thread::scope(|s| {
        s.spawn(|| churn(&tracer, &stop));
        s.spawn(|| look(&tracer, &stop));
        s.spawn(|| busy(&tracer, &stop));
        s.spawn(|| busy(&tracer, &stop));
        for round in 0..60 {
            let child = new_file(&format!("fork-init-{round}"));
            let held = root("held");
            let current = held.enter();
            let slot = &mut guard;
            let status = in_a_fork(|| {
                let own = init_with(&child);
                record_under(held.context());
                assert_eq!(tracer.flush(Duration::from_secs(60)), Err(FlushError::Forked));
                let report = own.finish();
                let inherited = slot.take().unwrap().finish().to_string();
                let ledger = report.ledger();
                let all = report.is_complete() && ledger.exported() == RECORDED as u64 && ledger.orphans == Some(0);
                i32::from(!all) + 2 * i32::from(!inherited.contains("child of a fork"))
            });
            assert_eq!(status, 0, "round {round}");
            let own = held.context();
            drop(current);
            drop(held);
            let found = lines(&child);
            check(&found, own);
            spans.extend(found.into_iter().map(|line| (line.name == "root", line.trace, line.span)));
            std::fs::remove_file(&child).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let report = guard.take().unwrap().finish();
    assert!(report.is_complete() && report.ledger().orphans == Some(0), "{report}");
    let own = lines(&path);
    assert_eq!(own.iter().filter(|line| line.name == "held").count(), 60);
    let ids: HashSet<&str> =
        spans.iter().map(|(_, _, span)| span).chain(own.iter().map(|line| &line.span)).map(|id| &**id).collect();
    assert_eq!(ids.len(), spans.len() + own.len(), "no process repeats the ids of another one");
    let roots = spans.iter().filter(|(is_root, ..)| *is_root).map(|(_, trace, _)| trace);
    let held = own.iter().filter(|line| line.name == "held").map(|line| &line.trace);
    assert_eq!(roots.chain(held).collect::<HashSet<&String>>().len(), 2 * 60, "nor its traces");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_exit_of_a_forked_child_finishes_its_own_tracer_and_not_its_parents() {
    let test = "the_exit_of_a_forked_child_finishes_its_own_tracer_and_not_its_parents";
    if process::case().is_none() {
        return drop(process::run_well(test, "exit", &[]));
    }
    let (path, child) = (new_file("fork-exit"), new_file("fork-exit-child"));
    let guard = init_with(&path);
    let held = root("held");
    let scope = held.enter();
    let status = in_a_fork(|| {
        std::mem::forget(init_with(&child));
        record_under(held.context());
        0
    });
    assert_eq!(status, 0);
    check(&lines(&child), held.context());
    drop(scope);
    drop(held);
    assert!(lines(&path).is_empty(), "the child has finished nothing of its parent's");
    assert!(guard.finish().is_complete());
    assert_eq!(lines(&path).len(), 1);
    [path, child].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn each_of_several_processes_that_fork_from_each_other_records_on_its_own() {
    let test = "each_of_several_processes_that_fork_from_each_other_records_on_its_own";
    if process::case().is_none() {
        return drop(process::run_well(test, "nested", &[]));
    }
    /// Starts a tracer, records below `parents`, and lets a fork do the same.
    fn generation(paths: &[PathBuf], parents: Context) {
        let Some((path, rest)) = paths.split_first() else { return };
        let guard = init_with(path);
        record_under(parents);
        let held = root("held");
        let scope = held.enter();
        assert_eq!(in_a_fork(|| (generation(rest, held.context()), 0).1), 0);
        drop(scope);
        drop(held);
        assert!(guard.finish().is_complete());
        let (held, mut own): (Vec<Line>, Vec<Line>) = lines(path).into_iter().partition(|line| line.name == "held");
        if let Some(below) = rest.first() {
            let theirs = lines(below);
            let first = theirs.iter().find(|line| line.name == "below").unwrap();
            assert_eq!((&first.trace, &first.parent), (&held[0].trace, &held[0].span));
        }
        // A thread's own context is current there again, so `current` is a root in the first generation.
        own.retain(|line| line.name != "current");
        assert_eq!(own.len(), RECORDED - 1);
    }
    let paths: Vec<PathBuf> = (0..5).map(|n| new_file(&format!("fork-nested-{n}"))).collect();
    generation(&paths, Context::INERT);
    paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

#[test]
fn a_daemon_records_after_its_second_fork() {
    let test = "a_daemon_records_after_its_second_fork";
    if process::case().is_none() {
        return drop(process::run_well(test, "daemon", &[]));
    }
    let (path, daemon) = (new_file("fork-daemon"), new_file("fork-daemon-child"));
    let guard = init_with(&path);
    let held = root("held");
    let scope = held.enter();
    let status = in_a_fork(|| {
        // As daemon(3): a new session, and the parent of the daemon is gone.
        // SAFETY: no preconditions.
        unsafe { libc::setsid() };
        // SAFETY: the child only uses its own memory and what works after a fork.
        match unsafe { libc::fork() } {
            0 => {
                let own = init_with(&daemon);
                record_under(held.context());
                i32::from(!own.finish().is_complete())
            }
            child => i32::from(child < 0),
        }
    });
    assert_eq!(status, 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !daemon.exists() || lines(&daemon).len() < RECORDED {
        assert!(Instant::now() < deadline, "the daemon has recorded nothing");
        std::thread::yield_now();
    }
    check(&lines(&daemon), held.context());
    drop(scope);
    drop(held);
    assert!(guard.finish().is_complete());
    [path, daemon].iter().for_each(|path| std::fs::remove_file(path).unwrap());
}
