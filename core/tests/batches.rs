//! However many spans are finished at once, they leave in batches that a queue can take.
#![allow(clippy::unwrap_used, missing_docs)]

use heirloom_core::export::{Delivery, ExportError, Exporter, Part};
use heirloom_core::{builder, root, Settings};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// More than any batch holds.
const SPANS: usize = 15_000;
/// What a batch holds at most.
const MAX_BATCH: usize = 4_096;

/// Notes how many spans each batch has.
struct Sizes(Arc<Mutex<Vec<usize>>>);

impl Exporter for Sizes {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        self.0.lock().unwrap().extend(delivery.parts().map(Part::len));
        Ok(())
    }
}

/// Records with a collector that looks once, at the end, and returns the sizes of the batches.
fn sizes_of(record: impl FnOnce()) -> Vec<usize> {
    let sizes = Arc::default();
    let mut settings = Settings::default();
    settings.drain_interval = Duration::from_secs(10);
    settings.shard_bytes = 1 << 24;
    let guard = builder("batches").settings(settings).exporter(Sizes(Arc::clone(&sizes))).start().unwrap();
    let scope = guard.tracer().enter();
    record();
    drop(scope);
    let report = guard.finish();
    assert_eq!(report.ledger().exported(), SPANS as u64, "{report}");
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes.iter().sum::<usize>(), SPANS);
    sizes.clone()
}

#[test]
fn spans_that_waited_for_a_pass_leave_in_several_batches() {
    let sizes = sizes_of(|| {
        for _ in 0..SPANS {
            let span = root("escaped");
            span.context();
            span.end();
        }
    });
    assert!(sizes.iter().all(|size| *size <= MAX_BATCH), "{sizes:?}");
}

#[test]
fn spans_that_are_open_at_the_end_leave_in_several_batches() {
    let sizes = sizes_of(|| (0..SPANS).for_each(|_| std::mem::forget(root("open"))));
    assert!(sizes.iter().all(|size| *size <= MAX_BATCH), "{sizes:?}");
}
