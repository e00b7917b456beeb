//! One error type per operation.

use core::fmt;

/// Why an attribute was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// The span isn't recorded: not sampled, transparent, its tracer finished, or recording is compiled out.
    NotRecording,
    /// This thread's shard has no room for the value until the collector has drained it.
    Full,
    /// The record was made while this thread was in the middle of another one (a signal handler).
    Nested,
    /// Captured values are switched off ([`Capture::enabled`](crate::Capture::enabled)).
    CaptureOff,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::NotRecording => "the span is not recorded (not sampled, not accepted, or its tracer finished)",
            SetError::Full => "this thread's shard is full until the collector has drained it; a larger shard helps",
            SetError::Nested => "this thread was in the middle of another record (a signal handler must not record)",
            SetError::CaptureOff => {
                "captured values are switched off for this tracer (HEIRLOOM_CAPTURE, Capture::enabled)"
            }
        })
    }
}

impl std::error::Error for SetError {}

/// Why there is nothing to update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateError {
    /// The context is of no span: nothing is current here.
    NoSpan,
    /// The trace isn't recorded.
    NotSampled,
    /// The span could not be recorded; its context is its nearest recorded ancestor's, which isn't meant.
    Transparent,
    /// The span is the parent process's, which alone may write to it.
    Elsewhere,
    /// No tracer runs, or recording is compiled out.
    NoTracer,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UpdateError::NoSpan => "no span is current here, so there is nothing to update; hand its context down",
            UpdateError::NotSampled => "the trace is not recorded",
            UpdateError::Transparent => "the span could not be recorded (its thread's shard was full)",
            UpdateError::Elsewhere => {
                "the span is the parent process's; begin one of this process's own and write to that"
            }
            UpdateError::NoTracer => "no tracer runs (see `init`)",
        })
    }
}

impl std::error::Error for UpdateError {}
