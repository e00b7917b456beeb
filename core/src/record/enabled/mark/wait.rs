//! What blocked a thread, and for how long; what a task awaited.

use super::lock::put_about;
use super::write::Target;
use super::{stamp, Lock, Stamp};
use crate::mark_kind::{MarkKind, WaitCause};
use crate::SpanId;
use std::task::Poll;

/// Runs `body`, which may block this thread, and records a wait of the current span if it took more than a microsecond.
///
/// Where no span is current, the wait is recorded for the thread alone. Where the current context isn't recorded, `body` just runs.
///
/// Cost: two clock reads; one record if it took more than a microsecond.
#[inline]
pub fn wait<R>(cause: WaitCause, body: impl FnOnce() -> R) -> R {
    let Some(target) = Target::current() else { return body() };
    let _waiting = Waiting { target, cause, from: stamp() };
    body()
}

/// Records the wait when its body returns or panics.
struct Waiting {
    target: Target,
    cause: WaitCause,
    from: Stamp,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let until = stamp();
        if !self.from.is_short_until(until) {
            let length = self.from.ticks_until(until);
            self.target.put(self.target.mark(MarkKind::Wait, self.from.0, length, [self.cause as u64, 0, 0, 0]));
        }
    }
}

/// Records that this thread was blocked from a reading of the clock until now, however short that was. `holder` is the span that
/// held the lock when the wait began, `releaser` the one that released it, or that sent the message or took one out.
///
/// Cost: one clock read, one record.
pub fn waited(cause: WaitCause, from: Stamp, lock: Option<&Lock>, holder: Option<SpanId>, releaser: Option<SpanId>) {
    waited_until(cause, from, stamp(), lock, holder, releaser);
}

/// As [`waited`], until another reading of the clock.
pub fn waited_until(
    cause: WaitCause,
    from: Stamp,
    until: Stamp,
    lock: Option<&Lock>,
    holder: Option<SpanId>,
    releaser: Option<SpanId>,
) {
    let Some(target) = Target::current() else { return };
    let span = |span: Option<SpanId>| span.map_or(0, SpanId::to_u64);
    let id = lock.map_or(0, Lock::id);
    let fields = [cause as u64, id, span(holder), span(releaser)];
    let mark = target.mark(MarkKind::Wait, from.0, from.ticks_until(until), fields);
    match lock {
        Some(lock) => put_about(target, lock, mark),
        None => target.put(mark),
    }
}

/// Times how long a task awaits a job: from a poll of the job's handle that is pending to the one that is ready. Or room in a full
/// queue of jobs, of which no job is the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Awaiting(Option<Stamp>);

impl Awaiting {
    /// Looks at the result of a poll, in the task that polls. If it is ready, an earlier one was pending, and more than a
    /// microsecond lies between them, it records a wait of the current span. `job` is the job's span, whose end was awaited.
    ///
    /// Cost: nothing if the first poll is ready; else two clock reads and one record, however many polls there are.
    pub fn polled<T>(&mut self, poll: &Poll<T>, job: impl FnOnce(&T) -> Option<SpanId>) {
        match poll {
            Poll::Pending if self.0.is_none() && Target::current().is_some() => self.0 = Some(stamp()),
            Poll::Pending => {}
            Poll::Ready(value) => {
                let Some(from) = self.0.take() else { return };
                let until = stamp();
                if !from.is_short_until(until) {
                    waited_until(WaitCause::Await, from, until, None, None, job(value));
                }
            }
        }
    }
}
