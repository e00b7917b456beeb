//! Exporters for benches, and touched rings.

use heirloom::export::{Delivery, ExportError, Exporter};
use heirloom::{Ledger, Span};
use std::time::Duration;

/// Deadline of a flush. A flush takes milliseconds, so a longer one is an error.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes every batch and does nothing with it.
pub struct NoOp;

impl Exporter for NoOp {
    fn export(&mut self, _delivery: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Never returns from its first batch.
pub struct Hangs;

impl Exporter for Hangs {
    fn export(&mut self, _delivery: &Delivery) -> Result<(), ExportError> {
        loop {
            std::thread::park();
        }
    }
}

/// Sets the three attributes of all benches "with three attributes": an integer, a double and a text of 20 bytes.
#[inline(always)]
pub fn set_three(span: &Span, i: u64, text: &str) {
    span.set("count", i).set("ratio", i as f64 * 0.5).set("file", text);
}

/// A text of 20 bytes.
pub const TEXT: &str = "/images/0042/cat.png";

/// Records spans with long texts, so that this thread's ring of `ring_bytes` bytes is written once from end to end.
pub fn fill_ring(ring_bytes: usize) {
    let text = "x".repeat(2000);
    for _ in 0..ring_bytes / (text.len() + 128) {
        heirloom::root("fill").set("text", text.as_str());
    }
}

/// The number of a ledger's spans that reached no exporter: refused, dropped, waiting or still open.
pub fn lost(ledger: &Ledger) -> u64 {
    ledger.begun - ledger.exported().min(ledger.begun)
}
