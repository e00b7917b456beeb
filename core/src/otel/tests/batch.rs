//! Batches as the collector makes them, for the tests of the exporter.

use crate::dictionary::{self, Names};
use crate::export::fixture::{attribute, cut_attribute};
use crate::export::{
    Batch, BatchBuilder, EventRow, Lane, LinkRow, List, MoreRow, NameRow, Outcome, Resource, SpanFlags, SpanRow,
};
use crate::wire::Begin;
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
        name: named("plain"),
        lane,
        attributes: List::default(),
        values: 0,
        more: 0,
        begin_flags: 0,
        flags: SpanFlags::NESTED,
    }
}

/// A static name.
fn named(name: &'static str) -> NameRow {
    NameRow::Id(dictionary::id_of(name).unwrap_or(0))
}

/// `len` plain spans with the ids 1, 2, ..
pub(super) fn plain_batch(service: &'static str, len: u64) -> Batch {
    let mut batch = BatchBuilder::new(resource(service));
    let lane = batch.add_lane(&lane(RESOURCE_PID, 7, "main"));
    for span in 1..=len {
        batch.span(plain(span, lane));
    }
    batch.finish(&Names::now())
}

/// One span (id 2, parent 1) of another process, with every field set.
pub(super) fn full_batch() -> Batch {
    let mut batch = BatchBuilder::new(resource("thumbnailer"));
    let lane = batch.add_lane(&lane(101, 8, "worker-1"));
    let row = full_row(&mut batch, lane);
    batch.span(row);
    batch.finish(&Names::now())
}

fn full_row(batch: &mut BatchBuilder, lane: u32) -> SpanRow {
    let name = NameRow::Text(batch.text("schöner Name".as_bytes()));
    let more = MoreRow {
        outcome: Outcome::Error(batch.text(b"no such file")),
        tracestate: Some("vendor=1,other=2".into()),
        events: events(batch),
        links: links(batch),
        dropped_attributes: 3,
        dropped_events: 4,
        dropped_links: 5,
    };
    SpanRow {
        span: SpanId::from_u64(2),
        parent: SpanId::from_u64(1),
        end_ns: START_NS + 1_500,
        name,
        attributes: attributes(batch),
        more: batch.more(more),
        begin_flags: SpanKind::Consumer as u16 | Begin::PARENT_REMOTE | Begin::RANDOM_TRACE,
        flags: SpanFlags::INCOMPLETE,
        ..plain(2, lane)
    }
}

/// One attribute of each type; the text was cut.
fn attributes(batch: &mut BatchBuilder) -> List {
    let mut words = Vec::new();
    let mut add = |key: &str, value: Value<'_>| attribute(key, &value, &mut Vec::new()).push_to(&mut words);
    add("bool", true.into());
    add("int", i64::MIN.into());
    add("double", 2.5.into());
    cut_attribute("text", "a text", 5_000, &mut Vec::new()).push_to(&mut words);
    let mut add = |key: &str, value: Value<'_>| attribute(key, &value, &mut Vec::new()).push_to(&mut words);
    add("bools", Value::Bools(vec![true, false].into()));
    add("ints", Value::I64s(vec![1, -2].into()));
    add("doubles", Value::F64s(vec![0.5, 1e9].into()));
    add("texts", Value::Strs(vec!["a".into(), "bc".into()]));
    add("a dynamic key", 1.into());
    batch.list(&words, 9)
}

/// One attribute, as a list.
pub(super) fn one(batch: &mut BatchBuilder, key: &str, value: Value<'_>) -> List {
    let mut words = Vec::new();
    attribute(key, &value, &mut Vec::new()).push_to(&mut words);
    batch.list(&words, 1)
}

fn events(batch: &mut BatchBuilder) -> std::ops::Range<u32> {
    let mut words = Vec::new();
    cut_attribute("why", "cut", 900, &mut Vec::new()).push_to(&mut words);
    let attributes = batch.list(&words, 1);
    let first = EventRow { name: named("retry"), time_ns: START_NS + 10, attributes, dropped_attributes: 6 };
    let none = List::default();
    let second = EventRow { name: named("again"), time_ns: START_NS + 20, attributes: none, dropped_attributes: 0 };
    batch.events([first, second].into_iter())
}

fn links(batch: &mut BatchBuilder) -> std::ops::Range<u32> {
    let attributes = one(batch, "n", 1.into());
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
