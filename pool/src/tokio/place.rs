//! The place of tokio's threads in their pool.

use crate::carry::COMPILED_OUT;
use ::tokio::runtime::{Handle, Id, RuntimeFlavor};
use heirloom_core::mark;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// Upper bound on the number of runtimes whose threads are counted. The oldest one is forgotten, and counts from zero again.
const RUNTIMES: usize = 64;

/// The number of threads of each runtime that have said their place.
static COUNTS: Mutex<Vec<(Id, u32)>> = Mutex::new(Vec::new());

thread_local! {
    /// Whether this thread has said its place in its pool.
    static PLACED: Cell<bool> = const { Cell::new(false) };
}

/// What polls a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// A worker thread of the runtime.
    Worker,
    /// The thread of a `LocalSet`, which may be outside of the runtime.
    Local,
}

/// Called in each poll of a task, so that the trace has the place of the thread. Cost: a load and a branch, except the first time
/// on each thread.
#[inline]
pub(super) fn place(on: On) {
    if !COMPILED_OUT && !PLACED.get() {
        find_place(on);
    }
}

#[cold]
fn find_place(on: On) {
    let Ok(runtime) = Handle::try_current() else { return };
    // Its only worker is the thread that blocks on it, also for a `LocalSet`.
    if on == On::Local && runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return;
    }
    PLACED.set(true);
    let size = u32::try_from(runtime.metrics().num_workers()).unwrap_or(u32::MAX);
    let mut hash = DefaultHasher::new();
    runtime.id().hash(&mut hash);
    mark::pool("tokio", hash.finish(), next_index(runtime.id()) % size.max(1), size);
}

/// Numbers the threads of a runtime as they come: tokio tells its index to none of them.
fn next_index(runtime: Id) -> u32 {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == runtime) {
        *count = count.wrapping_add(1);
        return *count;
    }
    if counts.len() >= RUNTIMES {
        counts.remove(0);
    }
    counts.push((runtime, 0));
    0
}
