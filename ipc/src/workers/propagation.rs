//! Propagates a context's tracestate and baggage with a job, as texts.

use heirloom_core::Context;
#[cfg(feature = "record")]
use heirloom_core::{Baggage, Tracer};

/// The context of a received job, with its tracestate and its baggage, bound to the global tracer if there is one.
#[cfg(feature = "record")]
pub(super) fn adopt(cx: Context, tracestate: &str, baggage: &str) -> Context {
    if tracestate.is_empty() && baggage.is_empty() {
        return cx;
    }
    let cx = match cx.traceparent() {
        Some(text) => Context::from_headers(Some(text.as_str()), Some(tracestate), Some(baggage)).unwrap_or(cx),
        None => cx.with_baggage(&Baggage::parse(baggage).0),
    };
    Tracer::global().map_or(cx, |tracer| tracer.bind(cx))
}

#[cfg(not(feature = "record"))]
pub(super) fn adopt(cx: Context, _tracestate: &str, _baggage: &str) -> Context {
    cx
}
