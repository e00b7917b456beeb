//! [`SpanData`]: a finished span with owned data.

use super::{AttributeRef, Lane, SpanRef};
use crate::{SpanId, SpanKind, Status, TraceId, Value};
use std::sync::Arc;

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
    /// As [`SpanRef::fan_out`].
    pub fan_out: Option<u64>,
    /// The attributes, each key once.
    pub attributes: OwnedAttributes,
    /// The instrumentation scope, with the keys of [`ScopeRef`](super::ScopeRef); empty if there is none.
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

impl SpanRef<'_> {
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
            fan_out: self.fan_out(),
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
