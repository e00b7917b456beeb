//! The clock that pool and worker share, for deadlines in messages: the system's monotonic clock, in nanoseconds.

use crate::process::monotonic_ns;
use std::time::Instant;

/// The present time.
pub(super) fn now_ns() -> u64 {
    monotonic_ns()
}

/// The time at this instant; the present time if the instant has passed.
pub(super) fn at_ns(instant: Instant) -> u64 {
    let left = instant.saturating_duration_since(Instant::now());
    now_ns().saturating_add(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX))
}
