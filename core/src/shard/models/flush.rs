//! Flush: everything that was published before the request is assembled when the collector answers.

use super::stage::{begin, end, lease, tracer, Passes};
use super::{hand_over, planted, reached, Model, Planted, Weak};
use crate::pipeline::Shared;
use crate::sync::{AtomicU64, Edge};
use crate::wire::End;
use loom::thread;
use std::sync::Arc;

/// Handles a request like the collector.
fn flush(passes: &mut Passes, tracer: &Shared) {
    match planted(Planted::OnePass) {
        true => drop(passes.pass(tracer)),
        false => passes.settle(tracer),
    }
}

fn spans_around_a_request() {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let asked = Arc::new(AtomicU64::new(0));
    let writer = {
        let (tracer, asked) = (Arc::clone(&tracer), Arc::clone(&asked));
        thread::spawn(move || {
            let shard = lease(&tracer, 1);
            let before = begin(&shard).unwrap();
            end(&shard, before, End::WRITTEN);
            asked.store(before, hand_over().0);
            if let Ok(after) = begin(&shard) {
                end(&shard, after, 0);
            }
        })
    };
    for _ in 0..2 {
        if planted(Planted::PassBeforeRequest) {
            passes.settle(&tracer);
        }
        let before = asked.load(hand_over().1);
        if before == 0 {
            passes.pass(&tracer);
            continue;
        }
        if !planted(Planted::PassBeforeRequest) {
            flush(&mut passes, &tracer);
        }
        reached("asked meanwhile");
        assert!(passes.spans().iter().any(|span| span.span_id.0 == before), "recorded before the request");
        break;
    }
    writer.join().unwrap();
    passes.settle(&tracer);
    assert_eq!(passes.spans().len() as u64, tracer.registry.counts().begun);
    assert_eq!((passes.open(), passes.counts().late), (0, 0));
}

#[test]
fn a_flush_has_everything_that_was_published_before_the_request() {
    Model {
        name: "flush",
        run: spans_around_a_request,
        at_least: 500,
        reaches: &["asked meanwhile"],
        mutants: &[
            Planted::PassBeforeRequest,
            Planted::OnePass,
            Planted::HandOver,
            Weak(Edge::Publish),
            Weak(Edge::SeeHead),
        ],
    }
    .check();
}
