//! A span is `Send + Sync` and not bound to a scope: it can be shared, moved and ended anywhere, and so can a context.

use heirloom::{Context, Span, Tracer};

fn anywhere<T: Send + Sync + 'static>() {}

fn main() {
    anywhere::<Span>();
    anywhere::<Context>();
    anywhere::<Tracer>();
    anywhere::<heirloom::Guard>();
    anywhere::<heirloom::Report>();

    let span = heirloom::root("moved");
    std::thread::scope(|threads| {
        threads.spawn(|| span.set("shared", true).event("seen"));
    });
    let scope = span.enter();
    drop(scope);
    std::thread::spawn(move || span.end()).join().unwrap();

    // A scope of a context borrows nothing.
    let _scope = {
        let span = heirloom::root("short");
        span.context().enter()
    };
}
