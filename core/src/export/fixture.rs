//! Spans, batches and a small disk, made by hand for the tests of this crate.

#![allow(clippy::unwrap_used)]

use super::{
    Batch, BatchBuilder, EventRow, Lane, LinkRow, List, MoreRow, NameRow, Outcome, Resource, SpanFlags, SpanRow,
};
use super::{MarkData, MarkRow, SpanData};
use crate::dictionary::Names;
use crate::mark_kind::MarkKind;
use crate::wire::{Begin, Encoded, Packed, WireName};
use crate::{SpanId, SpanKind, Status, TraceId, Value};
use std::io::{self, Write};
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
        leaf: false,
        skeleton: false,
        dropped_children: 0,
        fan_out: None,
        attributes: Vec::new(),
        scope: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        dropped: 0,
    }
}

/// A batch of the service `fixture`. The total in [`SpanData::dropped`] becomes the number of dropped attributes.
pub(crate) fn batch(spans: &[SpanData]) -> Batch {
    batch_of(&fixture_resource(), spans)
}

/// A mark without fields.
pub(crate) fn mark(kind: MarkKind, lane: &Arc<Lane>, time_ns: u64) -> MarkData {
    let (lane, text) = (Arc::clone(lane), "".into());
    MarkData { kind, lane, span: None, time_ns, length_ns: 0, a: 0, b: 0, c: 0, d: 0, text }
}

/// A batch of the service `fixture` with marks.
pub(crate) fn batch_with_marks(spans: &[SpanData], marks: &[MarkData]) -> Batch {
    batch_of_with_marks(&fixture_resource(), spans, marks)
}

/// A batch of the process with this resource, with marks.
pub(crate) fn batch_of_with_marks(resource: &Arc<Resource>, spans: &[SpanData], marks: &[MarkData]) -> Batch {
    let mut builder = builder(resource, spans);
    for mark in marks {
        let row = MarkRow {
            kind: mark.kind,
            lane: builder.add_lane(&mark.lane),
            span: mark.span.unwrap_or_default(),
            time_ns: mark.time_ns,
            length_ns: mark.length_ns,
            fields: [mark.a, mark.b, mark.c, mark.d],
            text: builder.text(mark.text.as_bytes()),
        };
        builder.mark(row);
    }
    builder.finish(&Names::now())
}

/// A batch of the process with this resource.
pub(crate) fn batch_of(resource: &Arc<Resource>, spans: &[SpanData]) -> Batch {
    builder(resource, spans).finish(&Names::now())
}

fn builder(resource: &Arc<Resource>, spans: &[SpanData]) -> BatchBuilder {
    let mut builder = BatchBuilder::new(Arc::clone(resource));
    for span in spans {
        let row = row(&mut builder, span);
        span.fan_out.iter().for_each(|fan| builder.in_fan(*fan));
        builder.span(row);
    }
    builder
}

fn fixture_resource() -> Arc<Resource> {
    Arc::new(Resource { attributes: vec![("service.name".into(), Value::from("fixture"))] })
}

fn row(builder: &mut BatchBuilder, span: &SpanData) -> SpanRow {
    let events: Vec<_> = span.events.iter().map(|(name, time_ns, list)| event(builder, name, *time_ns, list)).collect();
    let links: Vec<_> = span.links.iter().map(|(trace, span, list)| link(builder, *trace, *span, list)).collect();
    let outcome = match &span.status {
        Status::Unset => Outcome::Unset,
        Status::Ok => Outcome::Ok,
        Status::Error(text) => Outcome::Error(builder.text(text.as_bytes())),
    };
    let more = MoreRow {
        outcome,
        events: builder.events(events.into_iter()),
        links: builder.links(links.into_iter()),
        dropped_attributes: span.dropped,
        ..MoreRow::default()
    };
    let remote = if span.parent_is_remote { Begin::PARENT_REMOTE } else { 0 };
    let both = [&span.attributes[..], &span.scope[..]];
    SpanRow {
        trace: span.trace_id,
        span: span.span_id,
        parent: span.parent_span_id.unwrap_or_default(),
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        name: NameRow::Text(builder.text(span.name.as_bytes())),
        lane: builder.add_lane(&span.lane),
        attributes: attributes(builder, both),
        values: 0,
        more: builder.more(more),
        begin_flags: span.kind as u16 | remote,
        flags: SpanFlags::default()
            .with(SpanFlags::NESTED, span.nested)
            .with(SpanFlags::LEAF, span.leaf)
            .with(SpanFlags::INCOMPLETE, span.incomplete)
            .with(SpanFlags::ABORTED, span.aborted)
            .with(SpanFlags::IN_FAN, span.fan_out.is_some()),
    }
}

fn event(builder: &mut BatchBuilder, name: &str, time_ns: u64, list: &[(String, Value<'static>)]) -> EventRow {
    let name = NameRow::Text(builder.text(name.as_bytes()));
    EventRow { name, time_ns, attributes: attributes(builder, [list, &[]]), dropped_attributes: 0 }
}

fn link(builder: &mut BatchBuilder, trace: TraceId, span: SpanId, list: &[(String, Value<'static>)]) -> LinkRow {
    let attributes = attributes(builder, [list, &[]]);
    LinkRow { trace, span, trace_flags: 1, remote: false, tracestate: None, attributes, dropped_attributes: 0 }
}

/// Attributes, and those of the scope. A text that ends in `…` counts as cut from 1,000 bytes.
fn attributes(builder: &mut BatchBuilder, [own, scope]: [&[(String, Value<'static>)]; 2]) -> List {
    let mut words = Vec::new();
    for (n, (key, value)) in own.iter().chain(scope).enumerate() {
        let mut made = Vec::new();
        let packed = match value.as_str() {
            Some(text) if text.ends_with('…') => cut_attribute(key, text, 1000, &mut made),
            _ => attribute(key, value, &mut made),
        };
        if n < own.len() { packed } else { packed.of_scope() }.push_to(&mut words);
    }
    builder.list(&words, own.len() as u32)
}

/// An attribute with a value of any type.
pub(crate) fn attribute<'a>(key: &str, value: &Value<'_>, words: &'a mut Vec<u64>) -> Packed<'a> {
    Packed::build_own(key, &Encoded::new(value), words)
}

/// An attribute with a text that was cut from this many bytes.
pub(crate) fn cut_attribute<'a>(key: &str, text: &str, from: u32, words: &'a mut Vec<u64>) -> Packed<'a> {
    let key = WireName::Inline(key.as_bytes().to_vec());
    Packed::build_long(&key, crate::wire::Type::Str, text.as_bytes(), from, words)
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
