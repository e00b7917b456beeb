//! What a lock knows about its use: [`Watch`], [`Waiting`] and [`Hold`]; what a condition variable knows: [`Signal`]; and what a
//! channel knows: [`Flow`], [`Sent`], and for a selection [`Choice`], [`Waited`].
//!
//! `unwatched.rs` has the same items without contents, for builds that don't record.

mod choice;
mod flow;
mod signal;

pub(super) use choice::{Choice, Waited};
pub(super) use flow::{Flow, Sent};
pub(super) use signal::Signal;

use super::totals::Totals;
use heirloom_core::mark::{current_span, held_until, stamp, waited_until, Lock, LockKind, Stamp, WaitCause};
use heirloom_core::SpanId;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Whether anything is recorded. If not, the wrappers call the plain types directly.
pub(super) const RECORDS: bool = true;

/// One hold in this many is timed.
const SAMPLE: u32 = 64;
/// The totals of a lock that nothing waits for are recorded after this many acquisitions, and before that whenever the number of
/// acquisitions is a power of two.
const TOTALS: u32 = 1024;

/// Beside a lock: how it is used.
///
/// All fields are hints for the analysis and order nothing, so every access is relaxed. Those that each acquisition writes
/// are written by the holder only (of several readers, the last one counts), and lie together beside the lock.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Watch {
    lock: Lock,
    queue: Mutex<Queue>,
    /// The number of threads that wait: `Queue::waiting`, for the holder.
    waiting: AtomicU32,
    acquisitions: AtomicU32,
    /// The span that acquired the lock last; zero if none was current there.
    holder: AtomicU64,
}

/// What waiting threads write. Only they lock it, and a holder for which one waits.
#[derive(Debug)]
struct Queue {
    waiting: u32,
    /// The start of the first wait, until the lock is released: from then on, holds know when they began.
    awaited: Option<Stamp>,
    /// The span of the latest release while a thread waited.
    released_by: Option<SpanId>,
    totals: Totals,
    /// The number of acquisitions when the totals were recorded last.
    recorded: u32,
}

impl Watch {
    /// Of a lock that is named by the place of the call.
    #[track_caller]
    pub(super) const fn new(kind: LockKind) -> Self {
        Self::of(Lock::new(kind))
    }

    pub(super) const fn named(kind: LockKind, name: &'static str) -> Self {
        Self::of(Lock::named(kind, name))
    }

    const fn of(lock: Lock) -> Self {
        let queue = Queue { waiting: 0, awaited: None, released_by: None, totals: Totals::new(), recorded: 0 };
        Self {
            lock,
            queue: parking_lot::const_mutex(queue),
            waiting: AtomicU32::new(0),
            acquisitions: AtomicU32::new(0),
            holder: AtomicU64::new(0),
        }
    }

    /// This thread has acquired the lock without waiting.
    #[inline]
    pub(super) fn acquired(&self) -> Hold<'_> {
        let sample = self.count();
        let since = if sample || self.is_awaited() { Since::now(sample) } else { Since::Unknown };
        Hold { watch: self, since }
    }

    /// Counts an acquisition by this thread. Returns whether its hold is a sample.
    #[inline]
    fn count(&self) -> bool {
        let number = self.acquisitions.load(Ordering::Relaxed).wrapping_add(1);
        self.acquisitions.store(number, Ordering::Relaxed);
        self.holder.store(current_span().map_or(0, SpanId::to_u64), Ordering::Relaxed);
        number % SAMPLE == 0
    }

    /// This thread has found the lock held and waits for it from now on.
    pub(super) fn wait(&self, cause: WaitCause) -> Waiting<'_> {
        self.begin_wait(cause, true)
    }

    /// As [`wait`](Self::wait), where the lock may be free: a wait of less than a microsecond was none.
    pub(super) fn may_wait(&self, cause: WaitCause) -> Waiting<'_> {
        self.begin_wait(cause, false)
    }

    fn begin_wait(&self, cause: WaitCause, certain: bool) -> Waiting<'_> {
        let holder = span_of(self.holder.load(Ordering::Relaxed));
        let from = stamp();
        let mut queue = self.queue.lock();
        if queue.waiting == 0 {
            queue.awaited = Some(from);
        }
        self.set_waiting(&mut queue, |waiting| waiting + 1);
        Waiting { watch: self, cause, from, holder, certain }
    }

    fn set_waiting(&self, queue: &mut Queue, change: impl FnOnce(u32) -> u32) {
        queue.waiting = change(queue.waiting);
        self.waiting.store(queue.waiting, Ordering::Relaxed);
        if queue.waiting == 0 {
            (queue.awaited, queue.released_by) = (None, None);
        }
    }

    /// Whether a thread waits for the lock.
    #[inline]
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// The totals, to be recorded once the queue is free.
    fn take_totals(&self, queue: &mut Queue) -> (Totals, u64) {
        let acquisitions = self.acquisitions.load(Ordering::Relaxed);
        let since = acquisitions.wrapping_sub(queue.recorded);
        queue.recorded = acquisitions;
        (queue.totals.take(), u64::from(since))
    }

    fn record(&self, totals: Option<(Totals, u64)>) {
        if let Some((totals, acquisitions)) = totals {
            totals.record(&self.lock, acquisitions);
        }
    }
}

impl Drop for Watch {
    /// Records what is left, unless the lock was hardly used: a program may drop many such locks.
    fn drop(&mut self) {
        let acquisitions = *self.acquisitions.get_mut();
        let queue = self.queue.get_mut();
        if queue.totals.are_empty() && acquisitions.wrapping_sub(queue.recorded) < SAMPLE {
            return;
        }
        let totals = self.take_totals(&mut self.queue.lock());
        self.record(Some(totals));
    }
}

/// A wait of this thread. If it is dropped, the thread has given up.
pub(super) struct Waiting<'a> {
    watch: &'a Watch,
    cause: WaitCause,
    from: Stamp,
    holder: Option<SpanId>,
    certain: bool,
}

impl<'a> Waiting<'a> {
    /// The wait is over: this thread holds the lock.
    pub(super) fn acquired(self) -> Hold<'a> {
        let waiting = std::mem::ManuallyDrop::new(self);
        let watch = waiting.watch;
        let sample = watch.count();
        let since = Since::at(waiting.over(true), sample);
        Hold { watch, since }
    }

    fn over(&self, acquired: bool) -> Stamp {
        let now = stamp();
        let short = self.from.is_short_until(now);
        let mut queue = self.watch.queue.lock();
        let releaser = queue.released_by.or(self.holder).filter(|_| acquired);
        self.watch.set_waiting(&mut queue, |waiting| waiting.saturating_sub(1));
        if acquired && (self.certain || !short) {
            queue.totals.hand_off();
        }
        if short && self.certain {
            queue.totals.short_wait(self.from.ticks_until(now));
        }
        let due = !short || queue.totals.are_due();
        let totals = due.then(|| self.watch.take_totals(&mut queue));
        drop(queue);
        if !short {
            waited_until(self.cause, self.from, now, Some(&self.watch.lock), self.holder, releaser);
        }
        self.watch.record(totals);
        now
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.over(false);
    }
}

/// When a hold began.
#[derive(Clone, Copy, Debug)]
enum Since {
    /// The clock wasn't read.
    Unknown,
    /// It is one of those that are timed.
    Sample(Stamp),
    /// It began while something waited, or at the end of a wait.
    Awaited(Stamp),
}

impl Since {
    #[cold]
    fn now(sample: bool) -> Self {
        Self::at(stamp(), sample)
    }

    fn at(now: Stamp, sample: bool) -> Self {
        match sample {
            true => Since::Sample(now),
            false => Since::Awaited(now),
        }
    }
}

/// The time in which a guard holds the lock. It ends when it is dropped.
pub(super) struct Hold<'a> {
    watch: &'a Watch,
    since: Since,
}

impl<'a> Hold<'a> {
    pub(super) fn watch(&self) -> &'a Watch {
        self.watch
    }

    /// The lock is about to be released. A drop does the same.
    pub(super) fn finish(self) {}

    /// The lock is about to be released, and the guard stays.
    pub(super) fn pause(&mut self) {
        self.end();
        self.since = Since::Unknown;
    }

    /// The lock is held again.
    pub(super) fn replace(&mut self, hold: Hold<'a>) {
        self.since = hold.since;
        std::mem::forget(hold);
    }

    /// The same, after a wait that is recorded elsewhere and ended now.
    fn resume(&mut self, now: Stamp) {
        self.since = Since::at(now, self.watch.count());
    }

    #[inline]
    fn end(&mut self) {
        if !matches!(self.since, Since::Unknown) || self.watch.is_awaited() {
            self.record();
        }
    }

    #[cold]
    fn record(&self) {
        let (watch, now) = (self.watch, stamp());
        let mut queue = watch.queue.lock();
        let contended = queue.waiting > 0;
        let awaited = queue.awaited.take();
        let from = match self.since {
            Since::Unknown => awaited,
            Since::Sample(from) | Since::Awaited(from) => Some(from),
        };
        if contended {
            queue.released_by = current_span();
        }
        let sample = matches!(self.since, Since::Sample(_));
        let acquisitions = watch.acquisitions.load(Ordering::Relaxed);
        let due = sample && (acquisitions.is_power_of_two() || acquisitions % TOTALS == 0);
        let totals = due.then(|| watch.take_totals(&mut queue));
        drop(queue);
        if let Some(from) = from {
            let contended = contended && !from.is_short_until(now);
            if contended || sample {
                held_until(&watch.lock, from, now, contended);
            }
        }
        watch.record(totals);
    }
}

impl Drop for Hold<'_> {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

fn span_of(id: u64) -> Option<SpanId> {
    let span = SpanId::from_u64(id);
    span.is_valid().then_some(span)
}
