//! The spans that a pool itself records.

use super::error::Death;
use super::plan::Plan;
use crate::process;
use heirloom_core::Context;

/// Records the death of a worker: a span of zero length, below the parent of the job that it ran.
pub(super) fn died(cx: Context, plan: &Plan, death: &Death) {
    if !cx.trace_id().is_valid() {
        return;
    }
    let span = cx.span("worker died");
    span.set("heirloom.worker", plan.worker).set("process.child.pid", death.pid);
    if let Some(exit) = death.exit.map(process::exit_of) {
        if let Some(code) = exit.code {
            span.set("process.exit.code", code);
        }
        if let Some(signal) = exit.signal.map(process::signal_name) {
            span.set("process.exit.signal", signal.as_str());
        }
    }
    #[cfg(feature = "capture")]
    if plan.record_stderr {
        super::last_words::record(&span, &death.stderr_tail);
    }
    span.error(&death.to_string());
}
