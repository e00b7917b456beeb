//! What is current on a thread, and for how long.

use crate::thread::{self, Scope};
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
    not_send: PhantomData<(&'a (), *mut ())>,
}

#[inline]
pub(crate) fn enter<'a>(cx: Context) -> Entered<'a> {
    let (scope, before) = thread::state().enter_scope(cx);
    Entered { before, scope, not_send: PhantomData }
}

impl Drop for Entered<'_> {
    /// Does nothing if a scope around this one has ended already.
    #[inline]
    fn drop(&mut self) {
        thread::state().leave_scope(self.scope, self.before);
    }
}

#[inline]
pub(crate) fn current() -> Context {
    thread::state().current.get()
}
