//! [`PerProcess`]: state with locks, of which the child of a fork gets a new one.

use super::process;
use arc_swap::ArcSwapOption;
use std::sync::Arc;

/// A static value of which each process has a separate one. For the crates around this one; programs don't need it.
///
/// A fork copies the parent's memory, but only one of its threads. A lock that another thread held stays locked in the
/// child permanently. So the child never touches the parent's value: its first access makes a new one. The old one is
/// leaked, once for each fork whose child records.
///
/// It notices forks once a tracer was started. Cost: an access takes no lock; the first one in a process allocates.
///
/// ```
/// use heirloom_core::PerProcess;
/// use std::sync::Mutex;
/// static JOBS: PerProcess<Mutex<Vec<u32>>> = PerProcess::new();
/// JOBS.get().lock().unwrap().push(7);
/// assert_eq!(*JOBS.get().lock().unwrap(), [7]);
/// ```
pub struct PerProcess<T: 'static>(ArcSwapOption<&'static Made<T>>);

struct Made<T> {
    process: u32,
    value: T,
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// No value yet.
    pub const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// This process's value.
    pub fn get(&self) -> &'static T {
        let process = process();
        match self.0.load().as_deref() {
            Some(made) if made.process == process => {
                let made: &'static Made<T> = made;
                &made.value
            }
            _ => self.make(process),
        }
    }

    #[cold]
    fn make(&self, process: u32) -> &'static T {
        let new: &'static Made<T> = Box::leak(Box::new(Made { process, value: T::default() }));
        let is_current = |found: &Arc<&'static Made<T>>| found.process == process;
        // Another thread may be first. Then its value counts.
        self.0.rcu(|found| found.clone().filter(is_current).or_else(|| Some(Arc::new(new))));
        self.0.load_full().filter(is_current).map_or(&new.value, |made| &made.value)
    }
}

impl<T: Default + Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PerProcess").field(&self.0.load().as_ref().map(|made| &made.value)).finish()
    }
}
