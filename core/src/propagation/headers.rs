//! What a trace brings and passes on: the three headers, read and written together.
//!
//! None of this needs a tracer: a program that doesn't record passes on what it received.

use super::{Baggage, TraceState};
use crate::context::{RANDOM, REMOTE};
use crate::propagated;
use crate::random::Random;
use crate::{Context, ParseTraceparentError, SpanId, TraceId};

impl Context {
    /// The context in the headers `traceparent`, `tracestate` and `baggage` of another process. It counts as remote, and the
    /// first tracer that uses it as a parent binds it. Join several headers of one name with commas before.
    ///
    /// The context and all its descendants have the tracestate and the baggage, in this process and in those that it calls,
    /// with a tracer and without. A `tracestate` that can't be parsed is left out, as the [specification] demands, and so is
    /// one without a `traceparent`. Of `baggage`, invalid members are left out. Without a `traceparent`, the baggage gets a
    /// new trace: the result is [`Context::from_trace_id`] with a random id, or [`Context::INERT`] without baggage.
    ///
    /// Tracestates and baggage are kept in a table of the process, because a context is plain data. It has room for those
    /// of the last 65,535 traces, and for 24 MiB of baggage. Older ones are lost, and counted in
    /// [`Ledger::lost_tracestates`](crate::Ledger::lost_tracestates) when they are needed.
    ///
    /// Cost, if there is a tracestate or baggage: parsing, copies of the texts, one lock that is rarely contended. It
    /// doesn't depend on the number of traces.
    ///
    /// Without the feature `record` a context keeps neither tracestate nor baggage: only the `traceparent` is read.
    ///
    /// [specification]: https://www.w3.org/TR/trace-context-2/#combined-header-value
    ///
    /// # Errors
    ///
    /// The `traceparent` can't be parsed. The specification then demands a new trace:
    /// `Context::from_headers(None, None, baggage)`.
    ///
    /// ```
    /// use heirloom_core::Context;
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let cx = Context::from_headers(Some(parent), Some("vendor=1"), Some("tenant=blue"))?;
    /// let (traceparent, tracestate) = cx.to_headers();
    /// assert_eq!((traceparent.as_deref(), tracestate.as_deref()), (Some(parent), Some("vendor=1")));
    /// assert_eq!(cx.baggage().get("tenant"), Some("blue"));
    /// # Ok::<(), heirloom_core::ParseTraceparentError>(())
    /// ```
    pub fn from_headers(
        traceparent: Option<&str>,
        tracestate: Option<&str>,
        baggage: Option<&str>,
    ) -> Result<Context, ParseTraceparentError> {
        let (baggage, _) = baggage.map(Baggage::parse).unwrap_or_default();
        let Some(traceparent) = traceparent else { return Ok(Context::INERT.with_baggage(&baggage)) };
        let cx = Context::from_traceparent(traceparent)?;
        let state = tracestate.and_then(|text| TraceState::parse(text).ok()).unwrap_or_default().0;
        Ok(cx.with_texts(state.as_str(), &baggage.to_string()))
    }

    /// The values of the headers (or environment variables) `traceparent` and `tracestate` for another process; `None`
    /// for one that must not be set. The value of `baggage` is [`baggage`](Self::baggage)`().to_string()`. Allocates the
    /// texts; takes a lock if there is a tracestate.
    ///
    /// ```
    /// use heirloom_core::{Context, SpanId, TraceId};
    /// let cx = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
    /// let (traceparent, tracestate) = cx.to_headers();
    /// assert_eq!(traceparent.as_deref(), Some("00-00000000000000000000000000000007-0000000000000009-01"));
    /// assert_eq!(tracestate, None);
    /// assert_eq!(Context::INERT.to_headers(), (None, None));
    /// ```
    pub fn to_headers(&self) -> (Option<String>, Option<String>) {
        let traceparent = self.traceparent().map(|text| text.to_string());
        // A tracestate means nothing without its traceparent.
        let tracestate = traceparent.as_ref().map(|_| self.tracestate().to_string()).filter(|text| !text.is_empty());
        (traceparent, tracestate)
    }

    /// The W3C tracestate of this context's remote ancestor; empty if there was none. Takes a lock if there is one.
    pub fn tracestate(&self) -> TraceState {
        let text = propagated::read(self.trace, self.propagated()).tracestate;
        text.and_then(|text| TraceState::parse(&text).ok()).map(|(state, _)| state).unwrap_or_default()
    }

    /// The W3C baggage of this context: what its remote ancestor sent, or what [`with_baggage`](Self::with_baggage) set;
    /// empty if there is none. Takes a lock if there is some.
    ///
    /// ```
    /// use heirloom_core::Context;
    /// let cx = Context::from_headers(None, None, Some("tenant=blue"))?;
    /// cx.in_span("request", |span| assert_eq!(span.context().baggage().get("tenant"), Some("blue")));
    /// # Ok::<(), heirloom_core::ParseTraceparentError>(())
    /// ```
    pub fn baggage(&self) -> Baggage {
        let text = propagated::read(self.trace, self.propagated()).baggage;
        text.map(|text| Baggage::parse(&text).0).unwrap_or_default()
    }

    /// This context with other baggage, which its descendants have too, in this process and in those that they call. Every
    /// process on the way can read it. Empty baggage removes the context's.
    ///
    /// An invalid context gets a new random trace id, because baggage belongs to a trace: its children are roots of that
    /// trace.
    ///
    /// Cost: allocates; takes a lock that is rarely contended.
    ///
    /// ```
    /// # let mut baggage = heirloom_core::Baggage::new();
    /// baggage.insert("tenant", "blue")?;
    /// heirloom_core::in_root("run", |root| {
    ///     let cx = root.context().with_baggage(&baggage);
    ///     cx.in_span("step", |step| assert_eq!(step.context().baggage(), baggage));
    /// });
    /// # Ok::<(), heirloom_core::InsertBaggageError>(())
    /// ```
    #[must_use = "this returns another context"]
    pub fn with_baggage(self, baggage: &Baggage) -> Context {
        let state = propagated::read(self.trace, self.propagated()).tracestate;
        let has_trace = self.trace.is_valid() || baggage.is_empty();
        let cx = if has_trace { self } else { self.in_new_trace() };
        cx.with_texts(state.as_deref().unwrap_or(""), &baggage.to_string())
    }

    /// A context whose children are roots of one new trace.
    fn in_new_trace(self) -> Context {
        let random = Random::new();
        let trace = TraceId { hi: random.next() | 1, lo: random.next() };
        Context { trace, span: SpanId::INVALID, flags: REMOTE | RANDOM, ..self }
    }

    /// This context with another tracestate, and without baggage.
    #[cfg(feature = "otel")]
    pub(crate) fn with_tracestate(self, state: &TraceState) -> Context {
        self.with_texts(state.as_str(), "")
    }

    fn with_texts(self, tracestate: &str, baggage: &str) -> Context {
        self.with_propagated(propagated::keep(self.trace, tracestate, baggage))
    }
}
