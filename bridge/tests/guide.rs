//! The code in the right columns of `docs/migrating.md` compiles, and does what that page says.

use heirloom_bridge::HeaderMapExt;
use heirloom_core as heirloom;
use heirloom_core::llm::{Level, Observation as _, ObservationType, Usage};
use heirloom_core::{testing, Context, SpanId, TraceId};

#[test]
fn from_tracing() {
    testing::run(|t| {
        let span = heirloom::span("load");
        span.set("rows", 3).event_with("read", &[("bytes", 12.into())]);
        let other = heirloom::root("other");
        drop(other.span("load other"));
        span.link(&other).in_span("part", |part| {
            part.set("n", 1);
        });
        let cx = span.context();
        std::thread::scope(|threads| drop(threads.spawn(move || drop(cx.span("there")))));
        let theirs = tracing::info_span!("theirs");
        drop(Context::from(&theirs).span("under theirs"));
        drop((span, other));
        t.assert_tree_sorted("load\n  part\n  there\nother\n  load other\nunder theirs");
    });
}

#[test]
fn from_fastrace() {
    testing::run(|t| {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        drop(Context::from_traceparent(text).expect("valid").span("request"));
        drop(http::HeaderMap::new().trace().expect("nothing is valid").span("request"));
        let (a, b) = (heirloom::root("a"), heirloom::root("b"));
        drop(a.build("merge").link(&b).start());
        let scope = a.enter();
        drop(heirloom::span("load"));
        Context::current().update().set("rows", 3);
        assert_eq!(Context::try_current(), Some(a.context()));
        drop(scope);
        drop((a, b));
        assert_eq!(t.span("a").attribute("rows"), Some(&3.into()));
        assert_eq!(t.span("merge").links.len(), 1);
    });
}

#[test]
fn from_langfuse() {
    testing::run(|t| {
        let cx = Context::from_ids(TraceId::from_seed("order-7"), SpanId::from_seed("root"), true);
        let span = cx.span("load");
        let answer = cx.generation("answer").model("m").model_parameter("temperature", 0.5).start();
        answer.usage(Usage::new(12, 40)).cost_usd(0.0004);
        span.observation(ObservationType::Tool, "look up").start().completion_start_now();
        span.input("question").output("answer").metadata("k", "v").level(Level::Warning);
        span.trace_update().user("u1").session("s1").tags(["beta"]).public(true);
        drop((answer, span));
        assert_eq!(t.spans().len(), 3);
        assert!(t.spans().iter().all(|span| span.trace_id == TraceId::from_seed("order-7")));
    });
}

#[test]
fn from_opentelemetry() {
    testing::run(|t| {
        let mut headers = http::HeaderMap::new();
        heirloom::in_span("load", |span| headers.insert_trace(span));
        headers.trace().expect("valid").in_span("serve", |_| ());
        t.assert_tree("load\n  serve");
    });
}
