//! The lanes of rayon's threads: one that has no name is called by its index.

use crate::carry::COMPILED_OUT;
use heirloom_core::name_lanes;
use std::sync::atomic::{AtomicBool, Ordering};

static NAMED: AtomicBool = AtomicBool::new(false);

/// Called by every adapter when work is submitted, so that the threads that do it find their names. Cost: a load.
#[inline]
pub(crate) fn name() {
    if !COMPILED_OUT && !NAMED.load(Ordering::Relaxed) {
        supply();
    }
}

#[cold]
fn supply() {
    name_lanes(|| ::rayon::current_thread_index().map(|index| ("rayon", index)));
    NAMED.store(true, Ordering::Relaxed);
}
