//! One span of OpenTelemetry's API.

use super::open;
use crate::content;
use crate::gen_ai::{self, Key, Observed};
use heirloom_core::export::ScopeRef;
use heirloom_core::{Context, Name, Span, Value};
use opentelemetry::trace::{SpanContext, Status};
use opentelemetry::{InstrumentationScope, KeyValue};
use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A span that [`HeirloomTracer`](super::HeirloomTracer) started. It ends by `end`, or when it is dropped.
#[derive(Debug)]
pub struct HeirloomSpan {
    span: Option<Span>,
    is_over: bool,
    cx: Context,
    /// Made at the first request for it or for the span. From then until the end the context is in the table of open spans.
    /// Before that no other code has the `SpanContext`, so no lookup can ask for it.
    theirs: OnceLock<SpanContext>,
    observed: Observed,
}

/// An explicit time that differs from now by less than this counts as now: OpenTelemetry itself reads the clock before it
/// calls.
const NOW: Duration = Duration::from_millis(1);

impl HeirloomSpan {
    pub(super) fn new(span: Span) -> Self {
        let cx = span.context();
        Self::of(Some(span), cx)
    }

    /// A transparent span: it isn't recorded, and its children become children of its parent.
    pub(super) fn suppressed(parent: Context) -> Self {
        Self::of(None, parent)
    }

    fn of(span: Option<Span>, cx: Context) -> Self {
        let span = Self { span, is_over: false, cx, theirs: OnceLock::new(), observed: Observed::default() };
        if !cx.tracestate().is_empty() {
            span.theirs(); // now, while the tracer exists that keeps the tracestate
        }
        span
    }

    /// Heirloom's span, until it has ended.
    pub fn span(&self) -> Option<&Span> {
        self.theirs();
        self.span.as_ref()
    }

    fn theirs(&self) -> &SpanContext {
        self.theirs.get_or_init(|| {
            let theirs = SpanContext::from(self.cx);
            if !self.is_over {
                open::remember(theirs.span_id().into(), self.cx);
            }
            theirs
        })
    }

    pub(super) fn describe(&self, scope: &InstrumentationScope) {
        let Some(span) = &self.span else { return };
        span.set(ScopeRef::NAME, scope.name());
        if let Some(version) = scope.version() {
            span.set(ScopeRef::VERSION, version);
        }
        for attribute in scope.attributes() {
            let key = [ScopeRef::ATTRIBUTE, attribute.key.as_str()].concat();
            content::set(span, Name::dynamic(&key), Value::from(&attribute.value));
        }
    }

    /// Finds the operation before usage is set: all attributes are known at the start, in any order.
    pub(super) fn set_first(&mut self, attributes: Vec<KeyValue>) {
        for attribute in &attributes {
            if attribute.key.as_str() == heirloom_core::llm::keys::OPERATION {
                self.observed.learn(&attribute.value.as_str());
            }
        }
        attributes.into_iter().for_each(|attribute| self.set(&attribute));
    }

    fn set(&self, attribute: &KeyValue) {
        let Some(span) = &self.span else { return };
        let value = Value::from(&attribute.value);
        gen_ai::map(&self.observed, Key::Dynamic(attribute.key.as_str()), value, |name, value| {
            content::set(span, name, value);
        });
    }

    pub(super) fn set_time(&self, key: &'static str, time: SystemTime) {
        if let (Some(span), Some(time)) = (&self.span, explicit(time)) {
            span.set(key, time);
        }
    }

    pub(super) fn add(&self, name: Cow<'static, str>, time: SystemTime, attributes: &[KeyValue]) {
        let Some(span) = &self.span else { return };
        let mut ours = ours(span, attributes);
        if let Some(time) = explicit(time) {
            ours.push(("otel.time_unix_nano".into(), time.into()));
        }
        span.event_with_keys(name_of(name), &ours);
    }

    pub(super) fn link(&self, to: &SpanContext, attributes: &[KeyValue]) {
        if let Some(span) = &self.span {
            span.link_with_keys(Context::from(to), &ours(span, attributes));
        }
    }
}

pub(super) fn name_of(name: Cow<'static, str>) -> Name<'static> {
    match name {
        Cow::Borrowed(name) => name.into(),
        Cow::Owned(name) => name.into(),
    }
}

/// The attributes of an event or a link, after the rules of the span's tracer.
fn ours<'a>(span: &Span, attributes: &'a [KeyValue]) -> Vec<(Name<'a>, Value<'a>)> {
    let ours = |one: &'a KeyValue| {
        let value = content::ruled(span, one.key.as_str(), Value::from(&one.value))?;
        Some((Name::dynamic(one.key.as_str()), value))
    };
    attributes.iter().filter_map(ours).collect()
}

/// A time in nanoseconds since 1970; `None` if it counts as now.
fn explicit(time: SystemTime) -> Option<u64> {
    let now = SystemTime::now();
    let apart = now.duration_since(time).unwrap_or_else(|later| later.duration());
    let since = time.duration_since(UNIX_EPOCH).ok().filter(|_| apart > NOW)?;
    u64::try_from(since.as_nanos()).ok()
}

impl opentelemetry::trace::Span for HeirloomSpan {
    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.add(name.into(), timestamp, &attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.theirs()
    }

    fn is_recording(&self) -> bool {
        self.span.as_ref().is_some_and(Span::is_recording)
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.set(&attribute);
    }

    fn set_status(&mut self, status: Status) {
        if let Some(span) = &self.span {
            span.set_status(status.into());
        }
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        if let Some(span) = &self.span {
            span.rename(name_of(new_name.into()));
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.link(&span_context, &attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.set_time("otel.end_time_unix_nano", timestamp);
        self.finish();
    }
}

impl HeirloomSpan {
    fn finish(&mut self) {
        drop(self.span.take());
        if !std::mem::replace(&mut self.is_over, true) {
            if let Some(theirs) = self.theirs.get() {
                open::forget(theirs.span_id().into());
            }
        }
    }
}

impl Drop for HeirloomSpan {
    fn drop(&mut self) {
        self.finish();
    }
}
