//! Whether this thread and this process may record: read on cold paths only, so a thread-local apart from the hot state.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It records.
    Alive,
    /// Its destructors run: whatever still ends goes to the overflow, whatever begins is refused and counted.
    Gone,
    /// It is a collector's or exporter's own, or the only thread of a forked child: nothing is recorded on it.
    Pipeline,
}

thread_local!(static LIFE: Cell<Life> = const { Cell::new(Life::Alive) });

static FORKED: AtomicBool = AtomicBool::new(false);

/// The state of this thread.
pub(crate) fn life() -> Life {
    LIFE.with(Cell::get)
}

/// From now on this thread begins nothing.
pub(crate) fn leave() {
    LIFE.with(|life| life.set(Life::Gone));
}

/// Marks this thread as one of the pipeline's own.
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

/// Whether this process is the child of a fork: its tracers are its parent's.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}
