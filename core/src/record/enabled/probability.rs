//! The tracestate around a sampler's decision: what the sampler reads of it, and the threshold that it writes.
//!
//! Only [`ConsistentProbability`](crate::Sampler::ConsistentProbability) uses it. Nothing here runs while the slot is taken,
//! because it locks and allocates.

use crate::sampler::Threshold;
use crate::thread::ThreadState;
use crate::{pipeline, Context, TraceState};

/// The key of OpenTelemetry's own member of a tracestate.
const OPENTELEMETRY: &str = "ot";

/// The tracestate that a remote parent brought; empty if the tracer's sampler doesn't use it.
pub(super) fn tracestate(state: &ThreadState, parent: Context) -> TraceState {
    let index = parent.tracestate_index();
    let is_used =
        index != 0 && state.with_tracer(parent.tracer, |slot| slot.tracer.sampler_uses_tracestate()) == Some(true);
    if !is_used {
        return TraceState::new();
    }
    let text = pipeline::find(parent.tracer).and_then(|tracer| tracer.tracestates.text(index));
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
    if changed.is_empty() {
        return cx.with_tracestate_index(0);
    }
    match pipeline::find(cx.tracer) {
        Some(tracer) => cx.with_tracestate_index(tracer.tracestates.add(changed.as_str(), true).0),
        None => cx,
    }
}
