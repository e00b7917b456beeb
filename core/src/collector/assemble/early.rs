//! Early records, whose span is not known yet: retried after each pass, and dropped after a few.

use super::{max_held_bytes, Assembler, ProcessId};
use crate::wire::{span_of, Chunk, StrayEnd};

/// Passes after which an early record is dropped: its begin was not recorded, or its span is finished.
const EARLY_PASSES: u8 = 4;
/// Maximum number of early records, and of polls whose span is not known yet. Other processes' records get half of it, ends
/// included, so that they can't displace this process's own.
pub(super) const MAX_EARLY: usize = 65_536;

/// A record whose span is not known yet.
#[derive(Debug)]
pub(super) enum Early {
    End(StrayEnd, ProcessId),
    /// With the following chunks of a long value.
    Record {
        words: Box<[u64]>,
        last_tick: u64,
        chunks: Vec<Box<[u64]>>,
        process: ProcessId,
    },
}

impl Early {
    /// The number of bytes of its records.
    fn bytes(&self) -> usize {
        match self {
            Early::End(..) => 0,
            Early::Record { words, chunks, .. } => 8 * (words.len() + chunks.iter().map(|c| c.len()).sum::<usize>()),
        }
    }

    fn process(&self) -> ProcessId {
        match self {
            Early::End(_, process) | Early::Record { process, .. } => *process,
        }
    }
}

impl Assembler {
    /// Keeps an early record. Returns whether there was room.
    pub(super) fn keep_early(&mut self, early: Early) -> bool {
        let own = early.process().is_own();
        let max = MAX_EARLY / if own { 1 } else { 2 };
        let room = self.early.len() < max && self.early_bytes < max_held_bytes(early.process());
        // Each of this process's ends belongs to a span that was started, so their number is limited by that of open
        // spans.
        let keep = room || own && matches!(early, Early::End(..));
        if keep {
            self.early_bytes += early.bytes();
            self.early.push((0, early));
        } else {
            self.counts.late += 1;
        }
        keep
    }

    /// Adds a chunk to the early record that was kept last: a value's records are published together, so no other record
    /// came in between. For another process this isn't certain, so the last record must at least be its own.
    pub(super) fn keep_early_chunk(&mut self, from: ProcessId, record: &[u64]) {
        let last = self.early.last_mut().filter(|(_, early)| early.process() == from);
        if let Some((_, Early::Record { chunks, .. })) = last {
            chunks.push(record.into());
            self.early_bytes += 8 * record.len();
        }
    }

    /// Drops the early records of a process, and returns their number.
    pub(super) fn drop_early_of(&mut self, process: ProcessId) -> u64 {
        let before = self.early.len();
        self.early.retain(|(_, early)| early.process() != process);
        self.early_bytes = self.early.iter().map(|(_, early)| early.bytes()).sum();
        (before - self.early.len()) as u64
    }

    pub(super) fn retry(&mut self, passes: u8, early: Early) {
        let span = match &early {
            Early::End(end, _) => end.span,
            Early::Record { words, .. } => span_of(words).unwrap_or(0),
        };
        match (self.by_id.get(&span).copied(), early) {
            (Some(_), Early::End(end, process)) => self.stray_end(end, process),
            (Some(index), Early::Record { process, .. }) if self.table[index as usize].process != process => {
                self.counts.late += 1;
            }
            (Some(index), Early::Record { words, last_tick, chunks, .. }) => {
                let done = match self.apply(index, last_tick, &words) {
                    Some(Some(mut partial)) => {
                        chunks.iter().filter_map(|c| Chunk::read(c)).for_each(|chunk| partial.add(chunk.bytes));
                        self.complete(partial)
                    }
                    other => other.map(|_| ()),
                };
                self.counts.corrupt += u64::from(done.is_none());
            }
            (None, _) if passes >= EARLY_PASSES => self.counts.late += 1,
            (None, early) => {
                self.early_bytes += early.bytes();
                self.early.push((passes + 1, early));
            }
        }
    }
}
