//! Guards that are leaked, dropped out of order or while the thread exits.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{builder, in_root, in_span, root, span, testing, Context, Settings, Span};
use std::cell::RefCell;
use std::mem::forget;
use std::sync::atomic::{AtomicU64, Ordering};
use support::exporters::{Bad, Way};
use support::process;

#[test]
fn a_leaked_scope_ends_with_the_scope_around_it() {
    testing::run(|t| {
        let before = Context::current();
        in_root("job", |job| {
            for _ in 0..100 {
                forget(span("leaky").enter());
                forget(Context::INERT.enter());
            }
            in_span("inside", |_| ());
            job.span("child").end();
        });
        assert_eq!(Context::current(), before, "the next job of this thread finds nothing of it");
        t.assert_balanced();
    });
}

#[test]
fn scopes_that_end_in_the_wrong_order_leave_nothing_behind() {
    testing::run(|_| {
        let before = Context::current();
        let (a, b, c) = (root("a"), root("b"), root("c"));
        let outer = a.enter();
        let middle = b.enter();
        let inner = c.enter();
        drop(outer);
        assert_eq!(Context::current(), before);
        drop(inner);
        assert_eq!(Context::current(), before);
        drop(middle);
        assert_eq!(Context::current(), before);
    });
}

#[test]
fn a_scope_that_outlived_its_job_changes_nothing_in_the_next_one() {
    testing::run(|_| {
        let before = Context::current();
        let (first, kept, second, deep) = (root("first"), root("kept"), root("second"), root("deep"));
        let job = first.enter();
        let outlives = kept.enter();
        drop(job);
        let job = second.enter();
        let inner = deep.enter();
        drop(outlives);
        assert_eq!(Context::current(), deep.context());
        drop(inner);
        assert_eq!(Context::current(), second.context());
        drop(job);
        assert_eq!(Context::current(), before);
    });
}

#[test]
fn scopes_nest_as_deeply_as_the_program_does() {
    fn nest(depth: u32) {
        let span = span("level");
        let scope = span.enter();
        if depth > 0 {
            nest(depth - 1);
        }
        assert_eq!(Context::current(), span.context(), "at {depth}");
        drop(scope);
    }
    testing::run(|t| {
        let before = Context::current();
        nest(300);
        assert_eq!(Context::current(), before);
        t.assert_complete();
    });
}

#[test]
fn spans_may_end_in_any_order() {
    testing::run(|t| {
        let root = root("root");
        let mut spans: Vec<Span> = (0..100).map(|_| root.span("child")).collect();
        drop(root);
        while !spans.is_empty() {
            drop(spans.swap_remove(spans.len() * 7 % 10 % spans.len()));
        }
        assert_eq!(t.spans().len(), 101);
        t.assert_complete();
    });
}

#[test]
fn leaked_spans_are_exported_as_incomplete_and_their_children_as_they_are() {
    let ((), report, spans) = testing::run_to_the_end(
        |b| b,
        |_| {
            for _ in 0..10 {
                let leaked = root("leaked");
                leaked.set("key", "kept").event("kept");
                leaked.span("child").end();
                forget(leaked);
            }
        },
    );
    let ledger = report.ledger();
    assert_eq!((ledger.incomplete, ledger.assembled, ledger.orphans), (10, 20, Some(0)), "{report}");
    assert!(ledger.is_balanced() && report.to_string().contains("10 spans were still open"), "{report}");
    let leaked: Vec<_> = spans.iter().filter(|s| s.incomplete).collect();
    assert!(leaked.len() == 10 && leaked.iter().all(|s| s.attributes.len() == 1 && s.events.len() == 1));
}

#[test]
fn a_span_that_outlives_its_tracer_is_harmless() {
    let guard = builder("short").settings(Settings::default()).exporter(Bad::new("fine", Way::Fine)).start().unwrap();
    let tracer = guard.tracer().clone();
    let outlives = tracer.root("outlives");
    let report = guard.finish();
    assert_eq!((report.ledger().incomplete, report.ledger().open), (1, 0));
    outlives.set("key", 1).event("late");
    let child = outlives.span("child");
    let cx = outlives.context();
    std::thread::spawn(move || {
        cx.in_span("elsewhere", |s| {
            s.set("key", 1);
        })
    })
    .join()
    .unwrap();
    drop((child, outlives));
    assert!(!tracer.root("late").is_recording() || tracer.ledger().is_balanced());
    assert!(tracer.ledger().is_balanced(), "{:?}", tracer.ledger());
}

/// Ends the span that it holds, and begins others, when the thread exits.
struct AtExit(RefCell<Vec<Span>>);

static RECORDED_AT_EXIT: AtomicU64 = AtomicU64::new(0);
static REFUSED_AT_EXIT: AtomicU64 = AtomicU64::new(0);

impl Drop for AtExit {
    fn drop(&mut self) {
        for held in self.0.get_mut().drain(..) {
            held.set("at exit", true).event("at exit");
            let child = held.span("child at exit");
            let count = if child.is_recording() { &RECORDED_AT_EXIT } else { &REFUSED_AT_EXIT };
            count.fetch_add(1, Ordering::Relaxed);
            in_root("root at exit", |root| {
                let count = if root.is_recording() { &RECORDED_AT_EXIT } else { &REFUSED_AT_EXIT };
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
    }
}

thread_local! {
    static BEFORE: AtExit = const { AtExit(RefCell::new(Vec::new())) };
    static AFTER: AtExit = const { AtExit(RefCell::new(Vec::new())) };
}

/// A thread whose thread-locals hold spans: one that was registered before the thread's first span, one after it.
fn exit_with_spans(cx: Context, on_another_thread: bool) {
    let work = move || {
        forget(cx.enter());
        BEFORE.with(|_| ());
        let first = cx.span("held");
        AFTER.with(|_| ());
        BEFORE.with(|held| held.0.borrow_mut().push(first));
        AFTER.with(|held| held.0.borrow_mut().push(cx.span("held")));
    };
    if on_another_thread {
        std::thread::spawn(work).join().unwrap();
    } else {
        std::thread::scope(|scope| drop(scope.spawn(work)));
    }
}

#[test]
fn spans_that_end_or_begin_while_their_thread_exits_are_recorded_or_counted() {
    if process::case().is_none() {
        let test = "spans_that_end_or_begin_while_their_thread_exits_are_recorded_or_counted";
        process::run_well(test, "alone", &[]);
        return;
    }
    let ((), report, spans) = testing::run_to_the_end(
        |b| b,
        |t| {
            let root = root("root");
            for i in 0..200 {
                exit_with_spans(root.context(), i % 2 == 0);
            }
            drop(root);
            // A scoped thread's destructors may run after its scope has returned.
            support::until("every thread has exited", || t.tracer().open_spans(support::LONG).is_empty());
        },
    );
    let (recorded, refused) = (RECORDED_AT_EXIT.load(Ordering::Relaxed), REFUSED_AT_EXIT.load(Ordering::Relaxed));
    assert_eq!(recorded + refused, 2 * 2 * 200);
    let ledger = report.ledger();
    assert!(ledger.is_balanced() && ledger.orphans == Some(0) && ledger.corrupt == 0, "{report}");
    assert_eq!((ledger.incomplete, ledger.assembled), (0, 1 + 400 + recorded), "{report}");
    assert_eq!(spans.iter().filter(|s| s.name == "held").count(), 400, "every end arrived");
    assert!(refused > 0, "one of the two is destroyed after the thread's shard is given back");
    let says = format!("{refused} spans were not recorded because their thread was exiting");
    assert!(report.problems().contains(&says), "no {says:?} in {report}");
    let ((), report, _) = testing::run_to_the_end(|b| b, |_| root("later").end());
    assert!(report.is_complete(), "what happened before a tracer started is not in its report: {report}");
}
