//! The batches that are being filled: one for each process, because a batch has one resource.

use super::{MAX_BATCH_BYTES, MAX_BATCH_SPANS};
use crate::export::{Batch, BatchBuilder, Resource, SpanRow};
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
}

/// All batches.
#[derive(Debug)]
pub(super) struct Batches {
    all: Vec<Option<Filling>>,
    last_number: u64,
    max_bytes: usize,
    /// The process of a batch that is large enough to be sent.
    full: Option<ProcessId>,
}

impl Batches {
    /// Limits the size of batches, so that several fit into a queue of this size.
    pub(super) fn new(resource: Arc<Resource>, queue_bytes: usize) -> Self {
        let own = Filling { builder: BatchBuilder::new(resource), number: 1, open: 0 };
        Self { all: vec![Some(own)], last_number: 1, max_bytes: MAX_BATCH_BYTES.min(queue_bytes / 8), full: None }
    }

    /// Adds another process.
    pub(super) fn add(&mut self, resource: Arc<Resource>) -> ProcessId {
        self.last_number += 1;
        let new = Some(Filling { builder: BatchBuilder::new(resource), number: self.last_number, open: 0 });
        match self.all.iter().position(Option::is_none) {
            Some(free) => {
                self.all[free] = new;
                ProcessId(free as u32)
            }
            None => {
                self.all.push(new);
                ProcessId(self.all.len() as u32 - 1)
            }
        }
    }

    /// Removes a process from which nothing more arrives.
    pub(super) fn remove(&mut self, process: ProcessId) -> Option<Batch> {
        let last = self.take(process);
        if let Some(entry) = self.all.get_mut(process.0 as usize) {
            *entry = None;
        }
        last
    }

    #[inline]
    pub(super) fn of(&mut self, process: ProcessId) -> Option<&mut Filling> {
        self.all.get_mut(process.0 as usize)?.as_mut()
    }

    #[inline]
    pub(super) fn span(&mut self, process: ProcessId, row: SpanRow) {
        let max_bytes = self.max_bytes;
        let Some(filling) = self.of(process) else { return };
        filling.builder.span(row);
        if filling.builder.len() >= MAX_BATCH_SPANS || filling.builder.size_bytes() >= max_bytes {
            self.full = Some(process);
        }
    }

    /// The number of spans.
    pub(super) fn len(&self) -> usize {
        self.all.iter().flatten().map(|filling| filling.builder.len()).sum()
    }

    /// Takes the batch that is large enough to be sent.
    #[inline]
    pub(super) fn take_full(&mut self) -> Option<Batch> {
        let process = self.full.take()?;
        self.take(process)
    }

    /// Takes any batch that is not empty.
    pub(super) fn take_any(&mut self) -> Option<Batch> {
        let process = self.all.iter().position(|filling| filling.as_ref().is_some_and(|f| f.builder.len() > 0))?;
        self.take(ProcessId(process as u32))
    }

    fn take(&mut self, process: ProcessId) -> Option<Batch> {
        self.last_number += 1;
        let number = self.last_number;
        let filling = self.of(process).filter(|filling| filling.builder.len() > 0)?;
        filling.number = number;
        Some(filling.builder.finish())
    }
}
