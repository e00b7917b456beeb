//! The methods of a [`Span`], and the functions that start one.

use super::scope::{self, Entered};
use super::{attribute, begin, end, event, status, Span};
use crate::{Context, IntoValue, Name, SetError, SpanKind, Status, Value};
use std::fmt::{self, Write};

impl Span {
    /// Ends the span without dropping it. What remains is a non-recording span with the same context.
    #[cfg(feature = "async")]
    #[inline]
    pub(super) fn end_in_place(&mut self) {
        if self.lease != 0 {
            end::end(self);
            self.lease = 0;
        }
    }

    /// Sets an attribute; the last value of a key wins. The ledger counts what can't be recorded (see
    /// [`try_set`](Self::try_set)). [`IntoValue`] lists the types of values; `None` sets nothing.
    ///
    /// Any thread that can reach the span may set attributes. A record from another thread has a clock reading, and the
    /// latest wins.
    ///
    /// Cost on the span's own thread: one record; no clock read, lock or allocation (an array's elements are copied once
    /// through the heap). A value longer than the limit is cut at a character boundary, marked and counted.
    ///
    /// ```
    /// # use heirloom_core::root;
    /// let span = root("decode");
    /// span.set("bytes", 512).set("format", "png").set("ratio", 0.75).set("ids", &[1_i64, 2]);
    /// span.set("page", None::<u32>).set("took_ns", std::time::Duration::from_millis(3));
    /// ```
    #[inline]
    pub fn set<'k, 'v>(&self, key: impl Into<Name<'k>>, value: impl IntoValue<'v>) -> &Self {
        let _ = self.try_set(key, value);
        self
    }

    /// As [`set`](Self::set), and returns why if the attribute isn't recorded.
    ///
    /// # Errors
    /// The span isn't recorded; the thread's shard is full; the thread is in the middle of another record. A `None` is no
    /// error.
    #[inline]
    pub fn try_set<'k, 'v>(&self, key: impl Into<Name<'k>>, value: impl IntoValue<'v>) -> Result<&Self, SetError> {
        match value.into_value() {
            Some(value) => attribute::set(self, key.into(), value).map(|()| self),
            None => Ok(self),
        }
    }

    /// Sets an attribute to the `Display` text of `value`. A non-recording span doesn't format it.
    ///
    /// Cost: the formatting, one allocation, and that of [`set`](Self::set).
    ///
    /// # Panics
    /// If `value`'s own `Display` panics.
    ///
    /// ```
    /// # use heirloom_core::root;
    /// # let peer = std::net::Ipv4Addr::LOCALHOST;
    /// root("connect").set_display("peer", &peer).set_debug("options", &Some(5));
    /// ```
    pub fn set_display<'k>(&self, key: impl Into<Name<'k>>, value: &(impl fmt::Display + ?Sized)) -> &Self {
        self.set_formatted(key.into(), format_args!("{value}"))
    }

    /// As [`set_display`](Self::set_display), with the text of `Debug`.
    ///
    /// # Panics
    /// If `value`'s own `Debug` panics.
    pub fn set_debug<'k>(&self, key: impl Into<Name<'k>>, value: &(impl fmt::Debug + ?Sized)) -> &Self {
        self.set_formatted(key.into(), format_args!("{value:?}"))
    }

    fn set_formatted(&self, key: Name<'_>, value: fmt::Arguments<'_>) -> &Self {
        if self.is_recording() {
            let mut text = String::new();
            // An implementation that returns an error keeps what it has written so far; `to_string` would panic.
            let _ = text.write_fmt(value);
            self.set(key, text);
        }
        self
    }

    /// Adds an event that happens now. Cost: one clock read and one record.
    #[inline]
    pub fn event<'a>(&self, name: impl Into<Name<'a>>) -> &Self {
        event::event(self, name.into(), event::NONE);
        self
    }

    /// Adds an event that happens now, with attributes. Cost: one clock read, one allocation, and one record of up to 4 KiB;
    /// longer events take several, which are published together.
    ///
    /// A value has the limit of a span's attributes (`attribute_value_bytes` of [`Limits`](crate::Limits), 64 KiB). All of an
    /// event's attributes together have twice that limit. If they are longer, the longest values are cut, so that the others
    /// stay. What was cut or dropped is counted.
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

    /// As [`event_with`](Self::event_with), for keys that are not static: the record contains their text.
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

    /// Links this span to another one that isn't its parent. A link to an invalid context is not recorded.
    pub fn link(&self, to: impl Into<Context>) -> &Self {
        event::link(self, to.into(), event::NONE);
        self
    }

    /// As [`link`](Self::link), with attributes.
    pub fn link_with(&self, to: impl Into<Context>, attributes: &[(&'static str, Value<'_>)]) -> &Self {
        event::link(self, to.into(), attributes);
        self
    }

    /// As [`link_with`](Self::link_with), for keys that are not static: the record contains their text.
    pub fn link_with_keys(&self, to: impl Into<Context>, attributes: &[(Name<'_>, Value<'_>)]) -> &Self {
        event::link(self, to.into(), attributes);
        self
    }

    /// Sets the status. `Unset` is ignored and `Ok` is final, as the [specification] demands. Otherwise the last one
    /// wins.
    ///
    /// [specification]: https://opentelemetry.io/docs/specs/otel/trace/api/#set-status
    pub fn set_status(&self, status: Status) -> &Self {
        status::status(self, &status);
        self
    }

    /// Sets the status to an error with this description.
    pub fn error(&self, description: &str) -> &Self {
        self.set_status(Status::Error(description.to_owned()))
    }

    /// Gives the span another name.
    pub fn rename<'a>(&self, name: impl Into<Name<'a>>) -> &Self {
        status::rename(self, name.into());
        self
    }

    /// Starts a child.
    #[inline]
    pub fn span<'a>(&self, name: impl Into<Name<'a>>) -> Span {
        let child = begin::child(self.cx, name.into(), SpanKind::Internal);
        self.used_under(child.lease);
        child
    }

    /// Runs `body` in a child, with that child current.
    #[inline]
    pub fn in_span<'a, R>(&self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.span(name), body)
    }

    /// Settings for a child.
    pub fn build<'a>(&self, name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        self.context().build(name)
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

/// Starts the root of a new trace, even where another span is current. Its tracer is the current context's, else the
/// global one.
#[inline]
pub fn root<'a>(name: impl Into<Name<'a>>) -> Span {
    begin::root(name.into(), SpanKind::Internal)
}

/// Runs `body` in the root of a new trace, with that span current.
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

/// Starts a child of the current span; a root if there is none.
#[inline]
pub fn span<'a>(name: impl Into<Name<'a>>) -> Span {
    begin::child(scope::current(), name.into(), SpanKind::Internal)
}

/// Runs `body` in a child of the current span (a root if there is none), with that child current.
#[inline]
pub fn in_span<'a, R>(name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
    scope::current().in_span(name, body)
}

/// Marks the span of a body that panics, also where the thread was panicking already.
struct Unwound<'a>(&'a Span);

impl Drop for Unwound<'_> {
    fn drop(&mut self) {
        self.0.unwound();
    }
}

#[inline]
pub(super) fn run_in<R>(span: Span, body: impl FnOnce(&Span) -> R) -> R {
    let unwound = Unwound(&span);
    let scope = scope::enter_span(&span);
    let result = body(&span);
    drop(scope);
    std::mem::forget(unwound);
    result
}

impl Context {
    /// The current context of this thread; [`Context::INERT`] if there is none.
    ///
    /// A convenience: it is right directly inside a scope or below an adapter. Under a *plain* `rayon::join` a stolen job
    /// sees the context of the job that waits on that thread. Pass contexts down instead, or use the adapters' `join` and `scope`.
    #[inline]
    pub fn current() -> Context {
        scope::hand_out()
    }

    /// As [`current`](Self::current), `None` if there is no current context.
    #[inline]
    pub fn try_current() -> Option<Context> {
        let current = scope::hand_out();
        current.trace.is_valid().then_some(current)
    }

    /// Makes the context current on this thread until the result is dropped. For adapters, and for your own pools.
    #[inline]
    pub fn enter(self) -> Entered<'static> {
        scope::enter(self)
    }

    /// Starts a child; a root if the context is invalid.
    #[inline]
    pub fn span<'a>(self, name: impl Into<Name<'a>>) -> Span {
        begin::child(self, name.into(), SpanKind::Internal)
    }

    /// Runs `body` in a child (a root if the context is invalid), with that child current.
    #[inline]
    pub fn in_span<'a, R>(self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.span(name), body)
    }

    /// Settings for a child.
    pub fn build<'a>(self, name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        SpanBuilder { parent: self, name: name.into(), kind: SpanKind::Internal, links: Vec::new() }
    }
}

/// Settings of a span before it starts.
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

    /// Starts the span.
    pub fn start(self) -> Span {
        let span = begin::child(self.parent, self.name, self.kind);
        self.links.into_iter().for_each(|to| event::link(&span, to, event::NONE));
        span
    }

    /// Runs `body` in the span, with that span current.
    pub fn in_scope<R>(self, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.start(), body)
    }
}
