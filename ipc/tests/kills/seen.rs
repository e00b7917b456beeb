//! What was exported, by process.

use heirloom_core::export::{Delivery, ExportError, Exporter};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A span as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) name: String,
    pub(crate) aborted: bool,
    pub(crate) number: Option<i64>,
    /// Its writer found no room for an attribute.
    pub(crate) lost: bool,
}

/// All spans of other processes. A clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<u32, Vec<Span>>>>);

impl Seen {
    /// Takes the spans of a process out.
    pub(crate) fn take(&self, pid: u32) -> Vec<Span> {
        self.0.lock().unwrap().remove(&pid).unwrap_or_default()
    }
}

impl Exporter for Seen {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let own = std::process::id();
        let mut all = self.0.lock().unwrap();
        for span in delivery.spans().filter(|span| span.lane().process_id != own) {
            all.entry(span.lane().process_id).or_default().push(Span {
                id: span.span_id().to_u64(),
                parent: span.parent_span_id().map_or(0, |id| id.to_u64()),
                name: span.name().to_owned(),
                aborted: span.is_aborted(),
                number: span.attributes().find(|a| a.key == "number").and_then(|a| a.value.as_i64()),
                lost: span.dropped_attributes() > 0,
            });
        }
        Ok(())
    }
}
