//! The tracestate around a sampler's decision: what the sampler reads of it, and the threshold that it writes.
//!
//! Only [`ConsistentProbability`](crate::Sampler::ConsistentProbability) uses it. Nothing here runs while the slot is taken,
//! because it locks and allocates.

use crate::sampler::Threshold;
use crate::thread::ThreadState;
use crate::{pipeline, Context, TraceState};

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

/// A context whose tracestate has the threshold of the decision. `arrived` is the tracestate that it has now.
pub(super) fn applied(threshold: Threshold, cx: Context, arrived: &TraceState) -> Context {
    let Some(changed) = threshold.apply(arrived) else { return cx };
    if changed.is_empty() {
        return cx.with_tracestate_index(0);
    }
    match pipeline::find(cx.tracer) {
        Some(tracer) => cx.with_tracestate_index(tracer.tracestates.add(changed.as_str(), true).0),
        None => cx,
    }
}
