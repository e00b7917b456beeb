//! Reads and writes trace headers, for all kinds of carriers.

use heirloom_core::{Context, ParseTraceparentError, Tracer};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The context in the headers, bound to the tracer of the current context or else to the global one. That tracer keeps the
/// tracestate. Without a `traceparent` it is an invalid context.
pub(crate) fn read(traceparent: Option<&str>, tracestate: Option<&str>) -> Result<Context, ParseTraceparentError> {
    match (Tracer::of(Context::current()), traceparent) {
        (Some(tracer), Some(text)) => tracer.extract(text, tracestate),
        (Some(tracer), None) => Ok(tracer.context()),
        (None, Some(text)) => Context::from_traceparent(text),
        (None, None) => Ok(Context::INERT),
    }
}
