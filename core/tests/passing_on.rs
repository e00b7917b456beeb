//! Without a tracer a program passes on what it received. No test here starts a global one that records.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::{builder, in_span, Context, Settings};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What is sent from a span under the context that arrived, in a scope, on another thread, and from a span in that.
fn passed_on(cx: Context) -> (Option<String>, Option<String>, String) {
    cx.in_span("server", |_| {
        let current = in_span("client", |client| client.context());
        let thread = std::thread::spawn(move || current.in_span("on a thread", |span| span.context())).join().unwrap();
        let (traceparent, tracestate) = thread.to_headers();
        (traceparent, tracestate, thread.baggage().to_string())
    })
}

fn unchanged() -> (Option<String>, Option<String>, String) {
    (Some(PARENT.to_owned()), Some("tenant@a-very-long-vendor=1,b=2".to_owned()), "tenant=blue;ttl=9".to_owned())
}

fn arrived() -> Context {
    let state = "tenant@a-very-long-vendor=1, b=2";
    Context::from_headers(Some(PARENT), Some(state), Some("tenant=blue;ttl=9")).unwrap()
}

#[test]
fn without_a_tracer_everything_is_passed_on_unchanged() {
    assert_eq!(passed_on(arrived()), unchanged());
}

#[test]
fn with_a_tracer_that_is_disabled_everything_is_passed_on_unchanged() {
    let mut settings = Settings::default();
    settings.disabled = true;
    let guard = builder("disabled").settings(settings).start().unwrap();
    assert_eq!(passed_on(guard.tracer().bind(arrived())), unchanged());
    let extracted = guard.tracer().extract(PARENT, Some("b=2")).unwrap();
    assert_eq!(extracted.in_span("server", |span| span.context().to_headers().1), Some("b=2".to_owned()));
}

#[test]
fn after_a_tracer_has_finished_everything_is_passed_on() {
    let guard = builder("finished").start().unwrap();
    let cx = guard.tracer().bind(arrived()).in_span("server", |span| span.context());
    drop(guard.finish());
    assert_eq!(cx.tracestate().as_str(), "tenant@a-very-long-vendor=1,b=2");
    assert_eq!(cx.baggage().to_string(), "tenant=blue;ttl=9");
}
