//! [`Delivery`]: the spans of one call of an exporter.

use super::{Batch, Closing, Load, MarkRef, Resource, SpanRef};
use std::sync::Arc;

/// The spans that an exporter gets in one call: those of several batches, of one process or several.
///
/// An exporter's queue fills a delivery with as many bytes as the exporter [can send at once](super::Exporter::request_bytes). Each
/// part has the spans of one batch, and so one resource. A span that the queue refused isn't among them.
#[derive(Debug)]
pub struct Delivery {
    parts: Vec<Part>,
    closing: Closing,
}

/// The spans of a [`Delivery`] that one process recorded.
#[derive(Clone, Debug)]
pub struct Part {
    batch: Arc<Batch>,
    rows: Admitted,
    /// Spans that were refused, at the row of the nearest ancestor that wasn't. Sorted by row.
    dropped_children: Vec<(u32, u64)>,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
enum Admitted {
    All,
    /// These, sorted.
    Rows(Vec<u32>),
}

impl Delivery {
    pub(crate) fn new(parts: Vec<Part>, closing: Closing) -> Self {
        Self { parts, closing }
    }

    /// The parts, in the order in which the collector made them.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &Part> {
        self.parts.iter()
    }

    /// The spans of all parts.
    pub fn spans(&self) -> impl Iterator<Item = SpanRef<'_>> + '_ {
        self.parts.iter().flat_map(Part::spans)
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how much memory its batches take, in bytes: what [`Exporter::request_bytes`](super::Exporter::request_bytes) bounds.
    pub fn size_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.batch.size_bytes()).sum()
    }

    /// Tells an exporter that waits for its backend when the tracer ends.
    pub fn closing(&self) -> &Closing {
        &self.closing
    }
}

/// A delivery of all spans of one batch, outside of a tracer's queue. Its tracer never ends.
impl From<Batch> for Delivery {
    fn from(batch: Batch) -> Self {
        Self::new(vec![Part::whole(Arc::new(batch))], Closing::new())
    }
}

impl Part {
    pub(crate) fn whole(batch: Arc<Batch>) -> Self {
        Self { batch, rows: Admitted::All, dropped_children: Vec::new() }
    }

    /// What the choice of a row takes, in bytes.
    pub(crate) const ROW_BYTES: usize = std::mem::size_of::<u32>();
    /// What the number of spans that are missing below a row takes, in bytes.
    pub(crate) const DROPPED_BYTES: usize = std::mem::size_of::<(u32, u64)>();

    /// These rows of a batch, or all of them, and the spans that are missing below some of them, sorted by row.
    pub(crate) fn of(batch: Arc<Batch>, rows: Option<Vec<u32>>, dropped_children: Vec<(u32, u64)>) -> Self {
        Self { batch, rows: rows.map_or(Admitted::All, Admitted::Rows), dropped_children }
    }

    pub(crate) fn shared_resource(&self) -> &Arc<Resource> {
        self.batch.shared_resource()
    }

    /// The producer of these spans.
    pub fn resource(&self) -> &Resource {
        self.batch.resource()
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        match &self.rows {
            Admitted::All => self.batch.len(),
            Admitted::Rows(rows) => rows.len(),
        }
    }

    /// Whether there is no span.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The marks of the batch, whichever of its spans the queue refused.
    pub fn marks(&self) -> impl ExactSizeIterator<Item = MarkRef<'_>> + '_ {
        self.batch.marks()
    }

    /// The spans, in the order in which the collector saw their ends: a parent usually follows its children.
    pub fn spans(&self) -> impl ExactSizeIterator<Item = SpanRef<'_>> + '_ {
        Spans { part: self, next: 0, dropped_children: &self.dropped_children }
    }
}

/// The spans of a part.
struct Spans<'a> {
    part: &'a Part,
    next: usize,
    /// Those of the rows that are left.
    dropped_children: &'a [(u32, u64)],
}

impl<'a> Iterator for Spans<'a> {
    type Item = SpanRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<SpanRef<'a>> {
        let row = self.row()?;
        let load = Load { nth: self.next as u32, of: self.part.len() as u32 };
        let span = self.part.batch.span(row, load)?;
        self.next += 1;
        match self.dropped_children.split_first() {
            Some((&(at, spans), rest)) if at as usize == row => {
                self.dropped_children = rest;
                Some(span.with_dropped_children(spans))
            }
            _ => Some(span),
        }
    }

    /// In constant time (logarithmic in the rows with missing spans below them): an exporter that sends several requests skips what
    /// it has sent.
    fn nth(&mut self, n: usize) -> Option<SpanRef<'a>> {
        self.next = self.next.saturating_add(n).min(self.part.len());
        let row = self.row()?;
        let passed = self.dropped_children.partition_point(|&(at, _)| (at as usize) < row);
        self.dropped_children = &self.dropped_children[passed..];
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.part.len() - self.next;
        (left, Some(left))
    }
}

impl Spans<'_> {
    /// The row of the next span.
    #[inline]
    fn row(&self) -> Option<usize> {
        match &self.part.rows {
            Admitted::All => Some(self.next),
            Admitted::Rows(rows) => rows.get(self.next).map(|row| *row as usize),
        }
    }
}

impl ExactSizeIterator for Spans<'_> {}

#[cfg(test)]
mod tests {
    use super::super::fixture::{batch, lane, span};
    use super::*;

    #[test]
    fn a_part_has_the_admitted_rows_and_what_is_missing_below_them() {
        let spans: Vec<_> = (1..=5).map(|id| span(id, 0, "s", &lane(1), 0, 1)).collect();
        let part = Part {
            rows: Admitted::Rows(vec![0, 2, 4]),
            dropped_children: vec![(2, 7), (4, 1)],
            ..Part::whole(Arc::new(batch(&spans)))
        };
        let seen: Vec<_> = part.spans().map(|s| (s.span_id().to_u64(), s.dropped_children())).collect();
        assert_eq!(seen, [(1, 0), (3, 7), (5, 1)]);
        for skipped in 0..=4 {
            let spans = part.spans().skip(skipped);
            assert_eq!(spans.len(), seen.len().saturating_sub(skipped));
            let rest: Vec<_> = spans.map(|s| (s.span_id().to_u64(), s.dropped_children())).collect();
            assert_eq!(rest, seen[skipped.min(3)..]);
        }
        let delivery = Delivery::new(vec![part.clone(), part], Closing::new());
        assert_eq!((delivery.len(), delivery.spans().count(), delivery.parts().len()), (6, 6, 2));
    }
}
