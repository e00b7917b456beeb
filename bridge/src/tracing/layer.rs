//! The layer's callbacks, one for each step of a span's life.

use super::event::Read;
use super::fields::{self, Beginning, Values};
use super::recorded::Recorded;
use super::{stack, HeirloomLayer};
use crate::gen_ai::Observed;
use heirloom_core::llm::keys;
use heirloom_core::{Context, Name, Span, Value};
use std::sync::Arc;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Field, Metadata, Subscriber};
use tracing_subscriber::layer::{Context as Layers, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

impl<S> Layer<S> for HeirloomLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, layers: Layers<'_, S>) {
        let Some(span) = layers.span(id) else { return };
        if recorded(&span).is_some() {
            return; // another `HeirloomLayer` below has recorded the span
        }
        let parent = self.parent(attributes, &span, &layers);
        let beginning = Beginning::of(attributes);
        let recorded = Arc::new(begin(parent, attributes.metadata(), &beginning));
        self.describe(&recorded.span, attributes.metadata());
        let each = |field: &Field, value: Value<'_>| fields::set(&recorded, field.name(), value);
        attributes.record(&mut Values { max_text_bytes: self.max_text_bytes, each });
        span.extensions_mut().replace(recorded);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, layers: Layers<'_, S>) {
        let Some(recorded) = find(&layers, id) else { return };
        let each = |field: &Field, value: Value<'_>| fields::set(&recorded, field.name(), value);
        values.record(&mut Values { max_text_bytes: self.max_text_bytes, each });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, layers: Layers<'_, S>) {
        if let (Some(recorded), Some(before)) = (find(&layers, id), find(&layers, follows)) {
            recorded.span.link(before.cx);
        }
    }

    fn on_event(&self, event: &Event<'_>, layers: Layers<'_, S>) {
        if !self.events {
            return;
        }
        let current = self.current();
        let entered = stack::entered_as(self.number, current).map(Id::from_u64);
        let own = match event.parent() {
            Some(parent) if !is_current(parent, &layers) => find(&layers, parent),
            None if event.is_root() && !nothing_is_current(&layers) => return,
            _ => entered.and_then(|id| find(&layers, &id)),
        };
        match own {
            Some(recorded) => Read::new(event, self.max_text_bytes).add_to(&recorded, self.error_status),
            None if current.is_valid() && current.is_sampled() => {
                Read::new(event, self.max_text_bytes).add_to_current(current, self.error_status);
            }
            None => {}
        }
    }

    fn on_enter(&self, id: &Id, layers: Layers<'_, S>) {
        if let Some(recorded) = find(&layers, id) {
            stack::enter(self.number, id.into_u64(), recorded.cx);
        }
    }

    fn on_exit(&self, id: &Id, _: Layers<'_, S>) {
        stack::exit(self.number, id.into_u64());
    }

    fn on_close(&self, id: Id, layers: Layers<'_, S>) {
        let Some(span) = layers.span(&id) else { return };
        let recorded = span.extensions_mut().remove::<Arc<Recorded>>();
        drop(span);
        drop(recorded);
    }
}

impl HeirloomLayer {
    /// The parent of a new span.
    ///
    /// If tracing's parent isn't tracing's current span, the caller chose it: the parent is that span, or its nearest
    /// recorded ancestor. Otherwise the parent is Heirloom's current span. That is tracing's current span or a descendant,
    /// because entering tracing's span also makes it Heirloom's current one.
    fn parent<S>(&self, attributes: &Attributes<'_>, span: &SpanRef<'_, S>, layers: &Layers<'_, S>) -> Context
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if attributes.is_root() && !nothing_is_current(layers) {
            return self.no_parent();
        }
        let meant = attributes.parent().is_some_and(|parent| !is_current(parent, layers));
        let ancestor = nearest_recorded(span);
        match ancestor {
            Some((id, cx)) if meant || !stack::is_entered(self.number, id) => cx,
            _ => self.current(),
        }
    }

    /// Heirloom's current context, or this layer's tracer if there is none.
    fn current(&self) -> Context {
        let current = Context::current();
        if current.is_valid() || current.tracer_id().is_some() {
            return current;
        }
        self.tracer
    }

    /// The parent of a root: as for every root, the current context's tracer takes precedence.
    fn no_parent(&self) -> Context {
        if Context::current().tracer_id().is_some() {
            return Context::INERT;
        }
        self.tracer
    }

    fn describe(&self, span: &Span, metadata: &Metadata<'static>) {
        if self.level {
            span.set("level", metadata.level().as_str());
        }
        if self.target {
            span.set("target", metadata.target());
        }
        if self.location {
            if let Some(file) = metadata.file() {
                span.set("code.file.path", file);
            }
            if let Some(line) = metadata.line() {
                span.set("code.line.number", line);
            }
        }
    }
}

fn begin(parent: Context, metadata: &'static Metadata<'static>, beginning: &Beginning) -> Recorded {
    let name: Name<'_> = match &beginning.name {
        Some(name) => Name::dynamic(name),
        None => metadata.name().into(),
    };
    let span = parent.build(name).kind(beginning.kind).start();
    let observed = Observed::default();
    if let Some(found) = beginning.operation.as_deref().and_then(|operation| observed.learn(operation)) {
        span.set(keys::OBSERVATION_TYPE, found.name());
    }
    Recorded::new(span, observed)
}

fn is_current<S>(id: &Id, layers: &Layers<'_, S>) -> bool
where
    S: Subscriber,
{
    layers.current_span().id() == Some(id)
}

/// Whether tracing has no current span. An explicit root may then come from `parent: Span::current()`, which found no span.
fn nothing_is_current<S>(layers: &Layers<'_, S>) -> bool
where
    S: Subscriber,
{
    layers.current_span().id().is_none()
}

fn find<S>(layers: &Layers<'_, S>, id: &Id) -> Option<Arc<Recorded>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    recorded(&layers.span(id)?)
}

pub(super) fn recorded<R>(span: &SpanRef<'_, R>) -> Option<Arc<Recorded>>
where
    R: for<'a> LookupSpan<'a>,
{
    span.extensions().get::<Arc<Recorded>>().map(Arc::clone)
}

/// The nearest ancestor that passed this layer's filter, and its context.
fn nearest_recorded<S>(span: &SpanRef<'_, S>) -> Option<(u64, Context)>
where
    S: for<'a> LookupSpan<'a>,
{
    let parent = span.parent()?;
    Some((parent.id().into_u64(), recorded(&parent)?.cx))
}
