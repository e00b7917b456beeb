//! What is done with a [`Span`], and the functions that begin one.

use super::scope::{self, Entered};
use super::{attribute, begin, end, event, Span};
use crate::{Context, Name, SetError, SpanKind, Status, Value};

impl Span {
    /// Ends the span where it is: what is left of it records nothing and hands on the same context.
    #[cfg(feature = "async")]
    #[inline]
    pub(super) fn end_in_place(&mut self) {
        if self.lease != 0 {
            end::end(self);
            self.lease = 0;
        }
    }

    /// Sets an attribute; the last value of a key wins. What can't be recorded is counted (see
    /// [`try_set`](Self::try_set)).
    ///
    /// Any thread may set attributes while it can reach the span: then the record carries a clock reading, and the
    /// latest wins.
    ///
    /// Cost on the span's own thread: one record; no clock read, lock or allocation (an array's elements are copied once
    /// through the heap). A value longer than the limit is cut at a character boundary, marked and counted.
    ///
    /// ```
    /// # use heirloom_core::root;
    /// let span = root("decode");
    /// span.set("bytes", 512).set("format", "png").set("ratio", 0.75).set("ids", &[1_i64, 2][..]);
    /// ```
    #[inline]
    pub fn set<'k, 'v>(&self, key: impl Into<Name<'k>>, value: impl Into<Value<'v>>) -> &Self {
        let _ = attribute::set(self, key.into(), value.into());
        self
    }

    /// As [`set`](Self::set), and says why if the attribute isn't recorded.
    ///
    /// # Errors
    /// The span isn't recorded; the thread's shard is full; the thread is in the middle of another record.
    #[inline]
    pub fn try_set<'k, 'v>(&self, key: impl Into<Name<'k>>, value: impl Into<Value<'v>>) -> Result<&Self, SetError> {
        attribute::set(self, key.into(), value.into()).map(|()| self)
    }

    /// Adds an event that happens now. Cost: one clock read and one record.
    #[inline]
    pub fn event<'a>(&self, name: impl Into<Name<'a>>) -> &Self {
        event::event(self, name.into(), event::NONE);
        self
    }

    /// Adds an event that happens now, with attributes. Cost: one clock read, one record, one allocation. An event is one
    /// record of at most 4 KiB: what goes beyond is cut or dropped, and counted.
    ///
    /// ```
    /// # use heirloom_core::root;
    /// # let span = root("read");
    /// span.event_with("retry", &[("attempt", 2.into()), ("reason", "timed out".into())]);
    /// ```
    pub fn event_with<'a>(&self, name: impl Into<Name<'a>>, attributes: &[(&'static str, Value<'_>)]) -> &Self {
        event::event(self, name.into(), attributes);
        self
    }

    /// As [`event_with`](Self::event_with), for keys that are not static: those travel inside the record.
    ///
    /// ```
    /// # use heirloom_core::root;
    /// # let span = root("read");
    /// let header = String::from("x-retry");
    /// span.event_with_keys("header", &[((&header).into(), "2".into())]);
    /// ```
    pub fn event_with_keys<'a>(&self, name: impl Into<Name<'a>>, attributes: &[(Name<'_>, Value<'_>)]) -> &Self {
        event::event(self, name.into(), attributes);
        self
    }

    /// Links this span to another one that it isn't a child of. A link to an inert context is not recorded.
    pub fn link(&self, to: impl Into<Context>) -> &Self {
        event::link(self, to.into(), event::NONE);
        self
    }

    /// As [`link`](Self::link), with attributes.
    pub fn link_with(&self, to: impl Into<Context>, attributes: &[(&'static str, Value<'_>)]) -> &Self {
        event::link(self, to.into(), attributes);
        self
    }

    /// As [`link_with`](Self::link_with), for keys that are not static: those travel inside the record.
    pub fn link_with_keys(&self, to: impl Into<Context>, attributes: &[(Name<'_>, Value<'_>)]) -> &Self {
        event::link(self, to.into(), attributes);
        self
    }

    /// Sets the outcome. `Unset` is ignored, and `Ok` is final, as the [specification] says; else the last one wins.
    ///
    /// [specification]: https://opentelemetry.io/docs/specs/otel/trace/api/#set-status
    pub fn set_status(&self, status: Status) -> &Self {
        attribute::status(self, &status);
        self
    }

    /// Says that the work failed, and how: short for an error status.
    pub fn error(&self, description: &str) -> &Self {
        self.set_status(Status::Error(description.to_owned()))
    }

    /// Gives the span another name.
    pub fn rename<'a>(&self, name: impl Into<Name<'a>>) -> &Self {
        attribute::rename(self, name.into());
        self
    }

    /// Begins a child.
    #[inline]
    pub fn span<'a>(&self, name: impl Into<Name<'a>>) -> Span {
        begin::child(self.cx, name.into(), SpanKind::Internal)
    }

    /// Runs `body` in a child that is current meanwhile.
    #[inline]
    pub fn in_span<'a, R>(&self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        self.cx.in_span(name, body)
    }

    /// Settings for a child.
    pub fn build<'a>(&self, name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        self.cx.build(name)
    }

    /// Makes the span current on this thread until the result is dropped.
    #[inline]
    pub fn enter(&self) -> Entered<'_> {
        scope::enter_span(self)
    }

    /// Ends the span now. The same as dropping it.
    #[inline]
    pub fn end(self) {}
}

impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if self.lease != 0 {
            end::end(self);
        }
    }
}

/// Begins the root of a new trace, whatever is current. Its tracer is the current context's, else the global one.
#[inline]
pub fn root<'a>(name: impl Into<Name<'a>>) -> Span {
    begin::root(name.into(), SpanKind::Internal)
}

/// Runs `body` in the root of a new trace, which is current meanwhile.
///
/// The span ends when `body` returns, `?` and panics included.
///
/// ```
/// let two = heirloom_core::in_root("add", |span| {
///     span.set("terms", 2);
///     1 + 1
/// });
/// assert_eq!(two, 2);
/// ```
#[inline]
pub fn in_root<'a, R>(name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
    run_in(root(name), body)
}

/// Begins a child of what is current; a root where nothing is.
#[inline]
pub fn span<'a>(name: impl Into<Name<'a>>) -> Span {
    begin::child(scope::current(), name.into(), SpanKind::Internal)
}

/// Runs `body` in a child of what is current (a root where nothing is), which is current meanwhile.
#[inline]
pub fn in_span<'a, R>(name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
    scope::current().in_span(name, body)
}

#[inline]
fn run_in<R>(span: Span, body: impl FnOnce(&Span) -> R) -> R {
    let scope = scope::enter_span(&span);
    let result = body(&span);
    drop(scope);
    result
}

impl Context {
    /// The context that is current on this thread; [`Context::INERT`] where nothing is.
    ///
    /// A convenience: right directly inside a scope or below an adapter. Under a *plain* `rayon::join` a stolen job sees
    /// what the waiting job has as current; hand contexts down instead, or use the adapters' twins.
    #[inline]
    pub fn current() -> Context {
        scope::hand_out()
    }

    /// As [`current`](Self::current), `None` where nothing is current.
    #[inline]
    pub fn try_current() -> Option<Context> {
        let current = scope::hand_out();
        current.trace.is_valid().then_some(current)
    }

    /// Makes the context current on this thread until the result is dropped: for adapters, and for pools of your own.
    #[inline]
    pub fn enter(self) -> Entered<'static> {
        scope::enter(self)
    }

    /// Begins a child; a root if the context is inert.
    #[inline]
    pub fn span<'a>(self, name: impl Into<Name<'a>>) -> Span {
        begin::child(self, name.into(), SpanKind::Internal)
    }

    /// Runs `body` in a child (a root if the context is inert), which is current meanwhile.
    #[inline]
    pub fn in_span<'a, R>(self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.span(name), body)
    }

    /// Settings for a child.
    pub fn build<'a>(self, name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        SpanBuilder { parent: self, name: name.into(), kind: SpanKind::Internal, links: Vec::new() }
    }
}

/// Settings of a span that is about to begin.
///
/// ```
/// # use heirloom_core::{root, SpanKind};
/// # let job = root("job");
/// let span = job.build("fetch").kind(SpanKind::Client).link(&job).start();
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `start` or `in_scope`"]
pub struct SpanBuilder<'a> {
    parent: Context,
    name: Name<'a>,
    kind: SpanKind,
    links: Vec<Context>,
}

impl SpanBuilder<'_> {
    /// Sets the kind. Default: `Internal`.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds a link. Allocates.
    pub fn link(mut self, to: impl Into<Context>) -> Self {
        self.links.push(to.into());
        self
    }

    /// Begins the span.
    pub fn start(self) -> Span {
        let span = begin::child(self.parent, self.name, self.kind);
        self.links.into_iter().for_each(|to| event::link(&span, to, event::NONE));
        span
    }

    /// Runs `body` in the span, which is current meanwhile.
    pub fn in_scope<R>(self, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.start(), body)
    }
}
