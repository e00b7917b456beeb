//! Where a mark goes: the span and the tracer that a context stands for, and this thread's shard of that tracer.

use super::super::any_shard::on_tracers_shard;
use super::super::{begin, scope};
use crate::context::{REMOTE, SAMPLED};
use crate::mark_kind::MarkKind;
use crate::thread::{self, Slot};
use crate::wire::{padded, Begin, Mark};
use crate::{pipeline, Context};

/// What the marks under a context are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Never zero.
    pub(super) tracer: u32,
    /// Zero if there is no span of this process.
    pub(super) span: u64,
    /// The clock epoch of the span's trace.
    flags: u16,
}

impl Target {
    /// What the marks under a context are about; `None` if nothing is recorded under it. Where no span is current, marks are about
    /// the thread.
    pub(super) fn of(cx: Context) -> Option<Self> {
        if cx.trace.is_valid() && !cx.has(SAMPLED) {
            return None;
        }
        let tracer = match cx.tracer {
            0 => scope::ambient_tracer(thread::state()),
            key => key,
        };
        let span = if cx.has(REMOTE) { 0 } else { cx.span.0 };
        let flags = begin::flags_of(cx.flags) & Mark::EPOCH;
        (tracer != 0 && !pipeline::is_foreign(tracer)).then_some(Self { tracer, span, flags })
    }

    pub(super) fn current() -> Option<Self> {
        Self::of(scope::current())
    }

    /// A mark about it.
    pub(super) fn mark(self, kind: MarkKind, tick: u64, length: u64, fields: [u64; 4]) -> Mark {
        Mark { kind, flags: self.flags, span: self.span, tick, length, fields }
    }

    /// Appends a mark to this thread's shard.
    pub(super) fn put(self, mark: Mark) {
        self.put_with(|_| mark);
    }

    /// Appends a mark that `mark` makes with the shard at hand.
    pub(super) fn put_with(self, mark: impl FnOnce(&Slot<'_>) -> Mark) {
        let _ = on_tracers_shard(self.tracer, |slot| put(&slot, mark(&slot), ""));
    }
}

/// Appends a mark. Returns whether there was room; if not, that is counted.
pub(super) fn put(slot: &Slot<'_>, mut mark: Mark, text: &str) -> bool {
    if mark.span == 0 {
        mark.flags = Begin::with_epoch(0, slot.tracer.epoch());
    }
    let fits = slot.fits_now(Mark::MOST_BYTES + padded(text.len()));
    if fits {
        slot.writer.mark(&mark.before_text(text.len()), text.as_bytes());
    } else {
        slot.writer.count_lost_mark();
    }
    fits
}
