//! The baggage of the job that this process runs, if it is a worker, and what commands and jobs get by default.

use heirloom_core::{Baggage, Context};
use std::sync::{PoisonError, RwLock};

static CURRENT: RwLock<Baggage> = RwLock::new(Baggage::new());

/// The baggage of the job that this process runs; empty if it runs none. Takes a lock, and allocates if the baggage isn't empty.
pub(crate) fn current() -> Baggage {
    CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The baggage of a command or a job that is started with this context: the context's, else that of the job that this process
/// runs.
pub(crate) fn of(cx: Context) -> Baggage {
    let own = cx.baggage();
    if own.is_empty() {
        current()
    } else {
        own
    }
}

/// Sets the baggage of this process until it is dropped. A worker runs one job at a time.
#[cfg(feature = "workers")]
#[derive(Debug)]
pub(crate) struct Scope(());

#[cfg(feature = "workers")]
impl Scope {
    pub(crate) fn of(text: &str) -> Self {
        set(Baggage::parse(text).0);
        Self(())
    }
}

#[cfg(feature = "workers")]
impl Drop for Scope {
    fn drop(&mut self) {
        set(Baggage::new());
    }
}

#[cfg(feature = "workers")]
fn set(baggage: Baggage) {
    *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = baggage;
}
