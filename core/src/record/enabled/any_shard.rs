//! Records off the fast path: they go to this thread's shard for the span's tracer.

use super::Span;
use crate::life;
use crate::thread::{self, Slot, ThreadState};
use crate::unplaced::{NoShard, UNPLACED};
use crate::wire::WireName;
use crate::{Name, SetError};

/// Appends to this thread's shard for the span's tracer. The flag says whether the record needs a clock reading: if the
/// span belongs to another thread, or another thread wrote to it before. Then the later of both writes wins.
pub(super) fn on_any_shard<R>(span: &Span, append: impl FnOnce(Slot<'_>, bool) -> R) -> Result<R, SetError> {
    on_tracers_shard(span.cx.tracer, |slot| append(slot, slot.lease != span.lease || span.has_other_writer()))
}

/// Appends to this thread's shard for a tracer.
pub(super) fn on_tracers_shard<R>(key: u32, append: impl FnOnce(Slot<'_>) -> R) -> Result<R, SetError> {
    fn refusal(state: &ThreadState) -> SetError {
        if state.is_nested() {
            UNPLACED.count(NoShard::Nested);
            SetError::Nested
        } else {
            SetError::NotRecording
        }
    }
    if life::forked() {
        return Err(SetError::NotRecording);
    }
    let state = thread::state();
    if !state.holds_tracer(key) && state.activate(key).is_err() {
        return Err(refusal(state));
    }
    state.with_tracer(key, append).ok_or_else(|| refusal(state))
}

/// The form in which a record contains a name. `None`, counted, in the middle of another record.
pub(super) fn wire_name<'a>(state: &ThreadState, name: &'a Name<'_>) -> Option<WireName<&'a str>> {
    if state.is_nested() {
        UNPLACED.count(NoShard::Nested);
        return None;
    }
    Some(state.wire_name(name))
}

/// As [`on_any_shard`], for records that may find no room.
pub(super) fn anywhere(span: &Span, append: impl FnOnce(Slot<'_>, bool) -> Option<bool>) -> Option<bool> {
    on_any_shard(span, append).ok().flatten()
}
