//! From the messages of the official schema to what the reader returns.

use heirloom_core::{SpanId, SpanKind, Status, TraceId};
use heirloom_otlp::read;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value, AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

pub fn request(request: ExportTraceServiceRequest) -> read::Request {
    read::Request { resource_spans: request.resource_spans.into_iter().map(resource_spans).collect() }
}

fn resource_spans(spans: ResourceSpans) -> read::ResourceSpans {
    read::ResourceSpans {
        resource: resource(spans.resource.unwrap_or_default()),
        scope_spans: spans.scope_spans.into_iter().map(scope_spans).collect(),
        schema_url: spans.schema_url,
    }
}

fn resource(resource: Resource) -> read::Resource {
    let dropped_attributes_count = resource.dropped_attributes_count;
    read::Resource { attributes: attributes(resource.attributes), dropped_attributes_count }
}

fn scope_spans(spans: ScopeSpans) -> read::ScopeSpans {
    read::ScopeSpans {
        scope: scope(spans.scope.unwrap_or_default()),
        spans: spans.spans.into_iter().map(span).collect(),
        schema_url: spans.schema_url,
    }
}

fn scope(scope: InstrumentationScope) -> read::Scope {
    read::Scope {
        name: scope.name,
        version: scope.version,
        attributes: attributes(scope.attributes),
        dropped_attributes_count: scope.dropped_attributes_count,
    }
}

fn trace_id(bytes: &[u8]) -> TraceId {
    bytes.try_into().map_or(TraceId::INVALID, TraceId::from_bytes)
}

fn span_id(bytes: &[u8]) -> SpanId {
    bytes.try_into().map_or(SpanId::INVALID, SpanId::from_bytes)
}

fn span(span: Span) -> read::Span {
    let status = span.status.unwrap_or_default();
    read::Span {
        trace_id: trace_id(&span.trace_id),
        span_id: span_id(&span.span_id),
        trace_state: span.trace_state,
        parent_span_id: Some(span_id(&span.parent_span_id)).filter(|id| id.is_valid()),
        flags: span.flags,
        name: span.name,
        kind: match span.kind {
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Internal,
        },
        start_time_unix_nano: span.start_time_unix_nano,
        end_time_unix_nano: span.end_time_unix_nano,
        attributes: attributes(span.attributes),
        dropped_attributes_count: span.dropped_attributes_count,
        events: span.events.into_iter().map(event).collect(),
        dropped_events_count: span.dropped_events_count,
        links: span.links.into_iter().map(link).collect(),
        dropped_links_count: span.dropped_links_count,
        status: match status.code {
            1 => Status::Ok,
            2 => Status::Error(status.message),
            _ => Status::Unset,
        },
    }
}

fn event(event: Event) -> read::Event {
    read::Event {
        time_unix_nano: event.time_unix_nano,
        name: event.name,
        attributes: attributes(event.attributes),
        dropped_attributes_count: event.dropped_attributes_count,
    }
}

fn link(link: Link) -> read::Link {
    read::Link {
        trace_id: trace_id(&link.trace_id),
        span_id: span_id(&link.span_id),
        trace_state: link.trace_state,
        attributes: attributes(link.attributes),
        dropped_attributes_count: link.dropped_attributes_count,
        flags: link.flags,
    }
}

fn attributes(list: Vec<KeyValue>) -> Vec<read::KeyValue> {
    list.into_iter().map(|kv| read::KeyValue { key: kv.key, value: any(kv.value) }).collect()
}

fn any(value: Option<AnyValue>) -> read::AnyValue {
    use any_value::Value::{
        ArrayValue, BoolValue, BytesValue, DoubleValue, IntValue, KvlistValue, StringValue, StringValueStrindex,
    };
    match value.and_then(|value| value.value) {
        None | Some(StringValueStrindex(_)) => read::AnyValue::Empty,
        Some(StringValue(v)) => read::AnyValue::String(v),
        Some(BoolValue(v)) => read::AnyValue::Bool(v),
        Some(IntValue(v)) => read::AnyValue::Int(v),
        Some(DoubleValue(v)) => read::AnyValue::Double(v),
        Some(BytesValue(v)) => read::AnyValue::Bytes(v),
        Some(ArrayValue(v)) => read::AnyValue::Array(v.values.into_iter().map(|v| any(Some(v))).collect()),
        Some(KvlistValue(v)) => read::AnyValue::Map(attributes(v.values)),
    }
}
