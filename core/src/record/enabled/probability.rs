//! The tracestate around a sampler's decision: what the sampler reads of it, and the threshold that it writes.
//!
//! Only [`ConsistentProbability`](crate::Sampler::ConsistentProbability) uses it. Nothing here runs while the slot is taken,
//! because it locks and allocates.

use crate::sampler::Threshold;
use crate::thread::ThreadState;
use crate::{propagated, Context, TraceState};

/// The key of OpenTelemetry's own member of a tracestate.
const OPENTELEMETRY: &str = "ot";

/// The tracestate that a remote parent brought; empty if the tracer's sampler doesn't use it.
pub(super) fn tracestate(state: &ThreadState, parent: Context) -> TraceState {
    let index = parent.propagated();
    let is_used =
        index != 0 && state.with_tracer(parent.tracer, |slot| slot.tracer.sampler_uses_tracestate()) == Some(true);
    if !is_used {
        return TraceState::new();
    }
    let text = propagated::tracestate(parent.trace, index);
    text.and_then(|text| TraceState::parse(&text).ok()).map(|(state, _)| state).unwrap_or_default()
}

/// That member of a tracestate that the sampler reads and writes; empty if there is none.
pub(super) fn ot(state: &TraceState) -> &str {
    state.get(OPENTELEMETRY).unwrap_or_default()
}

/// A context whose tracestate has the threshold of the decision. `arrived` is the tracestate that it has now.
pub(super) fn applied(threshold: Threshold, cx: Context, arrived: &TraceState) -> Context {
    let Some(member) = threshold.apply(ot(arrived)) else { return cx };
    let mut changed = arrived.clone();
    if member.is_empty() {
        changed.remove(OPENTELEMETRY);
    } else if changed.insert(OPENTELEMETRY, &member).is_err() {
        return cx; // too long with the threshold: others' fields in it must not be lost
    }
    let baggage = propagated::read(cx.trace, cx.propagated()).baggage.unwrap_or_default();
    cx.with_propagated(propagated::keep(cx.trace, changed.as_str(), &baggage))
}
