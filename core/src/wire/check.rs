//! The check of a record from another process.
//!
//! The record was copied to memory of this process, so it can't change any more. The file of each kind checks the words
//! of its records, and replaces those with another meaning in this process: numbers of names, stamps.

use super::{padded, Header, Violation};

/// The origin of a record, for its check: one shard of another process.
pub(crate) trait Origin {
    /// Whether the process may have started a span with this id.
    fn owns(&self, span: u64) -> bool;

    /// The same for the shard.
    fn owns_here(&self, span: u64) -> bool;

    /// A stamp, clamped to the lifetime of the process.
    fn clamped(&self, stamp: u64) -> u64;

    /// A length of time from a stamp on, clamped to the lifetime of the process.
    fn clamped_length(&self, from: u64, length: u64) -> u64;

    /// How long the process had run at a stamp, in its ticks.
    fn age(&self, at: u64) -> u64;

    /// This process's number of the name with that number in the other process.
    fn name(&mut self, id: u32) -> Result<u32, Violation>;

    /// Whether a text is a tracestate, in the form in which `TraceState` prints it.
    fn is_tracestate(&self, text: &str) -> bool;

    /// The longest value, in bytes. It is published at once, so it must fit into the ring.
    fn max_value(&self) -> usize;
}

/// The words of a record, and how many of them have been checked.
pub(super) struct Check<'a, O> {
    pub(super) record: &'a mut Vec<u64>,
    pub(super) at: usize,
    pub(super) origin: &'a mut O,
}

impl<O: Origin> Check<'_, O> {
    pub(super) fn word(&mut self) -> Result<&mut u64, Violation> {
        self.at += 1;
        self.record.get_mut(self.at - 1).ok_or(Violation::Length)
    }

    /// Skips this many bytes, padded.
    pub(super) fn bytes(&mut self, len: usize, max: usize) -> Result<(), Violation> {
        let end = self.at + padded(len.min(max)) as usize / 8;
        if len > max || end > self.record.len() {
            return Err(Violation::Length);
        }
        self.at = end;
        Ok(())
    }

    /// Skips the rest, and returns its length in bytes.
    pub(super) fn rest(&mut self) -> u64 {
        let words = self.record.len() - self.at.min(self.record.len());
        self.at += words;
        8 * words as u64
    }

    pub(super) fn set_header(&mut self, header: Header) {
        self.record[0] = header.0;
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.record.len()
    }

    /// Checks that the record ends here.
    pub(super) fn end(&self) -> Result<(), Violation> {
        if self.at == self.record.len() {
            Ok(())
        } else {
            Err(Violation::Length)
        }
    }

    /// Checks the span of the record.
    pub(super) fn own_span(&mut self) -> Result<(), Violation> {
        let span = *self.word()?;
        if self.origin.owns(span) {
            Ok(())
        } else {
            Err(Violation::Forged)
        }
    }

    /// Checks a trace id.
    pub(super) fn trace(&mut self) -> Result<(), Violation> {
        let (hi, lo) = (*self.word()?, *self.word()?);
        if hi | lo == 0 {
            Err(Violation::Forged)
        } else {
            Ok(())
        }
    }

    /// Clamps a stamp to the lifetime of its process.
    pub(super) fn stamp(&mut self) -> Result<(), Violation> {
        let stamp = *self.word()?;
        self.record[self.at - 1] = self.origin.clamped(stamp);
        Ok(())
    }
}
