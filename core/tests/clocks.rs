//! Time: a clock that is moved by hand, a clock that steps back, and who of two writers was later.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::SpanData;
use heirloom_core::testing::{ManualClock, Testing};
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
        let around = std::time::Instant::now();
        let within = in_root("measured", |_| {
            let within = std::time::Instant::now();
            support::until("some time has passed", || within.elapsed() > ms(30));
            within.elapsed().as_nanos() as u64
        });
        let around = around.elapsed().as_nanos() as u64;
        let after = wall();
        let span = t.span("measured");
        // A thousandth, and what the first guess of the counter's rate may be off.
        let slack = 100_000;
        assert!(span.start_ns + slack >= before && span.end_ns <= after + slack, "{before} {span:?} {after}");
        let measured = span.end_ns - span.start_ns;
        // An emulator takes long for the first calls, which lie between the two stopwatches.
        assert!((within..=around + 2 * slack).contains(&(measured + slack)), "{measured} ns, not {within} to {around}");
    });
}

/// For the sake of closures that return nothing.
fn done(_: &Span) {}

const HOUR: Duration = Duration::from_secs(3600);
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Lets the collector see the wall clock.
fn look(t: &Testing) {
    t.tracer().flush(Duration::from_secs(60)).unwrap();
}

/// Start and end in milliseconds, on a clock that shows 10 h at the beginning.
fn times(t: &Testing, name: &str) -> (i64, i64) {
    let span = t.span(name);
    let since = |ns: u64| (ns as i64 - 10 * HOUR.as_nanos() as i64) / MS as i64;
    (since(span.start_ns), since(span.end_ns))
}

/// Steps the wall clock by so many hours while a trace is open.
fn steps(hours: i64, step: impl Fn(&ManualClock)) {
    testing::run_with_clock(|t, clock| {
        clock.advance(10 * HOUR - Duration::from_secs(1));
        look(t);
        let old = root("old");
        old.in_span("before", |_| clock.advance(ms(1)));
        step(clock);
        look(t);
        old.in_span("after", |after| {
            clock.advance(ms(2));
            after.event("seen");
        });
        let cx = old.context();
        thread::spawn(move || cx.span("elsewhere").end()).join().unwrap();
        in_root("new", |new| new.in_span("part", |_| clock.advance(ms(3))));
        t.tracer().extract(CALLER, None).unwrap().in_span("received", |_| clock.advance(ms(4)));
        old.context().trace_update().user("x");
        drop(old);
        let new = hours * 3_600_000;
        assert_eq!((times(t, "old"), times(t, "before")), ((0, 10), (0, 1)));
        assert_eq!((times(t, "after"), times(t, "elsewhere")), ((1, 3), (3, 3)), "an old trace stays straight");
        assert_eq!(t.span("after").events[0].1, t.span("after").end_ns);
        assert_eq!((times(t, "new"), times(t, "part")), ((new + 3, new + 6), (new + 3, new + 6)));
        assert_eq!(times(t, "received"), (new + 6, new + 10), "a remote parent's part of a trace is new here");
        assert_nests(&t.spans());
        t.assert_complete();
    });
}

/// No span ends before it starts, and what is drawn on one lane nests.
fn assert_nests(spans: &[SpanData]) {
    assert!(spans.iter().all(|span| span.end_ns >= span.start_ns), "{spans:#?}");
    let drawn: Vec<&SpanData> = spans.iter().filter(|span| span.nested).collect();
    for (at, a) in drawn.iter().enumerate() {
        for b in drawn.iter().skip(at + 1).filter(|b| b.lane == a.lane) {
            let apart = a.end_ns <= b.start_ns || b.end_ns <= a.start_ns;
            let inside = |a: &SpanData, b: &SpanData| a.start_ns >= b.start_ns && a.end_ns <= b.end_ns;
            assert!(apart || inside(a, b) || inside(b, a), "{a:#?} and {b:#?}");
        }
    }
}

#[test]
fn new_traces_follow_a_wall_clock_that_steps_forward_and_old_ones_stay_straight() {
    steps(1, |clock| clock.step_wall_forward(HOUR));
}

#[test]
fn new_traces_follow_a_wall_clock_that_steps_back_and_old_ones_stay_straight() {
    steps(-1, |clock| clock.step_wall_back(HOUR));
}

/// While a machine sleeps, the monotonic clock stands still.
#[test]
fn new_traces_are_right_after_the_machine_slept_and_old_ones_have_no_gap() {
    steps(8, |clock| clock.step_wall_forward(8 * HOUR));
}

#[test]
fn a_step_that_is_smaller_than_the_error_of_reading_changes_nothing() {
    steps(0, |clock| clock.step_wall_forward(Duration::from_millis(20)));
}

#[test]
fn every_one_of_many_steps_is_followed() {
    testing::run_with_clock(|t, clock| {
        clock.advance(100 * HOUR);
        for n in 0..40_u64 {
            let name = format!("trace {n}");
            if n % 3 == 2 {
                clock.step_wall_back(HOUR);
            } else {
                clock.step_wall_forward(HOUR);
            }
            look(t);
            in_root(&name, |_| clock.advance(ms(1)));
            let hours = (0..=n).map(|n| if n % 3 == 2 { -1 } else { 1 }).sum::<i64>();
            let expected = 1000 * MS as i64 + (100 + hours) * HOUR.as_nanos() as i64 + (n * MS) as i64;
            assert_eq!(t.span(&name).start_ns as i64, expected, "{name}");
        }
        t.assert_complete();
    });
}

#[test]
fn a_lane_on_which_times_repeat_shows_no_two_spans_at_once() {
    testing::run_with_clock(|t, clock| {
        clock.advance(10 * HOUR);
        look(t);
        let spans = |name: &'static str| {
            for _ in 0..5 {
                in_root(name, |root| root.in_span("part", |_| clock.advance(ms(1))));
                clock.advance(ms(1));
            }
        };
        spans("first");
        let old = root("old");
        spans("inside");
        clock.step_wall_back(ms(30));
        look(t);
        spans("repeated"); // inside a span of another epoch
        drop(old);
        spans("later");
        clock.advance(HOUR);
        spans("much later");
        let all = t.spans();
        assert_nests(&all);
        let drawn = |name: &str| all.iter().filter(|span| span.name == name && span.nested).count();
        assert_eq!([drawn("first"), drawn("inside"), drawn("repeated"), drawn("much later")], [5, 5, 0, 5]);
        t.assert_complete();
    });
}
