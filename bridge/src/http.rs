//! [`HeaderMapExt`]: the trace in and out of HTTP headers.

use crate::carrier::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use heirloom_core::{Baggage, BaggageDropped, Context, ParseTraceparentError};
use http::{HeaderMap, HeaderValue};

/// The trace in the headers of a request: W3C `traceparent`, `tracestate` and `baggage`.
///
/// The client has a span and puts it into the request; the server's span becomes its child.
///
/// ```
/// use heirloom_bridge::HeaderMapExt;
/// use heirloom_core::{in_root, testing};
///
/// testing::run(|t| {
///     let mut headers = http::HeaderMap::new();
///     in_root("client", |client| headers.insert_trace(client));
///     // .. on another machine:
///     headers.trace_or_root().in_span("server", |_| ());
///     t.assert_tree("client\n  server");
/// });
/// ```
pub trait HeaderMapExt {
    /// Writes `traceparent` and `tracestate`, in place of those that are there. An inert context takes them away, so
    /// that the receiver never finds the context of another trace.
    ///
    /// Cost: the texts are allocated; a lock if there is a tracestate.
    fn insert_trace(&mut self, cx: impl Into<Context>);

    /// Writes `baggage`, in place of what is there; takes it away if there is none. Everyone on the way can read it.
    ///
    /// ```
    /// # use heirloom_bridge::HeaderMapExt;
    /// let mut baggage = heirloom_core::Baggage::default();
    /// baggage.insert("tenant", "blue")?;
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert_baggage(&baggage);
    /// assert_eq!(headers["baggage"], "tenant=blue");
    /// # Ok::<(), heirloom_core::InsertBaggageError>(())
    /// ```
    fn insert_baggage(&mut self, baggage: &Baggage);

    /// The context that the sender wrote: remote, and bound to the tracer that functions without a handle use here,
    /// which keeps the tracestate. A context of nothing where there is no `traceparent`, so that its children are
    /// roots.
    ///
    /// A tracestate that can't be read is left out.
    ///
    /// # Errors
    /// There is a `traceparent` that can't be read, or more than one. The specification then wants a new trace: see
    /// [`trace_or_root`](Self::trace_or_root).
    ///
    /// ```
    /// # use heirloom_bridge::HeaderMapExt;
    /// let mut headers = http::HeaderMap::new();
    /// assert!(!headers.trace()?.is_valid());
    /// headers.insert("traceparent", http::HeaderValue::from_static("00-xyz"));
    /// assert!(headers.trace().is_err());
    /// # Ok::<(), heirloom_core::ParseTraceparentError>(())
    /// ```
    fn trace(&self) -> Result<Context, ParseTraceparentError>;

    /// As [`trace`](Self::trace); where that is an error, a context of nothing.
    fn trace_or_root(&self) -> Context;

    /// The baggage that the sender wrote, and what of it was not kept.
    fn baggage(&self) -> (Baggage, BaggageDropped);
}

impl HeaderMapExt for HeaderMap {
    fn insert_trace(&mut self, cx: impl Into<Context>) {
        let (traceparent, tracestate) = cx.into().to_headers();
        put(self, TRACEPARENT, traceparent);
        put(self, TRACESTATE, tracestate);
    }

    fn insert_baggage(&mut self, baggage: &Baggage) {
        put(self, BAGGAGE, Some(baggage.to_string()).filter(|text| !text.is_empty()));
    }

    fn trace(&self) -> Result<Context, ParseTraceparentError> {
        carrier::read(joined(self, TRACEPARENT).as_deref(), joined(self, TRACESTATE).as_deref())
    }

    fn trace_or_root(&self) -> Context {
        self.trace().or_else(|_| carrier::read(None, None)).unwrap_or_default()
    }

    fn baggage(&self) -> (Baggage, BaggageDropped) {
        Baggage::parse(&joined(self, BAGGAGE).unwrap_or_default())
    }
}

/// Sets a header, or takes it away.
fn put(headers: &mut HeaderMap, name: &'static str, text: Option<String>) {
    match text.and_then(|text| HeaderValue::try_from(text).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// All headers of a name, joined by commas. What is not UTF-8 becomes U+FFFD, which no valid value contains.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
