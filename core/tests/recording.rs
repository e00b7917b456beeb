//! What is recorded arrives, as it was.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::{in_root, in_span, root, span, testing, Context, Name, Sampler, SpanKind, Status, Value};
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use std::time::Duration;

#[test]
fn a_tree_arrives_with_its_parents() {
    testing::run(|t| {
        in_root("build", |root| {
            root.in_span("compile", |compile| {
                compile.span("parse").end();
                in_span("check", |_| span("types").end());
            });
            root.span("link").end();
        });
        t.assert_tree("build\n  compile\n    parse\n    check\n      types\n  link");
        t.assert_complete();
    });
}

#[test]
fn each_root_of_a_tracer_is_recorded() {
    testing::run(|t| {
        (0..3).for_each(|_| t.tracer().root("root").end());
        (0..3).for_each(|_| Context::INERT.span("root").end());
        t.assert_tree("root\nroot\nroot\nroot\nroot\nroot");
        t.assert_complete();
    });
}

#[test]
fn every_type_of_value_arrives_as_it_was_set() {
    testing::run(|t| {
        let strings = ["a", "", "ü"];
        in_root("values", |span| {
            span.set("bool", true).set("i64", -3).set("f64", 0.5).set("str", "text").set("u64", u64::MAX);
            span.set("bools", &[true, false][..]).set("i64s", &[1_i64, -2][..]).set("f64s", &[0.25][..]);
            span.set("strs", &strings[..]).set(Name::dynamic("dynamic key"), "x").set("long", "é".repeat(9_000));
        });
        let span = t.span("values");
        let get = |key| span.attribute(key).cloned().unwrap();
        assert_eq!(get("bool"), Value::Bool(true));
        assert_eq!(get("i64"), Value::I64(-3));
        assert_eq!(get("f64"), Value::F64(0.5));
        assert_eq!(get("str"), "text".into());
        assert_eq!(get("u64"), "18446744073709551615".into());
        assert_eq!(get("bools"), Value::from(&[true, false][..]));
        assert_eq!(get("i64s"), Value::from(&[1_i64, -2][..]));
        assert_eq!(get("f64s"), Value::from(&[0.25][..]));
        assert_eq!(get("strs"), Value::from(&strings[..]));
        assert_eq!(get("dynamic key"), "x".into());
        assert_eq!(get("long"), "é".repeat(9_000).into());
        t.assert_complete();
    });
}

#[test]
fn what_is_absent_is_not_set_and_other_types_are_set_as_their_text() {
    struct Failing;
    impl std::fmt::Display for Failing {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("so far")?;
            Err(std::fmt::Error)
        }
    }
    testing::run(|t| {
        in_root("values", |span| {
            span.set("none", None::<u64>).set("some", Some("text"));
            span.try_set("none", None::<&str>).unwrap();
            span.set("took_ns", Duration::from_micros(3)).set("path", Path::new("a/b"));
            span.set_display("peer", &Ipv4Addr::LOCALHOST).set_debug("list", &[Some(1)]).set_display("bad", &Failing);
        });
        let expected = [
            ("some", "text".into()),
            ("took_ns", Value::I64(3_000)),
            ("path", "a/b".into()),
            ("peer", "127.0.0.1".into()),
            ("list", "[Some(1)]".into()),
            ("bad", "so far".into()),
        ];
        assert_eq!(t.spans()[0].attributes, expected.map(|(key, value): (&str, Value<'_>)| (key.into(), value)));
        t.assert_complete();
    });
}

#[test]
fn no_text_is_made_for_a_span_that_is_not_recorded() {
    struct Unwanted;
    impl std::fmt::Display for Unwanted {
        fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("it was formatted")
        }
    }
    testing::run_with(
        |b| b.sampler(Sampler::AlwaysOff),
        |_| in_root("root", |span| _ = span.set_display("text", &Unwanted)),
    );
}

#[test]
fn the_last_value_of_a_key_wins() {
    testing::run(|t| {
        in_root("a", |span| {
            span.set("n", 1).set("n", 2).set(Name::dynamic("n"), 3);
        });
        assert_eq!(t.span("a").attributes, [("n".to_owned(), Value::I64(3))]);
    });
}

#[test]
fn events_links_status_kind_and_a_new_name_arrive() {
    testing::run(|t| {
        let other = root("other");
        let span = other.build("call").kind(SpanKind::Client).link(&other).start();
        span.event("sent").event_with("retry", &[("attempt", 2.into()), ("why", "timeout".into())]);
        span.link_with(&other, &[("reason", "test".into())]).error("refused").rename("call again");
        span.end();
        let (id, trace) = (other.context().span_id(), other.context().trace_id());
        other.end();
        let span = t.span("call again");
        assert_eq!(span.kind, SpanKind::Client);
        assert_eq!(span.status, Status::Error("refused".into()));
        assert_eq!(span.events[0].0, "sent");
        assert_eq!(span.events[1].2, [("attempt".into(), Value::I64(2)), ("why".into(), "timeout".into())]);
        assert_eq!(span.links.len(), 2);
        assert_eq!(span.links[1], (trace, id, vec![("reason".to_owned(), "test".into())]));
    });
}

#[test]
fn keys_of_events_and_links_need_not_be_static() {
    testing::run(|t| {
        let (other, span) = (root("other"), root("call"));
        let key = |n: usize| format!("key {n}");
        span.event_with_keys("e", &[(key(1).into(), 1.into()), ("static".into(), 2.into())]);
        span.link_with_keys(&other, &[(key(2).into(), "text".into())]);
        drop((span, other));
        let span = t.span("call");
        assert_eq!(span.events[0].2, [("key 1".to_owned(), Value::I64(1)), ("static".to_owned(), Value::I64(2))]);
        assert_eq!(span.links[0].2, [("key 2".to_owned(), "text".into())]);
        t.assert_complete();
    });
}

#[test]
fn a_span_ends_on_another_thread() {
    testing::run(|t| {
        let span = root("moved");
        thread::spawn(move || {
            span.set("thread", "other");
            span.end();
        })
        .join()
        .unwrap();
        assert_eq!(t.span("moved").attribute("thread"), Some(&"other".into()));
        t.assert_complete();
    });
}

#[test]
fn what_other_threads_set_before_the_end_is_there() {
    testing::run(|t| {
        for _ in 0..200 {
            let span = root("shared");
            thread::scope(|s| {
                for i in 0..3_i64 {
                    let span = &span;
                    s.spawn(move || span.set(["a", "b", "c"][i as usize], i).event("seen"));
                }
            });
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 200);
        assert!(spans.iter().all(|s| s.attributes.len() == 3 && s.events.len() == 3));
        t.assert_complete();
    });
}

#[test]
fn children_on_other_threads_have_the_handle_as_parent() {
    testing::run(|t| {
        in_root("root", |root| {
            let cx = root.context();
            thread::scope(|s| {
                for _ in 0..4 {
                    s.spawn(move || cx.in_span("work", |_| in_span("part", |_| ())));
                }
            });
        });
        t.assert_tree_sorted("root\n  work\n    part\n  work\n    part\n  work\n    part\n  work\n    part");
        t.assert_complete();
    });
}

#[test]
fn a_panic_closes_the_span_as_an_error_and_unwinds_on() {
    testing::run(|t| {
        let caught = std::panic::catch_unwind(|| in_root("root", |root| root.in_span("job", |_| panic!("no"))));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"no"));
        assert_eq!(Context::try_current(), None);
        let job = t.span("job");
        assert_eq!(job.status, Status::Error("the thread panicked".into()));
        assert_eq!(job.attribute("error.type"), Some(&"panic".into()));
        t.assert_complete();
    });
}

#[test]
fn open_spans_are_listed_and_exported_as_incomplete() {
    let (open, report, spans) = testing::run_to_the_end(
        |b| b,
        |t| {
            let span = root("leaked");
            let id = span.context().span_id();
            std::mem::forget(span);
            let open = t.tracer().open_spans(std::time::Duration::from_secs(10));
            assert_eq!((open.len(), open[0].name.as_str(), open[0].span_id), (1, "leaked", id));
            open
        },
    );
    assert!(spans[0].incomplete && spans[0].span_id == open[0].span_id);
    assert_eq!((report.ledger().incomplete, report.ledger().open), (1, 0));
    assert!(report.ledger().is_balanced(), "{report}");
    assert!(report.problems()[0].contains("still open"), "{report}");
}

#[test]
fn a_million_spans_are_all_there() {
    testing::run_with(
        |b| b.shard_bytes(1 << 26),
        |t| {
            in_root("root", |root| {
                for _ in 0..250_000 {
                    root.span("child").set("i", 1).end_here();
                }
            });
            t.assert_complete();
            assert_eq!(t.tracer().ledger().assembled, 250_001);
        },
    );
}

trait EndHere {
    fn end_here(&self) {}
}
impl EndHere for heirloom_core::Span {}
