//! Strands: pieces of a fan-out without a span of their own.

use super::super::any_shard::on_tracers_shard;
use super::write::{put, Target};
use crate::mark_kind::MarkKind;
use crate::thread::{self, Lease};
use crate::unplaced::{NoShard, UNPLACED};
use crate::{wire, Context};
use std::marker::PhantomData;

/// A piece of a fan-out on this thread, until it is dropped ([`FanOut::strand`](super::FanOut::strand)). Not `Send`: it ends on the
/// thread where it began.
#[derive(Debug)]
#[must_use = "the strand ends when it is dropped: bind it to a name, not to `_`"]
pub struct Strand {
    /// The context under which the fan-out began, and its id.
    cx: Context,
    fan: u64,
    /// The lease of the shard in which it began; zero if it isn't recorded.
    lease: Lease,
    /// When it began, if it was stolen.
    from: Option<u64>,
    not_send: PhantomData<*mut ()>,
}

impl Strand {
    pub(super) fn begin(cx: Context, fan: u64, stolen: bool) -> Self {
        let mut strand = Self { cx, fan, lease: 0, from: None, not_send: PhantomData };
        let Some(target) = Target::of(cx).filter(|_| fan != 0) else { return strand };
        let _ = on_tracers_shard(target.tracer, |slot| {
            // The end has room as well then.
            if !slot.fits_now(2 * wire::Strand::BYTES) {
                return slot.writer.count_lost_mark();
            }
            slot.writer.strand(strand.record());
            strand.lease = slot.lease;
            strand.from = stolen.then(|| slot.tick());
        });
        strand
    }

    fn record(&self) -> wire::Strand {
        wire::Strand { ends: false, span: self.cx.span.0, fan: self.fan }
    }

    /// Ends it in the shard where it began, which this thread still holds, unless it is exiting.
    fn end(&self) {
        let state = thread::state();
        let slot = match state.take_lease(self.lease) {
            None if state.is_nested() => return UNPLACED.count(NoShard::Nested),
            None => match state.activate_lease(self.lease) {
                Ok(()) => state.take_lease(self.lease),
                Err(_) => None,
            },
            slot => slot,
        };
        let Some(slot) = slot else { return };
        slot.writer.end_strand(self.record());
        if let (Some(from), Some(target)) = (self.from, Target::of(self.cx)) {
            let length = slot.tick().saturating_sub(from);
            put(&slot, target.mark(MarkKind::Strand, from, length, [self.fan, 0, 0, 0]), "");
        }
        state.put_back(slot);
    }
}

impl Drop for Strand {
    fn drop(&mut self) {
        if self.lease != 0 {
            self.end();
        }
    }
}
