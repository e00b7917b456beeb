//! The batches that are being filled: one for each process, because a batch has one resource.

use super::{MAX_BATCH_BYTES, MAX_BATCH_SPANS};
use crate::dictionary::Names;
use crate::export::{Batch, BatchBuilder, MarkRow, Resource, SpanRow};
use std::sync::Arc;

/// The process of a span: this one, or a child whose region the collector reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::collector) struct ProcessId(u32);

impl ProcessId {
    /// This process.
    pub(in crate::collector) const OWN: Self = Self(0);

    pub(in crate::collector) fn is_own(self) -> bool {
        self == Self::OWN
    }
}

/// A batch that is being filled.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) builder: BatchBuilder,
    /// A number that no other batch has.
    pub(super) number: u64,
    /// The number of open spans of the process. Counted for other processes only.
    pub(super) open: u64,
    /// The marks that were forgotten and are not in a batch as such, and the time of the mark for which the last of them were.
    pub(super) forgotten: (u64, u64),
}

/// All batches.
#[derive(Debug)]
pub(super) struct Batches {
    own: Filling,
    others: Vec<Option<Filling>>,
    last_number: u64,
    most: Most,
    /// The process of a batch that is large enough to be sent.
    full: Option<ProcessId>,
}

impl Batches {
    /// Limits the size of batches, so that several fit into a queue of this size.
    pub(super) fn new(resource: Arc<Resource>, queue_bytes: usize) -> Self {
        let own = Filling { builder: BatchBuilder::new(resource), number: 1, open: 0, forgotten: (0, 0) };
        let most = Most::in_bytes(MAX_BATCH_BYTES.min(queue_bytes / 8));
        Self { own, others: Vec::new(), last_number: 1, most, full: None }
    }

    /// Adds another process.
    pub(super) fn add(&mut self, resource: Arc<Resource>) -> ProcessId {
        self.last_number += 1;
        let builder = self.own.builder.beside(resource);
        let new = Some(Filling { builder, number: self.last_number, open: 0, forgotten: (0, 0) });
        match self.others.iter().position(Option::is_none) {
            Some(free) => {
                self.others[free] = new;
                ProcessId(free as u32 + 1)
            }
            None => {
                self.others.push(new);
                ProcessId(self.others.len() as u32)
            }
        }
    }

    /// Removes a process from which nothing more arrives.
    pub(super) fn remove(&mut self, process: ProcessId, names: &Names) -> Option<Batch> {
        let last = self.take(process, names);
        if let Some(entry) = (process.0 as usize).checked_sub(1).and_then(|index| self.others.get_mut(index)) {
            *entry = None;
        }
        last
    }

    /// The batch of this process.
    #[inline(always)]
    pub(super) fn own(&mut self) -> &mut Filling {
        &mut self.own
    }

    #[inline]
    pub(super) fn of(&mut self, process: ProcessId) -> Option<&mut Filling> {
        match (process.0 as usize).checked_sub(1) {
            None => Some(&mut self.own),
            Some(index) => self.others.get_mut(index)?.as_mut(),
        }
    }

    /// Adds a span of this process.
    #[inline(always)]
    pub(super) fn own_span(&mut self, row: SpanRow) {
        self.own.builder.span(row);
        if self.own.is_full(self.most) {
            self.full = Some(ProcessId::OWN);
        }
    }

    /// Adds a span; `fan` is its fan-out, or zero.
    pub(super) fn span(&mut self, process: ProcessId, row: SpanRow, fan: u64) {
        let most = self.most;
        let Some(filling) = self.of(process) else { return };
        if fan != 0 {
            filling.builder.in_fan(fan);
        }
        filling.builder.span(row);
        if filling.is_full(most) {
            self.full = Some(process);
        }
    }

    /// Adds a mark. Returns how many older ones were forgotten for it.
    pub(super) fn mark(&mut self, process: ProcessId, row: MarkRow) -> usize {
        let (most, number) = (self.most, self.last_number + 1);
        let Some(filling) = self.of(process) else { return 1 };
        let time_ns = row.time_ns;
        filling.builder.mark(row);
        if filling.waiting_marks() > most.waiting_marks || filling.waiting_words() > most.words {
            let forgotten = filling.builder.forget_older_marks();
            filling.forgotten = (filling.forgotten.0 + forgotten as u64, time_ns);
            // What was an index into the batch is void.
            filling.number = number;
            self.last_number = number;
            return forgotten;
        }
        if filling.waiting_marks() == 0 && filling.builder.marks_len() >= most.marks {
            self.full = Some(process);
        }
        0
    }

    /// How many marks wait for a span, of all processes. They are forgotten.
    pub(super) fn take_waiting_marks(&mut self) -> usize {
        let all = self.others.iter_mut().flatten().chain([&mut self.own]);
        all.map(|filling| filling.take_waiting_marks()).sum()
    }

    /// The number of spans.
    pub(super) fn len(&self) -> usize {
        let others = self.others.iter().flatten();
        self.own.builder.len() + others.map(|filling| filling.builder.len()).sum::<usize>()
    }

    /// Whether a batch is large enough to be sent.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.full.is_some()
    }

    /// Takes the batch that is large enough to be sent.
    pub(super) fn take_full(&mut self, names: &Names) -> Option<Batch> {
        let process = self.full.take()?;
        self.take(process, names)
    }

    /// Takes any batch that is not empty.
    pub(super) fn take_any(&mut self, names: &Names) -> Option<Batch> {
        if self.own.builder.len() > 0 {
            return self.take(ProcessId::OWN, names);
        }
        let has_some = |filling: &Option<Filling>| filling.as_ref().is_some_and(|f| f.builder.len() > 0);
        let index = self.others.iter().position(has_some)?;
        self.take(ProcessId(index as u32 + 1), names)
    }

    fn take(&mut self, process: ProcessId, names: &Names) -> Option<Batch> {
        self.last_number += 1;
        let number = self.last_number;
        let filling = self.of(process).filter(|filling| filling.builder.len() > 0)?;
        filling.number = number;
        filling.tell_forgotten();
        Some(filling.builder.finish(names))
    }
}

/// The size at which a batch is sent.
#[derive(Clone, Copy, Debug)]
struct Most {
    spans: usize,
    words: usize,
    marks: usize,
    /// How many marks may wait for a span.
    waiting_marks: usize,
}

impl Most {
    /// Half of the bytes for the spans, half for what they have.
    fn in_bytes(bytes: usize) -> Self {
        let spans = (bytes / 2 / std::mem::size_of::<SpanRow>()).clamp(1, MAX_BATCH_SPANS);
        let marks = (bytes / 2 / std::mem::size_of::<MarkRow>()).max(1);
        Self { spans, words: bytes / 2 / 8, marks, waiting_marks: 2 * marks }
    }
}

impl Filling {
    #[inline(always)]
    fn is_full(&self, most: Most) -> bool {
        let words = self.builder.words_len() + self.builder.tracestate_bytes() / 8;
        self.builder.len() >= most.spans || words >= most.words
    }
}
