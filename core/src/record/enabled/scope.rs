//! The current context of a thread, and the scopes that set it.

use super::Span;
use crate::pipeline;
use crate::thread::{self, Scope, ThreadState};
use crate::Context;
use std::marker::PhantomData;

/// A scope in which a span (or a context) is the current one of this thread. Not `Send`: it ends on the thread where it
/// started.
///
/// When it ends, it restores the context that was current before it. It restores a saved copy and pops no stack, so
/// guards inside it that are forgotten or dropped out of order have no effect beyond it. Don't hold one across an
/// `.await`: the task may continue on another thread, and other tasks run on this one meanwhile (the crate page has a
/// lint against it).
///
/// Cost: two copies of 32 bytes; no clock read, lock or allocation.
///
/// ```
/// use heirloom_core::{root, Context};
/// let span = root("outer");
/// let scope = span.enter();
/// assert_eq!(Context::current(), span.context());
/// drop(scope);
/// assert_eq!(Context::current(), Context::INERT);
/// ```
#[derive(Debug)]
#[must_use = "the scope ends when it is dropped: bind it to a name, not to `_`"]
pub struct Entered<'a> {
    before: Context,
    scope: Scope,
    /// The current span, if it is known. It is marked when its context is handed out.
    span: Option<&'a Span>,
    not_send: PhantomData<*mut ()>,
}

#[inline]
pub(crate) fn enter(cx: Context) -> Entered<'static> {
    enter_as(cx, None)
}

#[inline]
pub(crate) fn enter_span(span: &Span) -> Entered<'_> {
    // On another thread, children of the current span are in another shard.
    span.used_under(thread::state().held_lease());
    enter_as(span.cx, Some(span))
}

impl Drop for Entered<'_> {
    /// Does nothing if a scope around this one has ended already.
    #[inline]
    fn drop(&mut self) {
        let handed_out = thread::state().leave_scope(self.scope, self.before);
        if let (true, Some(span)) = (handed_out, self.span) {
            span.hand_out();
        }
    }
}

#[inline(always)]
fn enter_as(cx: Context, span: Option<&Span>) -> Entered<'_> {
    let (scope, before) = thread::state().enter_scope(cx);
    Entered { before, scope, span, not_send: PhantomData }
}

/// The current context, for a caller that keeps it. Marks the current span as handed out.
#[inline]
pub(crate) fn hand_out() -> Context {
    let state = thread::state();
    state.handed_out.set(true);
    state.current.get()
}

#[inline]
pub(crate) fn current() -> Context {
    thread::state().current.get()
}

/// The tracer of the current context, else the global one; zero if there is neither.
pub(super) fn ambient_tracer(state: &ThreadState) -> u32 {
    match state.current.get().tracer {
        key if key == 0 || pipeline::is_foreign(key) => pipeline::global_key(),
        key => key,
    }
}
