//! The tracestates of a tracer's contexts. A context has only the index of one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many different tracestates a tracer keeps: the number of indices in a context, which has 16 bits for one.
const MAX: usize = u16::MAX as usize;

/// A bounded table that only grows.
#[derive(Debug, Default)]
pub(crate) struct Tracestates {
    all: Mutex<Vec<Arc<str>>>,
    /// Their number. It shows the collector, without the lock, that there are new ones.
    len: AtomicUsize,
}

impl Tracestates {
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of a tracestate for a context, and whether it is new. Zero if it is new and may not be added, or if the
    /// table is full.
    pub(crate) fn add(&self, text: &str, may_add: bool) -> (u16, bool) {
        let mut all = self.lock();
        let index = all.iter().position(|known| &**known == text).unwrap_or(all.len());
        let is_new = index == all.len();
        if is_new {
            if index >= MAX || !may_add {
                return (0, false);
            }
            all.push(text.into());
            self.len.store(all.len(), Ordering::Release);
        }
        (index as u16 + 1, is_new)
    }

    /// The same for a tracestate of a child process. All children together get half of the table, so that they can't fill
    /// it.
    pub(crate) fn add_of_child(&self, text: &str, may_add: bool) -> (u16, bool) {
        let room = self.len.load(Ordering::Acquire) < MAX / 2;
        self.add(text, may_add && room)
    }

    /// The tracestate with this index.
    pub(crate) fn text(&self, index: u16) -> Option<Arc<str>> {
        self.lock().get((index as usize).checked_sub(1)?).cloned()
    }

    /// Passes all tracestates to `set` if there are more than `known`.
    pub(crate) fn renew(&self, known: usize, set: impl FnOnce(Vec<Arc<str>>)) {
        if self.len.load(Ordering::Acquire) > known {
            set(self.lock().clone());
        }
    }
}
