//! A span, with its events and links.

use super::super::attributes::{Attributes, Place, Threads};
use super::super::fields::{flags, kind, plain, status};
use super::super::mapping::{Fields, Mapping};
use super::super::values::protobuf::{message, message_like, tag, text, varint};
use heirloom_core::export::{EventRef, LinkRef, SpanRef};

/// A span of a `ScopeSpans`.
const SPANS: u8 = tag(2);

const TRACE_ID: u8 = tag(1);
const SPAN_ID: u8 = tag(2);
const TRACE_STATE: u8 = tag(3);
const PARENT_SPAN_ID: u8 = tag(4);
const NAME: u8 = tag(5);
const KIND: u8 = 6 << 3;
const START: u8 = 7 << 3 | 1;
const END: u8 = 8 << 3 | 1;
const ATTRIBUTES: u8 = tag(9);
const DROPPED_ATTRIBUTES: u8 = 10 << 3;
const EVENTS: u8 = tag(11);
const DROPPED_EVENTS: u8 = 12 << 3;
const LINKS: u8 = tag(13);
const DROPPED_LINKS: u8 = 14 << 3;
const STATUS: u8 = tag(15);
/// Field 16: its tag has two bytes.
const FLAGS: [u8; 2] = [0x85, 0x01];

const STATUS_MESSAGE: u8 = tag(2);
const STATUS_CODE: u8 = 3 << 3;

const EVENT_TIME: u8 = 1 << 3 | 1;
const EVENT_NAME: u8 = tag(2);
const EVENT_ATTRIBUTES: u8 = tag(3);
const EVENT_DROPPED: u8 = 4 << 3;

const LINK_TRACE_ID: u8 = tag(1);
const LINK_SPAN_ID: u8 = tag(2);
const LINK_TRACE_STATE: u8 = tag(3);
const LINK_ATTRIBUTES: u8 = tag(4);
const LINK_DROPPED: u8 = 5 << 3;
const LINK_FLAGS: u8 = 6 << 3 | 5;

/// What every span has, in one piece, the parent's id last: the bytes of a root end before it.
const COMMON: usize = 54;
const COMMON_AND_PARENT: usize = COMMON + 10;

/// Appends a span. The order of fields is free. Spans are often about as long as the last one: `was_short` remembers that.
#[inline(always)]
pub(in super::super) fn span(
    was_short: &mut bool,
    out: &mut Vec<u8>,
    span: SpanRef<'_>,
    mapping: &mut impl Mapping,
    threads: &mut Threads,
) {
    message_like(was_short, out, SPANS, |out| {
        text(out, NAME, span.name());
        let fields = mapping.span(span, &mut Attributes { out, place: Place::Protobuf(ATTRIBUTES), threads });
        common(out, span, &fields);
        if let Some((code, message)) = status(&fields.status) {
            put_status(out, code, message);
        }
        count(out, DROPPED_ATTRIBUTES, fields.dropped_attributes);
        if span.has_more() {
            more(out, span, threads);
        }
    });
}

#[inline(always)]
fn common(out: &mut Vec<u8>, span: SpanRef<'_>, fields: &Fields) {
    let mut all = [0; COMMON_AND_PARENT];
    [all[0], all[1]] = [TRACE_ID, 16];
    all[2..18].copy_from_slice(&span.trace_id().to_bytes());
    [all[18], all[19]] = [SPAN_ID, 8];
    all[20..28].copy_from_slice(&span.span_id().to_bytes());
    [all[28], all[29]] = [KIND, kind(fields.kind)];
    all[30] = START;
    all[31..39].copy_from_slice(&span.start_ns().to_le_bytes());
    all[39] = END;
    all[40..48].copy_from_slice(&fields.end_ns.to_le_bytes());
    all[48..50].copy_from_slice(&FLAGS);
    all[50..COMMON].copy_from_slice(&flags(span.trace_flags(), span.parent_is_remote()).to_le_bytes());
    match span.parent_span_id() {
        None => out.extend_from_slice(&all[..COMMON]),
        Some(parent) => {
            [all[COMMON], all[COMMON + 1]] = [PARENT_SPAN_ID, 8];
            all[COMMON + 2..].copy_from_slice(&parent.to_bytes());
            out.extend_from_slice(&all);
        }
    }
}

#[inline(never)]
fn put_status(out: &mut Vec<u8>, code: u8, text_of_error: &str) {
    message(out, STATUS, |out| {
        text(out, STATUS_MESSAGE, text_of_error);
        out.extend_from_slice(&[STATUS_CODE, code]);
    });
}

/// What few spans have.
#[inline(never)]
fn more(out: &mut Vec<u8>, span: SpanRef<'_>, threads: &mut Threads) {
    text(out, TRACE_STATE, span.tracestate());
    span.events().for_each(|one| event(out, one, threads));
    count(out, DROPPED_EVENTS, span.dropped_events());
    span.links().for_each(|one| link(out, one, threads));
    count(out, DROPPED_LINKS, span.dropped_links());
}

fn event(out: &mut Vec<u8>, event: EventRef<'_>, threads: &mut Threads) {
    message(out, EVENTS, |out| {
        out.push(EVENT_TIME);
        out.extend_from_slice(&event.time_ns().to_le_bytes());
        text(out, EVENT_NAME, event.name());
        plain(event.attributes(), &mut Attributes { out, place: Place::Protobuf(EVENT_ATTRIBUTES), threads });
        count(out, EVENT_DROPPED, event.dropped_attributes());
    });
}

fn link(out: &mut Vec<u8>, link: LinkRef<'_>, threads: &mut Threads) {
    message(out, LINKS, |out| {
        out.extend_from_slice(&[LINK_TRACE_ID, 16]);
        out.extend_from_slice(&link.trace_id().to_bytes());
        out.extend_from_slice(&[LINK_SPAN_ID, 8]);
        out.extend_from_slice(&link.span_id().to_bytes());
        text(out, LINK_TRACE_STATE, link.tracestate());
        plain(link.attributes(), &mut Attributes { out, place: Place::Protobuf(LINK_ATTRIBUTES), threads });
        count(out, LINK_DROPPED, link.dropped_attributes());
        out.push(LINK_FLAGS);
        out.extend_from_slice(&flags(link.trace_flags(), link.is_remote()).to_le_bytes());
    });
}

/// A number, unless it is zero.
#[inline(always)]
fn count(out: &mut Vec<u8>, tag: u8, number: u32) {
    if number != 0 {
        out.push(tag);
        varint(out, number.into());
    }
}
