//! A thread that finds no room waits for the collector: [`Overload::Wait`](crate::Overload::Wait).
//!
//! The slot is put back meanwhile, so that a signal handler records as at any other time, also into the same shard, and
//! may wait too. The shard stays this thread's: while the thread waits, it gives no lease back ([`ThreadState::is_waiting`]).
//! So afterwards the caller goes on with the slot that it had.
//!
//! The wait allocates nothing and takes no lock. It never lasts longer than its limit, because its caller may hold a lock that
//! the collector needs, that of the allocator for example. It looks again after a part of the time, so that it notices
//! the end of the tracer, a fork (in a signal handler) and the end of a parent process.

use super::{state, Slot, ThreadState};
use crate::life;
use crate::shard::Refused;
use crate::sys;
use std::time::Duration;

/// How long a thread sleeps before it looks whether the tracer has finished. Room wakes it earlier.
const LOOK: Duration = Duration::from_millis(10);
/// The same in an attached child: room comes from the parent, which wakes nobody here.
const LOOK_AT_PARENT: Duration = Duration::from_micros(200);

impl ThreadState {
    /// Whether this thread is in the middle of a wait, in which it gives no lease back.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.get()
    }
}

impl Slot<'_> {
    /// Waits until a record fits, if that makes sense. The caller has just found the shard full.
    #[cold]
    pub(super) fn wait_for_room(&self, bytes: u64, is_begin: bool, why: Refused) -> Result<(), Refused> {
        let waiting = &self.tracer.waiting;
        if waiting.longest().is_zero() || !self.writer.may_wait(why) || life::in_pipeline() {
            return Err(why);
        }
        let state = state();
        let is_outermost = !state.waiting.replace(true);
        let start = sys::monotonic_ns();
        let waited = || Duration::from_nanos(sys::monotonic_ns().saturating_sub(start));
        let look_again = if self.tracer.parent.is_some() { LOOK_AT_PARENT } else { LOOK };
        let look = || match self.refill_if_own(bytes, is_begin) {
            Err(why) if why.passes() && self.writer.may_wait(why) && !self.is_abandoned() => {
                match waiting.longest().saturating_sub(waited()) {
                    Duration::ZERO => Ok((Err(why), true)),
                    left => Err(left.min(look_again)),
                }
            }
            outcome => Ok((outcome, false)),
        };
        let (outcome, in_vain) = self.writer.room().wait(look, |sleep| {
            self.tracer.wake.wake();
            state.put_back(*self);
            sleep();
            state.take_again();
        });
        state.waiting.set(!is_outermost);
        if in_vain {
            self.writer.give_up();
            waiting.complete.iter().for_each(|complete| complete.end());
        }
        waiting.count(waited(), in_vain);
        outcome
    }

    /// Refills, except in the child of a fork, which a signal handler made during the wait: the ring may be shared memory that
    /// its parent writes.
    fn refill_if_own(&self, bytes: u64, is_begin: bool) -> Result<(), Refused> {
        if self.tracer.is_foreign() {
            return Err(Refused::Closed);
        }
        self.refill_now(bytes, is_begin)
    }

    /// Whether no collector will make room any more.
    fn is_abandoned(&self) -> bool {
        self.tracer.is_closed() || self.tracer.is_foreign()
    }
}
