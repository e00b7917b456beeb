//! [`Memory`]: keeps finished spans, for tests and examples.

use super::{Delivery, ExportError, Exporter, MarkData, Part, SpanData};
use crate::text::plural;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps finished spans in memory. A clone is a handle to the same spans: give one to the tracer, keep one to read.
///
/// Each span costs an owned [`SpanData`]: a few hundred bytes and some allocations, on the exporter's thread.
///
/// ```
/// use heirloom_core::export::Memory;
/// let memory = Memory::new();
/// let exporter = memory.clone(); // for the tracer
/// assert!(memory.is_empty());
/// # drop(exporter);
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    kept: Arc<Mutex<Kept>>,
    max_spans: usize,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<SpanData>,
    marks: Vec<MarkData>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Keeps every span, without a bound.
    pub fn new() -> Self {
        Self::bounded(usize::MAX)
    }

    /// Keeps the first `max_spans` spans, and as many marks. Later ones are rejected. The ledger counts the spans as dropped.
    pub fn bounded(max_spans: usize) -> Self {
        Self { kept: Arc::default(), max_spans }
    }

    /// A copy of the spans, in the order in which the collector saw their ends.
    pub fn spans(&self) -> Vec<SpanData> {
        self.lock().spans.clone()
    }

    /// A copy of the [marks](crate::mark), in the order in which the collector read them.
    pub fn marks(&self) -> Vec<MarkData> {
        self.lock().marks.clone()
    }

    /// Removes and returns the spans. Removes the marks too.
    pub fn take(&self) -> Vec<SpanData> {
        std::mem::take(&mut *self.lock()).spans
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.lock().spans.len()
    }

    /// Whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Memory {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let max_spans = self.max_spans;
        let mut kept = self.lock();
        let taken = delivery.len().min(max_spans.saturating_sub(kept.spans.len()));
        kept.spans.extend(delivery.spans().take(taken).map(|span| span.to_data()));
        let room = max_spans.saturating_sub(kept.marks.len());
        kept.marks.extend(delivery.parts().flat_map(Part::marks).take(room).map(|mark| mark.to_data()));
        match delivery.len() - taken {
            0 => Ok(()),
            rejected => Err(ExportError::partial(
                rejected as u64,
                format!(
                    "the in-memory exporter is full: it was made for {max_spans} {}",
                    plural(max_spans as u64, "span", "spans")
                ),
            )),
        }
    }

    fn name(&self) -> &str {
        "memory"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{batch, lane, span};
    use super::*;

    #[test]
    fn a_clone_reads_what_the_exporter_was_given() {
        let memory = Memory::new();
        let spans = [span(2, 1, "child", &lane(1), 10, 20), span(1, 0, "root", &lane(1), 0, 30)];
        memory.clone().export(&batch(&spans).into()).unwrap();
        assert_eq!(memory.spans(), spans);
        assert_eq!(memory.len(), 2);
        assert_eq!(memory.take(), spans);
        assert!(memory.is_empty());
    }

    #[test]
    fn what_is_beyond_the_bound_is_rejected_and_counted() {
        let mut memory = Memory::bounded(3);
        let spans = [span(2, 1, "child", &lane(1), 10, 20), span(1, 0, "root", &lane(1), 0, 30)];
        memory.export(&batch(&spans).into()).unwrap();
        let error = memory.export(&batch(&spans).into()).unwrap_err();
        assert_eq!(error.rejected(2), 1);
        assert_eq!(memory.len(), 3);
        assert_eq!(memory.export(&batch(&spans).into()).unwrap_err().rejected(2), 2);
    }
}
