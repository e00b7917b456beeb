//! Fan-outs for whose end the calling thread waits, and the end of a scope whose body runs on that thread.

use heirloom_core::mark::{stamp, waited_until, FanKind, FanOut, Stamp, WaitCause};
use heirloom_core::Context;
use std::cell::Cell;

/// A fan-out that ends when the guard is dropped, also in a panic.
#[derive(Debug)]
pub(crate) struct FanGuard(FanOut);

impl FanGuard {
    /// `blocks`: this thread runs nothing until the end.
    pub(crate) fn begin(cx: Context, kind: FanKind, blocks: bool) -> Self {
        Self(FanOut::begin(cx, kind, blocks))
    }

    #[inline]
    pub(crate) fn fan(&self) -> FanOut {
        self.0
    }
}

impl Drop for FanGuard {
    #[inline]
    fn drop(&mut self) {
        self.0.join();
    }
}

/// The body of a scope, which runs on the thread that then waits for the scope's jobs.
pub(crate) struct Body(Cell<Option<Stamp>>);

impl Body {
    /// Runs the body.
    pub(crate) fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        let result = body();
        self.0.set(Some(stamp()));
        result
    }
}

/// Runs a scope by `scope`, which runs its body, then waits for its jobs. Records the wait if this thread `blocks` meanwhile.
pub(crate) fn wait_for_scope<R>(blocks: bool, scope: impl FnOnce(&Body) -> R) -> R {
    let body = Body(Cell::new(None));
    let result = scope(&body);
    if let Some(from) = body.0.get().filter(|_| blocks) {
        let now = stamp();
        if !from.is_short_until(now) {
            waited_until(WaitCause::Scope, from, now, None, None, None);
        }
    }
    result
}
