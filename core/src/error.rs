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
