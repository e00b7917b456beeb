//! Reads trace headers, for all kinds of carriers.

use heirloom_core::{Context, ParseTraceparentError, Tracer};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

/// The context in the headers, with its tracestate and its baggage, bound to the tracer of the current context or else to
/// the global one, if there is one. Without a `traceparent` it is an invalid context.
pub(crate) fn read(
    traceparent: Option<&str>,
    tracestate: Option<&str>,
    baggage: Option<&str>,
) -> Result<Context, ParseTraceparentError> {
    let cx = Context::from_headers(traceparent, tracestate, baggage)?;
    Ok(Tracer::of(Context::current()).map_or(cx, |tracer| tracer.bind(cx)))
}
