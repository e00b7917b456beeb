//! Requests in JSON, by OTLP's rules: ids in hexadecimal, 64-bit integers as texts, bytes in base64. What has its default is left
//! out.

use crate::encode::values::json::{comma, double, id, int, quoted};
use crate::read::{AnyValue, Event, KeyValue, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span};
use heirloom_core::Status;

/// Appends a request.
pub(super) fn request(out: &mut Vec<u8>, request: &Request) {
    object(out, |out| {
        // Present without spans, too: a reader sees what it is.
        array(out, "resourceSpans", &request.resource_spans, resource_spans);
    });
}

fn resource_spans(out: &mut Vec<u8>, spans: &ResourceSpans) {
    object(out, |out| {
        field(out, "resource");
        resource(out, &spans.resource);
        array(out, "scopeSpans", &spans.scope_spans, scope_spans);
        text(out, "schemaUrl", &spans.schema_url);
    });
}

fn resource(out: &mut Vec<u8>, resource: &Resource) {
    object(out, |out| {
        list(out, "attributes", &resource.attributes, key_value);
        count(out, "droppedAttributesCount", resource.dropped_attributes_count);
    });
}

fn scope_spans(out: &mut Vec<u8>, spans: &ScopeSpans) {
    object(out, |out| {
        field(out, "scope");
        scope(out, &spans.scope);
        array(out, "spans", &spans.spans, span);
        text(out, "schemaUrl", &spans.schema_url);
    });
}

fn scope(out: &mut Vec<u8>, scope: &Scope) {
    object(out, |out| {
        text(out, "name", &scope.name);
        text(out, "version", &scope.version);
        list(out, "attributes", &scope.attributes, key_value);
        count(out, "droppedAttributesCount", scope.dropped_attributes_count);
    });
}

fn span(out: &mut Vec<u8>, span: &Span) {
    object(out, |out| {
        if span.trace_id.is_valid() {
            field(out, "traceId");
            id(out, span.trace_id.to_bytes());
        }
        if span.span_id.is_valid() {
            field(out, "spanId");
            id(out, span.span_id.to_bytes());
        }
        text(out, "traceState", &span.trace_state);
        if let Some(parent) = span.parent_span_id {
            field(out, "parentSpanId");
            id(out, parent.to_bytes());
        }
        count(out, "flags", span.flags);
        text(out, "name", &span.name);
        count(out, "kind", span.kind as u32 + 1);
        time(out, "startTimeUnixNano", span.start_time_unix_nano);
        time(out, "endTimeUnixNano", span.end_time_unix_nano);
        list(out, "attributes", &span.attributes, key_value);
        count(out, "droppedAttributesCount", span.dropped_attributes_count);
        list(out, "events", &span.events, event);
        count(out, "droppedEventsCount", span.dropped_events_count);
        list(out, "links", &span.links, link);
        count(out, "droppedLinksCount", span.dropped_links_count);
        status(out, &span.status);
    });
}

fn status(out: &mut Vec<u8>, status: &Status) {
    let (code, why) = match status {
        Status::Unset => return,
        Status::Ok => (1, ""),
        Status::Error(why) => (2, why.as_str()),
    };
    field(out, "status");
    object(out, |out| {
        text(out, "message", why);
        count(out, "code", code);
    });
}

fn event(out: &mut Vec<u8>, event: &Event) {
    object(out, |out| {
        time(out, "timeUnixNano", event.time_unix_nano);
        text(out, "name", &event.name);
        list(out, "attributes", &event.attributes, key_value);
        count(out, "droppedAttributesCount", event.dropped_attributes_count);
    });
}

fn link(out: &mut Vec<u8>, link: &Link) {
    object(out, |out| {
        if link.trace_id.is_valid() {
            field(out, "traceId");
            id(out, link.trace_id.to_bytes());
        }
        if link.span_id.is_valid() {
            field(out, "spanId");
            id(out, link.span_id.to_bytes());
        }
        text(out, "traceState", &link.trace_state);
        list(out, "attributes", &link.attributes, key_value);
        count(out, "droppedAttributesCount", link.dropped_attributes_count);
        count(out, "flags", link.flags);
    });
}

fn key_value(out: &mut Vec<u8>, attribute: &KeyValue) {
    object(out, |out| {
        field(out, "key");
        quoted(out, &attribute.key);
        field(out, "value");
        any(out, &attribute.value);
    });
}

fn any(out: &mut Vec<u8>, value: &AnyValue) {
    match value {
        AnyValue::Int(value) => return int(out, *value),
        AnyValue::Double(value) => return double(out, *value),
        _ => {}
    }
    object(out, |out| match value {
        AnyValue::Empty | AnyValue::Int(_) | AnyValue::Double(_) => {}
        AnyValue::String(value) => {
            field(out, "stringValue");
            quoted(out, value);
        }
        AnyValue::Bool(value) => {
            field(out, "boolValue");
            out.extend_from_slice(if *value { b"true" } else { b"false" });
        }
        AnyValue::Array(items) => {
            field(out, "arrayValue");
            object(out, |out| array(out, "values", items, any));
        }
        AnyValue::Map(entries) => {
            field(out, "kvlistValue");
            object(out, |out| array(out, "values", entries, key_value));
        }
        AnyValue::Bytes(value) => {
            field(out, "bytesValue");
            base64(out, value);
        }
    });
}

fn object(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'{');
    write(out);
    out.push(b'}');
}

/// The name of a field, after a comma unless it is the first of its object.
fn field(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn array<T>(out: &mut Vec<u8>, name: &str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    field(out, name);
    out.push(b'[');
    let start = out.len();
    for item in items {
        comma(out, start);
        write(out, item);
    }
    out.push(b']');
}

fn list<T>(out: &mut Vec<u8>, name: &str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    if !items.is_empty() {
        array(out, name, items, write);
    }
}

fn text(out: &mut Vec<u8>, name: &str, text: &str) {
    if !text.is_empty() {
        field(out, name);
        quoted(out, text);
    }
}

fn count(out: &mut Vec<u8>, name: &str, count: u32) {
    if count != 0 {
        field(out, name);
        out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    }
}

fn time(out: &mut Vec<u8>, name: &str, ns: u64) {
    if ns != 0 {
        field(out, name);
        out.push(b'"');
        out.extend_from_slice(itoa::Buffer::new().format(ns).as_bytes());
        out.push(b'"');
    }
}

/// Bytes in base64 with padding ([RFC 4648]).
///
/// [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648
fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(padded);
        let digit = |n: u32| DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
        let digits = [0, 1, 2, 3].map(|n| if n as usize <= group.len() { digit(n) } else { b'=' });
        out.extend_from_slice(&digits);
    }
    out.push(b'"');
}
