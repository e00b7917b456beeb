//! Whether a record may refer to a span of which its writer has only the context: an update, a value of the span's trace, a span
//! that names it as its remote parent, anything that an attached child records.
//!
//! Such a record may be in a shard that the collector reads after the span's end. So once there may be one, the end of a span
//! whose context was handed out waits for another pass. Most programs never have one, and their spans don't wait.

use std::sync::atomic::{AtomicBool, Ordering};

/// Relaxed: a thread sets it before it publishes the record, with release. So a collector that reads the end of a span, which
/// happened after the record, finds it set.
static NOTED: AtomicBool = AtomicBool::new(false);

/// Called before such a record is published.
#[inline]
pub(crate) fn note() {
    if !were_any() {
        NOTED.store(true, Ordering::Relaxed);
    }
}

/// Whether there may be one.
#[inline]
pub(crate) fn were_any() -> bool {
    NOTED.load(Ordering::Relaxed)
}

/// For a model that starts anew in each execution.
#[cfg(all(test, loom))]
pub(crate) fn forget() {
    NOTED.store(false, Ordering::Relaxed);
}
