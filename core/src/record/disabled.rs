//! The recording API with empty bodies, for a library that depends on this crate without the feature `record`. The twin
//! of each item in `enabled/` has its documentation.
#![allow(missing_docs)]

pub(crate) mod mark;

use crate::{
    Baggage, BaggageDropped, Context, IntoValue, Name, ParseTraceparentError, SetError, SpanKind, Status, TraceState,
    UpdateError, Value,
};
use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "async")]
use core::pin::Pin;

/// A span that is not recorded.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span(());

/// A scope that changes nothing.
#[derive(Debug)]
#[must_use = "the scope ends when it is dropped"]
pub struct Entered<'a>(PhantomData<(&'a (), *mut ())>);

/// Settings that have no effect.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct SpanBuilder<'a>(PhantomData<&'a ()>);

#[inline(always)]
pub fn root<'a>(_name: impl Into<Name<'a>>) -> Span {
    Span(())
}

#[inline(always)]
pub fn in_root<'a, R>(_name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
    body(&Span(()))
}

#[inline(always)]
pub fn span<'a>(_name: impl Into<Name<'a>>) -> Span {
    Span(())
}

#[inline(always)]
pub fn in_span<'a, R>(_name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
    body(&Span(()))
}

#[inline(always)]
pub fn on_finish(_wait: fn(crate::TracerId, std::time::Duration) -> usize) {}

#[inline(always)]
pub fn name_lanes(_namer: fn() -> Option<(&'static str, usize)>) {}

/// An update that writes nothing.
#[derive(Debug)]
#[must_use = "an update does nothing until something is set on it"]
pub struct Update(Span);

impl core::ops::Deref for Update {
    type Target = Span;

    #[inline(always)]
    fn deref(&self) -> &Span {
        &self.0
    }
}

#[inline(always)]
pub(crate) fn updatable(_cx: Context) -> Result<Context, UpdateError> {
    Err(UpdateError::NoTracer)
}

#[inline(always)]
pub(crate) fn set_trace_value(_cx: Context, _key: Name<'_>, _value: Value<'_>) -> Result<(), SetError> {
    Err(SetError::NotRecording)
}

impl crate::TraceId {
    #[inline(always)]
    pub fn from_seed(_seed: &str) -> Self {
        Self::INVALID
    }
}

impl crate::SpanId {
    #[inline(always)]
    pub fn from_seed(_seed: &str) -> Self {
        Self::INVALID
    }
}

impl Baggage {
    #[inline(always)]
    pub fn from_env() -> (Baggage, BaggageDropped) {
        Default::default()
    }
}

impl Context {
    #[inline(always)]
    pub fn from_env() -> Result<Context, ParseTraceparentError> {
        Ok(Context::INERT)
    }

    #[inline(always)]
    pub fn from_headers(
        traceparent: Option<&str>,
        _tracestate: Option<&str>,
        _baggage: Option<&str>,
    ) -> Result<Context, ParseTraceparentError> {
        traceparent.map_or(Ok(Context::INERT), Context::from_traceparent)
    }

    #[inline(always)]
    pub fn tracestate(&self) -> TraceState {
        TraceState::new()
    }

    #[inline(always)]
    pub fn baggage(&self) -> Baggage {
        Baggage::new()
    }

    #[inline(always)]
    #[must_use = "this returns another context"]
    pub fn with_baggage(self, _baggage: &Baggage) -> Context {
        self
    }

    pub fn to_headers(&self) -> (Option<String>, Option<String>) {
        (self.traceparent().map(|text| text.to_string()), None)
    }

    #[inline(always)]
    pub fn current() -> Context {
        Context::INERT
    }

    #[inline(always)]
    pub fn try_current() -> Option<Context> {
        None
    }

    #[inline(always)]
    pub fn update(self) -> Update {
        Update(Span(()))
    }

    #[inline(always)]
    pub fn try_update(self) -> Result<Update, UpdateError> {
        Err(UpdateError::NoTracer)
    }

    #[inline(always)]
    pub fn enter(self) -> Entered<'static> {
        Entered(PhantomData)
    }

    #[inline(always)]
    pub fn span<'a>(self, _name: impl Into<Name<'a>>) -> Span {
        Span(())
    }

    #[inline(always)]
    pub fn in_span<'a, R>(self, _name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        body(&Span(()))
    }

    #[inline(always)]
    pub fn build<'a>(self, _name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        SpanBuilder(PhantomData)
    }
}

impl Span {
    #[inline(always)]
    pub fn context(&self) -> Context {
        Context::INERT
    }

    #[inline(always)]
    pub fn is_recording(&self) -> bool {
        false
    }

    #[inline(always)]
    pub fn set<'k, 'v>(&self, _key: impl Into<Name<'k>>, _value: impl IntoValue<'v>) -> &Self {
        self
    }

    #[inline(always)]
    pub fn try_set<'k, 'v>(&self, _key: impl Into<Name<'k>>, _value: impl IntoValue<'v>) -> Result<&Self, SetError> {
        Err(SetError::NotRecording)
    }

    #[inline(always)]
    pub fn set_display<'k>(&self, _key: impl Into<Name<'k>>, _value: &(impl fmt::Display + ?Sized)) -> &Self {
        self
    }

    #[inline(always)]
    pub fn set_debug<'k>(&self, _key: impl Into<Name<'k>>, _value: &(impl fmt::Debug + ?Sized)) -> &Self {
        self
    }

    #[inline(always)]
    pub fn event<'a>(&self, _name: impl Into<Name<'a>>) -> &Self {
        self
    }

    #[inline(always)]
    pub fn event_with<'a>(&self, _name: impl Into<Name<'a>>, _attributes: &[(&'static str, Value<'_>)]) -> &Self {
        self
    }

    #[inline(always)]
    pub fn event_with_keys<'a>(&self, _name: impl Into<Name<'a>>, _attributes: &[(Name<'_>, Value<'_>)]) -> &Self {
        self
    }

    #[inline(always)]
    pub fn link(&self, _to: impl Into<Context>) -> &Self {
        self
    }

    #[inline(always)]
    pub fn link_with(&self, _to: impl Into<Context>, _attributes: &[(&'static str, Value<'_>)]) -> &Self {
        self
    }

    #[inline(always)]
    pub fn link_with_keys(&self, _to: impl Into<Context>, _attributes: &[(Name<'_>, Value<'_>)]) -> &Self {
        self
    }

    #[inline(always)]
    pub fn set_status(&self, _status: Status) -> &Self {
        self
    }

    #[inline(always)]
    pub fn error(&self, _description: &str) -> &Self {
        self
    }

    #[inline(always)]
    pub fn rename<'a>(&self, _name: impl Into<Name<'a>>) -> &Self {
        self
    }

    #[inline(always)]
    pub fn span<'a>(&self, _name: impl Into<Name<'a>>) -> Span {
        Span(())
    }

    #[inline(always)]
    pub fn in_span<'a, R>(&self, _name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        body(&Span(()))
    }

    #[inline(always)]
    pub fn build<'a>(&self, _name: impl Into<Name<'a>>) -> SpanBuilder<'a> {
        SpanBuilder(PhantomData)
    }

    #[inline(always)]
    pub fn enter(&self) -> Entered<'_> {
        Entered(PhantomData)
    }

    #[inline(always)]
    pub fn end(self) {}
}

/// A recorded span has a `Drop` too. Without this one, a program could compile without recording and fail to compile with
/// it.
impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {}
}

impl Drop for Entered<'_> {
    #[inline(always)]
    fn drop(&mut self) {}
}

impl From<&Span> for Context {
    #[inline(always)]
    fn from(_: &Span) -> Self {
        Context::INERT
    }
}

impl SpanBuilder<'_> {
    #[inline(always)]
    pub fn kind(self, _kind: SpanKind) -> Self {
        self
    }

    #[inline(always)]
    pub fn link(self, _to: impl Into<Context>) -> Self {
        self
    }

    #[inline(always)]
    pub fn start(self) -> Span {
        Span(())
    }

    #[inline(always)]
    pub fn in_scope<R>(self, body: impl FnOnce(&Span) -> R) -> R {
        body(&Span(()))
    }
}

/// The invalid context: without recording there is no current one.
#[cfg(feature = "macros")]
#[inline(always)]
pub(crate) fn current() -> Context {
    Context::INERT
}

/// The span of something that is polled. It only passes the polls on.
#[cfg(feature = "async")]
#[derive(Debug)]
pub(crate) struct Polled(Span);

#[cfg(feature = "async")]
impl Polled {
    #[inline(always)]
    pub(crate) fn future(span: Span, _timed: bool) -> Self {
        Self(span)
    }

    #[cfg(feature = "stream")]
    #[inline(always)]
    pub(crate) fn stream(span: Span, _timed: bool) -> Self {
        Self(span)
    }

    #[inline(always)]
    pub(crate) fn untimed(&mut self) {}

    #[inline(always)]
    pub(crate) fn span(&self) -> &Span {
        &self.0
    }

    #[inline(always)]
    pub(crate) fn poll<R>(&mut self, poll: impl FnOnce() -> R, _is_over: impl FnOnce(&Span, &R) -> bool) -> R {
        poll()
    }

    #[cfg(feature = "stream")]
    #[inline(always)]
    pub(crate) fn count_item(&mut self) {}

    #[inline(always)]
    pub(crate) fn dropped<F>(&mut self, mut inner: Pin<&mut Option<F>>) {
        inner.set(None);
    }
}

/// Without a recorder no fork is noticed: one value for all processes.
#[derive(Debug, Default)]
pub struct PerProcess<T: 'static>(std::sync::OnceLock<T>);

impl<T: Default + Send + Sync> PerProcess<T> {
    pub const fn new() -> Self {
        Self(std::sync::OnceLock::new())
    }

    pub fn get(&self) -> &T {
        self.0.get_or_init(T::default)
    }
}
