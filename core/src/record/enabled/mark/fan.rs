//! Fan-outs: work whose pieces don't depend on each other, and the join that waits for all of them.

use super::super::any_shard::on_tracers_shard;
use super::super::{begin, span::run_in};
use super::write::{put, Target};
use super::Strand;
use crate::mark_kind::{FanKind, MarkKind};
use crate::{Context, Name, Span, SpanKind};

/// Added to the kind of a fan-out whose thread blocks outside the pool.
const BLOCKS: u64 = 256;

/// A fan-out: plain data, which closures capture and messages include. A call that starts independent work makes one, the pieces
/// start their spans in it, and the thread that waits for all pieces records its end with [`join`](Self::join).
///
/// Two fan-outs with a join between them depend on each other, even under one parent.
///
/// If the context isn't recorded (not sampled, remote, no tracer), neither is the fan-out: its spans are plain children.
///
/// ```
/// use heirloom_core::{in_root, mark::{FanKind, FanOut}, testing};
/// testing::run(|t| {
///     in_root("build", |root| {
///         let fan = FanOut::begin(root.context(), FanKind::Scope, false);
///         std::thread::scope(|threads| {
///             (0..2).for_each(|_| drop(threads.spawn(move || drop(fan.span("compile")))));
///         });
///         fan.join();
///     });
///     t.assert_tree("build\n  compile\n  compile");
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOut {
    pub(super) cx: Context,
    /// Zero: not recorded.
    pub(super) id: u64,
}

impl FanOut {
    /// Begins a fan-out under a context, on this thread. `blocks`: the thread that waits for its end is none of the threads that
    /// run the pieces, and blocks meanwhile.
    ///
    /// Cost: one clock read, one record; no lock, no allocation.
    pub fn begin(cx: Context, kind: FanKind, blocks: bool) -> FanOut {
        let target = Target::of(cx).filter(|target| target.span != 0);
        let id = target.and_then(|target| {
            let how = kind as u64 | if blocks { BLOCKS } else { 0 };
            on_tracers_shard(target.tracer, |slot| {
                let id = slot.writer.next_id();
                put(&slot, target.mark(MarkKind::Fan, slot.tick(), 0, [id, how, 0, 0]), "").then_some(id)
            })
            .ok()?
        });
        FanOut { cx, id: id.unwrap_or(0) }
    }

    /// A fan-out that was begun elsewhere: in another process, whose message had [`id`](Self::id).
    pub fn with_id(cx: Context, id: u64) -> FanOut {
        FanOut { cx, id }
    }

    /// Records that all pieces have ended and the thread that waited goes on. Call it once, on that thread.
    ///
    /// Cost: one clock read, one record.
    pub fn join(self) {
        if let Some(target) = Target::of(self.cx).filter(|_| self.id != 0) {
            target.put_with(|slot| target.mark(MarkKind::Join, slot.tick(), 0, [self.id, 0, 0, 0]));
        }
    }

    /// The context under which it began.
    pub fn context(self) -> Context {
        self.cx
    }

    /// Its number, unique like a span's id; zero if it isn't recorded.
    pub fn id(self) -> u64 {
        self.id
    }

    /// Starts a span of the fan-out: a child of its context. On any thread, at the cost of a plain child.
    #[inline]
    pub fn span<'a>(self, name: impl Into<Name<'a>>) -> Span {
        match self.id {
            0 => self.cx.span(name),
            fan => begin::child_in_fan(self.cx, fan, name.into(), SpanKind::Internal),
        }
    }

    /// Runs `body` in such a span, with that span current.
    #[inline]
    pub fn in_span<'a, R>(self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        run_in(self.span(name), body)
    }

    /// Says that this thread runs a piece of the fan-out until the result is dropped: spans that start meanwhile on this thread
    /// under the fan-out's context belong to it. `stolen`: another thread began the fan-out; then it is recorded
    /// when the piece began and ended.
    ///
    /// Cost: two records without a clock reading; if stolen, one more, and two clock reads.
    #[inline]
    pub fn strand(self, stolen: bool) -> Strand {
        Strand::begin(self.cx, self.id, stolen)
    }
}
