//! Batches as the collector makes them, for the tests of the exporter.

use crate::export::{
    AttributeRow, Batch, BatchBuilder, EventRow, Lane, LinkRow, NameRow, Outcome, Resource, SpanRow, ValueRow,
};
use crate::{SpanId, SpanKind, TraceId, Value};
use std::sync::Arc;

pub(super) const TRACE: TraceId = TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
/// 2023-11-14T22:13:20Z, in nanoseconds since 1970.
pub(super) const START_NS: u64 = 1_700_000_000_000_000_000;
pub(super) const RESOURCE_PID: u32 = 100;

pub(super) fn resource(service: &'static str) -> Arc<Resource> {
    let pid = Value::from(RESOURCE_PID);
    Arc::new(Resource { attributes: vec![("service.name".into(), service.into()), ("process.pid".into(), pid)] })
}

pub(super) fn lane(process_id: u32, thread_id: u64, name: &str) -> Arc<Lane> {
    Arc::new(Lane { process_id, thread_id, thread_name: name.into() })
}

/// A span with only an id, a name and times.
pub(super) fn plain(span: u64, lane: u32) -> SpanRow {
    SpanRow {
        trace: TRACE,
        span: SpanId::from_u64(span),
        parent: SpanId::INVALID,
        start_ns: START_NS,
        end_ns: START_NS + 1,
        name: NameRow::Static("plain"),
        lane,
        trace_flags: 1,
        kind: SpanKind::Internal,
        parent_is_remote: false,
        parent_is_explicit: false,
        parent_is_known: false,
        nested: true,
        incomplete: false,
        aborted: false,
        outcome: Outcome::Unset,
        tracestate: None,
        attributes: 0..0,
        scope: 0..0,
        events: 0..0,
        links: 0..0,
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
    }
}

/// `len` plain spans with the ids 1, 2, ..
pub(super) fn plain_batch(service: &'static str, len: u64) -> Batch {
    let mut batch = BatchBuilder::new(resource(service));
    let lane = batch.add_lane(&lane(RESOURCE_PID, 7, "main"));
    for span in 1..=len {
        batch.span(plain(span, lane));
    }
    batch.finish()
}

/// One span (id 2, parent 1) of another process, with every field set.
pub(super) fn full_batch() -> Batch {
    let mut batch = BatchBuilder::new(resource("thumbnailer"));
    let lane = batch.add_lane(&lane(101, 8, "worker-1"));
    let row = full_row(&mut batch, lane);
    batch.span(row);
    batch.finish()
}

fn full_row(batch: &mut BatchBuilder, lane: u32) -> SpanRow {
    let name = NameRow::Text(batch.bytes("schöner Name".as_bytes()));
    let text = batch.bytes(b"no such file");
    SpanRow {
        span: SpanId::from_u64(2),
        parent: SpanId::from_u64(1),
        end_ns: START_NS + 1_500,
        name,
        trace_flags: 3,
        kind: SpanKind::Consumer,
        parent_is_remote: true,
        parent_is_explicit: false,
        parent_is_known: false,
        incomplete: true,
        aborted: false,
        outcome: Outcome::Error(text),
        tracestate: Some("vendor=1,other=2".into()),
        attributes: attributes(batch),
        events: events(batch),
        links: links(batch),
        dropped_attributes: 3,
        dropped_events: 4,
        dropped_links: 5,
        ..plain(2, lane)
    }
}

/// One attribute of each type; the text was cut.
fn attributes(batch: &mut BatchBuilder) -> std::ops::Range<u32> {
    let text = batch.bytes(b"a text");
    let texts = batch.bytes(&[1_u32.to_ne_bytes().as_slice(), b"a", &2_u32.to_ne_bytes(), b"bc"].concat());
    let bools = batch.bytes(&[1, 0]);
    let ints = batch.bytes(&[1_i64.to_ne_bytes(), (-2_i64).to_ne_bytes()].concat());
    let doubles = batch.bytes(&[0.5_f64.to_ne_bytes(), 1e9_f64.to_ne_bytes()].concat());
    let dynamic = NameRow::Text(batch.bytes(b"a dynamic key"));
    let rows = [
        ("bool", ValueRow::Bool(true), 0),
        ("int", ValueRow::I64(i64::MIN), 0),
        ("double", ValueRow::F64(2.5), 0),
        ("text", ValueRow::Str(text), 5_000),
        ("bools", ValueRow::Bools(bools), 0),
        ("ints", ValueRow::I64s(ints), 0),
        ("doubles", ValueRow::F64s(doubles), 0),
        ("texts", ValueRow::Strs(texts), 0),
    ];
    let rows =
        rows.map(|(key, value, truncated_from)| AttributeRow { key: NameRow::Static(key), value, truncated_from });
    batch.attributes(rows.into_iter().chain([AttributeRow {
        key: dynamic,
        value: ValueRow::I64(1),
        truncated_from: 0,
    }]))
}

fn events(batch: &mut BatchBuilder) -> std::ops::Range<u32> {
    let value = ValueRow::Str(batch.bytes(b"cut"));
    let row = AttributeRow { key: NameRow::Static("why"), value, truncated_from: 900 };
    let attributes = batch.attributes([row].into_iter());
    let first = EventRow { name: NameRow::Static("retry"), time_ns: START_NS + 10, attributes, dropped_attributes: 6 };
    let second =
        EventRow { name: NameRow::Static("again"), time_ns: START_NS + 20, attributes: 0..0, dropped_attributes: 0 };
    batch.events([first, second].into_iter())
}

fn links(batch: &mut BatchBuilder) -> std::ops::Range<u32> {
    let row = AttributeRow { key: NameRow::Static("n"), value: ValueRow::I64(1), truncated_from: 0 };
    let attributes = batch.attributes([row].into_iter());
    let (trace, span) = (TraceId::from_u128(9), SpanId::from_u64(10));
    let row = LinkRow {
        trace,
        span,
        trace_flags: 2,
        remote: true,
        tracestate: Some("linked=1".into()),
        attributes,
        dropped_attributes: 7,
    };
    batch.links([row].into_iter())
}
