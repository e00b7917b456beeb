//! Conversions between this crate's small types and OpenTelemetry's.
//!
//! Ids, kinds, statuses and values convert both ways without loss. A [`Context`] keeps its ids, its flags (sampled and
//! random) and whether it is remote. Its `From` impls list what a [`Context`] has no room for.

use super::tracestate;
use crate::{Context, IntoValue, SpanId, SpanKind, Status, TraceId, Value};
use opentelemetry::trace::{self, SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::StringValue;
use std::borrow::Cow;

impl From<TraceId> for trace::TraceId {
    #[inline]
    fn from(id: TraceId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

impl From<trace::TraceId> for TraceId {
    #[inline]
    fn from(id: trace::TraceId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

impl From<SpanId> for trace::SpanId {
    #[inline]
    fn from(id: SpanId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

impl From<trace::SpanId> for SpanId {
    #[inline]
    fn from(id: trace::SpanId) -> Self {
        Self::from_bytes(id.to_bytes())
    }
}

impl From<SpanKind> for trace::SpanKind {
    #[inline]
    fn from(kind: SpanKind) -> Self {
        match kind {
            SpanKind::Internal => Self::Internal,
            SpanKind::Server => Self::Server,
            SpanKind::Client => Self::Client,
            SpanKind::Producer => Self::Producer,
            SpanKind::Consumer => Self::Consumer,
        }
    }
}

impl From<trace::SpanKind> for SpanKind {
    #[inline]
    fn from(kind: trace::SpanKind) -> Self {
        match kind {
            trace::SpanKind::Internal => Self::Internal,
            trace::SpanKind::Server => Self::Server,
            trace::SpanKind::Client => Self::Client,
            trace::SpanKind::Producer => Self::Producer,
            trace::SpanKind::Consumer => Self::Consumer,
        }
    }
}

impl From<Status> for trace::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Unset => Self::Unset,
            Status::Ok => Self::Ok,
            Status::Error(text) => Self::error(text),
        }
    }
}

impl From<trace::Status> for Status {
    fn from(status: trace::Status) -> Self {
        match status {
            trace::Status::Unset => Self::Unset,
            trace::Status::Ok => Self::Ok,
            trace::Status::Error { description } => Self::Error(description.into_owned()),
        }
    }
}

/// Allocates for borrowed texts and arrays, because OpenTelemetry's values own their content.
impl From<Value<'_>> for opentelemetry::Value {
    fn from(value: Value<'_>) -> Self {
        use opentelemetry::Array;
        match value {
            Value::Bool(v) => Self::Bool(v),
            Value::I64(v) => Self::I64(v),
            Value::F64(v) => Self::F64(v),
            Value::Str(v) => Self::String(owned(v)),
            Value::Bools(v) => Self::Array(Array::Bool(v.into_owned())),
            Value::I64s(v) => Self::Array(Array::I64(v.into_owned())),
            Value::F64s(v) => Self::Array(Array::F64(v.into_owned())),
            Value::Strs(v) => Self::Array(Array::String(v.into_iter().map(owned).collect())),
        }
    }
}

fn owned(text: Cow<'_, str>) -> StringValue {
    text.into_owned().into()
}

/// Borrows; allocates only the list of an array of texts. Future kinds of OpenTelemetry values become their text.
impl<'a> From<&'a opentelemetry::Value> for Value<'a> {
    fn from(value: &'a opentelemetry::Value) -> Self {
        use opentelemetry::{Array, Value as Otel};
        match value {
            Otel::Bool(v) => Value::Bool(*v),
            Otel::I64(v) => Value::I64(*v),
            Otel::F64(v) => Value::F64(*v),
            Otel::String(v) => Value::Str(Cow::Borrowed(v.as_str())),
            Otel::Array(Array::Bool(v)) => Value::Bools(Cow::Borrowed(v)),
            Otel::Array(Array::I64(v)) => Value::I64s(Cow::Borrowed(v)),
            Otel::Array(Array::F64(v)) => Value::F64s(Cow::Borrowed(v)),
            Otel::Array(Array::String(v)) => Value::Strs(v.iter().map(|s| Cow::Borrowed(s.as_str())).collect()),
            other => Value::Str(Cow::Owned(other.to_string())),
        }
    }
}

impl<'a> IntoValue<'a> for &'a opentelemetry::Value {
    fn into_value(self) -> Option<Value<'a>> {
        Some(self.into())
    }
}

impl<'v> IntoValue<'v> for opentelemetry::Value {
    fn into_value(self) -> Option<Value<'v>> {
        Some(self.into())
    }
}

impl From<opentelemetry::Value> for Value<'static> {
    fn from(value: opentelemetry::Value) -> Self {
        Value::from(&value).into_owned()
    }
}

/// Keeps the ids, the sampled and the random flag, and whether the context is remote. An invalid one becomes
/// [`Context::INERT`]. Keeps the `tracestate`, in the process's table, as [`Context::from_headers`] does. No lock and no
/// allocation without one.
impl From<&SpanContext> for Context {
    fn from(context: &SpanContext) -> Self {
        let (trace, span) = (context.trace_id().into(), context.span_id().into());
        let mut cx = Self::remote(trace, span, context.trace_flags().to_u8());
        if !context.is_remote() {
            cx = cx.without(crate::context::REMOTE);
        }
        if context.trace_state() == &TraceState::NONE {
            return cx;
        }
        cx.with_tracestate(&tracestate::from_otel(context.trace_state()))
    }
}

/// Keeps the ids, the sampled and the random flag, and whether the context is remote. An invalid one becomes
/// [`SpanContext::NONE`]. A span of this process that is not sampled gets a new span id, because OpenTelemetry's
/// propagators inject it (see [`Context::to_remote`]). The tracer that the context is bound to and its baggage are left
/// out, and so are members of the `tracestate` that OpenTelemetry's type can't have. No lock and no allocation without a
/// `tracestate`.
impl From<Context> for SpanContext {
    fn from(context: Context) -> Self {
        let flags = TraceFlags::new(context.trace_flags());
        let span = context.to_remote().span_id();
        let (state, _) = tracestate::to_otel(&context.tracestate());
        Self::new(context.trace_id().into(), span.into(), flags, context.is_remote(), state)
    }
}

impl Context {
    /// The context of the span in an OpenTelemetry context, to use as a parent; invalid if there is none.
    ///
    /// Keeps what `Context::from(&SpanContext)` keeps. No lock, no allocation.
    ///
    /// ```
    /// use heirloom_core::Context;
    ///
    /// let parent = Context::from_otel(&opentelemetry::Context::current());
    /// assert_eq!(parent, Context::INERT); // no span is current
    /// ```
    pub fn from_otel(context: &opentelemetry::Context) -> Self {
        Self::from(context.span().span_context())
    }

    /// An OpenTelemetry context with only this span, so that OpenTelemetry's spans become its children and its
    /// propagators inject it. An empty one if this context is invalid. Allocates.
    ///
    /// To keep the baggage of another OpenTelemetry context `cx`, use `cx.with_remote_span_context(context.into())`.
    ///
    /// ```
    /// use heirloom_core::{Context, SpanId, TraceId};
    /// use opentelemetry::trace::TraceContextExt;
    ///
    /// let context = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
    /// let otel = context.to_otel();
    /// assert!(otel.span().span_context().is_sampled());
    /// assert_eq!(Context::from_otel(&otel), context);
    /// ```
    pub fn to_otel(self) -> opentelemetry::Context {
        let empty = opentelemetry::Context::new();
        if !self.is_valid() {
            return empty;
        }
        empty.with_remote_span_context(self.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TRACE: TraceId = TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    const SPAN: SpanId = SpanId::from_u64(0xb7ad_6b71_6920_3331);

    fn span_context(flags: u8, is_remote: bool) -> SpanContext {
        let state = TraceState::from_key_value([("vendor", "1")]).unwrap();
        SpanContext::new(TRACE.into(), SPAN.into(), TraceFlags::new(flags), is_remote, state)
    }

    #[test]
    fn ids_keep_their_digits_both_ways() {
        let trace: trace::TraceId = TRACE.into();
        let span: trace::SpanId = SPAN.into();
        assert_eq!((trace.to_string(), span.to_string()), (TRACE.to_string(), SPAN.to_string()));
        assert_eq!((TraceId::from(trace), SpanId::from(span)), (TRACE, SPAN));
    }

    #[test]
    fn each_kind_and_status_keeps_its_name_both_ways() {
        use SpanKind::*;
        for kind in [Internal, Server, Client, Producer, Consumer] {
            let there: trace::SpanKind = kind.into();
            assert_eq!(format!("{there:?}"), format!("{kind:?}"));
            assert_eq!(SpanKind::from(there), kind);
        }
        for status in [Status::Unset, Status::Ok, Status::Error("no".into())] {
            assert_eq!(Status::from(trace::Status::from(status.clone())), status);
        }
        assert_eq!(trace::Status::from(Status::Error("no".into())), trace::Status::error("no"));
    }

    #[test]
    fn each_kind_of_value_keeps_its_type_both_ways() {
        use opentelemetry::{Array, Value as Otel};
        let pairs = [
            (Value::Bool(true), Otel::Bool(true)),
            (Value::I64(-1), Otel::I64(-1)),
            (Value::F64(0.5), Otel::F64(0.5)),
            (Value::from("a"), Otel::from("a")),
            (Value::from(&[true, false][..]), Otel::Array(Array::Bool(vec![true, false]))),
            (Value::from(&[1_i64, 2][..]), Otel::Array(Array::I64(vec![1, 2]))),
            (Value::from(&[0.5][..]), Otel::Array(Array::F64(vec![0.5]))),
            (Value::from(&["a", "b"][..]), Otel::Array(Array::String(vec!["a".into(), "b".into()]))),
        ];
        for (ours, theirs) in pairs {
            assert_eq!(Otel::from(ours.clone()), theirs);
            assert_eq!(Value::from(&theirs), ours);
            assert_eq!(Value::from(theirs), ours);
        }
    }

    #[test]
    fn a_context_keeps_ids_flags_remoteness_and_tracestate_both_ways() {
        for (flags, is_remote) in [(0, true), (1, false), (1, true), (2, true), (3, false), (3, true)] {
            let theirs = span_context(flags, is_remote);
            let ours = Context::from(&theirs);
            assert_eq!((ours.trace_id(), ours.span_id()), (TRACE, SPAN));
            assert_eq!((ours.trace_flags(), ours.is_remote()), (flags, is_remote));

            let back = SpanContext::from(ours);
            assert_eq!((back.trace_id(), back.span_id()), (theirs.trace_id(), theirs.span_id()));
            assert_eq!((back.trace_flags(), back.is_remote()), (theirs.trace_flags(), is_remote));
            assert_eq!(back.trace_state(), theirs.trace_state());
            assert_eq!(SpanContext::from(Context::from_otel(&ours.to_otel())).trace_state(), theirs.trace_state());
        }
    }

    #[test]
    fn a_local_span_that_is_not_sampled_gets_an_id_of_its_own() {
        let ours = Context::from(&span_context(2, false));
        let [first, second] = [SpanContext::from(ours), SpanContext::from(ours)];
        assert_eq!((first.trace_id(), first.trace_flags().to_u8(), first.is_remote()), (TRACE.into(), 2, false));
        assert!(first.is_valid() && first.span_id() != SPAN.into() && first.span_id() != second.span_id());
    }

    #[test]
    fn a_zero_id_makes_an_inert_context_even_if_the_other_one_is_set() {
        let flags = TraceFlags::SAMPLED;
        let no_trace = SpanContext::new(trace::TraceId::INVALID, SPAN.into(), flags, true, TraceState::NONE);
        let no_span = SpanContext::new(TRACE.into(), trace::SpanId::INVALID, flags, false, TraceState::NONE);
        for invalid in [no_trace, no_span, SpanContext::NONE] {
            assert_eq!(Context::from(&invalid), Context::INERT);
        }
        assert_eq!(SpanContext::from(Context::INERT), SpanContext::NONE);
        assert!(!Context::INERT.to_otel().has_active_span());
        assert_eq!(Context::from_otel(&opentelemetry::Context::new()), Context::INERT);
    }

    #[test]
    fn unknown_trace_flags_are_cleared() {
        assert_eq!(Context::from(&span_context(0xff, true)).trace_flags(), 3);
    }
}
