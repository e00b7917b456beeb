//! One error type per operation.

use core::fmt;

/// Why an attribute was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The span isn't recorded: not sampled, transparent, its tracer has finished, or recording is compiled out.
    NotRecording,
    /// This thread's shard has no room for the value until the collector has read from it.
    Full,
    /// This thread was in the middle of another record (this is a signal handler).
    Nested,
    /// Captured values are switched off ([`Capture::enabled`](crate::Capture::enabled)).
    CaptureOff,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::NotRecording => {
                "the span is not recorded: its trace is not sampled, its shard was full, its tracer has finished, \
                 or recording is compiled out"
            }
            SetError::Full => "this thread's shard is full until the collector has read from it; a larger shard helps, or `Overload::Wait`",
            SetError::Nested => "this thread was in the middle of another record (a signal handler must not record)",
            SetError::CaptureOff => {
                "captured values are switched off for this tracer (HEIRLOOM_CAPTURE, Capture::enabled)"
            }
        })
    }
}

impl std::error::Error for SetError {}

/// Why no span can be updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// The context belongs to no span, or there is no current one.
    NoSpan,
    /// The trace isn't recorded.
    NotSampled,
    /// The span could not be recorded. Its context is its nearest recorded ancestor's, which the caller doesn't mean.
    Transparent,
    /// The span belongs to the parent process. Only that process may write to it.
    Elsewhere,
    /// No tracer runs, or recording is compiled out.
    NoTracer,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UpdateError::NoSpan => "no span is current here, so none can be updated; pass its context down to here",
            UpdateError::NotSampled => "the trace is not sampled, so its spans are not recorded",
            UpdateError::Transparent => "the span could not be recorded, because its thread's shard was full",
            UpdateError::Elsewhere => {
                "the span belongs to the parent process; start a span in this process and write to that"
            }
            UpdateError::NoTracer => "no tracer runs; start one with `init`",
        })
    }
}

impl std::error::Error for UpdateError {}
