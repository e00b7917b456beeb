//! Time: a clock that is moved by hand, a clock that steps back, and who of two writers was later.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{in_root, root, testing, Span, Status};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MS: u64 = 1_000_000;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Does something with the span on another thread, and waits for it.
fn elsewhere(span: &Span, work: impl FnOnce(&Span) + Send) {
    thread::scope(|s| s.spawn(|| work(span)).join().unwrap());
}

#[test]
fn a_clock_moved_by_hand_gives_exact_times() {
    testing::run_with_clock(|t, clock| {
        in_root("outer", |outer| {
            clock.advance(ms(2));
            outer.event("at 2");
            outer.in_span("inner", |_| clock.advance(ms(3)));
            clock.advance(ms(5));
        });
        let (outer, inner) = (t.span("outer"), t.span("inner"));
        assert_eq!((outer.start_ns, outer.end_ns), (1000 * MS, 1010 * MS));
        assert_eq!((inner.start_ns, inner.end_ns), (1002 * MS, 1005 * MS));
        assert_eq!(outer.events[0].1, 1002 * MS);
    });
}

#[test]
fn a_clock_that_steps_back_never_ends_a_span_before_it_begins() {
    testing::run_with_clock(|t, clock| {
        for back in [1, 10, 100, 10_000] {
            in_root("stepped", |span| {
                clock.advance(ms(1));
                clock.step_back(ms(back));
                span.event("after the step");
                span.in_span("child", |_| clock.step_back(ms(1)));
            });
            let moved = root("moved");
            clock.step_back(ms(back));
            thread::spawn(move || moved.end()).join().unwrap();
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 12);
        assert!(spans.iter().all(|s| s.end_ns >= s.start_ns), "{spans:#?}");
        t.assert_complete();
    });
}

#[test]
fn the_later_of_two_threads_writes_wins_in_whatever_order_they_are_read() {
    testing::run_with_clock(|t, clock| {
        for _ in 0..50 {
            let span = root("contended");
            // Threads lease shards in the order of their first records, which is the order in which they are read.
            let go = std::sync::Barrier::new(2);
            thread::scope(|s| {
                s.spawn(|| {
                    go.wait();
                    span.set("key", "later").error("later").rename("renamed later");
                });
                span.set("key", "owner").error("owner").rename("renamed by its owner");
                elsewhere(&span, |span| {
                    span.set("key", "earlier").error("earlier").rename("renamed earlier");
                });
                clock.advance(ms(1));
                go.wait();
            });
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 50);
        for span in spans {
            assert_eq!(span.attribute("key"), Some(&"later".into()));
            assert_eq!((span.name.as_str(), &span.status), ("renamed later", &Status::Error("later".into())));
        }
        t.assert_complete();
    });
}

#[test]
fn the_earlier_write_loses_even_if_it_is_read_later() {
    testing::run_with_clock(|t, clock| {
        let span = root("contended");
        clock.advance(ms(5));
        elsewhere(&span, |span| done(span.set("key", "at 5").rename("at 5").error("at 5")));
        t.tracer().flush(support::LONG).unwrap();
        // As if this write had been made before the other one, and had lain in its shard.
        clock.step_back(ms(2));
        elsewhere(&span, |span| done(span.set("key", "at 3").rename("at 3").error("at 3")));
        span.end();
        let span = t.span("at 5");
        assert_eq!((span.attribute("key"), &span.status), (Some(&"at 5".into()), &Status::Error("at 5".into())));
    });
}

#[test]
fn what_the_owner_writes_after_another_threads_write_wins() {
    testing::run(|t| {
        for i in 0..200 {
            let span = root("span");
            elsewhere(&span, |span| {
                span.set("number", -1)
                    .set("text", "foreign")
                    .set("dynamic", "foreign")
                    .error("foreign")
                    .rename("foreign");
            });
            if i % 2 == 0 {
                t.tracer().flush(support::LONG).unwrap();
            }
            // Whether the handle was handed out in between or not.
            if i % 3 == 0 {
                let _ = span.context();
            }
            span.set("number", i).set("text", "own").set(heirloom_core::Name::dynamic("dynamic"), "own");
            span.error("own").rename("own");
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 200);
        for (i, span) in spans.iter().enumerate() {
            assert_eq!(span.attribute("number"), Some(&(i as i64).into()));
            assert_eq!((span.attribute("text"), span.attribute("dynamic")), (Some(&"own".into()), Some(&"own".into())));
            assert_eq!((span.name.as_str(), &span.status), ("own", &Status::Error("own".into())));
        }
        t.assert_complete();
    });
}

#[test]
fn what_another_thread_writes_after_the_owner_wins() {
    testing::run(|t| {
        let span = root("span");
        span.set("key", "own").error("own");
        elsewhere(&span, |span| done(span.set("key", "foreign").error("foreign")));
        span.end();
        let span = t.span("span");
        assert_eq!((span.attribute("key"), &span.status), (Some(&"foreign".into()), &Status::Error("foreign".into())));
    });
}

#[test]
fn events_of_several_threads_stand_in_the_order_of_time() {
    testing::run_with_clock(|t, clock| {
        let span = root("span");
        // The first thread's shard is read last: it is leased after the owner's and the second one's.
        let (ready, go) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        thread::scope(|s| {
            let second = s.spawn(|| {
                span.event("0");
                ready.wait();
                go.wait();
                span.event("2");
            });
            ready.wait();
            clock.advance(ms(1));
            elsewhere(&span, |span| done(span.event("1")));
            clock.advance(ms(1));
            go.wait();
            second.join().unwrap();
        });
        clock.advance(ms(1));
        span.event("3");
        span.end();
        let names: Vec<String> = t.span("span").events.into_iter().map(|e| e.0).collect();
        assert_eq!(names, ["0", "1", "2", "3"]);
    });
}

#[test]
fn times_are_those_of_the_wall_clock_and_durations_those_of_a_stopwatch() {
    let wall = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    testing::run(|t| {
        // A thread's first span takes a shard first.
        root("warm-up").end();
        let before = wall();
        let stopwatch = std::time::Instant::now();
        in_root("measured", |_| {
            support::until("some time has passed", || stopwatch.elapsed() > ms(30));
        });
        let took = stopwatch.elapsed().as_nanos() as u64;
        let after = wall();
        let span = t.span("measured");
        // A thousandth, and what the first guess of the counter's rate may be off.
        let slack = 100_000;
        assert!(span.start_ns + slack >= before && span.end_ns <= after + slack, "{before} {span:?} {after}");
        let measured = span.end_ns - span.start_ns;
        assert!(measured <= took + slack && measured + slack >= 30 * MS, "{measured} ns, by the stopwatch {took} ns");
    });
}

/// For the sake of closures that return nothing.
fn done(_: &Span) {}
