//! Parents and traces that are known by their ids alone.

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, testing, Baggage, Context, SpanId, TraceId};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Counts the spans whose parent comes to the same exporters, and the others.
#[derive(Clone, Default)]
struct Parents(Arc<[AtomicU64; 2]>);

impl Exporter for Parents {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        for span in delivery.spans() {
            self.0[usize::from(span.parent_is_ours())].fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The shard of the parent's thread may be read after that of the child's.
#[test]
fn a_parent_that_came_as_ids_and_is_open_here_is_known_to_be_ours() {
    let parents = Parents::default();
    let guard = builder("ids").exporter(parents.clone()).start().expect("a tracer");
    let tracer = guard.tracer();
    // This thread's shard is the first that is read, and it has the children.
    tracer.in_root("first", |_| ());
    for _ in 0..2000 {
        let parent = thread::scope(|threads| threads.spawn(|| tracer.root("parent")).join()).expect("a parent");
        let cx = parent.context();
        let _tracer = tracer.enter();
        drop(Context::from_ids(cx.trace_id(), cx.span_id(), true).span("child"));
    }
    let _tracer = tracer.enter();
    drop(Context::from_ids(TraceId::from_u128(1), SpanId::from_u64(2), true).span("another process's"));
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    let [others, ours] = parents.0.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert_eq!((ours, others), (4001, 1));
}

#[test]
fn a_root_of_a_chosen_trace_is_sampled_like_any_root_and_has_children() {
    testing::run(|t| {
        let id = TraceId::from_seed("order 4711");
        Context::from_trace_id(id).in_span("pay", |pay| pay.in_span("card", |_| ()));
        t.assert_tree("pay\n  card");
        assert!(t.spans().iter().all(|span| span.trace_id == id));
        assert!(!Context::from_trace_id(TraceId::INVALID).is_valid());
        drop(Context::from_trace_id(TraceId::INVALID).span("a root of a trace of its own"));
        t.assert_balanced();
    });
}

/// The names of the spans whose parent's ids were given by the program, and of the others.
#[derive(Clone, Default)]
struct Explicit(Arc<[Mutex<Vec<String>>; 2]>);

impl Exporter for Explicit {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        for span in delivery.spans() {
            let list = &self.0[usize::from(span.parent_is_explicit())];
            list.lock().expect("no panic").push(span.name().to_owned());
        }
        Ok(())
    }
}

#[test]
fn only_a_span_whose_parent_the_program_gave_says_so() {
    let seen = Explicit::default();
    testing::run_with(
        |b| b.exporter(seen.clone()),
        |t| {
            let (trace, span) = (TraceId::from_u128(7), SpanId::from_u64(9));
            let given = Context::from_ids(trace, span, true);
            let mut baggage = Baggage::new();
            baggage.insert("tenant", "blue").expect("valid");
            given.in_span("given: ids", |span| span.in_span("child", |_| ()));
            t.tracer().bind(given).in_span("given: bound", |_| ());
            Context::from_ids_with_flags(trace, span, 3).in_span("given: flags", |_| ());
            given.with_baggage(&baggage).in_span("given: baggage", |_| ());
            let text = given.traceparent().map(|text| text.to_string()).unwrap_or_default();
            Context::from_traceparent(&text).unwrap_or_default().in_span("traceparent", |_| ());
            Context::from_headers(Some(&text), None, None).unwrap_or_default().in_span("headers", |_| ());
            given.to_remote().in_span("to_remote", |_| ());
            #[cfg(feature = "serde")]
            {
                let text = serde_json::to_string(&given).expect("a text");
                serde_json::from_str::<Context>(&text).expect("a context").in_span("serde: text", |_| ());
                let bytes = postcard::to_allocvec(&given).expect("bytes");
                postcard::from_bytes::<Context>(&bytes).expect("a context").in_span("serde: bytes", |_| ());
            }
            #[cfg(feature = "otel")]
            Context::from(&opentelemetry::trace::SpanContext::from(given)).in_span("OpenTelemetry", |_| ());
            Context::from_trace_id(trace).in_span("root", |_| ());
            Context::from_ids(trace, SpanId::INVALID, true).in_span("other root", |_| ());
            t.assert_complete();
        },
    );
    let [others, given] = seen.0.each_ref().map(|names| names.lock().expect("no panic").clone());
    assert!(given.len() == 4 && given.iter().all(|name| name.starts_with("given: ")), "{given:?}");
    let serde_and_otel = 2 * usize::from(cfg!(feature = "serde")) + usize::from(cfg!(feature = "otel"));
    assert_eq!(others.len(), 6 + serde_and_otel, "{others:?}");
    assert!(!others.iter().any(|name| name.starts_with("given: ")), "{others:?}");
}

#[test]
fn explicit_ids_are_equal_to_the_same_ids_from_a_header() {
    let given = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
    let arrived = given.traceparent().and_then(|text| Context::from_traceparent(text.as_str()).ok());
    assert_eq!(arrived, Some(given));
    assert!(HashSet::from([given]).contains(&given.to_remote()));
    assert_ne!(given, Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), false));
}
