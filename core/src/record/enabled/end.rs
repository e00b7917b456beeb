//! The end of a span, on any thread.

use super::Span;
use crate::clock;
use crate::life;
use crate::pipeline;
use crate::thread::{self, ThreadState};
use crate::unplaced::{NoShard, UNPLACED};
use crate::wire::{End, StrayEnd};

/// Ends a recorded span. The fast path is the thread that started it, not panicking: one clock read, one record, no
/// check.
#[inline]
pub(crate) fn end(span: &Span) {
    if std::thread::panicking() || !quick(span) {
        slow(span);
    }
}

/// Ends the span in its own shard, if the slot holds that. Calls nothing.
#[inline(always)]
fn quick(span: &Span) -> bool {
    let state = thread::state();
    let Some(slot) = state.take_lease(span.lease) else { return false };
    let counter = slot.reads_counter();
    if counter {
        let (flags, dropped) = span.end_marks();
        slot.writer.end(End { flags, dropped, span: span.cx.span.0, tick: clock::counter() });
    }
    state.put_back(slot);
    counter
}

/// The same with any clock.
fn here(state: &ThreadState, span: &Span, flags: u16) -> bool {
    let Some(slot) = state.take_lease(span.lease) else { return false };
    // A span of a destructor that runs while its thread panics is not what panics. On other threads that isn't known.
    let flags = if span.is_while_panicking() { flags & !End::PANICKED } else { flags };
    let (own, dropped) = span.end_marks();
    slot.writer.end(End { flags: flags | own, dropped, span: span.cx.span.0, tick: slot.tick() });
    state.put_back(slot);
    true
}

#[cold]
#[inline(never)]
fn slow(span: &Span) {
    if life::forked() {
        return;
    }
    let state = thread::state();
    let flags = if std::thread::panicking() { End::PANICKED } else { 0 };
    let own = here(state, span, flags) || (state.activate_lease(span.lease).is_ok() && here(state, span, flags));
    if !own {
        elsewhere(state, span, flags | End::ELSEWHERE);
    }
}

/// Ends a span that another thread started, or that this thread started before it returned its shard.
fn elsewhere(state: &ThreadState, span: &Span, flags: u16) {
    let key = span.cx.tracer;
    match state.activate(key) {
        Ok(()) => {
            let written = state.with_tracer(key, |slot| {
                let end = stray(slot.tick(), span, flags);
                if slot.fits_now(End::BYTES) {
                    let StrayEnd { span, tick, flags, dropped } = end;
                    slot.writer.end_elsewhere(End { flags, dropped, span, tick });
                    return None;
                }
                Some(end)
            });
            if let Some(Some(end)) = written {
                overflow(key, end);
            }
        }
        // In the middle of a record, nothing more is safe in a signal handler: `finish` closes the span.
        Err(why @ NoShard::Nested) => UNPLACED.count(why),
        Err(_) => overflow_from_outside(span, flags),
    }
}

fn stray(tick: u64, span: &Span, flags: u16) -> StrayEnd {
    let (own, lost) = span.end_marks();
    StrayEnd { span: span.cx.span.0, tick, flags: flags | own, dropped: lost }
}

/// The thread has no shard any more, or may not have one: the end goes to the tracer's overflow.
fn overflow_from_outside(span: &Span, flags: u16) {
    if let Some(tracer) = pipeline::find(span.cx.tracer) {
        tracer.overflow(stray(tracer.clock_tick(), span, flags));
    }
}

fn overflow(key: u32, end: StrayEnd) {
    if let Some(tracer) = pipeline::find(key) {
        tracer.overflow(end);
    }
}
