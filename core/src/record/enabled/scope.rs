//! What is current on a thread, and for how long.

use super::Span;
use crate::pipeline;
use crate::thread::{self, Scope, ThreadState};
use crate::Context;
use std::marker::PhantomData;

/// A scope in which a span (or a context) is current on this thread. Not `Send`: it ends where it began.
///
/// At its end what was current before is current again: put back as it was, never popped by assumption, so that guards
/// that are forgotten or dropped out of order inside it have no effect beyond it. Don't hold one over an `.await`: the
/// task may go on on another thread, and other tasks run on this one meanwhile (the crate page has the lint that says so).
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
    /// The span that is current, if it is known: it is told that it was handed out.
    span: Option<&'a Span>,
    not_send: PhantomData<*mut ()>,
}

#[inline]
pub(crate) fn enter(cx: Context) -> Entered<'static> {
    enter_as(cx, None)
}

#[inline]
pub(crate) fn enter_span(span: &Span) -> Entered<'_> {
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

/// What is current, for whoever keeps it.
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
        0 => pipeline::global_key(),
        key => key,
    }
}
