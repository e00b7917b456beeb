//! Ends on other threads: in another shard or in the overflow, read before their begin or after it; the credit is
//! returned.

use super::stage::{begin, end, end_elsewhere, is_empty, lease, stray, tracer, Passes, Shard};
use super::{hand_over, planted, reached, Model, Planted, Weak};
use crate::pipeline::Shared;
use crate::shard::Refused;
use crate::sync::{AtomicU64, Edge};
use crate::wire::{Begin, End};
use loom::thread::{self, JoinHandle};
use std::sync::Arc;

/// The place where one thread leaves a span for another.
#[derive(Clone)]
struct HandOver(Arc<AtomicU64>);

impl HandOver {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    fn give(&self, span: u64) {
        self.0.store(span, hand_over().0);
    }

    fn take(&self) -> Option<u64> {
        Some(self.0.load(hand_over().1)).filter(|span| *span != 0)
    }
}

/// A thread that starts a span in its shard and hands it over.
fn beginner(tracer: &Arc<Shared>, to: &HandOver) -> JoinHandle<Arc<Shard>> {
    let (tracer, to) = (Arc::clone(tracer), to.clone());
    thread::spawn(move || {
        let shard = lease(&tracer, 1);
        to.give(begin(&shard).unwrap());
        shard
    })
}

/// After both threads are done: the span is finished once if it was ended, and its room is free again.
fn check_at_rest(tracer: &Shared, passes: &mut Passes, begun_in: &Shard, ended: bool) {
    passes.settle(tracer);
    let counts = passes.counts();
    assert_eq!((counts.begins, counts.late, counts.corrupt), (1, 0, 0));
    assert_eq!((passes.spans().len(), passes.open()), if ended { (1, 0) } else { (0, 1) });
    assert_eq!(is_empty(begun_in), ended, "the reservation");
    reached(if ended { "ended elsewhere" } else { "left open" });
}

fn end_in_another_shard() {
    let (tracer, told) = (tracer(8), HandOver::new());
    let mut passes = Passes::new();
    let theirs = lease(&tracer, 1 << 32);
    let first = beginner(&tracer, &told);
    let second = {
        let (tracer, told) = (Arc::clone(&tracer), told);
        thread::spawn(move || told.take().map(|span| end_elsewhere(&tracer, &theirs, span)).is_some())
    };
    let mut bytes = 0;
    for _ in 0..2 {
        bytes += passes.pass(&tracer).0;
        if bytes == End::BYTES {
            reached("the end before the begin");
            bytes += passes.pass(&tracer).0;
            assert_eq!(bytes, Begin::BYTES + End::BYTES, "the next pass sees the begin");
        }
    }
    let begun_in = first.join().unwrap();
    let ended = second.join().unwrap();
    check_at_rest(&tracer, &mut passes, &begun_in, ended);
}

#[test]
fn an_end_that_overtook_its_begin_finds_it_in_the_next_pass() {
    Model {
        name: "end before begin",
        run: end_in_another_shard,
        at_least: 1000,
        reaches: &["the end before the begin", "ended elsewhere", "left open"],
        mutants: &[Planted::HandOver, Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}

fn end_in_the_overflow() {
    let (tracer, told) = (tracer(8), HandOver::new());
    let mut passes = Passes::new();
    let first = beginner(&tracer, &told);
    let second = {
        let (tracer, told) = (Arc::clone(&tracer), told);
        thread::spawn(move || told.take().map(|span| tracer.overflow(stray(span))).is_some())
    };
    for _ in 0..2 {
        let (bytes, waits) = passes.pass(&tracer);
        if waits && passes.counts().begins == 0 {
            assert_eq!(bytes, 0);
            reached("the end before the begin");
            assert_eq!(passes.pass(&tracer).0, Begin::BYTES, "the next pass sees the begin");
        }
    }
    let begun_in = first.join().unwrap();
    let ended = second.join().unwrap();
    check_at_rest(&tracer, &mut passes, &begun_in, ended);
}

#[test]
fn an_end_in_the_overflow_is_not_lost() {
    Model {
        name: "overflow",
        run: end_in_the_overflow,
        at_least: 800,
        reaches: &["the end before the begin", "ended elsewhere", "left open"],
        mutants: &[Planted::HandOver, Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}

/// One span may be open. The second one must wait until the collector has returned the room of the first one's end.
fn one_span_at_a_time() {
    let tracer = tracer(1);
    let mut passes = Passes::new();
    if planted(Planted::CreditTwice) {
        passes.give_back_twice();
    }
    let (mine, theirs) = (lease(&tracer, 1), lease(&tracer, 1 << 32));
    let first = begin(&mine).unwrap();
    let owner = {
        let mine = Arc::clone(&mine);
        thread::spawn(move || (0..2).filter(|_| begin_and_end(&mine)).count())
    };
    let other = {
        let tracer = Arc::clone(&tracer);
        thread::spawn(move || end_elsewhere(&tracer, &theirs, first))
    };
    passes.pass(&tracer);
    passes.pass(&tracer);
    let more = owner.join().unwrap();
    other.join().unwrap();
    passes.settle(&tracer);
    let counts = passes.counts();
    assert_eq!((passes.spans().len(), counts.begins as usize, counts.late), (1 + more, 1 + more, 0));
    assert!(is_empty(&mine), "the reservation");
}

/// Records a span if there is room, and tries meanwhile to start one too many.
fn begin_and_end(shard: &Shard) -> bool {
    match begin(shard) {
        Ok(span) => {
            assert_eq!(begin(shard), Err(Refused::OpenCap), "one is open");
            end(shard, span, 0);
            reached("another span");
            true
        }
        Err(why) => {
            reached(if why == Refused::OpenCap { "the cap" } else { "no room" });
            false
        }
    }
}

#[test]
fn a_reservation_comes_back_once_after_an_end_elsewhere() {
    Model {
        name: "credits",
        run: one_span_at_a_time,
        at_least: 300,
        reaches: &["another span", "the cap"],
        mutants: &[Planted::CreditTwice, Weak(Edge::Publish), Weak(Edge::SeeHead)],
    }
    .check();
}
