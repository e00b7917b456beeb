//! [`HeaderMapExt`]: writes the trace context into HTTP headers and reads it.

use crate::carrier::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use heirloom_core::{Baggage, BaggageDropped, Context, ParseTraceparentError};
use http::{HeaderMap, HeaderValue};

/// The trace context in the headers of a request: W3C `traceparent`, `tracestate` and `baggage`.
///
/// The client writes its span into the request; the server's span becomes that span's child.
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
    /// Writes `traceparent` and `tracestate`, and replaces existing ones. An invalid context removes them, so
    /// that the receiver never finds the context of another trace. Writes the context's `baggage`, unless the headers have
    /// some ([`insert_baggage`](Self::insert_baggage)).
    ///
    /// Works without a tracer too: what arrived is passed on.
    ///
    /// Cost: the texts are allocated; a lock if there is a tracestate or baggage.
    fn insert_trace(&mut self, cx: impl Into<Context>);

    /// Writes `baggage`, and replaces an existing header. Empty baggage removes it. Every server on the way can read
    /// baggage.
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

    /// The sender's context, with its tracestate and its baggage, as [`Context::from_headers`] reads them. It is remote, and
    /// bound to the tracer of the current context or else to the global one. Without a `traceparent` it is an invalid
    /// context, whose children are roots.
    ///
    /// A malformed tracestate is ignored.
    ///
    /// # Errors
    /// The `traceparent` is malformed, or there is more than one. The specification then requires a new trace: see
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

    /// As [`trace`](Self::trace), but an invalid context instead of an error. It has the baggage.
    fn trace_or_root(&self) -> Context;

    /// The sender's baggage, and the parts that were dropped.
    fn baggage(&self) -> (Baggage, BaggageDropped);
}

impl HeaderMapExt for HeaderMap {
    fn insert_trace(&mut self, cx: impl Into<Context>) {
        let cx = cx.into();
        let (traceparent, tracestate) = cx.to_headers();
        put(self, TRACEPARENT, traceparent);
        put(self, TRACESTATE, tracestate);
        if !self.contains_key(BAGGAGE) {
            self.insert_baggage(&cx.baggage());
        }
    }

    fn insert_baggage(&mut self, baggage: &Baggage) {
        put(self, BAGGAGE, Some(baggage.to_string()).filter(|text| !text.is_empty()));
    }

    fn trace(&self) -> Result<Context, ParseTraceparentError> {
        let [parent, state, baggage] = [TRACEPARENT, TRACESTATE, BAGGAGE].map(|name| joined(self, name));
        carrier::read(parent.as_deref(), state.as_deref(), baggage.as_deref())
    }

    fn trace_or_root(&self) -> Context {
        let root = |_| carrier::read(None, None, joined(self, BAGGAGE).as_deref());
        self.trace().or_else(root).unwrap_or_default()
    }

    fn baggage(&self) -> (Baggage, BaggageDropped) {
        Baggage::parse(&joined(self, BAGGAGE).unwrap_or_default())
    }
}

/// Sets a header, or removes it.
fn put(headers: &mut HeaderMap, name: &'static str, text: Option<String>) {
    match text.and_then(|text| HeaderValue::try_from(text).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// All headers of a name, joined by commas. Bytes that are not UTF-8 become U+FFFD, which no valid value contains.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
