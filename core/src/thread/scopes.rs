//! The current context of a thread, and the scopes that set it.

use super::ThreadState;
use crate::Context;
use std::cell::Cell;
use std::sync::atomic::{compiler_fence, Ordering};

/// The deepest nesting at which scopes are told apart exactly. Deeper ones are told apart by their depth alone.
pub(super) const SCOPES: usize = 32;

/// A scope: its depth, and a number that tells it from earlier scopes at that depth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    depth: u32,
    number: u32,
    /// Whether the context that was current before had been handed out.
    outer_handed_out: bool,
}

impl ThreadState {
    /// Makes a context current, in a new innermost scope. Returns the scope and the previous context.
    #[inline(always)]
    pub(crate) fn enter_scope(&self, cx: Context) -> (Scope, Context) {
        let outer_handed_out = self.handed_out.replace(false);
        let scope = Scope { depth: self.depth.get(), number: self.next_scope.get(), outer_handed_out };
        self.next_scope.set(scope.number.wrapping_add(1));
        self.depth.set(scope.depth.wrapping_add(1));
        // Scopes of a signal handler from here on are inside this one.
        compiler_fence(Ordering::SeqCst);
        if let Some(at) = self.scopes.get(scope.depth as usize) {
            at.set(scope.number);
        }
        (scope, self.current.replace(cx))
    }

    /// Ends a scope and all scopes inside it. Does nothing if a scope around it has ended already. Returns whether its
    /// context may have been handed out.
    #[inline(always)]
    pub(crate) fn leave_scope(&self, scope: Scope, before: Context) -> bool {
        let is_this = |at: &Cell<u32>| at.get() == scope.number;
        // If scopes inside it did not end, `handed_out` is theirs.
        let handed_out = self.handed_out.get() || self.depth.get() != scope.depth.wrapping_add(1);
        if self.depth.get() > scope.depth && self.scopes.get(scope.depth as usize).is_none_or(is_this) {
            self.depth.set(scope.depth);
            self.current.set(before);
            self.handed_out.set(scope.outer_handed_out);
        }
        handed_out
    }
}
