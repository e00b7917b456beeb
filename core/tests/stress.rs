//! Many threads record at once, end each other's spans and come and go: everything arrives, and arrives whole. Short, so
//! that it can run under the sanitizers (`ci/sanitize.sh`), whose eyes are on the memory of the rings.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::testing::{self, Testing};
use heirloom_core::{Context, Span};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread;

/// Threads that record at the same time.
const THREADS: u64 = 4;
/// How often all of them are replaced by new ones, which take the shards over.
const GENERATIONS: u64 = 5;
/// Spans of each thread.
const SPANS: u64 = 400;

/// A span that carries its number in several forms, so that a torn one shows.
fn numbered(parent: Context, number: u64) -> Span {
    let span = parent.span("numbered");
    span.set("number", number).set("text", text_of(number)).set("inverted", !(number as i64));
    span
}

fn text_of(number: u64) -> String {
    // Of all lengths from a word to a third of a record.
    format!("{number:08}").repeat(1 + number as usize % 170)
}

fn check_every_span(t: &Testing, expected: u64) {
    let spans = t.spans();
    let mut numbers = Vec::new();
    for span in spans.iter().filter(|span| span.name == "numbered") {
        let get = |key| span.attribute(key).cloned();
        let text = get("text").map(|text| text.to_string()).unwrap();
        let number: u64 = text[..8].parse().unwrap();
        assert_eq!(text, text_of(number));
        assert_eq!(get("number"), Some(number.into()));
        assert_eq!(get("inverted"), Some((!(number as i64)).into()));
        numbers.push(number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..expected).collect::<Vec<_>>());
    t.assert_complete();
}

#[test]
fn spans_of_threads_that_come_and_go_arrive_whole() {
    testing::run_with(
        |b| b.shard_bytes(1 << 24),
        |t| {
            let root = heirloom_core::root("root");
            let cx = root.context();
            for generation in 0..GENERATIONS {
                thread::scope(|s| {
                    for thread in 0..THREADS {
                        let first = (generation * THREADS + thread) * SPANS;
                        s.spawn(move || (first..first + SPANS).for_each(|number| numbered(cx, number).end()));
                    }
                });
            }
            root.end();
            check_every_span(t, GENERATIONS * THREADS * SPANS);
        },
    );
}

#[test]
fn spans_that_end_on_other_threads_arrive_whole() {
    testing::run_with(
        |b| b.shard_bytes(1 << 24),
        |t| {
            let root = heirloom_core::root("root");
            let cx = root.context();
            for generation in 0..GENERATIONS {
                thread::scope(|s| {
                    let (first, mut from): (Sender<Span>, Receiver<Span>) = channel();
                    let mut to = Some(first);
                    // A ring of threads: each ends what the one before it began, and writes to it before.
                    for thread in 0..THREADS {
                        let (next, after) = channel();
                        let mine = std::mem::replace(&mut from, after);
                        let first = (generation * THREADS + thread) * SPANS;
                        let last = (thread == THREADS - 1).then(|| to.take()).flatten();
                        s.spawn(move || pass_on(cx, first, last.unwrap_or(next), &mine));
                    }
                });
            }
            root.end();
            check_every_span(t, GENERATIONS * THREADS * SPANS);
        },
    );
}

/// Begins spans and gives them to `to`, and ends as many from `from`.
fn pass_on(cx: Context, first: u64, to: Sender<Span>, from: &Receiver<Span>) {
    for number in first..first + SPANS {
        to.send(numbered(cx, number)).unwrap();
        let theirs = from.recv().unwrap();
        theirs.set("ended by another thread", true);
        theirs.end();
    }
}

#[test]
fn an_overloaded_ring_loses_whole_spans_and_counts_each() {
    testing::run_with(
        |b| b.shard_bytes(1 << 16),
        |t| {
            let root = heirloom_core::root("root");
            let cx = root.context();
            thread::scope(|s| {
                for thread in 0..THREADS {
                    let first = thread * 10 * SPANS;
                    // Three of four stay open: their ends alone need more room than the ring has.
                    s.spawn(move || {
                        let open = |number| Some(numbered(cx, number)).filter(|_| number % 4 > 0);
                        drop((first..first + 10 * SPANS).filter_map(open).collect::<Vec<_>>());
                    });
                }
            });
            root.end();
            t.assert_balanced();
            let ledger = t.tracer().ledger();
            assert!(ledger.transparent.full > THREADS * SPANS / 4, "nothing had to be lost: {ledger}");
            assert!(ledger.assembled > 100, "hardly anything was recorded: {ledger}");
            assert_eq!(ledger.begun, 1 + THREADS * 10 * SPANS);
            assert_eq!(ledger.assembled, ledger.begun - ledger.transparent.total());
            // What is there of each span is its own.
            for span in t.spans() {
                let text = span.attribute("text").map(ToString::to_string);
                let number = text.as_ref().map(|text| text[..8].parse().unwrap());
                assert_eq!(text, number.map(text_of));
            }
        },
    );
}
