//! The role of this process: a worker, or a program that has called [`serve`](super::serve) and so can start workers.

use super::message::VARIABLE;
use crate::env;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

static SERVED: AtomicBool = AtomicBool::new(false);
static IN_WORKER: AtomicBool = AtomicBool::new(false);

/// [`serve`](super::serve) was called. Returns the invitation if this process was started as a worker, and removes it from the
/// environment.
pub(super) fn serving() -> Option<OsString> {
    // On another thread the caller is a test. This program would run all tests if it was started again.
    if std::thread::current().name() == Some("main") {
        SERVED.store(true, Ordering::Relaxed);
    }
    let invitation = env::handed_over(VARIABLE)?;
    IN_WORKER.store(true, Ordering::Relaxed);
    std::env::remove_var(VARIABLE);
    Some(invitation)
}

/// Whether [`serve`](super::serve) was called by this process's `main`.
pub(super) fn was_served() -> bool {
    SERVED.load(Ordering::Relaxed)
}

/// Whether this process was started as a worker, even if it has not called [`serve`](super::serve).
pub(super) fn in_worker() -> bool {
    IN_WORKER.load(Ordering::Relaxed) || env::is_set(VARIABLE)
}
