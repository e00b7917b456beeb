//! [`FanGuard`]: the fan-out of a call of rayon.

use super::lanes;
use crate::carry::COMPILED_OUT;
use crate::fan;
use heirloom_core::mark::{FanKind, FanOut};
use heirloom_core::Context;

/// A fan-out for whose end the calling thread waits. It ends when the guard is dropped.
#[derive(Debug)]
pub(super) struct FanGuard {
    guard: fan::FanGuard,
    /// The thread that waits.
    thread: usize,
}

impl FanGuard {
    /// A thread outside of the pools blocks until the end; a thread of a pool runs other jobs meanwhile.
    pub(super) fn begin(cx: Context, kind: FanKind) -> Self {
        Self::new(cx, kind, is_outside())
    }

    /// Of a scope whose body runs on this thread.
    pub(super) fn begin_in_place(cx: Context) -> Self {
        Self::new(cx, FanKind::Scope, false)
    }

    fn new(cx: Context, kind: FanKind, blocks: bool) -> Self {
        lanes::place();
        Self { guard: fan::FanGuard::begin(cx, kind, blocks), thread: lanes::this_thread() }
    }

    #[inline]
    pub(super) fn fan(&self) -> FanOut {
        self.guard.fan()
    }

    /// Runs a piece that has no span, a half of a `join`, with `cx` current. `cx` is the fan-out's context.
    pub(super) fn half<R>(&self, cx: Context, half: impl FnOnce() -> R) -> R {
        lanes::place();
        let _strand = self.fan().strand(self.is_stolen());
        let _current = cx.enter();
        half()
    }

    /// Runs the body of a scope, with `cx` current. On the thread that waits it goes on with the span around the scope. On a thread
    /// of the pool it is a piece like the jobs.
    pub(super) fn body<R>(&self, cx: Context, body: impl FnOnce() -> R) -> R {
        lanes::place();
        let _strand = self.is_stolen().then(|| self.fan().strand(true));
        let _current = cx.enter();
        body()
    }

    fn is_stolen(&self) -> bool {
        self.thread != lanes::this_thread()
    }
}

/// Whether this thread is none of rayon's, so that it blocks while it waits for a pool.
pub(super) fn is_outside() -> bool {
    !COMPILED_OUT && ::rayon::current_thread_index().is_none()
}
