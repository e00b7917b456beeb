//! Which spans occupy their thread, and which are leaves: as the collector finds out, whenever it looks.
#![cfg(all(feature = "record", feature = "async"))]
#![allow(clippy::unwrap_used, clippy::incompatible_msrv, missing_docs)]

use heirloom_core::export::SpanData;
use heirloom_core::future::FutureExt as _;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{root, Context, Span};
use std::collections::BTreeMap;
use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::Duration;

/// What is true of each span, by name.
fn by_name(t: &Testing, what: fn(&SpanData) -> bool) -> BTreeMap<String, bool> {
    t.spans().iter().map(|span| (span.name.clone(), what(span))).collect()
}

fn expected(all: &[(&str, bool)]) -> BTreeMap<String, bool> {
    all.iter().map(|(name, is)| ((*name).to_owned(), *is)).collect()
}

/// Whether each span is nested, of a tracer that has finished.
fn nested_at_the_end(spans: &[SpanData]) -> BTreeMap<String, bool> {
    spans.iter().map(|span| (span.name.clone(), span.nested)).collect()
}

fn nested(t: &Testing) -> BTreeMap<String, bool> {
    by_name(t, |span| span.nested)
}

/// Lets the collector read everything so far.
fn look(t: &Testing) {
    t.tracer().flush(Duration::from_secs(20)).unwrap();
}

/// Runs a case with every choice of the points at which the collector looks.
fn whenever_the_collector_looks(points: u32, case: impl Fn(&Testing, &dyn Fn(u32)) + Copy + Send + Sync) {
    for choice in 0..1_u32 << points {
        testing::run(|t| {
            case(t, &|point| {
                assert!(point < points);
                if choice & 1 << point != 0 {
                    look(t);
                }
            });
            t.assert_complete();
        });
    }
}

fn end_elsewhere(span: Span) {
    thread::scope(|scope| scope.spawn(move || drop(span)).join().unwrap());
}

#[test]
fn only_the_span_that_left_its_lane_is_demoted_whenever_the_collector_looks() {
    whenever_the_collector_looks(4, |t, look| {
        let root = root("root");
        let walk = root.span("walk");
        let moved = walk.span("moved");
        look(0);
        let inside = moved.span("inside");
        look(1);
        end_elsewhere(moved);
        look(2);
        drop(inside);
        drop(walk);
        look(3);
        drop(root);
        let all = [("root", true), ("walk", true), ("moved", false), ("inside", true)];
        assert_eq!(nested(t), expected(&all));
    });
}

#[test]
fn a_span_that_moves_away_from_below_others_leaves_them_nested() {
    whenever_the_collector_looks(3, |t, look| {
        let moved = root("moved");
        let walk = moved.span("walk");
        let step = walk.span("step");
        look(0);
        end_elsewhere(moved);
        look(1);
        drop(step);
        look(2);
        drop(walk);
        assert_eq!(nested(t), expected(&[("moved", false), ("walk", true), ("step", true)]));
    });
}

#[test]
fn a_span_that_outlives_the_one_around_it_is_demoted_and_the_other_is_not() {
    whenever_the_collector_looks(3, |t, look| {
        let outer = root("outer");
        let late = outer.span("late");
        let inner = late.span("inner");
        look(0);
        drop(inner);
        look(1);
        drop(outer);
        look(2);
        let after = late.span("after");
        drop(late);
        drop(after);
        let all = [("outer", true), ("late", false), ("inner", true), ("after", true)];
        assert_eq!(nested(t), expected(&all));
    });
}

fn pending_once() -> impl Future<Output = ()> {
    let mut polled = false;
    poll_fn(move |_| match std::mem::replace(&mut polled, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
}

#[test]
fn a_span_that_is_polled_more_than_once_never_occupies_a_thread() {
    whenever_the_collector_looks(3, |t, look| {
        let mut cx = TaskContext::from_waker(Waker::noop());
        let server = root("server");
        let work = |name: &'static str| {
            async move {
                drop(Context::current().span("part"));
                pending_once().await;
            }
            .in_span(server.span(name))
        };
        let (mut waits, mut other) = (pin!(work("waits")), pin!(work("other")));
        let mut at_once = pin!(async { drop(Context::current().span("in it")) }.in_span(server.span("at once")));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        look(0);
        assert!(other.as_mut().poll(&mut cx).is_pending());
        look(1);
        // Between the polls, another request has the thread.
        drop(server.span("of another request"));
        assert!(at_once.as_mut().poll(&mut cx).is_ready());
        assert!(waits.as_mut().poll(&mut cx).is_ready());
        look(2);
        assert!(other.as_mut().poll(&mut cx).is_ready());
        drop(server);
        let all = [
            ("server", true),
            ("waits", false),
            ("other", false),
            ("at once", true),
            ("in it", true),
            ("of another request", true),
            ("part", true),
        ];
        assert_eq!(nested(t), expected(&all));
    });
}

#[test]
fn a_future_that_is_dropped_while_it_waits_occupied_no_thread() {
    testing::run(|t| {
        let mut cx = TaskContext::from_waker(Waker::noop());
        let server = root("server");
        {
            let mut waits = pin!(pending_once().in_span(server.span("cancelled")));
            assert!(waits.as_mut().poll(&mut cx).is_pending());
        }
        drop(server);
        assert_eq!(nested(t), expected(&[("server", true), ("cancelled", false)]));
    });
}

#[test]
fn a_span_without_an_end_is_nested_if_its_thread_was_in_it_at_the_end() {
    let (_kept, report, spans) = testing::run_to_the_end(
        |b| b,
        |t| {
            // Its thread still runs when the tracer finishes.
            let server = root("server");
            let (wait, _stop) = thread_that_waits_in(server.context());
            wait.recv().unwrap();
            let outer = server.span("outer");
            let outlives = outer.span("outlives");
            look(t);
            drop(outer);
            let inner = server.span("inner");
            drop(inner.span("ended"));
            let moved = thread::scope(|scope| scope.spawn(|| server.span("thread has ended")).join().unwrap());
            (server, outlives, inner, moved, _stop)
        },
    );
    assert_eq!((report.ledger().incomplete, report.ledger().open), (5, 0), "{report}");
    let all = [
        ("server", true),
        ("waits", true),
        ("outer", true),
        ("outlives", false),
        ("inner", true),
        ("ended", true),
        ("thread has ended", false),
    ];
    assert_eq!(nested_at_the_end(&spans), expected(&all));
    let [server, inner] = ["server", "inner"].map(|name| spans.iter().find(|span| span.name == name).unwrap());
    assert!(inner.incomplete && inner.start_ns >= server.start_ns && inner.end_ns == server.end_ns);
}

/// Another thread, which is in a span until the sender is dropped.
fn thread_that_waits_in(cx: Context) -> (Receiver<()>, Sender<()>) {
    let ((begun, is_begun), (stop, stopped)) = (channel(), channel::<()>());
    thread::spawn(move || {
        cx.in_span("waits", |_| {
            begun.send(()).unwrap();
            let _ = stopped.recv();
        });
    });
    (is_begun, stop)
}

#[test]
fn a_span_without_an_end_is_not_nested_if_a_poll_left_it_open_on_any_thread_whenever_the_collector_looks() {
    for choice in 0..8 {
        let (_kept, _, spans) = testing::run_to_the_end(
            |b| b,
            |t| {
                let look = |point| {
                    if choice & 1 << point != 0 {
                        look(t)
                    }
                };
                let mut cx = TaskContext::from_waker(Waker::noop());
                let server = root("server");
                let mut here = Box::pin(pending_once().in_span(server.span("here")));
                let mut elsewhere = Box::pin(pending_once().in_span(server.span("elsewhere")));
                let at_first = server.span("at first");
                look(0);
                assert!(here.as_mut().poll(&mut cx).is_pending());
                look(1);
                // The other thread's shard is read after this one, or before it.
                let poll = || elsewhere.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending();
                assert!(thread::scope(|scope| scope.spawn(poll).join().unwrap()));
                look(2);
                (server, here, elsewhere, at_first)
            },
        );
        let all = [("server", true), ("here", false), ("elsewhere", false), ("at first", true)];
        assert_eq!(nested_at_the_end(&spans), expected(&all), "{choice}");
    }
}

#[test]
fn a_leaf_has_no_child_and_was_handed_to_nobody() {
    whenever_the_collector_looks(2, |t, look| {
        let root = root("root");
        drop(root.span("leaf"));
        let parent = root.span("parent");
        let other = root.span("other");
        look(0);
        drop(parent.span("below another"));
        let handed_out = root.span("handed out");
        let _: Context = handed_out.context();
        look(1);
        drop(handed_out);
        drop((other, parent));
        let set = root.span("with attributes");
        set.set("n", 1).set("text", "a text").event("an event").error("an error");
        drop(set);
        drop(root);
        let all = [
            ("root", false),
            ("leaf", true),
            ("parent", false),
            ("other", true),
            ("below another", true),
            ("handed out", false),
            ("with attributes", true),
        ];
        assert_eq!(by_name(t, |span| span.leaf), expected(&all));
    });
}

/// The parent's end is read before the other thread's shard. Without the mark it would be a leaf.
#[test]
fn a_child_that_another_thread_starts_by_reference_hands_its_parent_out() {
    type Start = fn(&Span);
    let starts: [(&str, Start); 4] = [
        ("span", |parent| drop(parent.span("child"))),
        ("in_span", |parent| parent.in_span("child", |_| ())),
        ("build", |parent| drop(parent.build("child").start())),
        ("enter", |parent| {
            let _current = parent.enter();
            drop(heirloom_core::span("child"));
        }),
    ];
    for (form, start) in starts {
        testing::run(|t| {
            let parent = root("parent");
            thread::scope(|scope| scope.spawn(|| start(&parent)).join().unwrap());
            drop(parent);
            assert_eq!(by_name(t, |span| span.leaf), expected(&[("parent", false), ("child", true)]), "{form}");
            t.assert_tree("parent\n  child");
        });
    }
}

#[test]
fn a_parent_far_down_its_lane_is_no_leaf() {
    testing::run(|t| {
        let parent = root("parent");
        let open: Vec<Span> = (0..100).map(|_| heirloom_core::root("between")).collect();
        look(t);
        let more: Vec<Span> = (0..100).map(|_| heirloom_core::root("between")).collect();
        drop(parent.span("child"));
        [open, more].into_iter().rev().for_each(|open| open.into_iter().rev().for_each(drop));
        drop(parent);
        let leaves = by_name(t, |span| span.leaf);
        assert_eq!(leaves, expected(&[("between", true), ("child", true), ("parent", false)]));
    });
}
