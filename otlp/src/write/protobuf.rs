//! Requests in protobuf. Fields with their default are left out, as the format says.

use crate::encode::values::protobuf::{message, tag, text, varint};
use crate::read::{AnyValue, Event, KeyValue, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span};
use heirloom_core::Status;

/// Tags of fields whose value is a varint, four bytes, or eight bytes.
const fn integer(field: u8) -> u8 {
    field << 3
}

const fn fixed32(field: u8) -> u8 {
    field << 3 | 5
}

const fn fixed64(field: u8) -> u8 {
    field << 3 | 1
}

/// Appends a request.
pub(super) fn request(out: &mut Vec<u8>, request: &Request) {
    request.resource_spans.iter().for_each(|one| message(out, tag(1), |out| resource_spans(out, one)));
}

fn resource_spans(out: &mut Vec<u8>, spans: &ResourceSpans) {
    message(out, tag(1), |out| resource(out, &spans.resource));
    spans.scope_spans.iter().for_each(|one| message(out, tag(2), |out| scope_spans(out, one)));
    text(out, tag(3), &spans.schema_url);
}

fn resource(out: &mut Vec<u8>, resource: &Resource) {
    attributes(out, tag(1), &resource.attributes);
    count(out, integer(2), resource.dropped_attributes_count);
}

fn scope_spans(out: &mut Vec<u8>, spans: &ScopeSpans) {
    message(out, tag(1), |out| scope(out, &spans.scope));
    spans.spans.iter().for_each(|one| message(out, tag(2), |out| span(out, one)));
    text(out, tag(3), &spans.schema_url);
}

fn scope(out: &mut Vec<u8>, scope: &Scope) {
    text(out, tag(1), &scope.name);
    text(out, tag(2), &scope.version);
    attributes(out, tag(3), &scope.attributes);
    count(out, integer(4), scope.dropped_attributes_count);
}

fn span(out: &mut Vec<u8>, span: &Span) {
    if span.trace_id.is_valid() {
        bytes(out, tag(1), &span.trace_id.to_bytes());
    }
    if span.span_id.is_valid() {
        bytes(out, tag(2), &span.span_id.to_bytes());
    }
    text(out, tag(3), &span.trace_state);
    if let Some(parent) = span.parent_span_id {
        bytes(out, tag(4), &parent.to_bytes());
    }
    text(out, tag(5), &span.name);
    count(out, integer(6), span.kind as u32 + 1);
    time(out, fixed64(7), span.start_time_unix_nano);
    time(out, fixed64(8), span.end_time_unix_nano);
    attributes(out, tag(9), &span.attributes);
    count(out, integer(10), span.dropped_attributes_count);
    span.events.iter().for_each(|one| message(out, tag(11), |out| event(out, one)));
    count(out, integer(12), span.dropped_events_count);
    span.links.iter().for_each(|one| message(out, tag(13), |out| link(out, one)));
    count(out, integer(14), span.dropped_links_count);
    status(out, &span.status);
    // Field 16: its tag takes two bytes.
    if span.flags != 0 {
        varint(out, 16 << 3 | 5);
        out.extend_from_slice(&span.flags.to_le_bytes());
    }
}

fn status(out: &mut Vec<u8>, status: &Status) {
    let (code, why) = match status {
        Status::Unset => return,
        Status::Ok => (1, ""),
        Status::Error(why) => (2, why.as_str()),
    };
    message(out, tag(15), |out| {
        text(out, tag(2), why);
        count(out, integer(3), code);
    });
}

fn event(out: &mut Vec<u8>, event: &Event) {
    time(out, fixed64(1), event.time_unix_nano);
    text(out, tag(2), &event.name);
    attributes(out, tag(3), &event.attributes);
    count(out, integer(4), event.dropped_attributes_count);
}

fn link(out: &mut Vec<u8>, link: &Link) {
    if link.trace_id.is_valid() {
        bytes(out, tag(1), &link.trace_id.to_bytes());
    }
    if link.span_id.is_valid() {
        bytes(out, tag(2), &link.span_id.to_bytes());
    }
    text(out, tag(3), &link.trace_state);
    attributes(out, tag(4), &link.attributes);
    count(out, integer(5), link.dropped_attributes_count);
    if link.flags != 0 {
        out.push(fixed32(6));
        out.extend_from_slice(&link.flags.to_le_bytes());
    }
}

fn attributes(out: &mut Vec<u8>, tag: u8, list: &[KeyValue]) {
    list.iter().for_each(|one| message(out, tag, |out| key_value(out, one)));
}

fn key_value(out: &mut Vec<u8>, attribute: &KeyValue) {
    text(out, tag(1), &attribute.key);
    message(out, tag(2), |out| any(out, &attribute.value));
}

/// One of several fields: the one that is set is written, also with its default.
fn any(out: &mut Vec<u8>, value: &AnyValue) {
    match value {
        AnyValue::Empty => {}
        AnyValue::String(value) => bytes(out, tag(1), value.as_bytes()),
        AnyValue::Bool(value) => out.extend_from_slice(&[integer(2), u8::from(*value)]),
        AnyValue::Int(value) => {
            out.push(integer(3));
            varint(out, *value as u64);
        }
        AnyValue::Double(value) => {
            out.push(fixed64(4));
            out.extend_from_slice(&value.to_le_bytes());
        }
        AnyValue::Array(items) => message(out, tag(5), |out| {
            items.iter().for_each(|item| message(out, tag(1), |out| any(out, item)));
        }),
        AnyValue::Map(entries) => message(out, tag(6), |out| attributes(out, tag(1), entries)),
        AnyValue::Bytes(value) => bytes(out, tag(7), value),
    }
}

/// A field with these bytes, also if there are none.
fn bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn count(out: &mut Vec<u8>, tag: u8, count: u32) {
    if count != 0 {
        out.push(tag);
        varint(out, count.into());
    }
}

fn time(out: &mut Vec<u8>, tag: u8, ns: u64) {
    if ns != 0 {
        out.push(tag);
        out.extend_from_slice(&ns.to_le_bytes());
    }
}
