//! The clock that pool and worker share: the system's monotonic one, as nanoseconds, for deadlines that travel.

use crate::process::monotonic_ns;
use std::time::Instant;

/// What it shows now.
pub(super) fn now_ns() -> u64 {
    monotonic_ns()
}

/// What it shows at this instant; now, if that is past.
pub(super) fn at_ns(instant: Instant) -> u64 {
    let left = instant.saturating_duration_since(Instant::now());
    now_ns().saturating_add(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX))
}
