//! Escaped spans: an attribute that another thread set before the end is in the span.

use super::stage::{begin, end, lease, set_elsewhere, tracer, Passes, KEY};
use super::{hand_over, planted, reached, Model, Planted, Weak};
use crate::sync::{AtomicU64, Edge};
use crate::wire::End;
use loom::thread;
use std::sync::Arc;

fn set_before_the_end() {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let mine = lease(&tracer, 1);
    let span = begin(&mine).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let helper = {
        let (tracer, done) = (Arc::clone(&tracer), Arc::clone(&done));
        thread::spawn(move || {
            // A shard that the collector doesn't know yet.
            set_elsewhere(&lease(&tracer, 1 << 32), span, 7);
            done.store(1, hand_over().0);
        })
    };
    let owner = thread::spawn(move || {
        let set_before = done.load(hand_over().1) == 1;
        end(&mine, span, if planted(Planted::NotEscaped) { 0 } else { End::ESCAPED });
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
        run: set_before_the_end,
        at_least: 2000,
        reaches: &["set before the end", "set after the end, in time", "set after the end, too late"],
        mutants: &[Planted::NotEscaped, Planted::HandOver, Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}
