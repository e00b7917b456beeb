//! [`Batch`]: finished spans in flat arrays, made once by the collector and shared by all exporters.

mod build;
mod pick;
mod rows;
mod scope;

pub(crate) use build::BatchBuilder;
pub(crate) use pick::Pick;
pub(crate) use rows::{EventRow, LinkRow, List, Marks, MoreRow, NameRow, Outcome, SpanRow, Text};
pub use scope::ScopeRef;

use crate::context::{RANDOM, SAMPLED};
use crate::wire::{Begin, Bytes, Decoded, Packed, PackedList, Type, WireName};
use crate::{SpanId, SpanKind, Status, TraceId, Value};
use build::Emptied;
use rows::{utf8, Rows};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Weak};

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
/// Values are made when they are read; that allocates only for arrays.
#[derive(Debug)]
pub struct Batch {
    rows: Rows,
    resource: Arc<Resource>,
    /// Takes the memory when the batch is dropped.
    emptied: Weak<Emptied>,
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
    #[inline]
    pub fn spans(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + '_ {
        self.rows.spans.iter().map(move |row| SpanRef { rows: &self.rows, row, dropped_children: 0 })
    }

    /// The span of this row.
    #[inline]
    pub(crate) fn span(&self, row: usize) -> Option<SpanRef<'_>> {
        self.rows.spans.get(row).map(|row| SpanRef { rows: &self.rows, row, dropped_children: 0 })
    }

    /// About how much memory the batch takes, in bytes.
    pub fn size_bytes(&self) -> usize {
        std::mem::size_of::<Self>() + self.rows.size_bytes()
    }
}

/// A finished span in a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    rows: &'a Rows,
    row: &'a SpanRow,
    dropped_children: u64,
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
    /// The key of a packed attribute.
    #[inline(always)]
    fn key<'a>(&'a self, packed: &Packed<'a>) -> &'a str {
        match packed.key() {
            WireName::Id(id) => self.names.get(id),
            WireName::Inline(text) => utf8(text),
        }
    }

    #[inline(always)]
    fn attribute<'a>(&'a self, packed: Packed<'a>) -> AttributeRef<'a> {
        let decoded = packed.value();
        let before = match decoded {
            Some(Decoded::Bytes { before, .. }) => before,
            _ => 0,
        };
        AttributeRef {
            key: self.key(&packed),
            value: decoded.map_or(Value::Str(Cow::Borrowed("\u{fffd}")), value),
            truncated_from: (before != 0).then_some(before),
        }
    }

    #[inline]
    fn attributes(&self, list: List) -> Attributes<'_> {
        Attributes { rows: self, now: PackedList(self.list(list)), then: PackedList(&[]), left: list.len as usize }
    }
}

/// The attributes of a span, an event or a link: two lists in a row, without those of a scope.
#[derive(Clone, Debug)]
struct Attributes<'a> {
    rows: &'a Rows,
    now: PackedList<'a>,
    then: PackedList<'a>,
    left: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = AttributeRef<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<AttributeRef<'a>> {
        loop {
            match self.now.next() {
                Some(packed) if packed.is_of_scope() => {}
                Some(packed) => {
                    self.left = self.left.saturating_sub(1);
                    return Some(self.rows.attribute(packed));
                }
                None if self.then.0.is_empty() => return None,
                None => self.now = std::mem::replace(&mut self.then, PackedList(&[])),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Attributes<'_> {}

/// The typed value of a record's words.
#[inline(always)]
fn value(decoded: Decoded<'_>) -> Value<'_> {
    match decoded {
        Decoded::Scalar(Type::Bool, bits) => Value::Bool(bits != 0),
        Decoded::Scalar(Type::F64, bits) => Value::F64(f64::from_bits(bits)),
        Decoded::Scalar(_, bits) => Value::I64(bits as i64),
        Decoded::Bytes { ty: Type::Str, bytes, .. } => Value::Str(Cow::Borrowed(utf8(bytes))),
        Decoded::Bytes { ty, bytes, .. } => array(ty, bytes),
    }
}

/// The array of a record's words.
#[inline(never)]
fn array(ty: Type, bytes: Bytes<'_>) -> Value<'_> {
    match ty {
        Type::Bools => Value::Bools(bytes.as_slice().iter().map(|b| *b != 0).collect()),
        Type::I64s => Value::I64s(numbers(bytes).map(|word| word as i64).collect()),
        Type::F64s => Value::F64s(numbers(bytes).map(f64::from_bits).collect()),
        Type::Strs => Value::Strs(texts(bytes.as_slice())),
        _ => Value::Str(Cow::Borrowed(utf8(bytes))),
    }
}

/// The whole words of an array of numbers.
fn numbers(bytes: Bytes<'_>) -> impl Iterator<Item = u64> + '_ {
    bytes.words().iter().take(bytes.len() / 8).copied()
}

/// Reads texts that follow their lengths. Stops at the first that doesn't fit.
fn texts(mut bytes: &[u8]) -> Vec<Cow<'_, str>> {
    let mut texts = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let Some(text) = rest.get(..u32::from_ne_bytes(*len) as usize) else { break };
        texts.push(String::from_utf8_lossy(text));
        bytes = &rest[text.len()..];
    }
    texts
}

impl<'a> SpanRef<'a> {
    /// The trace that the span belongs to.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        self.row.trace
    }

    /// The span's id.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        self.row.span
    }

    /// The id of the parent; `None` for a root.
    #[inline]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.row.parent.is_valid().then_some(self.row.parent)
    }

    /// Whether the parent was recorded by another process.
    #[inline]
    pub fn parent_is_remote(&self) -> bool {
        self.row.has_begin(Begin::PARENT_REMOTE)
    }

    /// Whether the program gave the ids of the parent ([`Context::from_ids`](crate::Context::from_ids)). They were in no
    /// `traceparent`, so that nothing is known of the process that recorded it.
    #[inline]
    pub fn parent_is_explicit(&self) -> bool {
        self.row.has_begin(Begin::PARENT_EXPLICIT) && self.parent_is_remote()
    }

    /// The W3C trace flags.
    #[inline]
    pub fn trace_flags(&self) -> u8 {
        (SAMPLED | if self.row.has_begin(Begin::RANDOM_TRACE) { RANDOM } else { 0 }) as u8
    }

    /// The W3C tracestate, empty if there is none.
    #[inline]
    pub fn tracestate(&self) -> &'a str {
        self.more().tracestate.as_deref().unwrap_or("")
    }

    /// Whether it has a status, a tracestate, events, links, or something that was dropped: few spans do.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.row.more != 0
    }

    #[inline]
    fn more(&self) -> &'a MoreRow {
        self.rows.more(self.row)
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &'a str {
        self.rows.name(self.row.name)
    }

    /// The kind.
    #[inline]
    pub fn kind(&self) -> SpanKind {
        self.row.kind()
    }

    /// The start: nanoseconds since 1970 (UTC).
    #[inline]
    pub fn start_ns(&self) -> u64 {
        self.row.start_ns
    }

    /// The end: nanoseconds since 1970 (UTC), never before [`start_ns`](Self::start_ns).
    #[inline]
    pub fn end_ns(&self) -> u64 {
        self.row.end_ns
    }

    /// The duration, in nanoseconds.
    #[inline]
    pub fn duration_ns(&self) -> u64 {
        self.row.end_ns.saturating_sub(self.row.start_ns)
    }

    /// The status. Allocates if it is an error with a text.
    #[inline]
    pub fn status(&self) -> Status {
        match self.more().outcome {
            Outcome::Unset => Status::Unset,
            Outcome::Ok => Status::Ok,
            Outcome::Error(text) => Status::Error(self.rows.text(text).to_owned()),
        }
    }

    /// The process and thread that started it.
    #[inline]
    pub fn lane(&self) -> &'a Arc<Lane> {
        &self.rows.lanes[self.row.lane as usize]
    }

    /// Whether it occupied its lane from its start to its end, properly nested in the lane's other nested spans. Then it can
    /// be drawn on the lane's track without crossing another span.
    ///
    /// A span that ended on another thread left its lane; so did one that outlived a span around it on the lane. A future or a
    /// stream that a poll left pending doesn't occupy a lane, so its span isn't nested either. The spans around and inside such
    /// a span stay nested.
    #[inline]
    pub fn is_nested(&self) -> bool {
        self.row.marks.has(Marks::NESTED)
    }

    /// Whether it is known to be a leaf of the tree: no span names it as its parent, and its context was never handed out.
    /// Dropping a leaf orphans no span. A span that left its lane, or whose end was not seen, is not known to be a leaf.
    #[inline]
    pub fn is_leaf(&self) -> bool {
        self.row.marks.has(Marks::LEAF)
    }

    /// Whether it was still open when the tracer finished. Its end is then that moment.
    #[inline]
    pub fn is_incomplete(&self) -> bool {
        self.row.marks.has(Marks::INCOMPLETE)
    }

    /// Whether it was still open when its worker process ended. Its end is then that moment, and its status has the exit
    /// code or signal of the process.
    #[inline]
    pub fn is_aborted(&self) -> bool {
        self.row.marks.has(Marks::ABORTED)
    }

    /// Whether the parent, if there is one, goes to the same exporters: it was recorded in this process, or in another
    /// one that records into this tracer. True for a root.
    #[inline]
    pub fn parent_is_ours(&self) -> bool {
        !self.parent_is_remote() || self.row.marks.has(Marks::PARENT_KNOWN)
    }

    /// Whether an exporter's queue was so full that it kept the ids, times, name, status, lane and kind of the span only. Its
    /// attributes, events, links and tracestate are lost.
    pub fn is_skeleton(&self) -> bool {
        self.row.marks.has(Marks::SKELETON)
    }

    /// Whether a child of it may still arrive: its context was handed out, or it ended before a span inside of it.
    pub(crate) fn may_grow(&self) -> bool {
        self.row.marks.has(Marks::MAY_GROW)
    }

    /// Whether its status is an error. Allocates nothing.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.more().outcome, Outcome::Error(_))
    }

    /// Of how many spans it is the nearest ancestor that was delivered: the exporter's queue had no room for them.
    #[inline]
    pub fn dropped_children(&self) -> u64 {
        self.dropped_children
    }

    #[inline]
    pub(crate) fn with_dropped_children(self, dropped_children: u64) -> Self {
        Self { dropped_children, ..self }
    }

    /// The attributes, each key once.
    #[inline]
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        let values = self.rows.values(self.row);
        let mut own = self.rows.attributes(self.row.attributes);
        own.then = PackedList(self.rows.list(values));
        own.left += values.len as usize;
        own
    }

    /// The instrumentation scope, if the span was recorded through an API that has scopes.
    #[inline]
    pub fn scope(&self) -> Option<ScopeRef<'a>> {
        ScopeRef::of(self.rows, self.row.attributes)
    }

    /// The value of the attribute with this key.
    #[inline]
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().find(|a| a.key == key).map(|a| a.value)
    }

    /// The events, in the order in which they were added.
    #[inline]
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventRef<'a>> + 'a {
        let rows = self.rows;
        rows.events[index(&self.more().events)].iter().map(move |row| EventRef { rows, row })
    }

    /// The links, in the order in which they were added.
    #[inline]
    pub fn links(&self) -> impl ExactSizeIterator<Item = LinkRef<'a>> + 'a {
        let rows = self.rows;
        rows.links[index(&self.more().links)].iter().map(move |row| LinkRef { rows, row })
    }

    /// How many attributes were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_attributes(&self) -> u32 {
        self.more().dropped_attributes
    }

    /// How many events were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_events(&self) -> u32 {
        self.more().dropped_events
    }

    /// How many links were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_links(&self) -> u32 {
        self.more().dropped_links
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
            leaf: self.is_leaf(),
            skeleton: self.is_skeleton(),
            dropped_children: self.dropped_children(),
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
        self.rows.name(self.row.name)
    }

    /// When it happened: nanoseconds since 1970 (UTC).
    pub fn time_ns(&self) -> u64 {
        self.row.time_ns
    }

    /// The attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        self.rows.attributes(self.row.attributes)
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
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        self.rows.attributes(self.row.attributes)
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
    /// As [`SpanRef::is_leaf`].
    pub leaf: bool,
    /// As [`SpanRef::is_skeleton`].
    pub skeleton: bool,
    /// As [`SpanRef::dropped_children`].
    pub dropped_children: u64,
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
