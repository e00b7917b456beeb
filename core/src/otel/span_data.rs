//! Converts one finished span to OpenTelemetry's [`SpanData`].

use super::tracestate;
use crate::export::{marks, AttributeRef, EventRef, Lane, LinkRef, Resource, ScopeRef, SpanRef};
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, TraceFlags, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Attribute: the span was still open when the tracer finished.
const INCOMPLETE: &str = "heirloom.incomplete";
const ABORTED: &str = "heirloom.aborted";
/// Attribute: how many spans below it the exporter's queue refused.
const DROPPED_CHILDREN: &str = "heirloom.dropped_children";
/// Attribute: `key=bytes` for each value that was cut, with its uncut size.
const TRUNCATED: &str = "heirloom.truncated";
/// Attribute of a span and of a resource: the process id ([process conventions]).
///
/// [process conventions]: https://opentelemetry.io/docs/specs/semconv/resource/process/
const PROCESS_PID: &str = "process.pid";
/// Attribute of a span and of a link: the whole tracestate, if OpenTelemetry's type can't have all of it.
const TRACESTATE: &str = "heirloom.tracestate";
/// Attributes: the thread that started the span ([thread conventions]).
///
/// [thread conventions]: https://opentelemetry.io/docs/specs/semconv/general/attributes/#general-thread-attributes
const THREAD_ID: &str = "thread.id";
const THREAD_NAME: &str = "thread.name";

/// Converts the spans of one resource to [`SpanData`].
pub(super) struct Converter {
    scope: InstrumentationScope,
    resource_pid: Option<i64>,
}

impl Converter {
    pub(super) fn new(resource: &Resource) -> Self {
        let scope = InstrumentationScope::builder("heirloom").with_version(env!("CARGO_PKG_VERSION")).build();
        Self { scope, resource_pid: resource.get(PROCESS_PID).and_then(crate::Value::as_i64) }
    }

    /// The span with all its data. Allocates for each text, because OpenTelemetry's span data owns its content.
    pub(super) fn span(&self, span: SpanRef<'_>) -> SpanData {
        let flags = TraceFlags::new(span.trace_flags());
        let (state, is_whole) = state(span.tracestate());
        SpanData {
            span_context: SpanContext::new(span.trace_id().into(), span.span_id().into(), flags, false, state),
            parent_span_id: span.parent_span_id().map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: span.parent_is_remote(),
            span_kind: span.kind().into(),
            name: span.name().to_owned().into(),
            start_time: time(span.start_ns()),
            end_time: time(span.end_ns()),
            attributes: self.attributes(span, is_whole),
            dropped_attributes_count: span.dropped_attributes(),
            events: events(span),
            links: links(span),
            status: span.status().into(),
            instrumentation_scope: span.scope().map_or_else(|| self.scope.clone(), scope),
        }
    }

    /// The span's own attributes, then those for which OpenTelemetry has no field. If both have the same key, the span's
    /// value stays.
    fn attributes(&self, span: SpanRef<'_>, has_whole_state: bool) -> Vec<KeyValue> {
        let mut attributes = attributes(span.attributes());
        if !has_whole_state {
            add(&mut attributes, TRACESTATE, span.tracestate().to_owned());
        }
        if span.is_incomplete() {
            add(&mut attributes, INCOMPLETE, true);
        }
        if span.is_aborted() {
            add(&mut attributes, ABORTED, true);
        }
        if span.dropped_children() > 0 {
            add(&mut attributes, DROPPED_CHILDREN, int(span.dropped_children()));
        }
        self.lane(&mut attributes, span.lane());
        marks::attributes(&span, |key, value| add(&mut attributes, key, value));
        attributes
    }

    fn lane(&self, attributes: &mut Vec<KeyValue>, lane: &Lane) {
        add(attributes, THREAD_ID, int(lane.thread_id));
        if !lane.thread_name.is_empty() {
            add(attributes, THREAD_NAME, Arc::clone(&lane.thread_name));
        }
        let pid = i64::from(lane.process_id);
        if self.resource_pid != Some(pid) {
            add(attributes, PROCESS_PID, pid);
        }
    }
}

/// The scope that another API gave to the span.
fn scope(scope: ScopeRef<'_>) -> InstrumentationScope {
    let attributes = scope.attributes().map(|a| KeyValue::new(a.key.to_owned(), a.value));
    let builder = InstrumentationScope::builder(scope.name()).with_attributes(attributes);
    match scope.version() {
        Some(version) => builder.with_version(version).build(),
        None => builder.build(),
    }
}

fn events(span: SpanRef<'_>) -> SpanEvents {
    let mut events = SpanEvents::default();
    events.events = span.events().map(event).collect();
    events.dropped_count = span.dropped_events();
    events
}

fn event(event: EventRef<'_>) -> Event {
    let attributes = attributes(event.attributes());
    Event::new(event.name().to_owned(), time(event.time_ns()), attributes, event.dropped_attributes())
}

fn links(span: SpanRef<'_>) -> SpanLinks {
    let mut links = SpanLinks::default();
    links.links = span.links().map(link).collect();
    links.dropped_count = span.dropped_links();
    links
}

fn link(link: LinkRef<'_>) -> Link {
    let (trace, span) = (link.trace_id().into(), link.span_id().into());
    let flags = TraceFlags::new(link.trace_flags());
    let (state, is_whole) = state(link.tracestate());
    let context = SpanContext::new(trace, span, flags, link.is_remote(), state);
    let mut attributes = attributes(link.attributes());
    if !is_whole {
        add(&mut attributes, TRACESTATE, link.tracestate().to_owned());
    }
    Link::new(context, attributes, link.dropped_attributes())
}

/// A tracestate in OpenTelemetry's type, and whether that is all of it.
fn state(text: &str) -> (TraceState, bool) {
    if text.is_empty() {
        return (TraceState::NONE, true);
    }
    // The collector has only texts that were parsed.
    let (state, dropped) = text.parse().map(|state| tracestate::to_otel(&state)).unwrap_or_default();
    (state, dropped == 0)
}

/// The attributes, and one more that names those that were cut.
fn attributes<'a>(refs: impl ExactSizeIterator<Item = AttributeRef<'a>>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(refs.len() + 3);
    let mut truncated: Vec<StringValue> = Vec::new();
    for attribute in refs {
        if let Some(original_bytes) = attribute.truncated_from {
            truncated.push(format!("{}={original_bytes}", attribute.key).into());
        }
        attributes.push(KeyValue::new(attribute.key.to_owned(), attribute.value));
    }
    if !truncated.is_empty() {
        add(&mut attributes, TRUNCATED, Value::Array(Array::String(truncated)));
    }
    attributes
}

/// Adds an attribute unless the key exists.
fn add(attributes: &mut Vec<KeyValue>, key: &'static str, value: impl Into<Value>) {
    if !attributes.iter().any(|kv| kv.key.as_str() == key) {
        attributes.push(KeyValue::new(key, value));
    }
}

/// An integer. One beyond an `i64` becomes a text, as everywhere in this crate.
fn int(number: u64) -> Value {
    crate::Value::from(number).into()
}

fn time(ns_since_1970: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(ns_since_1970)).unwrap_or(SystemTime::UNIX_EPOCH)
}
