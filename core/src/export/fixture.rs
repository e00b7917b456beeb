//! Spans, batches and a small disk, made by hand for the tests of this crate.

#![allow(clippy::unwrap_used)]

use super::SpanData;
use super::{
    AttributeRow, Batch, BatchBuilder, EventRow, Lane, LinkRow, NameRow, Outcome, Resource, SpanRow, ValueRow,
};
use crate::{SpanId, SpanKind, Status, TraceId, Value};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// A lane of process 100 whose thread is named after its id.
pub(crate) fn lane(thread_id: u64) -> Arc<Lane> {
    lane_of(100, thread_id, &format!("thread-{thread_id}"))
}

pub(crate) fn lane_of(process_id: u32, thread_id: u64, thread_name: &str) -> Arc<Lane> {
    Arc::new(Lane { process_id, thread_id, thread_name: thread_name.into() })
}

/// A nested span of trace 1; parent 0 makes it a root.
pub(crate) fn span(id: u64, parent: u64, name: &str, lane: &Arc<Lane>, start_ns: u64, end_ns: u64) -> SpanData {
    SpanData {
        trace_id: TraceId::from_u128(1),
        span_id: SpanId::from_u64(id),
        parent_span_id: (parent != 0).then(|| SpanId::from_u64(parent)),
        parent_is_remote: false,
        name: name.to_owned(),
        kind: SpanKind::Internal,
        start_ns,
        end_ns,
        status: Status::Unset,
        lane: Arc::clone(lane),
        nested: true,
        incomplete: false,
        aborted: false,
        attributes: Vec::new(),
        scope: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        dropped: 0,
    }
}

/// A batch of the service `fixture`. The total in [`SpanData::dropped`] becomes the number of dropped attributes.
pub(crate) fn batch(spans: &[SpanData]) -> Batch {
    let resource = Resource { attributes: vec![("service.name".into(), Value::from("fixture"))] };
    let mut builder = BatchBuilder::new(Arc::new(resource));
    for span in spans {
        let row = row(&mut builder, span);
        builder.span(row);
    }
    builder.finish()
}

fn row(builder: &mut BatchBuilder, span: &SpanData) -> SpanRow {
    let events: Vec<_> = span.events.iter().map(|(name, time_ns, list)| event(builder, name, *time_ns, list)).collect();
    let links: Vec<_> = span.links.iter().map(|(trace, span, list)| link(builder, *trace, *span, list)).collect();
    SpanRow {
        trace: span.trace_id,
        span: span.span_id,
        parent: span.parent_span_id.unwrap_or_default(),
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        name: NameRow::Text(builder.bytes(span.name.as_bytes())),
        lane: builder.add_lane(&span.lane),
        trace_flags: 1,
        kind: span.kind,
        parent_is_remote: span.parent_is_remote,
        parent_is_explicit: false,
        parent_is_known: false,
        nested: span.nested,
        incomplete: span.incomplete,
        aborted: span.aborted,
        outcome: match &span.status {
            Status::Unset => Outcome::Unset,
            Status::Ok => Outcome::Ok,
            Status::Error(text) => Outcome::Error(builder.bytes(text.as_bytes())),
        },
        tracestate: None,
        attributes: attributes(builder, &span.attributes),
        scope: attributes(builder, &span.scope),
        events: builder.events(events.into_iter()),
        links: builder.links(links.into_iter()),
        dropped_attributes: span.dropped,
        dropped_events: 0,
        dropped_links: 0,
    }
}

fn event(builder: &mut BatchBuilder, name: &str, time_ns: u64, list: &[(String, Value<'static>)]) -> EventRow {
    let name = NameRow::Text(builder.bytes(name.as_bytes()));
    EventRow { name, time_ns, attributes: attributes(builder, list), dropped_attributes: 0 }
}

fn link(builder: &mut BatchBuilder, trace: TraceId, span: SpanId, list: &[(String, Value<'static>)]) -> LinkRow {
    let attributes = attributes(builder, list);
    LinkRow { trace, span, trace_flags: 1, remote: false, tracestate: None, attributes, dropped_attributes: 0 }
}

/// A text that ends in `…` counts as cut from 1,000 bytes.
fn attributes(builder: &mut BatchBuilder, list: &[(String, Value<'static>)]) -> Range<u32> {
    let rows: Vec<_> = list
        .iter()
        .map(|(key, value)| AttributeRow {
            key: NameRow::Text(builder.bytes(key.as_bytes())),
            truncated_from: if value.as_str().is_some_and(|text| text.ends_with('…')) { 1000 } else { 0 },
            value: self::value(builder, value),
        })
        .collect();
    builder.attributes(rows.into_iter())
}

fn value(builder: &mut BatchBuilder, value: &Value<'static>) -> ValueRow {
    match value {
        Value::Bool(v) => ValueRow::Bool(*v),
        Value::I64(v) => ValueRow::I64(*v),
        Value::F64(v) => ValueRow::F64(*v),
        Value::Str(v) => ValueRow::Str(builder.bytes(v.as_bytes())),
        Value::Bools(v) => ValueRow::Bools(builder.bytes(&v.iter().map(|b| u8::from(*b)).collect::<Vec<_>>())),
        Value::I64s(v) => ValueRow::I64s(builder.bytes(&v.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>())),
        Value::F64s(v) => ValueRow::F64s(builder.bytes(&v.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>())),
        Value::Strs(v) => {
            let mut bytes = Vec::new();
            for text in v {
                bytes.extend_from_slice(&(text.len() as u32).to_ne_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
            ValueRow::Strs(builder.bytes(&bytes))
        }
    }
}

/// A writer with limited room, and a handle to what was written. A write that exceeds the room takes what fits; the next
/// one fails.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl Disk {
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), bytes))))
    }

    pub(crate) fn make_room(&self, bytes: usize) {
        self.0.lock().unwrap().1 += bytes;
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.lock().unwrap();
        let n = bytes.len().min(*room);
        if n == 0 && !bytes.is_empty() {
            return Err(io::Error::other("no space left on device"));
        }
        written.extend_from_slice(&bytes[..n]);
        *room -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
