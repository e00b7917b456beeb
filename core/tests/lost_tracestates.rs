//! A flood of traces: what is lost is counted, and nothing of another trace is shown. Alone in its process, because the
//! table and the count belong to the process.
#![cfg(feature = "record")]
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, Context, SpanId, TraceId};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct States(Arc<Mutex<Vec<String>>>);

impl Exporter for States {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.lock().unwrap().extend(delivery.spans().map(|span| span.tracestate().to_owned()));
        Ok(())
    }
}

fn arrived(n: u64, tracestate: &str) -> Context {
    let parent = Context::from_ids(TraceId::from_u128(n.into()), SpanId::from_u64(9), true).traceparent().unwrap();
    Context::from_headers(Some(parent.as_str()), Some(tracestate), None).unwrap()
}

#[test]
fn a_lost_tracestate_is_counted_and_said_and_no_other_traces_is_shown() {
    let states = States::default();
    let guard = builder("flooded").exporter(states.clone()).start().unwrap();
    let old = guard.tracer().bind(arrived(1, "vendor=old"));
    assert_eq!(old.tracestate().as_str(), "vendor=old");
    assert_eq!(guard.tracer().ledger().lost_tracestates, 0);
    assert!(!guard.tracer().ledger().to_string().contains("lost_tracestates"));
    (2..120_000).for_each(|n| _ = arrived(n, "stranger=1"));
    // For another process, for the values of the trace, and for an exported span.
    assert!(old.tracestate().is_empty());
    old.in_span("late", |_| ());
    let report = guard.finish();
    assert_eq!(*states.0.lock().unwrap(), [""]);
    assert_eq!(report.ledger().lost_tracestates, 3);
    assert!(report.ledger().is_balanced() && report.ledger().to_string().ends_with(" lost_tracestates=3"), "{report}");
}
