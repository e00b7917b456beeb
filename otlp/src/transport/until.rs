//! How long a request may be in flight when the tracer ends.

use heirloom_core::export::Closing;
use std::time::{Duration, Instant};

/// A request ends so long before the tracer's deadline that its outcome is in the tracer's report.
pub(super) const MARGIN: Duration = Duration::from_millis(100);

/// How long a request may be in flight when the tracer ends.
///
/// A first try has all the time that is left. A retry that was in flight already may hang on a dead connection, although the server
/// is back: it has half of the time, and the other half is for the last try.
pub(super) struct Until<'a> {
    closing: &'a Closing,
    is_retry_in_flight: bool,
    at: Option<Instant>,
}

impl<'a> Until<'a> {
    pub(super) fn new(closing: &'a Closing, is_retry: bool) -> Self {
        Self { closing, is_retry_in_flight: is_retry && closing.deadline().is_none(), at: None }
    }

    /// `None` while the tracer runs.
    pub(super) fn at(&mut self) -> Option<Instant> {
        if self.at.is_none() {
            self.at = self.closing.deadline().map(|deadline| {
                let now = Instant::now();
                let left = deadline.saturating_duration_since(now);
                now + if self.is_retry_in_flight { left / 2 } else { left - MARGIN.min(left / 10) }
            });
        }
        self.at
    }
}
