//! An instrumentation scope travels as a scope, and costs a span none of its own attributes.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Chrome, Memory, ScopeRef};
use heirloom_core::{builder, Settings, Span, Value};

fn describe(span: &Span) {
    span.set(ScopeRef::NAME, "their crate").set(ScopeRef::VERSION, "1.2");
    span.set(format!("{}team", ScopeRef::ATTRIBUTE), "red").set(format!("{}level", ScopeRef::ATTRIBUTE), 7);
}

fn fill(span: &Span) {
    (0..128).for_each(|n| _ = span.set(format!("key {n}"), n));
}

#[test]
fn a_span_has_its_scope_beside_its_128_attributes() {
    for scope_is_first in [true, false] {
        let memory = Memory::new();
        let guard = builder("app").settings(Settings::default()).exporter(memory.clone()).start().unwrap();
        guard.tracer().in_root("work", |span| {
            if scope_is_first {
                describe(span);
            }
            fill(span);
            describe(span);
            span.set("one too many", 1);
        });
        assert!(guard.finish().is_complete());
        let span = &memory.spans()[0];
        assert_eq!((span.attributes.len(), span.dropped), (128, 1));
        assert!(span.attributes.iter().enumerate().all(|(n, (key, _))| *key == format!("key {n}")));
        let scope: Vec<_> = span.scope.iter().map(|(key, value)| (&**key, value.to_string())).collect();
        let expected =
            [("name", "their crate"), ("version", "1.2"), ("attributes.team", "red"), ("attributes.level", "7")];
        let expected = expected.map(|(key, value)| (format!("otel.scope.{key}"), value.to_owned()));
        assert_eq!(scope, expected.each_ref().map(|(key, value)| (&**key, value.clone())));
        assert_eq!(span.attribute(ScopeRef::NAME), Some(&Value::from("their crate")));
    }
}

#[test]
fn a_scope_is_in_the_trace_file() {
    let path = std::env::temp_dir().join(format!("heirloom-{}-scope.json", std::process::id()));
    let guard = builder("app").settings(Settings::default()).exporter(Chrome::create(&path).unwrap()).start().unwrap();
    guard.tracer().in_root("work", |span| {
        describe(span);
        fill(span);
    });
    assert!(guard.finish().is_complete());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let events: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let args = &events.iter().find(|event| event["name"] == "work").unwrap()["args"];
    assert_eq!(
        (&args["scope"]["otel.scope.name"], &args["scope"]["otel.scope.attributes.level"]),
        (&"their crate".into(), &7.into())
    );
    assert_eq!((&args["attributes"]["key 127"], args["attributes"].as_object().unwrap().len()), (&127.into(), 128));
}

#[cfg(feature = "otel")]
#[test]
fn a_scope_is_opentelemetrys_scope_and_no_attribute() {
    use heirloom_core::otel::OtelExporter;
    let memory = opentelemetry_sdk::trace::InMemorySpanExporter::default();
    let guard =
        builder("app").settings(Settings::default()).exporter(OtelExporter::new(memory.clone())).start().unwrap();
    guard.tracer().in_root("work", |span| {
        describe(span);
        fill(span);
        span.in_span("ours", |_| ());
    });
    guard.tracer().flush(std::time::Duration::from_secs(60)).unwrap();
    let spans = memory.get_finished_spans().unwrap();
    let found = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (theirs, ours) = (&found("work").instrumentation_scope, &found("ours").instrumentation_scope);
    assert_eq!((theirs.name(), theirs.version()), ("their crate", Some("1.2")));
    let attributes: Vec<_> = theirs.attributes().map(|kv| (kv.key.as_str(), kv.value.to_string())).collect();
    assert_eq!(attributes, [("team", "red".to_owned()), ("level", "7".to_owned())]);
    assert_eq!((ours.name(), ours.version()), ("heirloom", Some(env!("CARGO_PKG_VERSION"))));
    let keys: Vec<_> = found("work").attributes.iter().map(|kv| kv.key.as_str()).collect();
    assert!(keys.contains(&"thread.id") && keys.contains(&"thread.name"), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.starts_with("key ")).count(), 128);
    assert!(!keys.iter().any(|key| key.starts_with("otel.scope")), "{keys:?}");
    assert_eq!(found("work").dropped_attributes_count, 0);
    drop(guard.finish());
}
