//! [`Flow`]: what a channel knows about its use, and [`Sent`]: what a message brings along.

use super::span_of;
use crate::sync::totals::Totals;
use heirloom_core::mark::{current_span, stamp, waited_until, Lock, LockKind, Stamp, WaitCause};
use heirloom_core::{Context, SpanId};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

/// The context of a message's sender.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct Sent(Context);

impl Sent {
    #[inline]
    pub(in crate::sync) fn now() -> Self {
        Self(Context::current())
    }

    #[inline]
    pub(in crate::sync) fn context(self) -> Context {
        self.0
    }

    /// The sender's span.
    pub(in crate::sync) fn sender(self) -> Option<SpanId> {
        Some(self.0.span_id()).filter(|span| span.is_valid())
    }
}

/// Beside a channel: how it is used. Both sides share it.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Flow(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lock: Lock,
    /// The number of senders that wait for room.
    blocked: AtomicU32,
    /// The span that took a message last while a sender waited.
    taker: AtomicU64,
    totals: Mutex<Totals>,
}

impl Flow {
    /// Of a channel that is named by the place of the call, unless it has a name.
    #[track_caller]
    pub(in crate::sync) fn new(name: Option<&'static str>) -> Self {
        let lock = match name {
            Some(name) => Lock::named(LockKind::Channel, name),
            None => Lock::new(LockKind::Channel),
        };
        let totals = parking_lot::const_mutex(Totals::new());
        Self(Arc::new(Shared { lock, blocked: AtomicU32::new(0), taker: AtomicU64::new(0), totals }))
    }

    /// This thread is about to take a message.
    #[inline]
    pub(in crate::sync) fn taking(&self) {
        if self.0.blocked.load(Ordering::Relaxed) != 0 {
            self.0.taker.store(current_span().map_or(0, SpanId::to_u64), Ordering::Relaxed);
        }
    }

    /// Runs `receive`, which waits for a message.
    #[cold]
    pub(in crate::sync) fn await_message<T, E>(
        &self,
        receive: impl FnOnce() -> Result<T, E>,
        sent: impl FnOnce(&T) -> Sent,
    ) -> Result<T, E> {
        let from = stamp();
        let received = receive();
        let sender = received.as_ref().ok().and_then(|message| sent(message).sender());
        self.waited(WaitCause::Empty, from, stamp(), sender);
        received
    }

    /// Runs `send`, which waits for room.
    #[cold]
    pub(in crate::sync) fn await_room<E>(&self, send: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let from = stamp();
        self.block();
        let sent = send();
        self.unblock();
        let taker = self.taker().filter(|_| sent.is_ok());
        self.waited(WaitCause::Full, from, stamp(), taker);
        sent
    }

    /// A sender waits for room from now on.
    pub(super) fn block(&self) {
        self.0.blocked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unblock(&self) {
        self.0.blocked.fetch_sub(1, Ordering::Relaxed);
    }

    /// The span that took a message last while a sender waited.
    pub(in crate::sync) fn taker(&self) -> Option<SpanId> {
        span_of(self.0.taker.load(Ordering::Relaxed))
    }

    pub(super) fn waited(&self, cause: WaitCause, from: Stamp, until: Stamp, by: Option<SpanId>) {
        let short = from.is_short_until(until);
        let mut totals = self.0.totals.lock();
        if short {
            totals.short_wait(from.ticks_until(until));
        }
        let due = if short { totals.are_due() } else { !totals.are_empty() };
        let due = due.then(|| totals.take());
        drop(totals);
        if !short {
            waited_until(cause, from, until, Some(&self.0.lock), None, by);
        }
        due.iter().for_each(|totals| totals.record(&self.0.lock, 0));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let totals = self.totals.get_mut();
        if !totals.are_empty() {
            totals.record(&self.lock, 0);
        }
    }
}
