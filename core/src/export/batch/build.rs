//! [`BatchBuilder`]: fills the arrays of a batch.

use super::{AttributeRow, Batch, EventRow, Lane, LinkRow, Resource, Rows, SpanRow};
use std::ops::Range;
use std::sync::Arc;

/// Fills the arrays of a batch.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    rows: Rows,
    resource: Arc<Resource>,
}

impl BatchBuilder {
    pub(crate) fn new(resource: Arc<Resource>) -> Self {
        Self { rows: Rows::default(), resource }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.spans.len()
    }

    /// Adds a lane and returns its index in this batch.
    pub(crate) fn add_lane(&mut self, lane: &Arc<Lane>) -> u32 {
        self.rows.lanes.push(Arc::clone(lane));
        self.rows.lanes.len() as u32 - 1
    }

    /// Copies bytes in and returns their range.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = self.rows.bytes.len() as u32;
        self.rows.bytes.extend_from_slice(bytes);
        start..start + bytes.len() as u32
    }

    /// Adds attributes and returns their range.
    pub(crate) fn attributes(&mut self, rows: impl Iterator<Item = AttributeRow>) -> Range<u32> {
        let start = self.rows.attributes.len() as u32;
        self.rows.attributes.extend(rows);
        start..self.rows.attributes.len() as u32
    }

    /// Adds events and returns their range.
    pub(crate) fn events(&mut self, rows: impl Iterator<Item = EventRow>) -> Range<u32> {
        let start = self.rows.events.len() as u32;
        self.rows.events.extend(rows);
        start..self.rows.events.len() as u32
    }

    /// Adds links and returns their range.
    pub(crate) fn links(&mut self, rows: impl Iterator<Item = LinkRow>) -> Range<u32> {
        let start = self.rows.links.len() as u32;
        self.rows.links.extend(rows);
        let new = &self.rows.links[start as usize..];
        self.rows.tracestate_bytes += new.iter().map(|row| tracestate_bytes(&row.tracestate)).sum::<usize>();
        start..self.rows.links.len() as u32
    }

    #[inline]
    pub(crate) fn span(&mut self, row: SpanRow) {
        self.rows.tracestate_bytes += tracestate_bytes(&row.tracestate);
        self.rows.spans.push(row);
    }

    /// About how many bytes the spans so far take.
    pub(crate) fn size_bytes(&self) -> usize {
        let rows = &self.rows;
        rows.bytes.len()
            + rows.spans.len() * std::mem::size_of::<SpanRow>()
            + rows.attributes.len() * std::mem::size_of::<AttributeRow>()
            + rows.tracestate_bytes
    }

    /// The batch made of everything added since the last call.
    pub(crate) fn finish(&mut self) -> Batch {
        let spans = self.rows.spans.len();
        let mut rows = std::mem::take(&mut self.rows);
        self.rows.spans = Vec::with_capacity(spans.min(4096));
        rows.spans.shrink_to(spans * 2);
        Batch { rows, resource: Arc::clone(&self.resource) }
    }
}

fn tracestate_bytes(text: &Option<Arc<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}
