//! A span, with its events and links.

use super::super::attributes::{Attributes, Place, Threads};
use super::super::fields::{flags, kind, plain, status};
use super::super::mapping::Mapping;
use super::super::values::json::{comma, id, quoted};
use super::attributes;
use heirloom_core::export::{EventRef, LinkRef, SpanRef};

/// Appends a span to a list of spans.
pub(in super::super) fn span(out: &mut Vec<u8>, span: SpanRef<'_>, mapping: &mut impl Mapping, threads: &mut Threads) {
    comma(out, 0);
    out.extend_from_slice(b"{\"traceId\":");
    id(out, span.trace_id().to_bytes());
    out.extend_from_slice(b",\"spanId\":");
    id(out, span.span_id().to_bytes());
    if let Some(parent) = span.parent_span_id() {
        out.extend_from_slice(b",\"parentSpanId\":");
        id(out, parent.to_bytes());
    }
    out.extend_from_slice(b",\"name\":");
    quoted(out, span.name());
    let fields = attributes(out, |out| {
        let place = Place::Json(out.len());
        mapping.span(span, &mut Attributes { out, place, threads })
    });
    number(out, "flags", flags(span.trace_flags(), span.parent_is_remote()));
    number(out, "kind", kind(fields.kind));
    time(out, "startTimeUnixNano", span.start_ns());
    time(out, "endTimeUnixNano", fields.end_ns);
    count(out, "droppedAttributesCount", fields.dropped_attributes);
    if let Some((code, message)) = status(&fields.status) {
        out.extend_from_slice(b",\"status\":{\"message\":");
        quoted(out, message);
        number(out, "code", code);
        out.push(b'}');
    }
    if span.has_more() {
        more(out, span, threads);
    }
    out.push(b'}');
}

/// What few spans have.
fn more(out: &mut Vec<u8>, span: SpanRef<'_>, threads: &mut Threads) {
    trace_state(out, span.tracestate());
    list(out, "events", span.events(), |out, one| event(out, one, threads));
    count(out, "droppedEventsCount", span.dropped_events());
    list(out, "links", span.links(), |out, one| link(out, one, threads));
    count(out, "droppedLinksCount", span.dropped_links());
}

fn event(out: &mut Vec<u8>, event: EventRef<'_>, threads: &mut Threads) {
    out.extend_from_slice(b"{\"name\":");
    quoted(out, event.name());
    time(out, "timeUnixNano", event.time_ns());
    attributes(out, |out| {
        let place = Place::Json(out.len());
        plain(event.attributes(), &mut Attributes { out, place, threads });
    });
    count(out, "droppedAttributesCount", event.dropped_attributes());
    out.push(b'}');
}

fn link(out: &mut Vec<u8>, link: LinkRef<'_>, threads: &mut Threads) {
    out.extend_from_slice(b"{\"traceId\":");
    id(out, link.trace_id().to_bytes());
    out.extend_from_slice(b",\"spanId\":");
    id(out, link.span_id().to_bytes());
    trace_state(out, link.tracestate());
    attributes(out, |out| {
        let place = Place::Json(out.len());
        plain(link.attributes(), &mut Attributes { out, place, threads });
    });
    number(out, "flags", flags(link.trace_flags(), link.is_remote()));
    count(out, "droppedAttributesCount", link.dropped_attributes());
    out.push(b'}');
}

fn trace_state(out: &mut Vec<u8>, text: &str) {
    if !text.is_empty() {
        out.extend_from_slice(b",\"traceState\":");
        quoted(out, text);
    }
}

/// A list with its name, unless it is empty.
fn list<T>(
    out: &mut Vec<u8>,
    name: &str,
    items: impl ExactSizeIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    if items.len() == 0 {
        return;
    }
    key(out, name);
    out.push(b'[');
    let start = out.len();
    for item in items {
        comma(out, start);
        write(out, item);
    }
    out.push(b']');
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn number(out: &mut Vec<u8>, name: &str, number: impl itoa::Integer) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A number, unless it is zero.
fn count(out: &mut Vec<u8>, name: &str, count: u32) {
    if count != 0 {
        number(out, name, count);
    }
}

fn time(out: &mut Vec<u8>, name: &str, ns: u64) {
    key(out, name);
    out.push(b'"');
    out.extend_from_slice(itoa::Buffer::new().format(ns).as_bytes());
    out.push(b'"');
}
