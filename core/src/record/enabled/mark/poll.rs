//! Polls of futures and streams.

use super::super::any_shard::on_tracers_shard;
use super::super::{begin, Span};
use crate::clock::{stopwatch, MANUAL};
use crate::wire::Mark;

/// Records one poll of a span, between two readings of the stopwatch: 32 bytes.
///
/// Not for a tracer with a test's clock, which the stopwatch doesn't read.
pub(in super::super) fn polled(span: &Span, from: u64, until: u64) {
    if span.lease == 0 {
        return;
    }
    let cx = span.cx;
    let _ = on_tracers_shard(cx.tracer, |slot| {
        if slot.writer.clock() == MANUAL {
            return;
        }
        if !slot.fits_now(Mark::POLL_BYTES) {
            return slot.writer.count_lost_mark();
        }
        let (tick, length) = (stopwatch::stamp(from), stopwatch::ticks_between(from, until));
        let flags = begin::flags_of(cx.flags) & Mark::EPOCH;
        slot.writer.record(Mark::poll(cx.span.0, flags, tick, length));
    });
}
