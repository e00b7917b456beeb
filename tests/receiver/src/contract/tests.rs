//! Each rule finds its own violation, and no other.
#![allow(clippy::unwrap_used)]

use super::{request, tree, Violation};
use crate::http::Raw;
use crate::span::{Origin, Received};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value::Value, AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use std::sync::Arc;

const KEY: &str = "pk-lf-1";

fn kv(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), key_strindex: 0 }
}

fn text(key: &str, value: &str) -> KeyValue {
    kv(key, Value::StringValue(value.to_owned()))
}

fn texts(key: &str, items: &[&str]) -> KeyValue {
    let values = items.iter().map(|item| AnyValue { value: Some(Value::StringValue((*item).to_owned())) }).collect();
    kv(key, Value::ArrayValue(ArrayValue { values }))
}

/// A valid request.
struct Case {
    raw: Raw,
    request: ExportTraceServiceRequest,
}

impl Case {
    fn right() -> Self {
        let headers = [
            ("x-langfuse-ingestion-version", "4"),
            ("x-langfuse-public-key", KEY),
            ("x-langfuse-sdk-name", "test"),
            ("x-langfuse-sdk-version", "1"),
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "gzip"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let raw = Raw { method: "POST".into(), path: "/".into(), headers, body: Vec::new() };
        let sdk = ["service.name", "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"];
        let mut attributes: Vec<KeyValue> = sdk.iter().map(|key| text(key, "x")).collect();
        attributes.extend([text("langfuse.environment", "beta"), text("langfuse.release", "1")]);
        let scope = InstrumentationScope {
            name: "langfuse-sdk".into(),
            version: "1".into(),
            attributes: vec![text("public_key", KEY)],
            dropped_attributes_count: 0,
        };
        let scope_spans = ScopeSpans { scope: Some(scope), spans: vec![span()], ..ScopeSpans::default() };
        let resource = Some(Resource { attributes, ..Resource::default() });
        let resource_spans = ResourceSpans { resource, scope_spans: vec![scope_spans], ..ResourceSpans::default() };
        Self { raw, request: ExportTraceServiceRequest { resource_spans: vec![resource_spans] } }
    }

    fn header(&mut self, name: &str) -> &mut String {
        &mut self.raw.headers.iter_mut().find(|(known, _)| known == name).unwrap().1
    }

    fn resource(&mut self) -> &mut Vec<KeyValue> {
        &mut self.request.resource_spans[0].resource.as_mut().unwrap().attributes
    }

    fn scope(&mut self) -> &mut InstrumentationScope {
        self.request.resource_spans[0].scope_spans[0].scope.as_mut().unwrap()
    }

    fn span(&mut self) -> &mut Span {
        &mut self.request.resource_spans[0].scope_spans[0].spans[0]
    }

    /// Sets an attribute of the span.
    fn set(&mut self, set: KeyValue) {
        let attributes = &mut self.span().attributes;
        attributes.retain(|known| known.key != set.key);
        attributes.push(set);
    }

    fn violations(&self) -> Vec<Violation> {
        request(&self.raw, &self.request, KEY)
    }
}

/// A generation with all attributes.
fn span() -> Span {
    let long = "x".repeat(200);
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "chat".into(),
        kind: 1,
        start_time_unix_nano: 10,
        end_time_unix_nano: 20,
        status: Some(Status { code: 2, message: "no".into() }),
        attributes: vec![
            text("langfuse.trace.name", &long),
            text("user.id", "u"),
            text("session.id", "s"),
            texts("langfuse.trace.tags", &["a", "b"]),
            text("langfuse.trace.metadata.tenant", "\"acme\""),
            kv("langfuse.trace.public", Value::BoolValue(true)),
            text("langfuse.environment", "beta"),
            text("langfuse.version", "1"),
            text("langfuse.observation.type", "generation"),
            text("langfuse.observation.input", "plain"),
            text("langfuse.observation.output", "{\"a\":[1]}"),
            text("langfuse.observation.metadata.k", "9007199254740991"),
            text("langfuse.observation.level", "ERROR"),
            text("langfuse.observation.status_message", "no"),
            text("langfuse.observation.model.name", "m"),
            text("langfuse.observation.model.parameters", "{\"temperature\":0.5,\"stop\":\"x\"}"),
            text("langfuse.observation.usage_details", "{\"input\":1,\"output\":2,\"total\":3}"),
            text("langfuse.observation.cost_details", "{\"total\":0.5}"),
            text("langfuse.observation.completion_start_time", "\"2026-01-01T00:00:00.000000Z\""),
            text("langfuse.observation.prompt.name", "p"),
            kv("langfuse.observation.prompt.version", Value::IntValue(3)),
            kv("langfuse.internal.is_app_root", Value::BoolValue(true)),
            text("anything.else", "{"),
        ],
        ..Span::default()
    }
}

/// Breaks one rule, and checks that this rule, and no other, finds it.
#[track_caller]
fn found(rule: &str, break_it: impl FnOnce(&mut Case)) {
    let mut case = Case::right();
    break_it(&mut case);
    let violations = case.violations();
    let mut rules: Vec<&str> = violations.iter().map(|violation| violation.rule).collect();
    rules.dedup();
    assert_eq!(rules, [rule], "{violations:?}");
}

/// Sets an attribute to a wrong value, and checks that its rule finds it.
#[track_caller]
fn wrong(rule: &str, key: &str, value: &str) {
    found(rule, |case| case.set(text(key, value)));
}

#[test]
fn what_is_right_breaks_no_rule() {
    assert_eq!(Case::right().violations(), []);
}

#[test]
fn wrong_headers_are_found() {
    found("ingestion-version", |c| *c.header("x-langfuse-ingestion-version") = "3".into());
    found("public-key-header", |c| *c.header("x-langfuse-public-key") = "pk-lf-2".into());
    found("sdk-name-header", |c| c.header("x-langfuse-sdk-name").clear());
    found("sdk-version-header", |c| c.raw.headers.retain(|(name, _)| name != "x-langfuse-sdk-version"));
    found("content-type", |c| *c.header("content-type") = "application/octet-stream".into());
    found("content-encoding", |c| *c.header("content-encoding") = "deflate".into());
}

#[test]
fn a_wrong_resource_and_scope_are_found() {
    found("resource", |c| c.resource().retain(|kv| kv.key != "service.name"));
    found("resource-langfuse", |c| {
        c.resource().retain(|kv| kv.key != "langfuse.environment");
        c.resource().push(text("langfuse.environment", "Beta"));
    });
    found("keys-once", |c| c.resource().push(text("service.name", "y")));
    found("scope-name", |c| c.scope().name = "heirloom".into());
    found("scope-version", |c| c.scope().version.clear());
    found("scope-public-key", |c| c.scope().attributes.clear());
}

#[test]
fn a_wrong_envelope_is_found() {
    found("trace-id", |c| c.span().trace_id = vec![0; 16]);
    found("span-id", |c| c.span().span_id = vec![1; 16]);
    found("parent-span-id", |c| c.span().parent_span_id = vec![0; 8]);
    found("name", |c| c.span().name.clear());
    found("times", |c| c.span().end_time_unix_nano = 9);
    found("kind", |c| c.span().kind = 3);
    found("status", |c| {
        c.span().status = Some(Status { code: 1, message: String::new() });
        c.set(text("langfuse.observation.level", "DEFAULT"));
    });
    found("error-status", |c| c.span().status = None);
    let event = |c: &mut Case| {
        c.span().attributes =
            vec![text("langfuse.observation.type", "event"), text("langfuse.observation.level", "ERROR")];
    };
    found("event-times", event);
}

#[test]
fn attributes_that_are_too_many_unknown_or_out_of_place_are_found() {
    found("type-is-there", |c| {
        c.span().attributes = vec![text("langfuse.observation.level", "ERROR")];
    });
    found("attribute-count", |c| (0..128).for_each(|n| c.set(text(&format!("k{n}"), "v"))));
    found("keys-once", |c| c.span().attributes.push(text("anything.else", "again")));
    found("value-is-there", |c| c.span().attributes.push(KeyValue { key: "empty".into(), ..KeyValue::default() }));
    found("unknown-attribute", |c| c.set(text("langfuse.observation.inptu", "1")));
    found("generation-only", |c| c.set(text("langfuse.observation.type", "agent")));
    found("prompt-version-with-name", |c| {
        c.span().attributes.retain(|kv| kv.key != "langfuse.observation.prompt.name");
    });
}

#[test]
fn a_wrong_value_of_each_attribute_is_found() {
    let long = "x".repeat(201);
    for key in ["langfuse.trace.name", "user.id", "session.id"] {
        wrong(key, key, &long);
        wrong(key, key, "");
        found(key, |c| c.set(kv(key, Value::IntValue(1))));
    }
    found("langfuse.trace.tags", |c| c.set(texts("langfuse.trace.tags", &["a", &long])));
    wrong("langfuse.trace.tags", "langfuse.trace.tags", "a");
    wrong("langfuse.trace.metadata.", "langfuse.trace.metadata.k", "acme");
    wrong("langfuse.trace.metadata.", "langfuse.trace.metadata.k", &format!("\"{}\"", "x".repeat(199)));
    wrong("langfuse.trace.metadata", "langfuse.trace.metadata", "acme");
    wrong("langfuse.trace.public", "langfuse.trace.public", "true");
    for bad in ["langfuse-x", "Beta", "", "é", &"x".repeat(41)] {
        wrong("langfuse.environment", "langfuse.environment", bad);
    }
    found("langfuse.release", |c| c.set(kv("langfuse.release", Value::IntValue(1))));
    found("langfuse.version", |c| c.set(kv("langfuse.version", Value::IntValue(1))));
    found("langfuse.internal.as_root", |c| c.set(kv("langfuse.internal.as_root", Value::BoolValue(false))));
    wrong("langfuse.internal.is_app_root", "langfuse.internal.is_app_root", "true");
    found("langfuse.experiment.", |c| c.set(kv("langfuse.experiment.id", Value::IntValue(1))));
    wrong("langfuse.experiment.metadata", "langfuse.experiment.metadata", "{");
}

#[test]
fn a_wrong_value_of_each_attribute_of_an_observation_is_found() {
    let of = |name: &str| format!("langfuse.observation.{name}");
    for (name, bad) in [
        ("level", "error"),
        ("input", "{\"cut\":"),
        ("output", "[9007199254740992]"),
        ("metadata", "acme"),
        ("model.parameters", "{\"a\":[1]}"),
        ("usage_details", "{\"input\":1.5}"),
        ("cost_details", "{\"total\":\"NaN\"}"),
        ("completion_start_time", "2026-01-01T00:00:00Z"),
        ("completion_start_time", "\"2026-01-01T00:00:00\""),
    ] {
        if name == "level" {
            found(&of(name), |c| {
                c.span().status = None;
                c.set(text(&of(name), bad));
            });
        } else {
            wrong(&of(name), &of(name), bad);
        }
    }
    wrong("langfuse.observation.metadata.", &of("metadata.k"), "acme");
    for name in ["status_message", "model.name", "prompt.name"] {
        found(&of(name), |c| c.set(kv(&of(name), Value::BoolValue(true))));
    }
    wrong(&of("prompt.version"), &of("prompt.version"), "3");
    let mut unknown_type = Case::right();
    unknown_type.set(text(&of("type"), "thought"));
    assert!(unknown_type.violations().iter().any(|v| v.rule == of("type")));
}

fn received(span_id: &str, parent: Option<&str>, is_app_root: bool) -> Received {
    let mut span = Received::new(span(), &Arc::new(Origin::default()));
    span.span_id = span_id.into();
    span.parent_span_id = parent.map(str::to_owned);
    if !is_app_root {
        span.attributes.retain(|(key, _)| key != "langfuse.internal.is_app_root");
    }
    span
}

#[test]
fn what_spans_say_wrongly_of_each_other_is_found() {
    let rules = |spans: &[Received]| -> Vec<&str> { tree(spans).iter().map(|v| v.rule).collect() };
    let (root, child) = (received("a", None, true), received("b", Some("a"), false));
    assert_eq!(rules(&[root.clone(), child.clone()]), [""; 0]);
    assert_eq!(rules(&[received("a", None, false)]), ["app-root"]);
    assert_eq!(rules(&[root.clone(), received("b", Some("a"), true)]), ["app-root"]);
    assert_eq!(rules(std::slice::from_ref(&child)), ["app-root"]);
    assert_eq!(rules(&[root.clone(), child.clone(), child]), ["ids-once"]);
}
