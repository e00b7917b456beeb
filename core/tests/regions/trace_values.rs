//! Values of whole traces, pass by pass: who carries them, and what a child can do to them.

use super::child_of;
use heirloom_core::export::SpanData;
use heirloom_core::testing::region::{tick, Collector, RawRecord, RawShard};
use heirloom_core::{Context, Settings};

const RING: usize = 64 << 10;

fn collector(ring_bytes: usize) -> Collector {
    Collector::start(ring_bytes, Settings::default()).unwrap()
}

/// A child with one shard, and what keeps it.
fn child(parent: &Collector) -> (RawShard, impl Sized) {
    let family = child_of(parent.tracer(), &["job"]);
    (family.shard(), family)
}

/// A root that has ended and was read.
fn over(parent: &mut Collector) -> Context {
    let cx = parent.tracer().root("over").context();
    passes(parent);
    assert_eq!(parent.take_spans().len(), 1);
    cx
}

fn passes(parent: &mut Collector) {
    while parent.pass() {}
    parent.pass();
}

/// A number under the name 1.
fn number(cx: Context, value: i64) -> RawRecord {
    RawRecord::trace_value(cx, 1, &value.into(), tick())
}

/// A long text under a key that stands in the record.
fn long_text(cx: Context, key: &str) -> RawRecord {
    RawRecord::trace_value(cx, key, &"a value.".repeat(375).into(), tick())
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.to_string())
}

#[test]
fn a_value_of_the_parents_has_its_carrier_whatever_a_child_says_of_the_trace() {
    let mut parent = collector(RING);
    let (mut shard, _kept) = child(&parent);
    let cx = over(&mut parent);
    let _ = cx.trace_update().user("u1");
    assert!(shard.record(&number(cx, 7)));
    passes(&mut parent);
    let spans = parent.take_spans();
    let [carrier] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((carrier.name.as_str(), carrier.lane.process_id), ("trace update", std::process::id()));
    assert_eq!((text(carrier, "user.id").as_deref(), text(carrier, "job").as_deref()), (Some("u1"), Some("7")));
    // A child's own value has none.
    assert!(shard.record(&number(cx, 8)));
    passes(&mut parent);
    assert!(parent.take_spans().is_empty());
    let ledger = parent.tracer().ledger();
    assert!(ledger.late == 1 && ledger.is_balanced(), "{ledger:#?}");
}

#[test]
fn a_child_cannot_blow_up_the_parents_spans() {
    let mut parent = collector(RING);
    let (mut shard, _kept) = child(&parent);
    let root = parent.tracer().root("root");
    for i in 0..100 {
        assert!(shard.record(&long_text(root.context(), &format!("key{i:05}"))));
        parent.pass();
    }
    // The parent's own values find room all the same.
    let _ = root.trace_update().user("u1");
    drop(root);
    passes(&mut parent);
    let spans = parent.take_spans();
    let bytes: usize = spans[0].attributes.iter().map(|(_, value)| value.to_string().len()).sum();
    assert!((60_000..80_000).contains(&bytes), "{bytes}");
    assert_eq!(text(&spans[0], "user.id").as_deref(), Some("u1"));
    assert!(parent.tracer().ledger().late > 50, "what found no room is counted");
}

#[test]
fn a_value_that_is_set_again_waits_for_two_passes_for_a_span_too() {
    let mut parent = collector(RING);
    let cx = over(&mut parent);
    let _ = cx.trace_update().user("u1");
    drop(cx.span("x"));
    let _ = cx.trace_update().session("s1");
    parent.pass();
    drop(cx.span("y"));
    passes(&mut parent);
    let names: Vec<String> = parent.take_spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["x", "y"]);
}

#[test]
fn a_value_that_is_forgotten_before_a_span_carried_it_is_late() {
    const TRACES: u64 = 40_000;
    let mut parent = collector(4 << 20);
    for i in 1..=TRACES {
        let traceparent = format!("00-{i:032x}-00000000000000ff-01");
        let _ = parent.tracer().extract(&traceparent, None).unwrap().trace_update().user("u1");
    }
    passes(&mut parent);
    let carried = parent.take_spans().len() as u64;
    let ledger = parent.tracer().ledger();
    assert!((10_000..TRACES).contains(&carried), "{carried}");
    assert_eq!(carried + ledger.late, TRACES);
    assert!(ledger.is_balanced(), "{ledger:#?}");
}
