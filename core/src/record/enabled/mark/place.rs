//! A job's stages, a thread's place in its pool, and the current span.

use super::super::any_shard::on_tracers_shard;
use super::write::{put, Target};
use super::Stamp;
use crate::mark_kind::{MarkKind, StageKind};
use crate::thread::{self, Place};
use crate::wire::Mark;
use crate::{Context, SpanId};

/// Records a stage of the job whose span has this context, at a reading of the clock. `pool` is the pool's number, or zero.
///
/// In a worker process, nothing is recorded about spans of its parent.
///
/// Cost: one record.
pub fn stage(cx: Context, stage: StageKind, at: Stamp, pool: u64) {
    stage_of(cx, cx.span, stage, at, pool);
}

/// Records when a background job was submitted, whose span has the context `cx`, and that the span of `by` submitted it. The
/// submitter doesn't wait for the job, unless [a wait](super::waited) is recorded.
///
/// Cost: one record.
pub fn submitted(cx: Context, at: Stamp, by: Context) {
    put_stage(cx, cx.span, at, [StageKind::Submitted as u64, 0, by.span.0, 0]);
}

/// As [`stage`], for a job whose span is known by its id alone: a worker process records it. `cx` is the context of its parent.
pub fn stage_of(cx: Context, span: SpanId, stage: StageKind, at: Stamp, pool: u64) {
    put_stage(cx, span, at, [stage as u64, pool, 0, 0]);
}

fn put_stage(cx: Context, span: SpanId, at: Stamp, fields: [u64; 4]) {
    let (Some(target), span) = (Target::of(cx), span.0) else { return };
    if span == 0 {
        return;
    }
    let mark = target.mark(MarkKind::Stage, at.0, 0, fields);
    let _ = on_tracers_shard(target.tracer, |slot| {
        // A worker process may not write about its parent's spans.
        if slot.tracer.parent.as_ref().is_none_or(|region| region.owns(span)) {
            put(&slot, Mark { span, ..mark }, "");
        }
    });
}

/// Says that this thread is number `index` of the `size` threads of a pool. It is recorded once for each tracer for which the
/// thread records, before its next record; call it as often as you like.
///
/// `id` tells the pools of a process apart.
///
/// Cost: a comparison; one record once per thread and tracer.
#[inline]
pub fn pool(name: &'static str, id: u64, index: u32, size: u32) {
    thread::state().set_place(Place { name, id, index, size });
}

/// The id of the current span, for a lock's holder and a message's sender. Unlike [`Context::current`], it doesn't count as handing
/// the context out.
///
/// Cost: no clock read, no record.
#[inline]
pub fn current_span() -> Option<SpanId> {
    let span = thread::state().current.get().span;
    span.is_valid().then_some(span)
}
