//! Spans of crates that use OpenTelemetry's API become Heirloom's.

use heirloom_bridge::{otel, HeirloomPropagator, HeirloomTracerProvider};
use heirloom_core::export::Memory;
use heirloom_core::llm::keys;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{builder, in_root, Context, Sampler, SpanKind, Status, Value};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{self, FutureExt, Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

type Tracing = <HeirloomTracerProvider as TracerProvider>::Tracer;

fn run(test: impl FnOnce(&Testing, Tracing)) {
    testing::run(|t| {
        let scope = InstrumentationScope::builder("their crate").with_version("1.2").build();
        test(t, HeirloomTracerProvider::new().tracer_with_scope(scope));
        t.assert_complete();
    });
}

#[test]
fn their_span_falls_under_ours_and_ours_under_theirs() {
    run(|t, tracer| {
        in_root("ours", |_| {
            tracer.in_span("theirs", |cx| {
                otel::context(&cx).in_span("ours within", |ours| {
                    drop(tracer.start_with_context("theirs within", &otel::to_otel(ours)));
                });
                drop(tracer.start("their child"));
            });
        });
        t.assert_tree("ours\n  theirs\n    ours within\n      theirs within\n    their child");
    });
}

#[test]
fn where_nothing_is_current_their_span_is_a_root() {
    run(|t, tracer| {
        tracer.in_span("theirs", |cx| drop(otel::context(&cx).span("ours")));
        t.assert_tree("theirs\n  ours");
    });
}

#[test]
fn kind_status_attributes_events_and_links_are_kept() {
    run(|t, tracer| {
        let linked = tracer.start("linked");
        let to = linked.span_context().clone();
        let start = tracer.span_builder("before").with_kind(trace::SpanKind::Client);
        let mut span = tracer.build(start.with_attributes([KeyValue::new("early", 1)]));
        span.set_attribute(KeyValue::new(String::from("late"), 0.5));
        span.add_event("retry", vec![KeyValue::new(String::from("attempt"), 2)]);
        span.record_error(&std::io::Error::other("disk full"));
        span.add_link(to, vec![KeyValue::new("why", "because")]);
        span.update_name("after");
        span.set_status(trace::Status::error("broken"));
        assert!(span.is_recording());
        span.end();
        assert!(!span.is_recording());
        drop(linked);

        let span = t.span("after");
        assert_eq!((span.kind, &span.status), (SpanKind::Client, &Status::Error("broken".to_owned())));
        let expected: [(_, Value<'_>); 4] = [
            ("early", 1.into()),
            ("late", 0.5.into()),
            ("otel.scope.name", "their crate".into()),
            ("otel.scope.version", "1.2".into()),
        ];
        for (key, value) in expected {
            assert_eq!(span.attribute(key), Some(&value), "{key}");
        }
        assert!(span.scope.len() >= 2 && !span.attributes.iter().any(|(key, _)| key.starts_with("otel.scope")));
        let events: Vec<_> = span.events.iter().map(|(name, _, attributes)| (name.as_str(), attributes)).collect();
        assert_eq!(events[0], ("retry", &vec![("attempt".to_owned(), 2.into())]));
        assert_eq!(events[1], ("exception", &vec![("exception.message".to_owned(), "disk full".into())]));
        let (_, linked, attributes) = &span.links[0];
        assert_eq!(*linked, t.span("linked").span_id);
        assert_eq!(attributes[0], ("why".to_owned(), "because".into()));
    });
}

#[test]
fn times_that_are_given_are_attributes() {
    run(|t, tracer| {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut span = tracer.build(tracer.span_builder("s").with_start_time(at(1)));
        span.add_event_with_timestamp("e", at(2), vec![]);
        span.end_with_timestamp(at(3));
        drop(tracer.start("now"));
        let span = t.span("s");
        assert_eq!(span.attribute("otel.start_time_unix_nano"), Some(&Value::I64(1_000_000_000)));
        assert_eq!(span.attribute("otel.end_time_unix_nano"), Some(&Value::I64(3_000_000_000)));
        assert_eq!(span.events[0].2, [("otel.time_unix_nano".to_owned(), Value::I64(2_000_000_000))]);
        assert!(t.span("now").attributes.iter().all(|(key, _)| !key.ends_with("unix_nano")));
    });
}

#[test]
fn a_chat_is_a_generation_and_usage_on_an_agent_is_an_aggregate() {
    run(|t, tracer| {
        let attributes = |operation: &'static str| {
            [KeyValue::new(keys::INPUT_TOKENS, "12"), KeyValue::new(keys::OPERATION, operation)]
        };
        let start = |name, operation| tracer.span_builder(name).with_attributes(attributes(operation));
        drop(tracer.build(start("chat", "chat")));
        drop(tracer.build(start("agent", "invoke_agent")));
        assert_eq!(t.span("chat").attribute(keys::OBSERVATION_TYPE), Some(&"generation".into()));
        assert_eq!(t.span("chat").attribute(keys::INPUT_TOKENS), Some(&Value::I64(12)));
        assert_eq!(t.span("agent").attribute(keys::INPUT_TOKENS), None);
    });
}

#[test]
fn suppressed_telemetry_is_not_recorded() {
    run(|t, tracer| {
        in_root("ours", |_| {
            let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
            tracer.in_span("theirs", |cx| drop(otel::context(&cx).span("within")));
        });
        t.assert_tree("ours\n  within");
    });
}

#[test]
fn children_go_to_the_tracer_of_their_parent() {
    run(|t, tracer| {
        let memory = Memory::new();
        let other = builder("other").exporter(memory.clone()).start().expect("a tracer");
        let parent = other.tracer().root("other's root");
        drop(tracer.start_with_context("other's child", &otel::to_otel(&parent)));
        let theirs = HeirloomTracerProvider::with_tracer(other.tracer()).tracer("x");
        drop(theirs.start("where something is current, that one's tracer"));
        std::thread::scope(|threads| drop(threads.spawn(|| drop(theirs.start("other's second root")))));
        drop(parent);
        assert!(other.finish().is_complete());
        let mut names: Vec<_> = memory.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        assert_eq!(names, ["other's child", "other's root", "other's second root"]);
        t.assert_tree("where something is current, that one's tracer");
    });
}

#[test]
fn what_is_not_sampled_stays_unsampled_below() {
    let unsampled = |b: heirloom_core::Builder| b.sampler(Sampler::AlwaysOff);
    testing::run_with(unsampled, |t| {
        let tracer = HeirloomTracerProvider::new().tracer("x");
        tracer.in_span("theirs", |cx| {
            assert!(!cx.span().is_recording() && !cx.span().span_context().is_sampled());
            assert!(cx.span().span_context().is_valid(), "so that other processes follow the decision");
            drop(tracer.start("child"));
            drop(otel::context(&cx).span("ours"));
        });
        assert!(t.spans().is_empty());
        assert_eq!(t.tracer().ledger().sampled_out, 3);
        t.assert_complete();
    });
}

#[test]
fn a_future_with_their_context_falls_under_it_on_another_thread() {
    run(|t, tracer| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let cx = opentelemetry::Context::new().with_span(tracer.start("theirs"));
        let within = async {
            tokio::task::yield_now().await;
            drop(otel::context(&opentelemetry::Context::current()).span("ours"));
        };
        let task = runtime.spawn(within.with_context(cx));
        runtime.block_on(task).expect("the task");
        t.assert_tree("theirs\n  ours");
    });
}

#[test]
fn the_propagator_carries_what_is_current_with_its_tracestate_and_baggage() {
    run(|t, tracer| {
        let propagator = HeirloomPropagator::new();
        let sent = HashMap::from([
            ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03".to_owned()),
            ("tracestate".to_owned(), "vendor=1".to_owned()),
            ("baggage".to_owned(), "tenant=blue".to_owned()),
        ]);
        let received = propagator.extract(&sent);
        let mut onward = HashMap::new();
        tracer.build_with_context(tracer.span_builder("server"), &received).end();
        otel::context(&received).in_span("ours", |ours| {
            propagator.inject_context(&opentelemetry::Context::new(), &mut onward);
            assert_eq!(onward["traceparent"], ours.context().traceparent().expect("valid").to_string());
            assert!(onward["traceparent"].ends_with("-03"), "the random flag is kept: {onward:?}");
        });
        assert_eq!(onward["tracestate"], "vendor=1");
        assert_eq!(onward["baggage"], "tenant=blue", "the context that arrived has it");
        propagator.inject_context(&received, &mut onward);
        assert_eq!(onward, sent);
        let parents: Vec<_> = t.spans().iter().map(|span| span.parent_span_id.map(|id| id.to_string())).collect();
        assert_eq!(parents, [Some("b7ad6b7169203331".to_owned()), Some("b7ad6b7169203331".to_owned())]);
    });
}

#[test]
fn bad_headers_are_an_error_or_a_new_root() {
    run(|t, tracer| {
        for bad in ["", "00-xyz", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "\u{0}\u{fffd}"] {
            let carrier = HashMap::from([("traceparent".to_owned(), bad.to_owned())]);
            assert!(otel::extract(&carrier).is_err(), "{bad:?}");
            let cx = HeirloomPropagator::new().extract(&carrier);
            assert!(!cx.has_active_span());
            drop(tracer.start_with_context("root", &cx));
        }
        assert_eq!(otel::extract(&HashMap::<String, String>::new()).map(|cx| cx.is_valid()), Ok(false));
        let spans = t.spans();
        assert_eq!(spans.len(), 4);
        assert!(spans.iter().all(|span| span.parent_span_id.is_none()), "{spans:?}");
        assert_eq!(Context::try_current(), None);
    });
}

#[test]
fn the_global_provider_is_ours() {
    opentelemetry::global::set_tracer_provider(HeirloomTracerProvider::new());
    testing::run(|t| {
        in_root("ours", |_| opentelemetry::global::tracer("anybody").in_span("theirs", |_| ()));
        t.assert_tree("ours\n  theirs");
    });
}

#[test]
fn secrets_in_lists_events_and_links_are_redacted() {
    use opentelemetry::{Array, StringValue};
    run(|t, tracer| {
        let secret = || {
            let list = Array::String(vec![StringValue::from("Bearer hunter2")]);
            let header = KeyValue::new("http.request.header.authorization", opentelemetry::Value::Array(list));
            let prompt = KeyValue::new("gen_ai.prompt", r#"{"token":"hunter2"}"#);
            vec![header, prompt, KeyValue::new("api_key", "hunter2"), KeyValue::new("tokens", 7)]
        };
        let linked = tracer.start("linked").span_context().clone();
        let mut span = tracer.start("login");
        secret().into_iter().for_each(|attribute| span.set_attribute(attribute));
        span.add_event("refused", secret());
        span.add_link(linked, secret());
        drop(span);
        let span = t.span("login");
        let all = [&span.attributes[..], &span.events[0].2, &span.links[0].2];
        for attributes in all {
            let texts: Vec<String> = attributes.iter().map(|(_, value)| value.to_string()).collect();
            let redacted = "<redacted>";
            assert_eq!(texts, [redacted, r#"{"token":"<redacted>"}"#, redacted, "7"], "{attributes:?}");
        }
    });
}

#[test]
fn a_context_that_went_through_opentelemetry_keeps_its_tracer_and_its_tracestate() {
    run(|t, _| {
        let memory = Memory::new();
        let other = builder("other").exporter(memory.clone()).start().expect("a tracer");
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let server = other.tracer().extract(parent, Some("vendor=1")).expect("a context").span("server");
        let theirs = otel::to_otel(&server);
        assert_eq!(otel::context(&theirs), server.context());
        otel::context(&theirs).in_span("ours", |_| ());
        let mut onward = HashMap::new();
        HeirloomPropagator::new().inject_context(&theirs, &mut onward);
        assert_eq!(onward.get("tracestate").map(String::as_str), Some("vendor=1"));
        drop(server);
        drop(other.finish());
        assert_eq!(memory.spans().len(), 2);
        assert!(t.spans().is_empty());
    });
}

/// Several values of one key, as HTTP headers have them.
struct Headers(Vec<(&'static str, &'static str)>);

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        Some(self.0.iter().filter(|(name, _)| *name == key).map(|(_, value)| *value).collect())
    }
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a program that only passes on sends, with OpenTelemetry's API.
fn through(headers: Vec<(&'static str, &'static str)>) -> HashMap<String, String> {
    let propagator = HeirloomPropagator::new();
    let received = propagator.extract(&Headers(headers));
    let mut onward = HashMap::new();
    propagator.inject_context(&received, &mut onward);
    onward
}

#[test]
fn the_propagator_passes_on_what_opentelemetrys_parsers_would_lose_with_a_tracer_and_without() {
    let check = || {
        for state in ["tenant@long-vendor=1,other=2", "tenant@a-very-long-vendor=1,other=2", "a@b@c=1,other=2"] {
            let onward = through(vec![("traceparent", PARENT), ("tracestate", state)]);
            assert_eq!(onward.get("tracestate").map(String::as_str), Some(state));
        }
        let onward = through(vec![
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
            ("baggage", "token=YWJj==;p=1,sum=1+1"),
            ("baggage", "tenant=blue"),
        ]);
        assert_eq!(onward["tracestate"], "a=1,b=2");
        assert_eq!(onward["baggage"], "token=YWJj%3D%3D;p=1,sum=1%2B1,tenant=blue");
        // Baggage needs no parent.
        assert_eq!(through(vec![("baggage", "tenant=blue")])["baggage"], "tenant=blue");
    };
    check();
    run(|_, _| check());
}

#[test]
fn a_program_of_opentelemetrys_sees_the_baggage_that_arrived_and_what_it_sets_is_sent() {
    let propagator = HeirloomPropagator::new();
    let received =
        propagator.extract(&Headers(vec![("traceparent", PARENT), ("baggage", "token=YWJj==,plan=free,tenant=blue")]));
    assert_eq!(received.baggage().get("token").map(|value| value.to_string()), Some("YWJj==".to_owned()));
    let changed = received.with_baggage([
        KeyValue::new("token", "new"),
        KeyValue::new("zone", "a b"),
        KeyValue::new("tenant", "blue"),
    ]);
    let mut onward = HashMap::new();
    propagator.inject_context(&changed, &mut onward);
    assert_eq!(onward["baggage"], "token=new,tenant=blue,zone=a%20b", "`plan` was removed");
    let mut ours = HashMap::new();
    otel::inject(otel::context(&received), &mut ours);
    assert_eq!(ours["baggage"], "token=YWJj%3D%3D,plan=free,tenant=blue", "Heirloom's context has it too");
}

#[test]
fn a_tracestate_that_opentelemetrys_type_cannot_have_whole_is_whole_in_ours() {
    let text = "tenant@a-very-long-vendor=1,other=2";
    let cx = Context::from_headers(Some(PARENT), Some(text), None).expect("valid");
    let theirs = otel::to_otel(cx);
    assert_eq!(theirs.span().span_context().trace_state().header(), "other=2");
    assert_eq!(otel::context(&theirs).tracestate().as_str(), text);
}
