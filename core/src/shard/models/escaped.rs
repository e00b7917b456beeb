//! Spans that other threads write to: an attribute that another thread set before the end is in the span. In the first model the
//! span's own marks say that another thread wrote to it. In the second one only its context was handed out, and the flag of the
//! process says that something was written by a context.

use super::stage::{begin, end, lease, set_elsewhere, tracer, Passes, KEY};
use super::{hand_over, planted, reached, Model, Planted, Weak};
use crate::pipeline::by_context;
use crate::sync::{AtomicU64, Edge};
use crate::wire::End;
use loom::thread;
use std::sync::Arc;

fn set_by_reference() {
    set_before_the_end(if planted(Planted::NotEscaped) { 0 } else { End::WRITTEN }, || (), || ());
}

fn set_by_context() {
    by_context::forget();
    let late = planted(Planted::NotedLate);
    set_before_the_end(
        End::ESCAPED,
        move || {
            if !late {
                by_context::note()
            }
        },
        move || {
            if late {
                by_context::note()
            }
        },
    );
}

/// `before` runs before the other thread publishes its record, `after` once it has told so.
fn set_before_the_end(flags: u16, before: impl FnOnce() + 'static, after: impl FnOnce() + 'static) {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let mine = lease(&tracer, 1);
    let span = begin(&mine).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let helper = {
        let (tracer, done) = (Arc::clone(&tracer), Arc::clone(&done));
        thread::spawn(move || {
            before();
            // A shard that the collector doesn't know yet.
            set_elsewhere(&lease(&tracer, 1 << 32), span, 7);
            done.store(1, hand_over().0);
            thread::yield_now();
            after();
        })
    };
    let owner = thread::spawn(move || {
        let set_before = done.load(hand_over().1) == 1;
        end(&mine, span, flags);
        set_before
    });
    passes.pass(&tracer);
    passes.pass(&tracer);
    let set_before = owner.join().unwrap();
    helper.join().unwrap();
    passes.settle(&tracer);
    let spans = passes.spans();
    assert_eq!((spans.len(), passes.counts().corrupt), (1, 0));
    let there = spans[0].attribute(KEY).is_some();
    assert_eq!(passes.counts().late, u64::from(!there), "in the span, or counted as late");
    if set_before {
        assert!(there, "what was set before the end is in the span");
        reached("set before the end");
    } else {
        reached(if there { "set after the end, in time" } else { "set after the end, too late" });
    }
}

#[test]
fn what_another_thread_set_before_the_end_is_in_the_span() {
    Model {
        name: "escaped span",
        run: set_by_reference,
        at_least: 2000,
        reaches: &["set before the end", "set after the end, in time", "set after the end, too late"],
        mutants: &[Planted::NotEscaped, Planted::HandOver, Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}

#[test]
fn what_was_set_by_the_context_before_the_end_is_in_the_span() {
    Model {
        name: "reached by its context",
        run: set_by_context,
        at_least: 2000,
        reaches: &["set before the end"],
        mutants: &[Planted::NotedLate, Planted::HandOver],
    }
    .check();
}
