//! Requests and their parts, with OTLP's names ([`trace.proto`]). `T` is the type of texts: `String`, or `&str` where a
//! [`Visitor`](super::Visitor) sees them.
//!
//! [`trace.proto`]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto

use heirloom_core::{SpanId, SpanKind, Status, TraceId};

/// A request to store spans (`ExportTraceServiceRequest`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The spans, by resource.
    pub resource_spans: Vec<ResourceSpans>,
}

/// Spans of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceSpans {
    /// The producer of the spans. Without attributes if it is unknown.
    pub resource: Resource,
    /// The spans, by scope.
    pub scope_spans: Vec<ScopeSpans>,
    /// The schema of the resource's attributes, empty if it is unknown.
    pub schema_url: String,
}

/// A producer of spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource<T = String> {
    /// The attributes.
    pub attributes: Vec<KeyValue<T>>,
    /// How many attributes were lost.
    pub dropped_attributes_count: u32,
}

/// Spans of one instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeSpans {
    /// The library that made the spans. Without a name if it is unknown.
    pub scope: Scope,
    /// The spans.
    pub spans: Vec<Span>,
    /// The schema of the spans' attributes, empty if it is unknown.
    pub schema_url: String,
}

/// An instrumentation scope (`InstrumentationScope`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope<T = String> {
    /// The name.
    pub name: T,
    /// The version, empty if there is none.
    pub version: T,
    /// The attributes.
    pub attributes: Vec<KeyValue<T>>,
    /// How many attributes were lost.
    pub dropped_attributes_count: u32,
}

/// A span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span<T = String> {
    /// The trace, [`TraceId::INVALID`] if it is missing.
    pub trace_id: TraceId,
    /// The span's id, [`SpanId::INVALID`] if it is missing.
    pub span_id: SpanId,
    /// The W3C tracestate, empty if there is none.
    pub trace_state: T,
    /// The parent; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// The W3C trace flags in the lowest byte; 0x100 if it is known whether the parent is remote, and 0x200 if it is.
    pub flags: u32,
    /// The name.
    pub name: T,
    /// The kind. An unknown one counts as internal, as the specification allows.
    pub kind: SpanKind,
    /// The start: nanoseconds since 1970 (UTC).
    pub start_time_unix_nano: u64,
    /// The end: nanoseconds since 1970 (UTC).
    pub end_time_unix_nano: u64,
    /// The attributes.
    pub attributes: Vec<KeyValue<T>>,
    /// How many attributes were lost.
    pub dropped_attributes_count: u32,
    /// The events.
    pub events: Vec<Event<T>>,
    /// How many events were lost.
    pub dropped_events_count: u32,
    /// The links.
    pub links: Vec<Link<T>>,
    /// How many links were lost.
    pub dropped_links_count: u32,
    /// The status. Only that of an error has a text.
    pub status: Status,
}

/// An event of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event<T = String> {
    /// When it happened: nanoseconds since 1970 (UTC).
    pub time_unix_nano: u64,
    /// The name.
    pub name: T,
    /// The attributes.
    pub attributes: Vec<KeyValue<T>>,
    /// How many attributes were lost.
    pub dropped_attributes_count: u32,
}

/// A link of a span to another one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link<T = String> {
    /// The trace of the linked span.
    pub trace_id: TraceId,
    /// The linked span.
    pub span_id: SpanId,
    /// The W3C tracestate of the linked span, empty if there is none.
    pub trace_state: T,
    /// The attributes.
    pub attributes: Vec<KeyValue<T>>,
    /// How many attributes were lost.
    pub dropped_attributes_count: u32,
    /// As [`Span::flags`], of the linked span.
    pub flags: u32,
}

/// An attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue<T = String> {
    /// The key.
    pub key: T,
    /// The value.
    pub value: AnyValue<T>,
}

/// The value of an attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum AnyValue<T = String> {
    /// No value.
    #[default]
    Empty,
    /// A boolean.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A text.
    String(T),
    /// Values in order.
    Array(Vec<AnyValue<T>>),
    /// Values by key.
    Map(Vec<KeyValue<T>>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl<T: Default> Span<T> {
    /// Makes it an empty span. Its lists keep their memory.
    pub(super) fn clear(&mut self) {
        // Each place by itself: a new span in place of this one is written twice, and this one's lists are freed or moved.
        let Self {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags,
            name,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            dropped_attributes_count,
            events,
            dropped_events_count,
            links,
            dropped_links_count,
            status,
        } = self;
        (*trace_id, *span_id, *parent_span_id) = (TraceId::INVALID, SpanId::INVALID, None);
        (*trace_state, *name, *kind) = (T::default(), T::default(), SpanKind::default());
        (*start_time_unix_nano, *end_time_unix_nano, *flags) = (0, 0, 0);
        (*dropped_attributes_count, *dropped_events_count, *dropped_links_count) = (0, 0, 0);
        attributes.clear();
        events.clear();
        links.clear();
        *status = Status::default();
    }
}

/// The kind with this number of OTLP.
pub(super) fn kind(number: i128) -> SpanKind {
    match number {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// The status with this code of OTLP.
pub(super) fn status(code: i128, message: String) -> Status {
    match code {
        1 => Status::Ok,
        2 => Status::Error(message),
        _ => Status::Unset,
    }
}
