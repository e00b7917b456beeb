//! How a writer waits for room, and how the collector wakes it.
//!
//! The writer sets a flag, then looks for room. The collector gives room back, then looks at the flag. On each side a fence
//! stands between the two steps, so at least one side sees what the other one did: the writer sees the room, or the collector
//! sees the flag ([Dekker's algorithm]). The collector clears the flag before it wakes, and the writer sleeps only while the
//! flag is set. So if the collector comes between the writer's look and its sleep, the writer doesn't sleep. The model
//! `waiting` runs both sides in every order.
//!
//! A signal handler may wait in the middle of its thread's wait. It leaves the flag clear, so that the outer wait looks again.
//!
//! In an attached child the room comes from another process, which doesn't know this flag. There the sleep is a short one.
//!
//! [Dekker's algorithm]: https://en.wikipedia.org/wiki/Dekker%27s_algorithm

use crate::sync::{Edge, Ordering};
use std::time::Duration;

/// The flag of a writer that waits. Both sides change it by an exchange, so each sees the last change. On a separate cache line,
/// because the collector reads it whenever it gives room back.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Room(Flag);

/// No thread waits.
const CLEAR: u32 = 0;
/// The lease holder waits.
const SET: u32 = 1;

impl Room {
    /// For the lease holder: looks and sleeps in turns. `look` returns the result, or how long to sleep at most. `sleep` is
    /// called with the sleep, and calls it. Room that is given back, the end of the shard and signals end a sleep.
    pub(crate) fn wait<R>(&self, mut look: impl FnMut() -> Result<R, Duration>, mut sleep: impl FnMut(&dyn Fn())) -> R {
        loop {
            self.0.word().swap(SET, Ordering::Relaxed);
            Edge::Waits.fence();
            match look() {
                Ok(result) => {
                    self.0.word().swap(CLEAR, Ordering::Relaxed);
                    return result;
                }
                Err(at_most) => sleep(&|| self.0.sleep_while(SET, at_most)),
            }
        }
    }

    /// For the collector, after it gave room back or closed the shard. Cost: a fence and a load; a system call if the
    /// writer waits.
    pub(crate) fn given_back(&self) {
        Edge::Freed.fence();
        if self.0.word().load(Ordering::Relaxed) == SET && self.0.word().swap(CLEAR, Ordering::Relaxed) == SET {
            self.0.wake();
        }
    }
}

#[cfg(not(loom))]
pub(crate) use futex::Flag;

#[cfg(not(loom))]
mod futex {
    use crate::sync::AtomicU32;
    use crate::sys;
    use std::time::Duration;

    /// A word on which a thread can sleep.
    #[derive(Debug, Default)]
    pub(crate) struct Flag(AtomicU32);

    impl Flag {
        pub(super) fn word(&self) -> &AtomicU32 {
            &self.0
        }

        pub(super) fn sleep_while(&self, value: u32, at_most: Duration) {
            sys::sleep_while(&self.0, value, at_most);
        }

        pub(super) fn wake(&self) {
            sys::wake(&self.0);
        }
    }
}

#[cfg(loom)]
pub(crate) use modelled::Flag;

#[cfg(loom)]
mod modelled {
    use crate::sync::{AtomicU32, Condvar, Mutex, Ordering};
    use std::sync::PoisonError;
    use std::time::Duration;

    /// The same contract for loom, where a sleep has no limit: a thread that is never woken is a deadlock, which loom reports.
    #[derive(Debug, Default)]
    pub(crate) struct Flag {
        word: AtomicU32,
        lock: Mutex<()>,
        changed: Condvar,
    }

    impl Flag {
        pub(super) fn word(&self) -> &AtomicU32 {
            &self.word
        }

        pub(super) fn sleep_while(&self, value: u32, _: Duration) {
            // The kernel compares and falls asleep under a lock that `wake` takes too.
            let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            if self.word.load(Ordering::Relaxed) == value {
                drop(self.changed.wait(lock));
            }
        }

        pub(super) fn wake(&self) {
            let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.changed.notify_all();
        }
    }
}
