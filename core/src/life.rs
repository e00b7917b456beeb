//! Whether this thread and this process may record. Only cold paths read it, so it is a thread-local apart from the hot
//! state.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It records.
    Alive,
    /// Its destructors run. Ends go to the overflow; new spans are not recorded, and counted.
    Gone,
    /// It is a collector's or exporter's thread, or the only thread of a forked child. Nothing is recorded on it.
    Pipeline,
}

thread_local!(static LIFE: Cell<Life> = const { Cell::new(Life::Alive) });

static FORKED: AtomicBool = AtomicBool::new(false);

/// The state of this thread.
pub(crate) fn life() -> Life {
    LIFE.with(Cell::get)
}

/// From now on this thread starts no span.
pub(crate) fn leave() {
    LIFE.with(|life| life.set(Life::Gone));
}

/// Marks this thread as one of Heirloom's own.
pub(crate) fn enter_pipeline() {
    LIFE.with(|life| life.set(Life::Pipeline));
}

/// Whether this is a collector's or exporter's thread.
pub(crate) fn in_pipeline() -> bool {
    life() == Life::Pipeline && !forked()
}

/// Marks this process as the child of a fork.
pub(crate) fn set_forked() {
    FORKED.store(true, Ordering::Relaxed);
    enter_pipeline();
}

/// Whether this process is the child of a fork. Its tracers belong to its parent.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}
