//! What headers say, read the same way whatever carries them.

use heirloom_core::{Context, ParseTraceparentError, Tracer};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The context that the headers carry, bound to the tracer that functions without a handle use here, which keeps the
/// tracestate. Without a `traceparent` it is a context of nothing.
pub(crate) fn read(traceparent: Option<&str>, tracestate: Option<&str>) -> Result<Context, ParseTraceparentError> {
    match (Tracer::of(Context::current()), traceparent) {
        (Some(tracer), Some(text)) => tracer.extract(text, tracestate),
        (Some(tracer), None) => Ok(tracer.context()),
        (None, Some(text)) => Context::from_traceparent(text),
        (None, None) => Ok(Context::INERT),
    }
}
