//! An export doesn't make spans to export.

use heirloom_bridge::HeirloomLayer;
use heirloom_core::export::{Delivery, ExportError, Exporter, Memory};
use heirloom_core::{builder, in_root};
use tracing::Dispatch;
use tracing_subscriber::prelude::*;

/// Traces its own work.
struct Chatty(Dispatch);

impl Exporter for Chatty {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let send = || {
            let _request = tracing::info_span!("request", spans = delivery.len()).entered();
            tracing::error!("refused");
        };
        tracing::dispatcher::with_default(&self.0, send);
        Ok(())
    }
}

#[test]
fn what_an_exporter_records_is_not_recorded() {
    let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new());
    let memory = Memory::new();
    let chatty = Chatty(Dispatch::new(subscriber));
    let guard = builder("test").exporter(chatty).exporter(memory.clone()).start().expect("a tracer");
    guard.tracer().in_root("ours", |_| in_root("another", |_| ()));
    let report = guard.finish();
    assert!(report.is_complete(), "{report}");
    assert_eq!((memory.len(), report.ledger().begun), (2, 2));
}
