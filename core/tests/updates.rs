//! Updates of spans and traces by their context.

use heirloom_core::export::SpanData;
use heirloom_core::{in_root, root, span, testing, Context, SpanId, TraceId, Value};
use std::sync::mpsc::channel;
use std::thread;

fn text(span: &SpanData, key: &str) -> Option<String> {
    span.attribute(key).map(ToString::to_string)
}

fn flush(t: &testing::Testing) {
    t.tracer().flush(std::time::Duration::from_secs(10)).expect("flushed");
}

#[test]
fn what_is_current_is_updated_from_anywhere_below_it() {
    testing::run(|t| {
        in_root("outer", |_| {
            drop(span("not entered"));
            Context::current().update().set("a", 1).event("half-way").rename("renamed");
            let inner = root("inner");
            let _scope = inner.enter();
            Context::current().update().set("b", 2).error("no");
        });
        let (outer, inner) = (t.span("renamed"), t.span("inner"));
        assert_eq!((outer.attribute("a"), outer.attribute("b")), (Some(&Value::I64(1)), None));
        assert_eq!(outer.events[0].0, "half-way");
        assert_eq!(inner.attribute("b"), Some(&Value::I64(2)));
        assert_eq!(inner.status, heirloom_core::Status::Error("no".into()));
        t.assert_balanced();
    });
}

/// The owner's thread and another one write in turns; whoever wrote last wins, whatever shard is read first.
#[test]
fn of_two_values_the_later_wins_whoever_set_it() {
    testing::run(|t| {
        for round in 0..200 {
            in_root("turns", |owner| {
                owner.set("first", "owner");
                let cx = Context::current();
                thread::scope(|threads| {
                    threads.spawn(|| {
                        cx.update().set("first", "other").set("second", "other").set("round", round);
                    });
                });
                owner.set("second", "owner");
            });
        }
        let spans = t.spans();
        assert_eq!(spans.len(), 200);
        for span in &spans {
            assert_eq!(text(span, "first").as_deref(), Some("other"));
            assert_eq!(text(span, "second").as_deref(), Some("owner"));
        }
        assert_eq!(t.tracer().ledger().late, 0);
    });
}

/// The context came from `current()`, not from the span: the span waits for what was written before its end all the same.
#[test]
fn an_update_by_a_context_that_was_current_is_never_late() {
    testing::run(|t| {
        let (send, receive) = channel::<(Context, std::sync::mpsc::Sender<()>)>();
        let other = thread::spawn({
            let tracer = t.tracer().clone();
            move || {
                let _scope = tracer.enter();
                for (cx, done) in receive {
                    cx.update().set("by", "other");
                    done.send(()).unwrap();
                }
            }
        });
        for _ in 0..2000 {
            in_root("work", |_| {
                let (done, wait) = channel();
                send.send((Context::current(), done)).unwrap();
                wait.recv().unwrap();
            });
        }
        drop(send);
        other.join().unwrap();
        let spans = t.spans();
        assert_eq!(spans.len(), 2000);
        assert!(spans.iter().all(|span| text(span, "by").as_deref() == Some("other")));
        assert_eq!(t.tracer().ledger().late, 0);
    });
}

#[test]
fn an_update_after_the_end_is_counted_as_late() {
    testing::run(|t| {
        let cx = root("short").context();
        flush(t);
        cx.update().set("too", "late");
        flush(t);
        assert_eq!((t.tracer().ledger().late, t.spans()[0].attributes.len()), (1, 0));
    });
}

#[test]
fn values_of_a_trace_reach_all_spans_that_finish_later_and_the_root() {
    testing::run(|t| {
        in_root("request", |request| {
            request.in_span("before", |_| ());
            flush(t);
            request.in_span("sets", |_| Context::current().trace_update().user("u1").session("s1").tags(["a", "b"]));
            thread::scope(|threads| {
                let cx = request.context();
                threads.spawn(move || {
                    cx.trace_update().tags(["b", "c"]).metadata("shard", 7).public(true);
                    cx.in_span("elsewhere", |span| _ = span.set("user.id", "its own"));
                });
            });
        });
        in_root("another request", |_| ());
        assert_eq!(text(&t.span("before"), "user.id"), None);
        assert_eq!(text(&t.span("another request"), "user.id"), None);
        assert_eq!(text(&t.span("elsewhere"), "user.id").as_deref(), Some("its own"));
        for name in ["sets", "elsewhere", "request"] {
            assert_eq!(text(&t.span(name), "session.id").as_deref(), Some("s1"), "{name}");
        }
        let request = t.span("request");
        assert_eq!(text(&request, "user.id").as_deref(), Some("u1"));
        assert_eq!(text(&request, "heirloom.trace.tags").as_deref(), Some("[a, b, c]"));
        assert_eq!(request.attribute("heirloom.trace.metadata.shard"), Some(&Value::I64(7)));
        assert_eq!(request.attribute("heirloom.trace.public"), Some(&Value::Bool(true)));
        t.assert_balanced();
    });
}

#[test]
fn a_value_that_is_set_after_the_root_travels_on_a_span_of_its_own() {
    testing::run(|t| {
        let cx = in_root("over", |root| root.context());
        flush(t);
        cx.trace_update().user("u1");
        flush(t);
        t.assert_tree("over\n  trace update");
        let carrier = t.span("trace update");
        assert_eq!((text(&carrier, "user.id").as_deref(), carrier.start_ns), (Some("u1"), carrier.end_ns));
        // One that comes with a span needs none.
        cx.trace_update().session("s1");
        cx.in_span("late child", |_| ());
        flush(t);
        t.assert_tree("over\n  trace update\n  late child");
        let child = t.span("late child");
        assert_eq!(
            (text(&child, "user.id").as_deref(), text(&child, "session.id").as_deref()),
            (Some("u1"), Some("s1"))
        );
        t.assert_balanced();
    });
}

#[test]
fn values_of_a_trace_without_spans_of_ours_get_a_carrier_under_the_remote_parent() {
    testing::run(|t| {
        let remote = Context::from_ids(TraceId::from_u128(5), SpanId::from_u64(9), true);
        remote.trace_update().user("u1");
        flush(t);
        let spans = t.spans();
        assert_eq!(spans.len(), 1);
        assert_eq!((spans[0].parent_span_id, spans[0].parent_is_remote), (Some(SpanId::from_u64(9)), true));
        t.assert_balanced();
    });
}

/// More than are remembered: the oldest are forgotten, of which no span comes any more.
#[test]
fn values_of_very_many_traces_reach_the_spans_of_each() {
    testing::run(|t| {
        let long = "x".repeat(1000);
        for i in 0..30_000 {
            in_root("request", |request| _ = request.trace_update().user(&long).metadata("n", i));
            if i % 200 == 0 {
                flush(t);
            }
        }
        let spans = t.spans();
        let with = spans.iter().filter(|span| text(span, "user.id").is_some()).count();
        assert_eq!((spans.len(), with), (30_000, 30_000));
        t.assert_balanced();
    });
}

#[test]
fn tags_that_find_no_room_are_counted_as_cut() {
    testing::run(|t| {
        let long = "x".repeat(1000);
        let tags: Vec<String> = (0..20).map(|i| format!("{i}{long}")).collect();
        in_root("root", |root| _ = root.trace_update().tags(tags.iter().map(String::as_str)));
        let Some(Value::Strs(kept)) = t.span("root").attribute("heirloom.trace.tags").cloned() else { panic!() };
        assert!((1..20).contains(&kept.len()));
        assert_eq!(t.tracer().ledger().truncated, 1);
    });
}

#[test]
fn values_of_a_trace_beyond_the_limit_of_attributes_are_counted_on_its_spans() {
    testing::run(|t| {
        in_root("root", |root| {
            (0..200).for_each(|i| _ = root.trace_update().metadata(&i.to_string(), i));
        });
        let root = t.span("root");
        assert_eq!((root.attributes.len(), root.dropped), (128, 72));
    });
}

#[test]
fn keys_and_values_of_any_size_are_cut_and_not_refused() {
    testing::run(|t| {
        let long = "x".repeat(100_000);
        in_root("root", |root| {
            assert!(root.trace_update().try_set(long.clone(), long.as_str()).is_ok());
            assert!(root.trace_update().try_set("", "").is_ok());
            let _ = root.trace_update().metadata(&long, 1).metadata("", 2);
        });
        assert_eq!(t.span("root").attributes.len(), 4);
        t.assert_balanced();
    });
}
