//! The spans of tracing that are entered on this thread, each with its scope of Heirloom's current context.
//!
//! tracing allows its spans to be exited in any order; a scope of Heirloom's ends all scopes inside it. So a span that is
//! exited before the spans inside it is only marked. Its scope ends together with the last scope inside it; until then the
//! inner span stays current, as in tracing. A scope of Heirloom's around all of them ends them all.

use heirloom_core::{Context, Entered};
use std::cell::RefCell;

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

struct Entry {
    layer: u64,
    span: u64,
    cx: Context,
    /// `None` if the span was entered again inside itself: then it doesn't become current, as in tracing.
    scope: Option<Entered<'static>>,
    left: bool,
}

impl Entry {
    fn is(&self, layer: u64, span: u64) -> bool {
        self.layer == layer && self.span == span && !self.left
    }
}

/// Runs `body` with the stack; `None` while the thread exits, or in the middle of another change.
fn with<R>(body: impl FnOnce(&mut Vec<Entry>) -> R) -> Option<R> {
    ENTERED.try_with(|entered| entered.try_borrow_mut().ok().map(|mut entries| body(&mut entries))).ok().flatten()
}

/// Makes a span's context current, unless the span is entered already.
pub(super) fn enter(layer: u64, span: u64, cx: Context) {
    with(|entries| {
        let again = entries.iter().any(|entry| entry.is(layer, span));
        let scope = (!again).then(|| cx.enter());
        entries.push(Entry { layer, span, cx, scope, left: false });
    });
}

/// Exits a span: ends its scope, or marks it if other scopes are inside it.
pub(super) fn exit(layer: u64, span: u64) {
    with(|entries| {
        let Some(at) = entries.iter().rposition(|entry| entry.is(layer, span)) else { return };
        if entries[at].scope.is_none() {
            entries.remove(at);
            return;
        }
        entries[at].left = true;
        while let Some(at) = innermost_scope(entries).filter(|at| entries[*at].left) {
            entries.remove(at);
        }
    });
}

fn innermost_scope(entries: &[Entry]) -> Option<usize> {
    entries.iter().rposition(|entry| entry.scope.is_some())
}

/// Whether a span is entered on this thread.
pub(super) fn is_entered(layer: u64, span: u64) -> bool {
    with(|entries| entries.iter().any(|entry| entry.is(layer, span))).unwrap_or(false)
}

/// The span of this layer that made `current` the current context; `None` if a scope of Heirloom's did.
pub(super) fn entered_as(layer: u64, current: Context) -> Option<u64> {
    let made_it = |entry: &&Entry| entry.layer == layer && !entry.left && entry.scope.is_some() && entry.cx == current;
    with(|entries| entries.iter().rev().find(made_it).map(|entry| entry.span)).flatten()
}
