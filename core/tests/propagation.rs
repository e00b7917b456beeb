//! What a trace brings: tracestate and baggage, with a tracer. Without one: `passing_on.rs`.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::llm::keys;
use heirloom_core::{testing, Baggage, Context, Sampler, Value};
use std::sync::{Arc, Mutex};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn arrived(tracestate: &str, baggage: &str) -> Context {
    Context::from_headers(Some(PARENT), Some(tracestate), Some(baggage)).unwrap()
}

type Row = (String, String, Vec<String>);

/// Name and tracestate of each span, and the tracestates of its links.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Row>>>);

impl Exporter for Seen {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.lock().unwrap().extend(delivery.spans().map(|span| {
            let links = span.links().map(|link| link.tracestate().to_owned()).collect();
            (span.name().to_owned(), span.tracestate().to_owned(), links)
        }));
        Ok(())
    }
}

#[test]
fn all_spans_of_a_trace_and_their_links_have_the_tracestate_that_it_brought() {
    let seen = Seen::default();
    testing::run_with(
        |b| b.exporter(seen.clone()),
        |t| {
            let server = t.tracer().bind(arrived("vendor=1", "")).span("server");
            server.in_span("static", |_| ());
            server.in_span("static", |_| ());
            server.in_span(heirloom_core::Name::dynamic("dynamic"), |_| ());
            let cx = server.context();
            std::thread::spawn(move || cx.in_span("on a thread", |_| ())).join().unwrap();
            let other = t.tracer().root("other");
            other.link(&server).link(arrived("linked=1", "")).link(arrived("", "tenant=blue")).link(other.context());
            drop((server, other));
        },
    );
    let mut seen = seen.0.lock().unwrap().clone();
    seen.sort();
    let of = |name: &str, state: &str, links: &[&str]| {
        (name.to_owned(), state.to_owned(), links.iter().map(|&link| link.to_owned()).collect::<Vec<_>>())
    };
    let expected = [
        of("dynamic", "vendor=1", &[]),
        of("on a thread", "vendor=1", &[]),
        of("other", "", &["vendor=1", "linked=1", "", ""]),
        of("server", "vendor=1", &[]),
        of("static", "vendor=1", &[]),
        of("static", "vendor=1", &[]),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_arrived_is_passed_on_by_spans_that_are_recorded_and_by_those_that_are_not() {
    for sampler in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        testing::run_with(
            |b| b.sampler(sampler.clone()),
            |t| {
                t.tracer().bind(arrived("vendor=1", "tenant=blue")).in_span("server", |server| {
                    server.in_span("client", |client| {
                        let cx = client.context();
                        assert_eq!(cx.to_headers().1.as_deref(), Some("vendor=1"));
                        assert_eq!(cx.baggage().to_string(), "tenant=blue");
                    });
                });
            },
        );
    }
}

#[test]
fn baggage_without_a_parent_starts_a_trace_that_has_it() {
    testing::run(|t| {
        let cx = t.tracer().bind(Context::from_headers(None, Some("vendor=1"), Some("tenant=blue")).unwrap());
        assert!(!cx.is_valid() && cx.is_random());
        cx.in_span("server", |server| {
            assert_eq!(server.context().baggage().get("tenant"), Some("blue"));
            assert!(server.context().tracestate().is_empty(), "there was no traceparent");
            assert!(server.context().is_random());
        });
        let span = &t.spans()[0];
        assert_eq!((span.trace_id, span.parent_span_id), (cx.trace_id(), None));
        let other = Context::from_headers(None, None, Some("tenant=blue")).unwrap();
        assert_ne!(other.trace_id(), cx.trace_id());
        assert_eq!(Context::from_headers(None, Some("vendor=1"), None), Ok(Context::INERT));
    });
}

#[test]
fn other_baggage_replaces_what_arrived_and_the_tracestate_stays() {
    testing::run(|t| {
        let mut baggage = Baggage::new();
        baggage.insert("tenant", "red").unwrap();
        let cx = t.tracer().bind(arrived("vendor=1", "tenant=blue")).with_baggage(&baggage);
        assert_eq!((cx.baggage(), cx.tracestate().as_str()), (baggage, "vendor=1"));
        let none = cx.with_baggage(&Baggage::new());
        assert_eq!((none.baggage().len(), none.tracestate().as_str()), (0, "vendor=1"));
        assert_eq!(Context::INERT.with_baggage(&Baggage::new()), Context::INERT);
    });
}

#[test]
fn langfuses_baggage_becomes_values_of_the_trace_that_brings_it() {
    testing::run(|t| {
        let baggage = "langfuse_user_id=u1,langfuse_session_id=s%2C1,langfuse_tags=a%2Cb,langfuse_environment=staging,\
                       langfuse_trace_name=chat,langfuse_version=v2,langfuse_metadata_shop=7,tenant=blue,\
                       langfuse_trace_id=0af7651916cd43dd8448eb211c80319c";
        t.tracer().bind(arrived("", baggage)).in_span("server", |server| server.in_span("inner", |_| ()));
        let spans = t.spans();
        assert_eq!(spans.len(), 2, "{spans:?}");
        for span in spans {
            let metadata = [keys::TRACE_METADATA, "shop"].concat();
            let texts = [
                (keys::USER, "u1"),
                (keys::SESSION, "s,1"),
                (keys::ENVIRONMENT, "staging"),
                (keys::TRACE_NAME, "chat"),
                (keys::VERSION, "v2"),
                (metadata.as_str(), "7"),
            ];
            for (key, value) in texts {
                assert_eq!(span.attribute(key), Some(&Value::from(value)), "{key} on {}", span.name);
            }
            assert_eq!(span.attribute(keys::TAGS), Some(&Value::from(&["a", "b"][..])));
            assert_eq!(span.attributes.len(), 7, "nothing else becomes an attribute: {:?}", span.attributes);
        }
    });
    testing::run_with(
        |b| b.sampler(Sampler::AlwaysOff),
        |t| {
            t.tracer().bind(arrived("", "langfuse_user_id=u1")).in_span("server", |_| ());
            assert!(t.spans().is_empty(), "no span is made for the values of a trace that isn't recorded");
        },
    );
}

#[test]
fn a_value_that_the_program_sets_wins_over_what_arrived() {
    testing::run(|t| {
        t.tracer().bind(arrived("", "langfuse_user_id=u1")).in_span("server", |server| {
            _ = server.trace_update().user("u2");
        });
        assert_eq!(t.spans()[0].attribute(keys::USER), Some(&Value::from("u2")));
    });
}

#[test]
fn what_the_program_set_stays_when_the_same_values_arrive_again() {
    testing::run(|t| {
        let cx = t.tracer().bind(arrived("", "langfuse_user_id=u1,langfuse_session_id=s1,langfuse_tags=a%2Cb"));
        cx.in_span("first", |first| {
            _ = first.trace_update().user("u2").tags(["c"]);
        });
        let of = |name: &str, key| t.span(name).attribute(key).cloned();
        cx.in_span("second", |_| ());
        assert_eq!(of("second", keys::USER), Some(Value::from("u2")), "set by the program");
        assert_eq!(of("second", keys::SESSION), Some(Value::from("s1")), "only arrived");
        assert_eq!(of("second", keys::TAGS), Some(Value::from(&["a", "b", "c"][..])), "tags are added");
        let later = "langfuse_user_id=u3,langfuse_session_id=s3,langfuse_tags=d";
        t.tracer().bind(arrived("", later)).in_span("third", |_| ());
        assert_eq!(of("third", keys::USER), Some(Value::from("u2")), "set by the program");
        assert_eq!(of("third", keys::SESSION), Some(Value::from("s3")), "of two that arrived, the later one");
        assert_eq!(of("third", keys::TAGS), Some(Value::from(&["a", "b", "c", "d"][..])));
    });
}

#[test]
fn a_value_that_was_set_before_others_arrive_stays() {
    testing::run(|t| {
        let cx = arrived("", "langfuse_user_id=u1,langfuse_tags=a");
        let trace = t.tracer().bind(Context::from_trace_id(cx.trace_id()));
        trace.in_span("before", |before| {
            _ = before.trace_update().user("u2").tags(["b"]);
        });
        t.tracer().bind(cx).in_span("after", |_| ());
        assert_eq!(t.span("after").attribute(keys::USER), Some(&Value::from("u2")));
        assert_eq!(t.span("after").attribute(keys::TAGS), Some(&Value::from(&["b", "a"][..])));
    });
}
