//! Whether this thread and this process may record. Only cold paths read it, so it is a thread-local apart from the hot
//! state.
//!
//! A fork copies one thread and all locks. The child is another *process*: its number is one higher, so that nothing of
//! its parent's tracers is taken for its own, and state with locks is made anew ([`PerProcess`]). It records nothing until
//! a tracer is started in it.

mod per_process;

pub use per_process::PerProcess;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It records.
    Alive,
    /// Its destructors run. Ends go to the overflow; new spans are not recorded, and counted.
    Gone,
    /// It is a collector's or exporter's thread. Nothing is recorded on it.
    Pipeline,
}

thread_local!(static LIFE: Cell<Life> = const { Cell::new(Life::Alive) });

/// How many forks lead from the first process of this program to this one.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// This process is the child of a fork, and no tracer was started in it.
static FORKED: AtomicBool = AtomicBool::new(false);

/// The functions that were registered for the exit of this process run.
static EXITS: AtomicBool = AtomicBool::new(false);

/// Marks this process as one that exits. Each function that is registered for the exit calls it first.
pub(crate) fn exits() {
    EXITS.store(true, Ordering::Relaxed);
}

/// Whether the destructors of this thread, or those of the thread that ends this process, have run or may have.
pub(crate) fn is_ending() -> bool {
    life() == Life::Gone || EXITS.load(Ordering::Relaxed)
}

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
    life() == Life::Pipeline
}

/// Marks this process as the child of a fork. Its only thread calls it, before `fork` returns there. Async-signal-safe.
pub(crate) fn after_fork() {
    PROCESS.fetch_add(1, Ordering::Relaxed);
    FORKED.store(true, Ordering::Relaxed);
    if in_pipeline() {
        // An exporter that forks has no pipeline in the child.
        LIFE.with(|life| life.set(Life::Alive));
    }
}

/// A tracer is about to start in this process: from now on it may record.
pub(crate) fn begin() {
    FORKED.store(false, Ordering::Relaxed);
}

/// Whether this process is the child of a fork in which no tracer was started. Its tracers belong to its parent.
pub(crate) fn forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// The number of this process among those that forked from each other.
pub(crate) fn process() -> u32 {
    PROCESS.load(Ordering::Relaxed)
}
