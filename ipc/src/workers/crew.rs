//! The pool's threads: starts them by name, counts them, and waits for them up to a deadline.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Upper bound of a timeout (100 years), so that its sum with an `Instant` can't overflow.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The end of a timeout that starts now.
pub(super) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(FOREVER)
}

#[derive(Clone, Default)]
pub(super) struct Crew {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    at_work: usize,
    handles: Vec<JoinHandle<()>>,
}

/// One running thread. Dropped last on that thread, also if it panics.
struct AtWork(Arc<Shared>);

impl Crew {
    /// Starts a thread.
    pub(super) fn spawn(&self, name: &str, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.lock().at_work += 1;
        let at_work = AtWork(Arc::clone(&self.shared));
        let handle = Builder::new().name(name.to_owned()).spawn(move || {
            let _at_work = at_work;
            job();
        })?;
        let mut state = self.lock();
        state.handles.retain(|handle| !handle.is_finished());
        state.handles.push(handle);
        Ok(())
    }

    /// Waits until all threads have ended. Returns whether they have.
    pub(super) fn wait(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.at_work > 0 {
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            let waited = self.shared.left.wait_timeout(state, deadline - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        // They have nothing left to do, so this takes microseconds. A thread that panicked has printed its message.
        handles.into_iter().for_each(|handle| drop(handle.join()));
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).at_work -= 1;
        self.0.left.notify_all();
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").field("at_work", &self.lock().at_work).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn waiting_ends_at_the_deadline_or_with_the_last_thread() {
        let crew = Crew::default();
        let (release, released) = mpsc::channel::<()>();
        crew.spawn("waits", move || assert!(released.recv().is_err())).unwrap();
        crew.spawn("panics", || panic!("on purpose")).unwrap();
        assert!(!crew.wait(Instant::now() + Duration::from_millis(5)));
        drop(release);
        assert!(crew.wait(Instant::now() + Duration::from_secs(10)));
    }
}
