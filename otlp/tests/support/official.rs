//! The same request through the official schema: `opentelemetry-proto` and `prost`. What the encoder's output is compared with.

use heirloom_core::export::{AttributeRef, EventRef, LinkRef, Part, Resource, ScopeRef, SpanRef};
use heirloom_core::{Status, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value, AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status as ProtoStatus};

/// The request with the spans of a part.
pub(crate) fn request(part: &Part) -> ExportTraceServiceRequest {
    let pid = part.resource().get("process.pid").and_then(Value::as_i64);
    let mut scopes: Vec<ScopeSpans> = Vec::new();
    for one in part.spans() {
        let scope = Some(one.scope().map_or_else(heirloom, scope));
        let span = span(one, pid);
        match scopes.iter_mut().rev().find(|known| known.scope == scope) {
            Some(known) => known.spans.push(span),
            None => scopes.push(ScopeSpans { scope, spans: vec![span], ..ScopeSpans::default() }),
        }
    }
    let resource = Some(resource(part.resource()));
    let spans = ResourceSpans { resource, scope_spans: scopes, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![spans] }
}

fn resource(resource: &Resource) -> ProtoResource {
    let attributes = resource.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    ProtoResource { attributes, ..ProtoResource::default() }
}

fn heirloom() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    InstrumentationScope { name: "heirloom".to_owned(), version, ..InstrumentationScope::default() }
}

fn scope(scope: ScopeRef<'_>) -> InstrumentationScope {
    InstrumentationScope {
        name: scope.name(),
        version: scope.version().unwrap_or_default(),
        attributes: scope.attributes().map(|a| attribute(a.key, &a.value)).collect(),
        dropped_attributes_count: 0,
    }
}

fn span(span: SpanRef<'_>, resource_pid: Option<i64>) -> Span {
    let status = match span.status() {
        Status::Unset => None,
        Status::Ok => Some(ProtoStatus { code: 1, message: String::new() }),
        Status::Error(message) => Some(ProtoStatus { code: 2, message }),
    };
    Span {
        trace_id: span.trace_id().to_bytes().to_vec(),
        span_id: span.span_id().to_bytes().to_vec(),
        trace_state: span.tracestate().to_owned(),
        parent_span_id: span.parent_span_id().map_or_else(Vec::new, |id| id.to_bytes().to_vec()),
        flags: flags(span.trace_flags(), span.parent_is_remote()),
        name: span.name().to_owned(),
        kind: span.kind() as i32 + 1,
        start_time_unix_nano: span.start_ns(),
        end_time_unix_nano: span.end_ns(),
        attributes: attributes(span, resource_pid),
        dropped_attributes_count: span.dropped_attributes(),
        events: span.events().map(event).collect(),
        dropped_events_count: span.dropped_events(),
        links: span.links().map(link).collect(),
        dropped_links_count: span.dropped_links(),
        status,
    }
}

fn flags(trace_flags: u8, is_remote: bool) -> u32 {
    u32::from(trace_flags) | 0x100 | if is_remote { 0x200 } else { 0 }
}

fn attributes(span: SpanRef<'_>, resource_pid: Option<i64>) -> Vec<KeyValue> {
    let mut list = plain(span.attributes());
    let lane = span.lane();
    let pid = i64::from(lane.process_id);
    let is_polled = list.iter().any(|known| known.key == "heirloom.polls");
    let added = [
        ("heirloom.incomplete", span.is_incomplete().then_some(Value::Bool(true))),
        ("heirloom.aborted", span.is_aborted().then_some(Value::Bool(true))),
        ("heirloom.dropped_children", Some(span.dropped_children()).filter(|n| *n > 0).map(Value::from)),
        ("heirloom.nested", (!span.is_nested() && !is_polled).then_some(Value::Bool(false))),
        ("thread.id", Some(Value::from(lane.thread_id))),
        ("thread.name", Some(Value::from(&*lane.thread_name)).filter(|_| !lane.thread_name.is_empty())),
        ("process.pid", Some(Value::I64(pid)).filter(|_| resource_pid != Some(pid))),
    ];
    for (key, value) in added {
        if !list.iter().any(|known| known.key == key) {
            list.extend(value.map(|value| attribute(key, &value)));
        }
    }
    list
}

fn plain<'a>(recorded: impl Iterator<Item = AttributeRef<'a>>) -> Vec<KeyValue> {
    let (mut list, mut cut) = (Vec::new(), Vec::new());
    for a in recorded {
        cut.extend(a.truncated_from.map(|bytes| format!("{}={bytes}", a.key).into()));
        list.push(attribute(a.key, &a.value));
    }
    let is_known = list.iter().any(|known: &KeyValue| known.key == "heirloom.truncated");
    if !cut.is_empty() && !is_known {
        list.push(attribute("heirloom.truncated", &Value::Strs(cut)));
    }
    list
}

fn event(event: EventRef<'_>) -> Event {
    Event {
        time_unix_nano: event.time_ns(),
        name: event.name().to_owned(),
        attributes: plain(event.attributes()),
        dropped_attributes_count: event.dropped_attributes(),
    }
}

fn link(link: LinkRef<'_>) -> Link {
    Link {
        trace_id: link.trace_id().to_bytes().to_vec(),
        span_id: link.span_id().to_bytes().to_vec(),
        trace_state: link.tracestate().to_owned(),
        attributes: plain(link.attributes()),
        dropped_attributes_count: link.dropped_attributes(),
        flags: flags(link.trace_flags(), link.is_remote()),
    }
}

fn attribute(key: &str, value: &Value<'_>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), key_strindex: 0 }
}

fn any(value: &Value<'_>) -> AnyValue {
    use any_value::Value::{BoolValue, DoubleValue, IntValue, StringValue};
    let value = match value {
        Value::Bool(v) => BoolValue(*v),
        Value::I64(v) => IntValue(*v),
        Value::F64(v) => DoubleValue(*v),
        Value::Str(v) => StringValue(v.to_string()),
        Value::Bools(v) => array(v.iter().map(|v| BoolValue(*v))),
        Value::I64s(v) => array(v.iter().map(|v| IntValue(*v))),
        Value::F64s(v) => array(v.iter().map(|v| DoubleValue(*v))),
        Value::Strs(v) => array(v.iter().map(|v| StringValue(v.to_string()))),
        other => StringValue(other.to_string()),
    };
    AnyValue { value: Some(value) }
}

fn array(items: impl Iterator<Item = any_value::Value>) -> any_value::Value {
    let values = items.map(|value| AnyValue { value: Some(value) }).collect();
    any_value::Value::ArrayValue(ArrayValue { values })
}
