//! [`Batch`]: finished spans in flat arrays, made once by the collector and shared by all exporters.

mod build;
mod scope;

pub(crate) use build::BatchBuilder;
pub use scope::ScopeRef;

use crate::{SpanId, SpanKind, Status, TraceId, Value};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// The producer of a batch's spans: attributes of the process and the service.
///
/// Keys and values follow OpenTelemetry's [resource conventions] (`service.name`, `process.pid`, ..).
///
/// [resource conventions]: https://opentelemetry.io/docs/specs/semconv/resource/
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Key and value of each attribute, each key once.
    pub attributes: Vec<(Cow<'static, str>, Value<'static>)>,
}

impl Resource {
    /// The value of the attribute with this key.
    pub fn get(&self, key: &str) -> Option<&Value<'static>> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
}

/// The process and the thread in which a span ran. All spans of that thread share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The process id.
    pub process_id: u32,
    /// The operating system's id of the thread.
    pub thread_id: u64,
    /// The thread's name, empty if it has none.
    pub thread_name: Arc<str>,
}

/// Finished spans, immutable, shared by all exporters.
///
/// The spans of a batch are in the order in which the collector saw their ends; a parent usually follows its children.
/// Reading allocates only for arrays of texts.
#[derive(Debug)]
pub struct Batch {
    rows: Rows,
    resource: Arc<Resource>,
}

#[derive(Debug, Default)]
struct Rows {
    spans: Vec<SpanRow>,
    attributes: Vec<AttributeRow>,
    events: Vec<EventRow>,
    links: Vec<LinkRow>,
    bytes: Vec<u8>,
    lanes: Vec<Arc<Lane>>,
    /// The bytes of all tracestates, as if each were stored apart.
    tracestate_bytes: usize,
}

/// A name: static, or a range of the batch's bytes.
#[derive(Clone, Debug)]
pub(crate) enum NameRow {
    Static(&'static str),
    Text(Range<u32>),
}

/// A value: a scalar, or a range of the batch's bytes.
#[derive(Clone, Debug)]
pub(crate) enum ValueRow {
    Bool(bool),
    I64(i64),
    F64(f64),
    Str(Range<u32>),
    /// One byte each.
    Bools(Range<u32>),
    /// Eight bytes each, native order.
    I64s(Range<u32>),
    /// Eight bytes each, native order.
    F64s(Range<u32>),
    /// Each text follows its length in four bytes, native order.
    Strs(Range<u32>),
}

impl NameRow {
    /// The bytes of the name, if it isn't static.
    pub(crate) fn range_mut(&mut self) -> Option<&mut Range<u32>> {
        match self {
            NameRow::Static(_) => None,
            NameRow::Text(range) => Some(range),
        }
    }
}

impl ValueRow {
    /// The bytes of the value, if it isn't a scalar.
    pub(crate) fn range_mut(&mut self) -> Option<&mut Range<u32>> {
        match self {
            ValueRow::Bool(_) | ValueRow::I64(_) | ValueRow::F64(_) => None,
            ValueRow::Str(range)
            | ValueRow::Bools(range)
            | ValueRow::I64s(range)
            | ValueRow::F64s(range)
            | ValueRow::Strs(range) => Some(range),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct AttributeRow {
    pub(crate) key: NameRow,
    pub(crate) value: ValueRow,
    /// The size in bytes before it was cut; zero if it wasn't.
    pub(crate) truncated_from: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct EventRow {
    pub(crate) name: NameRow,
    pub(crate) time_ns: u64,
    pub(crate) attributes: Range<u32>,
    pub(crate) dropped_attributes: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct LinkRow {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) trace_flags: u8,
    pub(crate) remote: bool,
    pub(crate) tracestate: Option<Arc<str>>,
    pub(crate) attributes: Range<u32>,
    pub(crate) dropped_attributes: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Outcome {
    #[default]
    Unset,
    Ok,
    Error(Range<u32>),
}

#[derive(Clone, Debug)]
pub(crate) struct SpanRow {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) name: NameRow,
    /// Index into the batch's lanes.
    pub(crate) lane: u32,
    pub(crate) trace_flags: u8,
    pub(crate) kind: SpanKind,
    pub(crate) parent_is_remote: bool,
    pub(crate) parent_is_explicit: bool,
    /// The parent is remote, but this tracer has recorded it, in another process.
    pub(crate) parent_is_known: bool,
    pub(crate) nested: bool,
    pub(crate) incomplete: bool,
    pub(crate) aborted: bool,
    pub(crate) outcome: Outcome,
    pub(crate) tracestate: Option<Arc<str>>,
    pub(crate) attributes: Range<u32>,
    /// The attributes of its scope.
    pub(crate) scope: Range<u32>,
    pub(crate) events: Range<u32>,
    pub(crate) links: Range<u32>,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
}

impl Batch {
    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.rows.spans.len()
    }

    /// Whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.rows.spans.is_empty()
    }

    /// The producer of these spans.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The spans.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + '_ {
        self.rows.spans.iter().map(move |row| SpanRef { rows: &self.rows, row })
    }

    /// About how much memory the batch takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        use std::mem::size_of;
        let rows = &self.rows;
        size_of::<Self>()
            + rows.spans.capacity() * size_of::<SpanRow>()
            + rows.attributes.capacity() * size_of::<AttributeRow>()
            + rows.events.capacity() * size_of::<EventRow>()
            + rows.links.capacity() * size_of::<LinkRow>()
            + rows.bytes.capacity()
            + rows.tracestate_bytes
    }
}

/// A finished span in a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    rows: &'a Rows,
    row: &'a SpanRow,
}

/// An attribute of a span, event or link in a [`Batch`].
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeRef<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, cut to the limits.
    pub value: Value<'a>,
    /// The size in bytes of the whole value, if it was cut.
    pub truncated_from: Option<u32>,
}

/// An event of a span in a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    rows: &'a Rows,
    row: &'a EventRow,
}

/// A link of a span in a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct LinkRef<'a> {
    rows: &'a Rows,
    row: &'a LinkRow,
}

fn index(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl Rows {
    fn text(&self, range: &Range<u32>) -> &str {
        std::str::from_utf8(&self.bytes[index(range)]).unwrap_or("\u{fffd}")
    }

    fn name<'a>(&'a self, name: &'a NameRow) -> &'a str {
        match name {
            NameRow::Static(name) => name,
            NameRow::Text(range) => self.text(range),
        }
    }

    fn value<'a>(&'a self, value: &'a ValueRow) -> Value<'a> {
        let words = |range: &Range<u32>| {
            self.bytes[index(range)].chunks_exact(8).map(|word| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(word);
                bytes
            })
        };
        match value {
            ValueRow::Bool(v) => Value::Bool(*v),
            ValueRow::I64(v) => Value::I64(*v),
            ValueRow::F64(v) => Value::F64(*v),
            ValueRow::Str(range) => Value::Str(Cow::Borrowed(self.text(range))),
            ValueRow::Bools(range) => Value::Bools(self.bytes[index(range)].iter().map(|b| *b != 0).collect()),
            ValueRow::I64s(range) => Value::I64s(words(range).map(i64::from_ne_bytes).collect()),
            ValueRow::F64s(range) => Value::F64s(words(range).map(f64::from_ne_bytes).collect()),
            ValueRow::Strs(range) => Value::Strs(texts(&self.bytes[index(range)])),
        }
    }

    fn attributes<'a>(&'a self, range: &Range<u32>) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + 'a {
        self.attributes[index(range)].iter().map(move |row| AttributeRef {
            key: self.name(&row.key),
            value: self.value(&row.value),
            truncated_from: (row.truncated_from != 0).then_some(row.truncated_from),
        })
    }
}

/// Reads texts that follow their lengths. Stops at the first that doesn't fit.
fn texts(mut bytes: &[u8]) -> Vec<Cow<'_, str>> {
    let mut texts = Vec::new();
    while bytes.len() >= 4 {
        let (len, rest) = bytes.split_at(4);
        let len = u32::from_ne_bytes([len[0], len[1], len[2], len[3]]) as usize;
        let Some(text) = rest.get(..len) else { break };
        texts.push(String::from_utf8_lossy(text));
        bytes = &rest[len..];
    }
    texts
}

impl<'a> SpanRef<'a> {
    /// The trace that the span belongs to.
    pub fn trace_id(&self) -> TraceId {
        self.row.trace
    }

    /// The span's id.
    pub fn span_id(&self) -> SpanId {
        self.row.span
    }

    /// The id of the parent; `None` for a root.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.row.parent.is_valid().then_some(self.row.parent)
    }

    /// Whether the parent was recorded by another process.
    pub fn parent_is_remote(&self) -> bool {
        self.row.parent_is_remote
    }

    /// Whether the program gave the ids of the parent ([`Context::from_ids`](crate::Context::from_ids)). They were in no
    /// `traceparent`, so that nothing is known of the process that recorded it.
    pub fn parent_is_explicit(&self) -> bool {
        self.row.parent_is_explicit && self.row.parent_is_remote
    }

    /// The W3C trace flags.
    pub fn trace_flags(&self) -> u8 {
        self.row.trace_flags
    }

    /// The W3C tracestate, empty if there is none.
    pub fn tracestate(&self) -> &'a str {
        self.row.tracestate.as_deref().unwrap_or("")
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        self.rows.name(&self.row.name)
    }

    /// The kind.
    pub fn kind(&self) -> SpanKind {
        self.row.kind
    }

    /// The start: nanoseconds since 1970 (UTC).
    pub fn start_ns(&self) -> u64 {
        self.row.start_ns
    }

    /// The end: nanoseconds since 1970 (UTC), never before [`start_ns`](Self::start_ns).
    pub fn end_ns(&self) -> u64 {
        self.row.end_ns
    }

    /// The duration, in nanoseconds.
    pub fn duration_ns(&self) -> u64 {
        self.row.end_ns.saturating_sub(self.row.start_ns)
    }

    /// The status. Allocates if it is an error with a text.
    pub fn status(&self) -> Status {
        match &self.row.outcome {
            Outcome::Unset => Status::Unset,
            Outcome::Ok => Status::Ok,
            Outcome::Error(text) => Status::Error(self.rows.text(text).to_owned()),
        }
    }

    /// The process and thread that started it.
    pub fn lane(&self) -> &'a Arc<Lane> {
        &self.rows.lanes[self.row.lane as usize]
    }

    /// Whether it started and ended on its lane, properly nested in the lane's other nested spans. Then it can be drawn
    /// on the lane's track without crossing another span.
    pub fn is_nested(&self) -> bool {
        self.row.nested
    }

    /// Whether it was still open when the tracer finished. Its end is then that moment.
    pub fn is_incomplete(&self) -> bool {
        self.row.incomplete
    }

    /// Whether it was still open when its worker process ended. Its end is then that moment, and its status has the exit
    /// code or signal of the process.
    pub fn is_aborted(&self) -> bool {
        self.row.aborted
    }

    /// Whether the parent, if there is one, goes to the same exporters: it was recorded in this process, or in another
    /// one that records into this tracer. True for a root.
    pub fn parent_is_ours(&self) -> bool {
        !self.row.parent_is_remote || self.row.parent_is_known
    }

    /// The attributes, each key once.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + 'a {
        self.rows.attributes(&self.row.attributes)
    }

    /// The instrumentation scope, if the span was recorded through an API that has scopes.
    pub fn scope(&self) -> Option<ScopeRef<'a>> {
        (!self.row.scope.is_empty()).then_some(ScopeRef { rows: self.rows, range: &self.row.scope })
    }

    /// The value of the attribute with this key.
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().find(|a| a.key == key).map(|a| a.value)
    }

    /// The events, in the order in which they were added.
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventRef<'a>> + 'a {
        let rows = self.rows;
        rows.events[index(&self.row.events)].iter().map(move |row| EventRef { rows, row })
    }

    /// The links, in the order in which they were added.
    pub fn links(&self) -> impl ExactSizeIterator<Item = LinkRef<'a>> + 'a {
        let rows = self.rows;
        rows.links[index(&self.row.links)].iter().map(move |row| LinkRef { rows, row })
    }

    /// How many attributes were lost to a limit or a full shard.
    pub fn dropped_attributes(&self) -> u32 {
        self.row.dropped_attributes
    }

    /// How many events were lost to a limit or a full shard.
    pub fn dropped_events(&self) -> u32 {
        self.row.dropped_events
    }

    /// How many links were lost to a limit or a full shard.
    pub fn dropped_links(&self) -> u32 {
        self.row.dropped_links
    }

    /// An owned copy.
    pub fn to_data(&self) -> SpanData {
        let own = |a: AttributeRef<'_>| (a.key.to_owned(), a.value.into_owned());
        SpanData {
            trace_id: self.trace_id(),
            span_id: self.span_id(),
            parent_span_id: self.parent_span_id(),
            parent_is_remote: self.parent_is_remote(),
            name: self.name().to_owned(),
            kind: self.kind(),
            start_ns: self.start_ns(),
            end_ns: self.end_ns(),
            status: self.status(),
            lane: Arc::clone(self.lane()),
            nested: self.is_nested(),
            incomplete: self.is_incomplete(),
            aborted: self.is_aborted(),
            attributes: self.attributes().map(own).collect(),
            scope: self.scope().into_iter().flat_map(|scope| scope.all().map(own)).collect(),
            events: self
                .events()
                .map(|e| (e.name().to_owned(), e.time_ns(), e.attributes().map(own).collect()))
                .collect(),
            links: self.links().map(|l| (l.trace_id(), l.span_id(), l.attributes().map(own).collect())).collect(),
            dropped: self.dropped_attributes() + self.dropped_events() + self.dropped_links(),
        }
    }
}

impl<'a> EventRef<'a> {
    /// The name.
    pub fn name(&self) -> &'a str {
        self.rows.name(&self.row.name)
    }

    /// When it happened: nanoseconds since 1970 (UTC).
    pub fn time_ns(&self) -> u64 {
        self.row.time_ns
    }

    /// The attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + 'a {
        self.rows.attributes(&self.row.attributes)
    }

    /// How many attributes were lost to a limit.
    pub fn dropped_attributes(&self) -> u32 {
        self.row.dropped_attributes
    }
}

impl<'a> LinkRef<'a> {
    /// The trace of the linked span.
    pub fn trace_id(&self) -> TraceId {
        self.row.trace
    }

    /// The linked span.
    pub fn span_id(&self) -> SpanId {
        self.row.span
    }

    /// The W3C trace flags of the linked span.
    pub fn trace_flags(&self) -> u8 {
        self.row.trace_flags
    }

    /// The W3C tracestate of the linked span, empty if there is none.
    pub fn tracestate(&self) -> &'a str {
        self.row.tracestate.as_deref().unwrap_or("")
    }

    /// Whether the linked span's ids came from another process.
    pub fn is_remote(&self) -> bool {
        self.row.remote
    }

    /// The attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + 'a {
        self.rows.attributes(&self.row.attributes)
    }

    /// How many attributes were lost to a limit.
    pub fn dropped_attributes(&self) -> u32 {
        self.row.dropped_attributes
    }
}

/// Attributes with their keys, owned.
type OwnedAttributes = Vec<(String, Value<'static>)>;

/// A finished span with owned data, as the in-memory exporter keeps it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpanData {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span's id.
    pub span_id: SpanId,
    /// The id of the parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// Whether the parent was recorded by another process.
    pub parent_is_remote: bool,
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: SpanKind,
    /// The start: nanoseconds since 1970 (UTC).
    pub start_ns: u64,
    /// The end: nanoseconds since 1970 (UTC).
    pub end_ns: u64,
    /// The status.
    pub status: Status,
    /// The process and thread that started it.
    pub lane: Arc<Lane>,
    /// As [`SpanRef::is_nested`].
    pub nested: bool,
    /// As [`SpanRef::is_incomplete`].
    pub incomplete: bool,
    /// As [`SpanRef::is_aborted`].
    pub aborted: bool,
    /// The attributes, each key once.
    pub attributes: OwnedAttributes,
    /// The instrumentation scope, with the keys of [`ScopeRef`]; empty if there is none.
    pub scope: OwnedAttributes,
    /// Name, time (nanoseconds since 1970, UTC) and attributes of each event.
    pub events: Vec<(String, u64, OwnedAttributes)>,
    /// Trace id, span id and attributes of each link.
    pub links: Vec<(TraceId, SpanId, OwnedAttributes)>,
    /// How many attributes, events and links were lost to a limit or a full shard.
    pub dropped: u32,
}

impl SpanData {
    /// The value of the attribute with this key, of the span or of its scope.
    pub fn attribute(&self, key: &str) -> Option<&Value<'static>> {
        self.attributes.iter().chain(&self.scope).find(|(k, _)| k == key).map(|(_, v)| v)
    }
}
