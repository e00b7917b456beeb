//! A scope that is held over an await point, and ways around it.
//!
//! `expect` is a warning where the lint does *not* fire, so `cargo clippy -D warnings` proves both: that the configuration
//! in `clippy.toml` catches the first function, and that it leaves the others alone.

use heirloom::{Context, Span};
use std::future::Future;

/// Wrong: the task may continue on another thread, and other tasks run on this thread meanwhile.
#[expect(clippy::await_holding_invalid_type, reason = "this is what the lint is for")]
pub async fn held(span: &Span, work: impl Future<Output = ()>) {
    let _scope = span.enter();
    work.await;
}

/// Wrong in the same way, with a context.
#[expect(clippy::await_holding_invalid_type, reason = "this is what the lint is for")]
pub async fn held_context(cx: Context, work: impl Future<Output = ()>) {
    let _scope = cx.enter();
    work.await;
}

/// Right: the scope ends before the await point.
pub async fn ended(span: &Span, work: impl Future<Output = ()>) {
    {
        let _scope = span.enter();
        heirloom::in_span("before", |_| ());
    }
    work.await;
}

/// Right: a context is plain data, and holding a span isn't a scope.
pub async fn carried(parent: Context, work: impl Future<Output = ()>) {
    let span = parent.span("work");
    work.await;
    span.set("done", true);
}
