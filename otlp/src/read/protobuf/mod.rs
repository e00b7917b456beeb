//! The binary form: messages by the numbers of their fields. A field that comes again replaces a scalar, adds to a list, and
//! completes a message, as in protobuf.

mod input;

use super::data::{self, AnyValue, Event, KeyValue, Link, Request, Resource, ResourceSpans, Scope, ScopeSpans, Span};
use super::{ReadError, Visitor, MAX_DEPTH};
use heirloom_core::{SpanId, TraceId};
use input::{Field, Input, Text};

type Done = Result<(), ReadError>;

/// Reads a request whose first byte is this one of a file.
pub(super) fn request(bytes: &[u8], at: u64) -> Result<Request, ReadError> {
    let mut request = Request::default();
    each(Input::new(bytes, at), |field| match field.number {
        1 => push(&mut request.resource_spans, field, resource_spans),
        _ => Ok(()),
    })?;
    Ok(request)
}

/// Shows the spans of a request to a visitor, without a copy of their texts.
pub(super) fn visit(bytes: &[u8], at: u64, visitor: &mut impl Visitor) -> Done {
    // Its lists are used again for each span.
    let mut seen = Span::<&str>::default();
    each(Input::new(bytes, at), |field| match field.number {
        1 => visit_resource_spans(field.message()?, &mut seen, visitor),
        _ => Ok(()),
    })
}

/// A resource may come behind its spans, so it is looked for first. What is wrong is found in the order of the bytes.
fn visit_resource_spans<'a>(input: Input<'a>, seen: &mut Span<&'a str>, visitor: &mut impl Visitor) -> Done {
    let mut found = Resource::<&str>::default();
    let _ = each(input, |field| match field.number {
        1 => resource(&mut found, field.message()?),
        _ => Ok(()),
    });
    visitor.resource(&found);
    each(input, |field| match field.number {
        1 => resource(&mut Resource::<&str>::default(), field.message()?),
        2 => visit_scope_spans(field.message()?, seen, visitor),
        3 => field.text::<&str>().map(drop),
        _ => Ok(()),
    })
}

fn visit_scope_spans<'a>(input: Input<'a>, seen: &mut Span<&'a str>, visitor: &mut impl Visitor) -> Done {
    each(input, |field| match field.number {
        1 => scope(&mut Scope::<&str>::default(), field.message()?),
        2 => {
            seen.clear();
            span(seen, field.message()?)?;
            visitor.span(seen);
            Ok(())
        }
        3 => field.text::<&str>().map(drop),
        _ => Ok(()),
    })
}

/// The first integer of bytes at this place of a file, and how many bytes it has: the length of a record.
pub(super) fn length(bytes: &[u8], at: u64) -> Result<(u64, usize), ReadError> {
    let mut input = Input::new(bytes, at);
    let length = input.varint()?;
    Ok((length, bytes.len() - input.bytes().len()))
}

/// Calls `read` with each field of a message.
#[inline]
fn each<'a>(mut input: Input<'a>, mut read: impl FnMut(&Field<'a>) -> Done) -> Done {
    while let Some(field) = input.field()? {
        read(&field)?;
    }
    Ok(())
}

/// Adds a message to a list.
fn push<'a, T: Default>(list: &mut Vec<T>, field: &Field<'a>, read: impl FnOnce(&mut T, Input<'a>) -> Done) -> Done {
    let mut item = T::default();
    read(&mut item, field.message()?)?;
    list.push(item);
    Ok(())
}

/// Puts a scalar into its place.
#[inline]
fn put<T>(place: &mut T, value: Result<T, ReadError>) -> Done {
    *place = value?;
    Ok(())
}

/// A `uint32`: protobuf's readers cut a longer one.
fn count(place: &mut u32, field: &Field<'_>) -> Done {
    put(place, field.varint().map(|number| number as u32))
}

fn resource_spans(into: &mut ResourceSpans, input: Input<'_>) -> Done {
    each(input, |field| match field.number {
        1 => resource(&mut into.resource, field.message()?),
        2 => push(&mut into.scope_spans, field, scope_spans),
        3 => put(&mut into.schema_url, field.text()),
        _ => Ok(()),
    })
}

fn resource<'a, T: Text<'a>>(into: &mut Resource<T>, input: Input<'a>) -> Done {
    each(input, |field| match field.number {
        1 => push(&mut into.attributes, field, attribute),
        2 => count(&mut into.dropped_attributes_count, field),
        _ => Ok(()),
    })
}

fn scope_spans(into: &mut ScopeSpans, input: Input<'_>) -> Done {
    each(input, |field| match field.number {
        1 => scope(&mut into.scope, field.message()?),
        2 => push(&mut into.spans, field, span),
        3 => put(&mut into.schema_url, field.text()),
        _ => Ok(()),
    })
}

fn scope<'a, T: Text<'a>>(into: &mut Scope<T>, input: Input<'a>) -> Done {
    each(input, |field| match field.number {
        1 => put(&mut into.name, field.text()),
        2 => put(&mut into.version, field.text()),
        3 => push(&mut into.attributes, field, attribute),
        4 => count(&mut into.dropped_attributes_count, field),
        _ => Ok(()),
    })
}

fn trace_id(field: &Field<'_>) -> Result<TraceId, ReadError> {
    field.id("a trace id of 16 bytes").map(TraceId::from_bytes)
}

fn span_id(field: &Field<'_>) -> Result<SpanId, ReadError> {
    field.id("a span id of 8 bytes").map(SpanId::from_bytes)
}

fn span<'a, T: Text<'a>>(into: &mut Span<T>, input: Input<'a>) -> Done {
    let mut outcome = (0, String::new());
    each(input, |field| match field.number {
        1 => put(&mut into.trace_id, trace_id(field)),
        2 => put(&mut into.span_id, span_id(field)),
        3 => put(&mut into.trace_state, field.text()),
        4 => put(&mut into.parent_span_id, span_id(field).map(|id| id.is_valid().then_some(id))),
        5 => put(&mut into.name, field.text()),
        6 => put(&mut into.kind, field.varint().map(|number| data::kind(number.into()))),
        7 => put(&mut into.start_time_unix_nano, field.fixed64()),
        8 => put(&mut into.end_time_unix_nano, field.fixed64()),
        9 => push(&mut into.attributes, field, attribute),
        10 => count(&mut into.dropped_attributes_count, field),
        11 => push(&mut into.events, field, event),
        12 => count(&mut into.dropped_events_count, field),
        13 => push(&mut into.links, field, link),
        14 => count(&mut into.dropped_links_count, field),
        15 => status(&mut outcome, field.message()?),
        16 => put(&mut into.flags, field.fixed32()),
        _ => Ok(()),
    })?;
    into.status = data::status(outcome.0.into(), outcome.1);
    Ok(())
}

fn status((code, message): &mut (u64, String), input: Input<'_>) -> Done {
    each(input, |field| match field.number {
        2 => put(message, field.text()),
        3 => put(code, field.varint()),
        _ => Ok(()),
    })
}

fn event<'a, T: Text<'a>>(into: &mut Event<T>, input: Input<'a>) -> Done {
    each(input, |field| match field.number {
        1 => put(&mut into.time_unix_nano, field.fixed64()),
        2 => put(&mut into.name, field.text()),
        3 => push(&mut into.attributes, field, attribute),
        4 => count(&mut into.dropped_attributes_count, field),
        _ => Ok(()),
    })
}

fn link<'a, T: Text<'a>>(into: &mut Link<T>, input: Input<'a>) -> Done {
    each(input, |field| match field.number {
        1 => put(&mut into.trace_id, trace_id(field)),
        2 => put(&mut into.span_id, span_id(field)),
        3 => put(&mut into.trace_state, field.text()),
        4 => push(&mut into.attributes, field, attribute),
        5 => count(&mut into.dropped_attributes_count, field),
        6 => put(&mut into.flags, field.fixed32()),
        _ => Ok(()),
    })
}

fn attribute<'a, T: Text<'a>>(into: &mut KeyValue<T>, input: Input<'a>) -> Done {
    entry(into, input, 0)
}

fn entry<'a, T: Text<'a>>(into: &mut KeyValue<T>, input: Input<'a>, depth: usize) -> Done {
    each(input, |field| match field.number {
        1 => put(&mut into.key, field.text()),
        2 => any(&mut into.value, field.message()?, depth),
        _ => Ok(()),
    })
}

/// The value of an attribute, inside of so many others.
fn any<'a, T: Text<'a>>(into: &mut AnyValue<T>, input: Input<'a>, depth: usize) -> Done {
    each(input, |field| {
        *into = match field.number {
            1 => AnyValue::String(field.text()?),
            2 => AnyValue::Bool(field.varint()? != 0),
            3 => AnyValue::Int(field.varint()? as i64),
            4 => AnyValue::Double(f64::from_bits(field.fixed64()?)),
            5 | 6 if depth >= MAX_DEPTH => return field.too_deep(),
            5 => {
                let mut items = match std::mem::take(into) {
                    AnyValue::Array(items) => items,
                    _ => Vec::new(),
                };
                each(field.message()?, |field| match field.number {
                    1 => push(&mut items, field, |item, input| any(item, input, depth + 1)),
                    _ => Ok(()),
                })?;
                AnyValue::Array(items)
            }
            6 => {
                let mut entries = match std::mem::take(into) {
                    AnyValue::Map(entries) => entries,
                    _ => Vec::new(),
                };
                each(field.message()?, |field| match field.number {
                    1 => push(&mut entries, field, |item, input| entry(item, input, depth + 1)),
                    _ => Ok(()),
                })?;
                AnyValue::Map(entries)
            }
            7 => AnyValue::Bytes(field.message()?.bytes().to_vec()),
            _ => return Ok(()),
        };
        Ok(())
    })
}
