//! [`Closing`]: tells an exporter that waits for its backend when the tracer ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells an exporter when its tracer ends. Clones share it.
///
/// An exporter that waits before it tries again [waits here](Self::wait). Then `finish` ends the wait, and the exporter makes a
/// last try before the [deadline](Self::deadline).
///
/// ```
/// use heirloom_core::export::{Closing, Delivery, ExportError, Exporter};
/// use std::time::Duration;
/// # fn post(_: &Delivery, _: &Closing) -> Result<(), std::io::Error> { Ok(()) }
/// struct Patient;
/// impl Exporter for Patient {
///     fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
///         let closing = delivery.closing();
///         loop {
///             let is_last = closing.deadline().is_some();
///             match post(delivery, closing) {
///                 Ok(()) => return Ok(()),
///                 Err(error) if is_last => return Err(ExportError::new(error.to_string())),
///                 Err(_) => closing.wait(Duration::from_secs(1)),
///             };
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Closing(Arc<State>);

/// The longest wait for an exporter that its deadline can express.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug)]
struct State {
    deadline: Mutex<Option<Instant>>,
    begun: Condvar,
}

/// That of a tracer that never ends, for tests of code that waits.
impl Default for Closing {
    fn default() -> Self {
        Self::new()
    }
}

impl Closing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State { deadline: Mutex::new(None), begun: Condvar::new() }))
    }

    /// The tracer ends, and since `start` waits for its exporters for this time. The first call counts.
    pub(crate) fn begin(&self, start: Instant, timeout: Duration) {
        let deadline = start.checked_add(timeout.min(LONGEST)).unwrap_or(start);
        self.lock().get_or_insert(deadline);
        self.0.begun.notify_all();
    }

    /// When `finish` stops waiting for this exporter. `None` while the tracer runs.
    pub fn deadline(&self) -> Option<Instant> {
        *self.lock()
    }

    /// Sleeps for this time, or until the tracer ends. Returns whether it ends: at once if it already did.
    pub fn wait(&self, time: Duration) -> bool {
        let result = self.0.begun.wait_timeout_while(self.lock(), time, |deadline| deadline.is_none());
        let (deadline, _) = result.unwrap_or_else(PoisonError::into_inner);
        deadline.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_tracer_does() {
        let closing = Closing::new();
        assert!(!closing.wait(Duration::from_millis(1)));
        let (waiting, now) = (closing.clone(), Instant::now());
        let thread = std::thread::spawn(move || waiting.wait(Duration::MAX));
        closing.begin(now, Duration::MAX);
        assert!(thread.join().unwrap());
        closing.begin(now, Duration::ZERO);
        assert_eq!(closing.deadline(), Some(now + LONGEST), "the first call counts");
        assert!(closing.wait(Duration::MAX), "at once");
    }
}
