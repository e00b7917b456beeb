//! Propagates a context's tracestate with a job, as text.
//!
//! A [`Context`] has no baggage, so this doesn't propagate baggage.

use heirloom_core::Context;

/// The tracestate to send with a job; empty for most contexts.
#[cfg(feature = "record")]
pub(super) fn tracestate(cx: &Context) -> String {
    cx.tracestate().as_str().to_owned()
}

/// The context of a received job, with its tracestate, bound to the global tracer if there is one.
#[cfg(feature = "record")]
pub(super) fn adopt(cx: Context, tracestate: &str) -> Context {
    if tracestate.is_empty() {
        return cx;
    }
    let tracer = heirloom_core::Tracer::global();
    let text = cx.traceparent();
    tracer.zip(text).and_then(|(tracer, text)| tracer.extract(text.as_str(), Some(tracestate)).ok()).unwrap_or(cx)
}

#[cfg(not(feature = "record"))]
pub(super) fn tracestate(_cx: &Context) -> String {
    String::new()
}

#[cfg(not(feature = "record"))]
pub(super) fn adopt(cx: Context, _tracestate: &str) -> Context {
    cx
}
