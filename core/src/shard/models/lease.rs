//! Recycling: a shard passes unchanged from one thread to the next, while the collector reads it.

use super::stage::{announce, begin, end, lease, tracer, Passes};
use super::{planted, reached, Model, Planted, Weak};
use crate::pipeline::Shared;
use crate::sync::Edge;
use loom::thread;
use std::collections::HashMap;
use std::sync::Arc;

/// Records a span on this thread and returns the shard, like a short-lived thread. Returns the span, if there was room,
/// and the shard's address.
fn live(tracer: &Arc<Shared>, thread: u64) -> (Option<u64>, usize) {
    let shard = lease(tracer, thread << 32);
    if planted(Planted::FreeTooEarly) {
        tracer.registry.give_back(Arc::clone(&shard));
    }
    let address = Arc::as_ptr(&shard) as usize;
    let span = announce(&shard, thread).and_then(|()| begin(&shard)).ok();
    if let Some(span) = span {
        end(&shard, span, 0);
    }
    if !planted(Planted::FreeTooEarly) {
        tracer.registry.give_back(shard);
    }
    (span, address)
}

fn two_threads() {
    let tracer = tracer(8);
    let mut passes = Passes::new();
    let threads = [1, 2].map(|thread| {
        let tracer = Arc::clone(&tracer);
        thread::spawn(move || live(&tracer, thread))
    });
    passes.pass(&tracer);
    passes.pass(&tracer);
    let lives = threads.map(|thread| thread.join().unwrap());
    passes.settle(&tracer);
    let expected: HashMap<u64, u64> =
        lives.iter().zip(1..).filter_map(|((span, _), thread)| Some(((*span)?, thread))).collect();
    let found: HashMap<u64, u64> = passes.spans().iter().map(|span| (span.span_id.0, span.lane.thread_id)).collect();
    assert_eq!(found, expected, "each span on the lane of its thread");
    assert_eq!(passes.counts().begins, tracer.registry.counts().begun);
    assert_eq!(passes.counts().corrupt, 0);
    if lives[0].1 == lives[1].1 {
        reached(if expected.len() == 2 { "recycled, with room" } else { "recycled, without room" });
    } else {
        reached("two shards");
    }
}

#[test]
fn a_shard_passes_to_the_next_thread_as_it_is() {
    Model {
        name: "recycling",
        run: two_threads,
        at_least: 8000,
        reaches: &["recycled, with room", "recycled, without room", "two shards"],
        mutants: &[
            Planted::FreeTooEarly,
            Weak(Edge::Publish),
            Weak(Edge::SeeHead),
            Weak(Edge::Free),
            Weak(Edge::SeeTail),
        ],
    }
    .check();
}
