//! The form in JSON, by OTLP's [rules] and protobuf's [JSON]. A key that comes again replaces a scalar and completes a list.
//!
//! [rules]: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
//! [JSON]: https://protobuf.dev/programming-guides/json/

mod parse;
mod scalar;

use super::data::{self, AnyValue, Event, KeyValue, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span};
use super::{ReadError, MAX_DEPTH};
use heirloom_core::{SpanId, TraceId};
use parse::Json;
use scalar::{bytes, double, id, integer, named};

type Done = Result<(), ReadError>;

const KINDS: [(&str, i128); 6] = [
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];
const CODES: [(&str, i128); 3] = [("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)];

/// Reads a request whose first line is this one of a file.
pub(super) fn request(text: &str, line: u64) -> Result<Request, ReadError> {
    let mut json = Json::new(text, line);
    let mut request = Request::default();
    json.object(|json, key| match key {
        "resourceSpans" => list(json, &mut request.resource_spans, resource_spans),
        _ => json.skip(),
    })?;
    json.end()?;
    Ok(request)
}

/// Adds objects to a list.
fn list<T: Default>(json: &mut Json<'_>, list: &mut Vec<T>, read: impl Fn(&mut T, &mut Json<'_>) -> Done) -> Done {
    json.list(|json| {
        let mut item = T::default();
        read(&mut item, json)?;
        list.push(item);
        Ok(())
    })
}

/// Puts a scalar into its place, unless it is `null`.
fn put<T>(json: &mut Json<'_>, place: &mut T, read: impl FnOnce(&mut Json<'_>) -> Result<T, ReadError>) -> Done {
    if !json.null() {
        *place = read(json)?;
    }
    Ok(())
}

fn text(json: &mut Json<'_>) -> Result<String, ReadError> {
    Ok(json.text()?.into_owned())
}

fn count(json: &mut Json<'_>) -> Result<u32, ReadError> {
    integer(json, "an integer from 0 to 4294967295")
}

fn time(json: &mut Json<'_>) -> Result<u64, ReadError> {
    integer(json, "nanoseconds since 1970")
}

fn trace_id(json: &mut Json<'_>) -> Result<TraceId, ReadError> {
    id(json, "a trace id of 32 hexadecimal digits").map(TraceId::from_bytes)
}

fn span_id(json: &mut Json<'_>) -> Result<SpanId, ReadError> {
    id(json, "a span id of 16 hexadecimal digits").map(SpanId::from_bytes)
}

fn resource_spans(into: &mut ResourceSpans, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "resource" => resource(&mut into.resource, json),
        "scopeSpans" => list(json, &mut into.scope_spans, scope_spans),
        "schemaUrl" => put(json, &mut into.schema_url, text),
        _ => json.skip(),
    })
}

fn resource(into: &mut Resource, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "attributes" => list(json, &mut into.attributes, attribute),
        "droppedAttributesCount" => put(json, &mut into.dropped_attributes_count, count),
        _ => json.skip(),
    })
}

fn scope_spans(into: &mut ScopeSpans, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "scope" => scope(&mut into.scope, json),
        "spans" => list(json, &mut into.spans, span),
        "schemaUrl" => put(json, &mut into.schema_url, text),
        _ => json.skip(),
    })
}

fn scope(into: &mut Scope, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "name" => put(json, &mut into.name, text),
        "version" => put(json, &mut into.version, text),
        "attributes" => list(json, &mut into.attributes, attribute),
        "droppedAttributesCount" => put(json, &mut into.dropped_attributes_count, count),
        _ => json.skip(),
    })
}

fn span(into: &mut Span, json: &mut Json<'_>) -> Done {
    let mut outcome = (0, String::new());
    json.object(|json, key| match key {
        "traceId" => put(json, &mut into.trace_id, trace_id),
        "spanId" => put(json, &mut into.span_id, span_id),
        "traceState" => put(json, &mut into.trace_state, text),
        "parentSpanId" => {
            put(json, &mut into.parent_span_id, |json| Ok(Some(span_id(json)?).filter(|id| id.is_valid())))
        }
        "flags" => put(json, &mut into.flags, count),
        "name" => put(json, &mut into.name, text),
        "kind" => put(json, &mut into.kind, |json| named(json, &KINDS).map(data::kind)),
        "startTimeUnixNano" => put(json, &mut into.start_time_unix_nano, time),
        "endTimeUnixNano" => put(json, &mut into.end_time_unix_nano, time),
        "attributes" => list(json, &mut into.attributes, attribute),
        "droppedAttributesCount" => put(json, &mut into.dropped_attributes_count, count),
        "events" => list(json, &mut into.events, event),
        "droppedEventsCount" => put(json, &mut into.dropped_events_count, count),
        "links" => list(json, &mut into.links, link),
        "droppedLinksCount" => put(json, &mut into.dropped_links_count, count),
        "status" => status(&mut outcome, json),
        _ => json.skip(),
    })?;
    into.status = data::status(outcome.0, outcome.1);
    Ok(())
}

fn status((code, message): &mut (i128, String), json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "message" => put(json, message, text),
        "code" => put(json, code, |json| named(json, &CODES)),
        _ => json.skip(),
    })
}

fn event(into: &mut Event, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "timeUnixNano" => put(json, &mut into.time_unix_nano, time),
        "name" => put(json, &mut into.name, text),
        "attributes" => list(json, &mut into.attributes, attribute),
        "droppedAttributesCount" => put(json, &mut into.dropped_attributes_count, count),
        _ => json.skip(),
    })
}

fn link(into: &mut Link, json: &mut Json<'_>) -> Done {
    json.object(|json, key| match key {
        "traceId" => put(json, &mut into.trace_id, trace_id),
        "spanId" => put(json, &mut into.span_id, span_id),
        "traceState" => put(json, &mut into.trace_state, text),
        "attributes" => list(json, &mut into.attributes, attribute),
        "droppedAttributesCount" => put(json, &mut into.dropped_attributes_count, count),
        "flags" => put(json, &mut into.flags, count),
        _ => json.skip(),
    })
}

fn attribute(into: &mut KeyValue, json: &mut Json<'_>) -> Done {
    entry(into, json, 0)
}

fn entry(into: &mut KeyValue, json: &mut Json<'_>, depth: usize) -> Done {
    json.object(|json, key| match key {
        "key" => put(json, &mut into.key, text),
        "value" => any(&mut into.value, json, depth),
        _ => json.skip(),
    })
}

/// The value of an attribute, inside of so many others.
fn any(into: &mut AnyValue, json: &mut Json<'_>, depth: usize) -> Done {
    json.object(|json, key| {
        let is_known = matches!(
            key,
            "stringValue" | "boolValue" | "intValue" | "doubleValue" | "arrayValue" | "kvlistValue" | "bytesValue"
        );
        if !is_known {
            return json.skip();
        }
        if json.null() {
            return Ok(());
        }
        *into = match key {
            "stringValue" => AnyValue::String(text(json)?),
            "boolValue" => AnyValue::Bool(json.boolean()?),
            "intValue" => AnyValue::Int(integer(json, "an integer of 64 bits")?),
            "doubleValue" => AnyValue::Double(double(json)?),
            "bytesValue" => AnyValue::Bytes(bytes(json)?),
            _ if depth >= MAX_DEPTH => return json.wrong("no array or map inside 64 others"),
            "arrayValue" => AnyValue::Array(values(json, |item, json| any(item, json, depth + 1))?),
            _ => AnyValue::Map(values(json, |item, json| entry(item, json, depth + 1))?),
        };
        Ok(())
    })
}

/// The values of an array or a map.
fn values<T: Default>(json: &mut Json<'_>, read: impl Fn(&mut T, &mut Json<'_>) -> Done) -> Result<Vec<T>, ReadError> {
    let mut values = Vec::new();
    json.object(|json, key| match key {
        "values" => list(json, &mut values, &read),
        _ => json.skip(),
    })?;
    Ok(values)
}
