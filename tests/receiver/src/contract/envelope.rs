//! Rules for ids, names, times, kind and status; for scope and resource.

use super::{attributes, ensure, Finding, Findings};
use crate::span::{hex, Value};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

const INTERNAL: i32 = 1;
const UNSET: i32 = 0;
const ERROR: i32 = 2;

pub(super) fn resource(findings: &mut Findings, resource_spans: &ResourceSpans) {
    let place = "resource";
    let list = resource_spans.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
    for key in ["service.name", "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"] {
        findings.check("resource", place, present(list, key));
    }
    for kv in list.iter().filter(|kv| kv.key.starts_with("langfuse.")) {
        findings.check("resource-langfuse", place, of_langfuse(kv));
    }
    findings.check("keys-once", place, once(list));
}

pub(super) fn scope(findings: &mut Findings, scope_spans: &ScopeSpans, public_key: &str) {
    let scope = scope_spans.scope.clone().unwrap_or_default();
    let place = "scope";
    findings.check("scope-name", place, ensure(scope.name == "langfuse-sdk", || format!("name is {:?}", scope.name)));
    findings.check("scope-version", place, ensure(!scope.version.is_empty(), || "no version".to_owned()));
    let key = attributes::find(&scope.attributes, "public_key");
    let same = key == Some(&Value::StringValue(public_key.to_owned()));
    findings.check("scope-public-key", place, ensure(same, || "public_key is not the key of the request".to_owned()));
}

pub(super) fn span(findings: &mut Findings, span: &Span) {
    let place = format!("span {:?}", span.name);
    findings.check("trace-id", &place, id(&span.trace_id, 16));
    findings.check("span-id", &place, id(&span.span_id, 8));
    findings.check("parent-span-id", &place, parent(&span.parent_span_id));
    findings.check("name", &place, ensure(!span.name.is_empty(), || "no name".to_owned()));
    findings.check("times", &place, times(span));
    findings.check("event-times", &place, event_times(span));
    findings.check("kind", &place, ensure(span.kind == INTERNAL, || format!("kind is {}", span.kind)));
    findings.check("status", &place, status(span));
    findings.check("error-status", &place, error_status(span));
}

fn present(list: &[KeyValue], key: &str) -> Finding {
    let text = matches!(attributes::find(list, key), Some(Value::StringValue(text)) if !text.is_empty());
    ensure(text, || format!("{key} is missing"))
}

fn of_langfuse(kv: &KeyValue) -> Finding {
    let value = kv.value.as_ref().and_then(|v| v.value.as_ref());
    match (kv.key.as_str(), value) {
        ("langfuse.environment", Some(value)) => super::format::environment(value),
        ("langfuse.release", Some(value)) => super::format::text(value),
        (key, _) => Err(format!("{key} is unknown")),
    }
}

pub(super) fn once(list: &[KeyValue]) -> Finding {
    let mut keys: Vec<&str> = list.iter().map(|kv| kv.key.as_str()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("duplicate key {}", pair[0])),
        None => Ok(()),
    }
}

fn id(bytes: &[u8], len: usize) -> Finding {
    ensure(bytes.len() == len && bytes.iter().any(|b| *b != 0), || format!("{:?} is no id", hex(bytes)))
}

fn parent(bytes: &[u8]) -> Finding {
    if bytes.is_empty() {
        return Ok(());
    }
    id(bytes, 8)
}

fn times(span: &Span) -> Finding {
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    ensure(start > 0 && end >= start, || format!("from {start} to {end}"))
}

fn event_times(span: &Span) -> Finding {
    let is_event = attributes::kind(span) == Some("event");
    let same = span.start_time_unix_nano == span.end_time_unix_nano;
    ensure(!is_event || same, || "an event that lasts".to_owned())
}

fn status(span: &Span) -> Finding {
    let code = span.status.as_ref().map_or(UNSET, |status| status.code);
    ensure(code == UNSET || code == ERROR, || format!("status is {code}"))
}

/// A span with the level of an error must have an error status.
fn error_status(span: &Span) -> Finding {
    let code = span.status.as_ref().map_or(UNSET, |status| status.code);
    let level = attributes::find(&span.attributes, "langfuse.observation.level");
    let is_error = level == Some(&Value::StringValue("ERROR".to_owned()));
    ensure(!is_error || code == ERROR, || "level ERROR without an error status".to_owned())
}
