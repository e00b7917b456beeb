//! The names of the lanes of rayon's threads: an unnamed thread gets its index.

use crate::carry::COMPILED_OUT;
use heirloom_core::name_lanes;
use std::sync::atomic::{AtomicBool, Ordering};

static NAMED: AtomicBool = AtomicBool::new(false);

/// Every adapter calls this when work is submitted, so that rayon's threads get names in the trace. Cost: a load.
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
