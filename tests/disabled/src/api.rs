//! Makes every call of the recording API once. The package `heirloom` compiles the same file with recording compiled in, so
//! that no name exists on one side only.
#![allow(clippy::drop_non_drop)]

use heirloom_core::{in_root, in_span, name_lanes, on_finish, root, span};
use heirloom_core::{Context, Entered, Name, SetError, Span, SpanBuilder, SpanKind, Status, TracerId, Value};
use std::borrow::Cow;
use std::time::Duration;

/// The values that the calls returned.
#[derive(Debug, Default)]
pub struct Seen {
    /// The context of each started span.
    pub contexts: Vec<Context>,
    /// The current context in each scope.
    pub current: Vec<Context>,
    /// Whether any span was recording.
    pub recording: bool,
    /// The result of `try_set`.
    pub set: Option<Result<(), SetError>>,
    /// The number of closures that ran: all of them, with and without recording.
    pub ran: usize,
}

impl Seen {
    fn span(&mut self, span: &Span) -> &mut Self {
        self.contexts.push(span.context());
        self.contexts.push(Context::from(span));
        self.recording |= span.is_recording();
        self
    }

    fn closure(&mut self, span: &Span) {
        self.current.extend(Context::try_current());
        self.current.push(Context::current());
        self.span(span).ran += 1;
    }
}

/// The number of closures.
pub const CLOSURES: usize = 6;

/// Makes all calls.
pub fn everything() -> Seen {
    let mut seen = Seen::default();
    spans(&mut seen);
    scopes(&mut seen);
    let child = values(&root("values"));
    seen.span(&child);
    seen.set = Some(child.try_set("key", 1).map(|_| ()));
    fn wait(_tracer: TracerId, _timeout: Duration) -> usize {
        0
    }
    on_finish(wait);
    name_lanes(|| None);
    seen
}

fn spans(seen: &mut Seen) {
    let dynamic = String::from("dynamic");
    for span in [
        root("static"),
        root(dynamic.clone()),
        root(&dynamic),
        root(Cow::Borrowed("cow")),
        root(Name::dynamic(&dynamic)),
        span("child of the current span"),
    ] {
        let builder: SpanBuilder<'_> = span.build("built").kind(SpanKind::Client).link(&span).link(span.context());
        let built = builder.start();
        seen.span(&span).span(&built).span(&span.span("child")).span(&span.context().span("of a context"));
        seen.span(&span.context().build("built of a context").start());
        built.end();
        drop(span);
    }
}

fn scopes(seen: &mut Seen) {
    in_root("root", |root| {
        seen.closure(root);
        in_span("current", |span| seen.closure(span));
        root.in_span("child", |span| seen.closure(span));
        root.context().in_span("of a context", |span| seen.closure(span));
        root.build("built").in_scope(|span| seen.closure(span));
    });
    let outer = root("entered");
    let scope: Entered<'_> = outer.enter();
    let inner: Entered<'static> = outer.context().enter();
    drop(inner);
    drop(scope);
    // The result of a closure is returned, also after an early return.
    let result: Result<u8, &str> = in_root("fails", |root| {
        seen.closure(root);
        Err("as it should")?;
        Ok(1)
    });
    assert_eq!(result, Err("as it should"));
}

fn values(span: &Span) -> Span {
    span.set("bool", true).set("i64", -1).set("u64", u64::MAX).set("f64", 0.5).set("str", "text");
    span.set("string", String::from("text")).set(String::from("dynamic key"), 1).set("value", Value::from(1));
    span.set("none", None::<u8>).set("took_ns", Duration::ZERO).set("path", std::path::Path::new("a"));
    span.set_display("display", &1).set_debug("debug", &Some(1));
    span.set("bools", &[true][..]).set("ints", &[1_i64][..]).set("floats", &[0.5][..]).set("texts", &["a"][..]);
    span.event("event").event_with("event", &[("key", 1.into())]);
    span.event_with_keys("event", &[(String::from("key").into(), 1.into())]);
    span.link(span).link_with(span.context(), &[("key", "value".into())]);
    span.link_with_keys(span.context(), &[(String::from("key").into(), "value".into())]);
    span.set_status(Status::Ok).error("too late").rename("renamed");
    span.span("child")
}
