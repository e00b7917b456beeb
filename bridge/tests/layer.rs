//! Spans and events of the crate `tracing` become Heirloom's.

mod support;

use heirloom_core::{in_root, span, Context, SpanKind, Status, Value};
use std::fmt;
use support::{run, run_with};
use tracing::field::Empty;
use tracing::{error_span, info_span, Span};

#[test]
fn spans_of_both_worlds_nest_in_each_other() {
    run(|t| {
        in_root("ours", |_| {
            info_span!("theirs").in_scope(|| {
                span("ours within").in_span("deeper", |_| ());
                info_span!("theirs within").in_scope(|| ());
            });
        });
        t.assert_tree("ours\n  theirs\n    ours within\n      deeper\n    theirs within");
    });
}

#[test]
fn where_nothing_is_current_their_span_is_a_root() {
    run(|t| {
        info_span!("theirs").in_scope(|| drop(span("ours")));
        t.assert_tree("theirs\n  ours");
    });
}

#[test]
fn fields_keep_their_types() {
    run(|t| {
        let text = String::from("text");
        let failure = std::io::Error::other("disk full");
        let wrong: &(dyn std::error::Error + 'static) = &failure;
        let span =
            info_span!("s", int = -1, big = u64::MAX, float = 0.5, yes = true, text, debug = ?Some(1), display = %7);
        span.in_scope(|| ());
        let other = info_span!("other", cause = wrong);
        drop((span, other));
        let s = t.span("s");
        let expected = [
            ("int", Value::I64(-1)),
            ("big", u64::MAX.to_string().into()),
            ("float", Value::F64(0.5)),
            ("yes", Value::Bool(true)),
            ("text", "text".into()),
            ("debug", "Some(1)".into()),
            ("display", "7".into()),
        ];
        for (key, value) in expected {
            assert_eq!(s.attribute(key), Some(&value), "{key}");
        }
        assert_eq!(t.span("other").attribute("cause"), Some(&"disk full".into()));
    });
}

#[test]
fn a_field_recorded_later_is_an_attribute() {
    run(|t| {
        let span = info_span!("s", rows = Empty, never = Empty);
        span.record("rows", 3).record("unknown", 4);
        drop(span);
        let s = t.span("s");
        assert_eq!(s.attribute("rows"), Some(&Value::I64(3)));
        assert_eq!((s.attribute("never"), s.attribute("unknown")), (None, None));
    });
}

#[test]
fn level_target_and_location_are_attributes_if_wanted() {
    run(|t| {
        drop(error_span!(target: "there", "s"));
        let s = t.span("s");
        assert_eq!(s.attribute("level"), Some(&"ERROR".into()));
        assert_eq!(s.attribute("target"), Some(&"there".into()));
        assert!(s.attribute("code.file.path").and_then(Value::as_str).is_some_and(|file| file.ends_with("layer.rs")));
        assert!(s.attribute("code.line.number").and_then(Value::as_i64).is_some_and(|line| line > 0));
        assert_eq!(s.status, Status::Unset, "the level of a span is no outcome");
    });
    run_with(
        |layer| layer.with_level(false).with_target(false).with_location(false),
        |t| {
            drop(info_span!("s"));
            assert_eq!(t.span("s").attributes, []);
        },
    );
}

#[test]
fn special_fields_set_name_kind_and_status() {
    run(|t| {
        let span = info_span!("s", otel.name = "GET /", otel.kind = "client", otel.status_code = Empty, n = Empty);
        span.record("otel.status_code", "ERROR");
        drop(span);
        drop(info_span!("fine", otel.kind = ?SpanKind::Server, otel.status_code = "OK"));
        let failed = info_span!("failed", otel.status_message = Empty, otel.status_code = Empty);
        failed.record("otel.status_message", "no route").record("otel.status_code", "ERROR");
        drop(failed);
        let get = t.span("GET /");
        assert_eq!((get.kind, get.status), (SpanKind::Client, Status::Error(String::new())));
        assert!(get.attributes.iter().all(|(key, _)| !key.starts_with("otel.")));
        assert_eq!((t.span("fine").kind, t.span("fine").status), (SpanKind::Server, Status::Ok));
        assert_eq!(t.span("failed").status, Status::Error("no route".to_owned()));
    });
}

#[test]
fn the_field_error_is_the_status() {
    run(|t| {
        drop(info_span!("text", error = %"broken"));
        drop(info_span!("yes", error = true));
        drop(info_span!("no", error = false));
        assert_eq!(t.span("text").status, Status::Error("broken".to_owned()));
        assert_eq!(t.span("yes").status, Status::Error(String::new()));
        assert_eq!(t.span("no").status, Status::Unset);
        assert_eq!(t.span("text").attribute("error"), Some(&"broken".into()));
    });
}

/// Counts how often it is formatted, and prints a very long text.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("ä")?;
        }
    }
}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Debug");
    }
}

#[test]
fn a_large_value_is_cut_and_not_printed_to_its_end() {
    run_with(
        |layer| layer.with_max_text_bytes(7),
        |t| {
            drop(info_span!("s", endless = ?Endless));
            assert_eq!(t.span("s").attribute("endless"), Some(&"äää…".into()));
        },
    );
}

#[test]
fn a_panic_while_a_value_is_printed_stays_here() {
    run(|t| {
        drop(info_span!("s", bad = ?Panics, good = 1));
        assert_eq!(t.span("s").attribute("bad"), Some(&"<panicked>".into()));
        assert_eq!(t.span("s").attribute("good"), Some(&Value::I64(1)));
    });
}

#[test]
fn an_explicit_parent_is_the_parent() {
    run(|t| {
        let outer = info_span!("outer");
        let _outer = outer.enter();
        info_span!("inner").in_scope(|| drop(info_span!(parent: &outer, "child of outer")));
        drop(_outer);
        drop(outer);
        t.assert_tree("outer\n  inner\n  child of outer");
    });
}

#[test]
fn an_explicit_parent_that_is_current_anyway_lets_our_scope_be_the_parent() {
    run(|t| {
        info_span!("theirs").in_scope(|| {
            span("ours").in_span("ours within", |_| drop(info_span!(parent: Span::current(), "chat")));
        });
        t.assert_tree("theirs\n  ours\n    ours within\n      chat");
    });
}

#[test]
fn an_explicit_root_inside_their_span_is_a_root() {
    run(|t| {
        info_span!("theirs").in_scope(|| drop(info_span!(parent: None, "root")));
        t.assert_tree("theirs\nroot");
    });
}

#[test]
fn an_explicit_root_where_only_ours_is_current_falls_under_ours() {
    run(|t| {
        in_root("ours", |_| {
            drop(info_span!(parent: None, "invoke_agent"));
            drop(info_span!(parent: Span::current(), "chat"));
        });
        t.assert_tree("ours\n  invoke_agent\n  chat");
    });
}

#[test]
fn follows_from_is_a_link() {
    run(|t| {
        let (before, after) = (info_span!("before"), info_span!("after"));
        after.follows_from(&before);
        drop((before, after));
        let linked: Vec<_> = t.span("after").links.iter().map(|(_, span, _)| *span).collect();
        assert_eq!(linked, [t.span("before").span_id]);
    });
}

#[test]
fn one_of_their_spans_is_a_parent_like_any_other() {
    run(|t| {
        let theirs = info_span!("theirs");
        let cx = Context::from(&theirs);
        std::thread::scope(|threads| drop(threads.spawn(move || drop(cx.span("on another thread")))));
        drop(Context::from(&Span::none()).span("of nothing"));
        in_root("ours", |_| drop(Context::from(&Span::none()).span("of ours")));
        drop(theirs);
        t.assert_tree_sorted("of nothing\nours\n  of ours\ntheirs\n  on another thread");
    });
}

#[tracing::instrument(err)]
fn fails(n: u32) -> Result<(), std::num::ParseIntError> {
    n.checked_sub(1).map(|_| ()).ok_or(()).or_else(|()| "x".parse::<u32>().map(drop))
}

#[test]
fn the_attribute_of_tracing_works_with_its_error() {
    run(|t| {
        assert!(fails(0).is_err() && fails(1).is_ok());
        let spans = t.spans();
        assert_eq!(spans[0].status, Status::Error("invalid digit found in string".to_owned()));
        assert_eq!(spans[0].attribute("n"), Some(&Value::I64(0)));
        assert_eq!(spans[1].status, Status::Unset);
    });
}

#[test]
fn a_span_that_lives_on_another_thread_ends_there() {
    run(|t| {
        let span = info_span!("s");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|threads| {
            let within = move || span.in_scope(|| drop(info_span!("within")));
            drop(threads.spawn(move || tracing::dispatcher::with_default(&dispatch, within)));
        });
        t.assert_tree("s\n  within");
    });
}
