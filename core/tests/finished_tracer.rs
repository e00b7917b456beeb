//! Contexts that outlive their tracer: new traces are the global tracer's, lost children are counted.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::Memory;
use heirloom_core::{builder, in_root, root, span, Builder, Context, Guard, Settings, Span, Tracer};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counts and the global tracer belong to the process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn settings() -> Builder {
    builder("finished").settings(Settings::default()).verify(true)
}

/// A tracer that has finished, a context of one of its spans, and a context of a remote parent that is bound to it.
fn finished() -> (Tracer, Context, Context) {
    let guard = settings().start().unwrap();
    let tracer = guard.tracer().clone();
    let span = tracer.root("before the end");
    let remote = tracer.extract("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None).unwrap();
    let local = span.context();
    drop(span);
    assert!(guard.finish().ledger().is_balanced());
    (tracer, local, remote)
}

/// Starts a root in each way that has a tracer which has finished.
fn roots(tracer: &Tracer, local: Context, remote: Context) -> Vec<bool> {
    let recorded = |span: Span| span.is_recording();
    let entered = |work: &dyn Fn() -> bool| {
        let _scope = tracer.enter();
        work()
    };
    let inside = |work: &dyn Fn() -> bool| {
        let _scope = local.enter();
        work()
    };
    vec![
        recorded(tracer.root("root")),
        recorded(tracer.context().span("root")),
        tracer.in_root("root", Span::is_recording),
        recorded(tracer.context().build("root").start()),
        entered(&|| recorded(root("root"))),
        entered(&|| recorded(span("root"))),
        entered(&|| in_root("root", Span::is_recording)),
        inside(&|| recorded(root("root"))),
        inside(&|| in_root("root", |root| root.in_span("child", Span::is_recording))),
        recorded(remote.span("below a remote parent")),
    ]
}

fn global() -> (Guard, Memory) {
    let memory = Memory::new();
    (settings().exporter(memory.clone()).init().unwrap(), memory)
}

#[test]
fn a_root_of_a_finished_tracer_is_recorded_by_the_global_one() {
    let _alone = alone();
    let (tracer, local, remote) = finished();
    let (guard, memory) = global();
    // This thread had a shard of the finished tracer, the other one had none.
    let here = roots(&tracer, local, remote);
    let there = std::thread::scope(|s| s.spawn(|| roots(&tracer, local, remote)).join().unwrap());
    let all = here.iter().chain(&there).filter(|recorded| **recorded).count();
    assert_eq!(all, here.len() + there.len(), "{here:?} {there:?}");
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.ledger().after_finish, memory.spans().len()), (0, all + 2));
}

#[test]
fn a_child_of_a_finished_tracers_span_counts_as_lost() {
    let _alone = alone();
    let (guard, memory) = global();
    let (tracer, local, _) = finished();
    let start = |n: usize| (0..n).for_each(|_| drop(local.span("lost")));
    std::thread::scope(|s| s.spawn(|| start(4)).join().unwrap());
    assert_eq!(guard.tracer().ledger().after_finish, 4, "on a thread that never had a shard of that tracer");
    // This thread has one. What still fits there is in that tracer's ledger, whose collector doesn't read it any more.
    start(3);
    let theirs = tracer.ledger();
    assert_eq!(theirs.undrained + theirs.transparent.closed, 3, "{theirs:?}");
    // Its room ends: from then on each is refused, and counted for the process.
    let recorded = (0..100_000).filter(|_| local.span("lost").is_recording()).count() as u64;
    let (theirs, ours) = (tracer.ledger(), guard.tracer().ledger());
    assert_eq!(theirs.undrained, 3 + recorded, "{theirs:?}");
    assert_eq!((theirs.transparent.closed, ours.after_finish), (100_000 - recorded, 4 + 100_000 - recorded));
    assert!(recorded < 50_000, "{recorded}");
    let here = local.in_span("lost", |lost| lost.context().trace_id());
    assert_eq!(here, local.trace_id(), "it hands on its parent");
    let report = guard.finish();
    assert_eq!(memory.spans().len(), 0);
    assert!(report.ledger().after_finish > 50_000 && report.is_complete(), "{report}");
}

#[test]
fn without_a_global_tracer_such_a_root_hands_on_nothing_and_loses_nothing() {
    let _alone = alone();
    let (tracer, local, remote) = finished();
    assert!(roots(&tracer, local, remote).iter().all(|recorded| !recorded));
    let through = remote.in_span("through", |span| span.context().to_headers().0);
    assert_eq!(through.as_deref(), Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_eq!(tracer.ledger().after_finish, 0);
}
