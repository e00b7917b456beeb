//! [`BatchBuilder`]: fills the rows of a batch. [`Emptied`]: the memory of batches that were dropped.

use super::rows::{EventRow, FanRow, LinkRow, List, MarkRow, MoreRow, Rows, SpanRow, Text};
use super::{Batch, Lane, Resource};
use crate::dictionary::Names;
use crate::wire::{Packed, Sink};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How many emptied batches are kept: one more than an exporter that keeps up holds at a time.
const MAX_EMPTIED: usize = 3;
/// A batch with more memory than this, in bytes, is not kept: it is the trace of a few very long values.
const MAX_EMPTIED_BYTES: usize = 4 << 20;
/// A batch whose memory is larger than this many times its contents gets memory of its own, and the collector keeps the large one.
const MAX_SLACK: usize = 4;

/// The memory of batches that were dropped, for new ones. A fresh page costs a page fault.
///
/// The collector takes, and the threads that drop a batch give. The lock is held for a few instructions, once for each batch.
#[derive(Debug, Default)]
pub(super) struct Emptied(Mutex<Vec<Rows>>);

impl Emptied {
    fn take(&self) -> Rows {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give(&self, mut rows: Rows) {
        if rows.size_bytes() > MAX_EMPTIED_BYTES {
            return;
        }
        rows.clear();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_EMPTIED {
            all.push(rows);
        }
    }
}

/// Fills the rows of a batch.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    rows: Rows,
    resource: Arc<Resource>,
    emptied: Arc<Emptied>,
}

impl BatchBuilder {
    pub(crate) fn new(resource: Arc<Resource>) -> Self {
        Self { rows: Rows::default(), resource, emptied: Arc::default() }
    }

    /// A builder for another resource, with the same memory of dropped batches.
    pub(crate) fn beside(&self, resource: Arc<Resource>) -> Self {
        Self { rows: Rows::default(), resource, emptied: Arc::clone(&self.emptied) }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.rows.spans.len()
    }

    /// Adds a lane and returns its index in this batch.
    pub(crate) fn add_lane(&mut self, lane: &Arc<Lane>) -> u32 {
        self.rows.lanes.push(Arc::clone(lane));
        self.rows.lanes.len() as u32 - 1
    }

    /// Copies words in, and returns the place of the first one.
    #[inline(always)]
    pub(crate) fn words(&mut self, words: &[u64]) -> u32 {
        let at = self.rows.words.len() as u32;
        self.rows.words.extend_from_slice(words);
        at
    }

    /// Copies packed attributes in; `len` of them are not of the scope.
    #[inline(always)]
    pub(crate) fn list(&mut self, words: &[u64], len: u32) -> List {
        List { at: self.words(words), words: words.len() as u32, len }
    }

    /// Copies a text in.
    pub(crate) fn text(&mut self, text: &[u8]) -> Text {
        let at = self.rows.words.len() as u32;
        self.rows.words.bytes(text);
        Text { at, len: text.len() as u32 }
    }

    /// Adds attributes that all spans of a trace share. Returns what [`SpanRow::values`] refers to them by.
    pub(crate) fn values(&mut self, words: &[u64], len: u32) -> u32 {
        let list = self.list(words, len);
        self.rows.values.push(list);
        self.rows.values.len() as u32
    }

    /// Their words.
    pub(crate) fn values_at(&self, values: u32) -> &[u64] {
        let list = (values as usize).checked_sub(1).and_then(|index| self.rows.values.get(index)).copied();
        self.rows.list(list.unwrap_or_default())
    }

    /// Adds events and returns their range.
    pub(crate) fn events(&mut self, rows: impl Iterator<Item = EventRow>) -> std::ops::Range<u32> {
        let start = self.rows.events.len() as u32;
        self.rows.events.extend(rows);
        start..self.rows.events.len() as u32
    }

    /// Adds links and returns their range.
    pub(crate) fn links(&mut self, rows: impl Iterator<Item = LinkRow>) -> std::ops::Range<u32> {
        let start = self.rows.links.len() as u32;
        self.rows.links.extend(rows);
        let new = &self.rows.links[start as usize..];
        self.rows.tracestate_bytes += new.iter().map(|row| tracestate_bytes(&row.tracestate)).sum::<usize>();
        start..self.rows.links.len() as u32
    }

    /// Adds a further row, if it is needed. Returns what [`SpanRow::more`] refers to it by.
    pub(crate) fn more(&mut self, row: MoreRow) -> u32 {
        if !row.is_needed() {
            return 0;
        }
        self.rows.tracestate_bytes += tracestate_bytes(&row.tracestate);
        self.rows.more.push(row);
        self.rows.more.len() as u32
    }

    /// Says that the next span is in a fan-out. Its flags must say so too.
    #[inline]
    pub(crate) fn in_fan(&mut self, fan: u64) {
        if self.rows.fans.last().is_none_or(|last| last.fan != fan) {
            self.rows.fans.push(FanRow { from: self.rows.spans.len() as u32, fan });
        }
    }

    /// Adds a mark.
    pub(crate) fn mark(&mut self, row: MarkRow) {
        self.rows.marks.push(row);
    }

    /// The number of marks.
    pub(crate) fn marks_len(&self) -> usize {
        self.rows.marks.len()
    }

    /// Forgets the older half of the marks, but not those that say once what later ones refer to; there must be no span. If these
    /// are a quarter of all, they are forgotten too. Returns how many were forgotten. Indices of lanes are void afterwards.
    pub(crate) fn forget_older_marks(&mut self) -> usize {
        let before = self.rows.marks.len();
        let older = before.div_ceil(2);
        let names = self.rows.marks[..older].iter().filter(|row| row.is_said_once()).count();
        self.keep_marks(older, names <= before / 4);
        before - self.rows.marks.len()
    }

    /// Forgets all marks; as above.
    pub(crate) fn forget_marks(&mut self) {
        self.keep_marks(self.rows.marks.len(), false);
    }

    /// Keeps the marks from one of them on, and on demand those before it that are said once.
    fn keep_marks(&mut self, from: usize, and_said_once: bool) {
        let old = std::mem::take(&mut self.rows);
        let mut lanes = vec![None; old.lanes.len()];
        let (older, younger) = old.marks.split_at(from);
        let older = older.iter().filter(|row| and_said_once && row.is_said_once());
        for row in older.chain(younger) {
            let lane = *lanes[row.lane as usize].get_or_insert_with(|| self.add_lane(&old.lanes[row.lane as usize]));
            let text = self.text(old.text(row.text).as_bytes());
            self.rows.marks.push(MarkRow { lane, text, ..*row });
        }
    }

    #[inline(always)]
    pub(crate) fn span(&mut self, row: SpanRow) {
        self.rows.spans.push(row);
    }

    /// The number of words so far.
    #[inline(always)]
    pub(crate) fn words_len(&self) -> usize {
        self.rows.words.len()
    }

    /// The words from one of them on.
    #[inline(always)]
    pub(crate) fn words_from(&self, from: usize) -> &[u64] {
        &self.rows.words[from..]
    }

    /// Removes the words from one of them on.
    #[inline(always)]
    pub(crate) fn cut_words(&mut self, from: usize) {
        self.rows.words.truncate(from);
    }

    /// Appends an attribute to the words.
    #[inline(always)]
    pub(crate) fn pack(&mut self, packed: Packed<'_>) {
        packed.push_to(&mut self.rows.words);
    }

    /// The list of the `len` attributes from a word on.
    #[inline(always)]
    pub(crate) fn list_from(&self, from: usize, len: u32) -> List {
        List { at: from as u32, words: (self.rows.words.len() - from) as u32, len }
    }

    /// The bytes of all tracestates.
    #[inline(always)]
    pub(crate) fn tracestate_bytes(&self) -> usize {
        self.rows.tracestate_bytes
    }

    /// The batch made of everything added since the last call. `names` has every number in it.
    pub(crate) fn finish(&mut self, names: &Names) -> Batch {
        self.rows.names = names.clone();
        let contents = self.rows.spans.len().max(1) * std::mem::size_of::<SpanRow>()
            + self.rows.marks.len() * std::mem::size_of::<MarkRow>()
            + 8 * self.rows.words.len();
        let rows = if self.rows.size_bytes() > MAX_SLACK * contents {
            let copy = self.rows.compact();
            self.rows.clear();
            copy
        } else {
            std::mem::replace(&mut self.rows, self.emptied.take())
        };
        Batch { rows, resource: Arc::clone(&self.resource), emptied: Arc::downgrade(&self.emptied) }
    }
}

impl Drop for Batch {
    /// The collector uses the memory again, if it still runs.
    fn drop(&mut self) {
        if let Some(emptied) = Weak::upgrade(&self.emptied) {
            emptied.give(std::mem::take(&mut self.rows));
        }
    }
}

fn tracestate_bytes(text: &Option<Arc<str>>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::{NameRow, SpanFlags};
    use super::*;
    use crate::{SpanId, TraceId};

    fn row(span: u64) -> SpanRow {
        SpanRow {
            trace: TraceId { hi: 0, lo: 1 },
            span: SpanId(span),
            parent: SpanId(0),
            start_ns: 0,
            end_ns: 0,
            name: NameRow::Id(0),
            lane: 0,
            attributes: List::default(),
            values: 0,
            more: 0,
            begin_flags: 0,
            flags: SpanFlags::default(),
        }
    }

    fn filled(builder: &mut BatchBuilder, spans: u64) -> Batch {
        (0..spans).for_each(|span| builder.span(row(span)));
        builder.finish(&Names::default())
    }

    #[test]
    fn the_memory_of_a_batch_is_used_again_once_the_last_exporter_has_dropped_it() {
        let mut builder = BatchBuilder::new(Arc::default());
        let batch = Arc::new(filled(&mut builder, 4096));
        let (memory, other) = (batch.rows.spans.as_ptr(), Arc::clone(&batch));
        drop(batch);
        assert!(builder.emptied.take().spans.capacity() == 0, "an exporter still has it");
        drop(other);
        let (second, third) = (filled(&mut builder, 4096), filled(&mut builder, 4096));
        assert_ne!(second.rows.spans.as_ptr(), memory);
        assert_eq!(third.rows.spans.as_ptr(), memory);
    }

    #[test]
    fn a_small_batch_does_not_keep_the_memory_of_a_large_one() {
        let mut builder = BatchBuilder::new(Arc::default());
        drop(filled(&mut builder, 4096));
        let _second = filled(&mut builder, 4096);
        let small = filled(&mut builder, 10);
        assert_eq!(small.len(), 10);
        assert!(small.size_bytes() < 8192, "{}", small.size_bytes());
        assert!(builder.rows.spans.capacity() >= 4096, "the collector keeps it");
    }

    #[test]
    fn what_a_very_long_value_took_is_not_kept() {
        let mut builder = BatchBuilder::new(Arc::default());
        builder.words(&vec![0; 1 << 20]);
        drop(filled(&mut builder, 1));
        assert_eq!(builder.emptied.take().words.capacity(), 0);
    }
}
