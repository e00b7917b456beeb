//! A thread that finds no room waits for the collector, if the settings say so ([`Overload::Wait`](crate::Overload::Wait)),
//! or if the room is there as soon as the collector has freed other memory of the shard.
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
/// The longest wait for the end of a reclaim, whatever the settings say. The reclaim itself is one system call of less than
/// a millisecond. The rest is for a collector that has lost its core in the middle of it.
const RECLAIM: Duration = Duration::from_millis(10);

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
        if self.longest_wait().is_zero() || !self.writer.may_wait(why) || life::in_pipeline() {
            return Err(why);
        }
        let state = state();
        let is_outermost = !state.waiting.replace(true);
        let start = sys::monotonic_ns();
        let waited = || Duration::from_nanos(sys::monotonic_ns().saturating_sub(start));
        let look_again = if self.tracer.parent.is_some() { LOOK_AT_PARENT } else { LOOK };
        let look = || match self.refill_if_own(bytes, is_begin) {
            Err(why) if why.passes() && self.writer.may_wait(why) && !self.is_abandoned() => {
                match self.longest_wait().saturating_sub(waited()) {
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

    /// How long to wait for what the last refill lacked.
    fn longest_wait(&self) -> Duration {
        let longest = self.tracer.waiting.longest();
        if self.writer.met_reclaim() {
            longest.max(RECLAIM)
        } else {
            longest
        }
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

#[cfg(test)]
mod tests {
    use crate::shard::Shard;
    use crate::{builder, thread, Overload, Settings};
    use std::sync::atomic::Ordering;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    /// The marks in the claim of a shard at rest of which the collector frees everything.
    const RECLAIMING: u64 = 1;
    const AT_REST: u64 = 2;

    /// Records a burst that begins while a shard's memory is being freed, which takes this long. Returns how long the burst took,
    /// and how many of its spans were not recorded.
    #[allow(clippy::unwrap_used)]
    fn burst_during_a_reclaim_of(length: Duration) -> (Duration, u64) {
        let settings = Settings { overload: Some(Overload::Coarsen), ..Settings::default() };
        let guard = builder("reclaim").settings(settings).start().unwrap();
        let tracer = guard.tracer();
        let root = tracer.root("first");
        let shards = thread::state().with_tracer(root.context().tracer, |slot| slot.tracer.registry.since(0).1);
        let shard = Arc::clone(&shards.unwrap()[0]);
        let claim = |shard: &Shard, mark: bool| {
            let claim = &shard.head().written.claim;
            if mark {
                claim.fetch_or(RECLAIMING | AT_REST, Ordering::Release)
            } else {
                claim.fetch_and(!RECLAIMING, Ordering::Release)
            }
        };
        claim(&shard, true);
        let collector = std::thread::spawn(move || {
            std::thread::sleep(length);
            claim(&shard, false);
            shard.writer().room().given_back();
        });
        let start = Instant::now();
        (0..2_000).for_each(|_| root.span("burst").end());
        let took = start.elapsed();
        collector.join().unwrap();
        root.end();
        (took, guard.finish().ledger().transparent.full)
    }

    #[test]
    fn a_burst_that_meets_a_reclaim_waits_for_its_end_and_is_recorded_whole() {
        // On a busy machine the reclaim may last longer than the wait: the thread that ends it has no core. Without a wait, each of
        // the bursts loses spans.
        let bursts: Vec<_> = std::iter::repeat_with(|| burst_during_a_reclaim_of(Duration::from_millis(3)))
            .take(50)
            .scan(false, |whole, burst| (!std::mem::replace(whole, burst.1 == 0)).then_some(burst))
            .collect();
        assert_eq!(bursts.last().map(|burst| burst.1), Some(0), "{bursts:?}");
    }

    #[test]
    fn a_reclaim_that_does_not_end_costs_a_thread_one_bounded_wait() {
        let (took, lost) = burst_during_a_reclaim_of(Duration::from_secs(2));
        assert!(lost > 0 && took < Duration::from_millis(1_800), "{took:?}, {lost} lost");
    }
}
