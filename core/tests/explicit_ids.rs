//! Parents and traces that are known by their ids alone.

use heirloom_core::export::{Batch, ExportError, Exporter};
use heirloom_core::{builder, testing, Context, SpanId, TraceId};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;

/// Counts the spans whose parent comes to the same exporters, and the others.
#[derive(Clone, Default)]
struct Parents(Arc<[AtomicU64; 2]>);

impl Exporter for Parents {
    fn export(&mut self, batch: &Batch) -> Result<(), ExportError> {
        for span in batch.spans() {
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
