//! Records whose span is not known yet: tried again after each pass, and given up after a few.

use super::{max_held_bytes, Assembler, ProcessId};
use crate::wire::{span_of, Chunk, StrayEnd};

/// Passes after which an early record is given up: its begin was not recorded, or its span is finished.
const EARLY_PASSES: u8 = 4;
/// How many early records are kept. Other processes' get half of it, ends included: whatever they do, this process's own
/// are kept.
const MAX_EARLY: usize = 65_536;

/// A record whose span is not known yet.
#[derive(Debug)]
pub(super) enum Early {
    End(StrayEnd, ProcessId),
    /// With the chunks of a long value behind it.
    Record {
        words: Box<[u64]>,
        last_tick: u64,
        chunks: Vec<Box<[u64]>>,
        process: ProcessId,
    },
}

impl Early {
    /// How many bytes of records it keeps.
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
    /// Returns whether there was room.
    pub(super) fn keep_early(&mut self, early: Early) -> bool {
        let own = early.process().is_own();
        let max = MAX_EARLY / if own { 1 } else { 2 };
        let room = self.early.len() < max && self.early_bytes < max_held_bytes(early.process());
        // Each own end is of a span that was begun, so there are no more of them than may be open.
        let keep = room || own && matches!(early, Early::End(..));
        if keep {
            self.early_bytes += early.bytes();
            self.early.push((0, early));
        } else {
            self.counts.late += 1;
        }
        keep
    }

    /// A chunk of the early record that was kept last: a value's records are published together, so nothing else came
    /// in between. Of another process one can't be sure of that, so it must be its own record at least.
    pub(super) fn keep_early_chunk(&mut self, from: ProcessId, record: &[u64]) {
        let last = self.early.last_mut().filter(|(_, early)| early.process() == from);
        if let Some((_, Early::Record { chunks, .. })) = last {
            chunks.push(record.into());
            self.early_bytes += 8 * record.len();
        }
    }

    /// Forgets the early records of a process, and says how many there were.
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
            (Some(slot), Early::Record { process, .. }) if self.slots[slot as usize].process != process => {
                self.counts.late += 1;
            }
            (Some(slot), Early::Record { words, last_tick, chunks, .. }) => {
                let done = match self.apply(slot, last_tick, &words) {
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
