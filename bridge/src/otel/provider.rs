//! [`HeirloomTracerProvider`] and its tracers.

use super::open;
use super::span::{name_of, HeirloomSpan};
use heirloom_core::{Context, SpanKind, Tracer};
use opentelemetry::trace::{self, SpanBuilder, TraceContextExt};
use opentelemetry::InstrumentationScope;

/// A tracer provider for OpenTelemetry's API that records Heirloom's spans. See the [module](super).
///
/// ```
/// use heirloom_bridge::HeirloomTracerProvider;
/// use heirloom_core::testing;
/// use opentelemetry::trace::{Tracer, TracerProvider};
///
/// testing::run(|t| {
///     let tracer = HeirloomTracerProvider::new().tracer("their crate");
///     heirloom_core::in_root("ours", |_| tracer.in_span("theirs", |_| ()));
///     t.assert_tree("ours\n  theirs");
/// });
/// ```
#[derive(Clone, Debug)]
pub struct HeirloomTracerProvider {
    tracer: Context,
}

impl HeirloomTracerProvider {
    /// A provider whose roots go to the global tracer.
    pub fn new() -> Self {
        Self::of(Context::INERT)
    }

    /// A provider whose roots go to this tracer, if Heirloom has no current context.
    pub fn with_tracer(tracer: &Tracer) -> Self {
        Self::of(tracer.context())
    }

    fn of(tracer: Context) -> Self {
        #[cfg(feature = "otel-current")]
        super::current::keep_in_step();
        Self { tracer }
    }
}

impl Default for HeirloomTracerProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl trace::TracerProvider for HeirloomTracerProvider {
    type Tracer = HeirloomTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> HeirloomTracer {
        HeirloomTracer { tracer: self.tracer, scope }
    }
}

/// Starts Heirloom's spans for one instrumentation scope.
///
/// Cost of a span: that of Heirloom's span and its attributes (two clock reads, and one more for each event and each
/// explicit time). If the span's `SpanContext` is requested, as it is when the span is put into a context: also two locks
/// that are rarely contended.
#[derive(Clone, Debug)]
pub struct HeirloomTracer {
    tracer: Context,
    scope: InstrumentationScope,
}

impl HeirloomTracer {
    fn parent(&self, theirs: &opentelemetry::Context) -> Context {
        let span = theirs.span();
        #[cfg(feature = "otel-current")]
        if span.span_context().is_valid() && super::current::is_current(theirs) {
            return Context::current();
        }
        if span.span_context().is_valid() {
            return open::of_span_in(theirs, span.span_context());
        }
        let current = Context::current();
        if current.is_valid() || current.tracer_id().is_some() {
            return current;
        }
        self.tracer
    }
}

impl trace::Tracer for HeirloomTracer {
    type Span = HeirloomSpan;

    fn build_with_context(&self, builder: SpanBuilder, theirs: &opentelemetry::Context) -> HeirloomSpan {
        let parent = self.parent(theirs);
        if theirs.is_telemetry_suppressed() {
            return HeirloomSpan::suppressed(parent);
        }
        let kind = builder.span_kind.map_or(SpanKind::Internal, SpanKind::from);
        let mut span = HeirloomSpan::new(parent.build(name_of(builder.name)).kind(kind).start());
        span.describe(&self.scope);
        span.set_first(builder.attributes.unwrap_or_default());
        if let Some(time) = builder.start_time {
            span.set_time("otel.start_time_unix_nano", time);
        }
        for event in builder.events.unwrap_or_default() {
            span.add(event.name, event.timestamp, &event.attributes);
        }
        for link in builder.links.unwrap_or_default() {
            span.link(&link.span_context, &link.attributes);
        }
        span
    }
}
