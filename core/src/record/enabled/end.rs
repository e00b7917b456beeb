//! How a span ends, on whatever thread.

use super::Span;
use crate::thread::{self, NoShard, Slot, ThreadState};
use crate::tracer::{self, StrayEnd};
use crate::wire::{ELSEWHERE, END_BYTES, PANICKED};

/// Ends a recorded span. The fast path is the thread that began it, not panicking: one clock read, one record, no check.
#[inline]
pub(crate) fn end(span: &Span) {
    let done = thread::with(|state| {
        if std::thread::panicking() {
            return None;
        }
        state.with_lease(span.lease, |slot| here(slot, span, 0))
    });
    if done.is_none() {
        slow(span);
    }
}

#[inline(always)]
fn here(slot: Slot<'_>, span: &Span, flags: u16) {
    slot.writer.end(flags | span.end_flags(), span.lost(), span.cx.span.0, slot.tick());
}

#[cold]
#[inline(never)]
fn slow(span: &Span) {
    if thread::forked() {
        return;
    }
    let flags = if std::thread::panicking() { PANICKED } else { 0 };
    thread::with(|state| {
        let own = state.with_lease(span.lease, |slot| here(slot, span, flags)).or_else(|| {
            state.activate_lease(span.lease).ok()?;
            state.with_lease(span.lease, |slot| here(slot, span, flags))
        });
        if own.is_none() {
            elsewhere(state, span, flags | ELSEWHERE);
        }
    });
}

/// Ends a span that another thread began, or that this thread began before it gave its shard back.
fn elsewhere(state: &ThreadState, span: &Span, flags: u16) {
    let key = span.cx.tracer;
    match state.activate(key) {
        Ok(()) => {
            let written = state.with_tracer(key, |slot| {
                let end = stray(slot.tracer.clock_tick(), span, flags);
                if slot.fits(END_BYTES) {
                    slot.writer.end_elsewhere(end.flags, end.dropped, end.span, end.tick);
                    return None;
                }
                Some(end)
            });
            if let Some(Some(end)) = written {
                overflow(key, end);
            }
        }
        // In the middle of a record nothing can be done that is safe in a signal handler: the span is closed at `finish`.
        Err(why @ NoShard::Nested) => thread::UNPLACED.count(why),
        Err(_) => overflow_from_outside(span, flags),
    }
}

fn stray(tick: u64, span: &Span, flags: u16) -> StrayEnd {
    StrayEnd { span: span.cx.span.0, tick, flags: flags | span.end_flags(), dropped: span.lost() }
}

/// The thread has no shard any more, or may not have one: the end goes to the tracer's overflow.
fn overflow_from_outside(span: &Span, flags: u16) {
    if let Some(tracer) = tracer::find(span.cx.tracer) {
        tracer.overflow(stray(tracer.clock_tick(), span, flags));
    }
}

fn overflow(key: u32, end: StrayEnd) {
    if let Some(tracer) = tracer::find(key) {
        tracer.overflow(end);
    }
}
