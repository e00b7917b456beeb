//! Updates where there is no span. Alone in its file: they are counted for the whole process.

use heirloom_core::{builder, export::Memory, Context, SpanId, TraceId, UpdateError};

#[test]
fn an_update_without_a_span_is_counted_or_says_so() {
    let memory = Memory::new();
    let guard = builder("app").exporter(memory.clone()).start().unwrap();
    assert_eq!(Context::INERT.try_update().err(), Some(UpdateError::NoSpan));
    assert!(matches!(Context::INERT.try_trace_update(), Err(UpdateError::NoSpan)));
    Context::INERT.update().set("lost", 1);
    Context::INERT.trace_update().user("lost");
    let not_sampled = Context::from_ids(TraceId::from_u128(1), SpanId::from_u64(1), false);
    assert_eq!(not_sampled.try_update().err(), Some(UpdateError::NotSampled));
    let report = guard.finish();
    assert_eq!(report.ledger().missed_updates, 4, "{report}");
    assert!(report.to_string().contains("4 updates were lost: no span was current"), "{report}");
}
