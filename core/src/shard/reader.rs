//! The collector's side of a shard.
#![allow(unsafe_code)]

use super::trim::Trim;
use super::Shard;
use crate::sync::Edge;
use crate::wire::{Header, Skip};
use std::sync::Arc;

/// Reads one shard. The collector has exactly one for each.
#[derive(Debug)]
pub(crate) struct Reader {
    shard: Arc<Shard>,
    tail: u64,
    copy: Vec<u64>,
    trim: Trim,
}

impl Reader {
    pub(crate) fn new(shard: Arc<Shard>) -> Self {
        Self { shard, tail: 0, copy: Vec::new(), trim: Trim::default() }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Everything before this position was read.
    #[cfg(all(test, loom))]
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// Passes every record that was published before this call to `take`, in order, and frees its room. Returns the
    /// number of bytes. Frees room after each part of the ring, so that a busy writer need not wait for the whole pass.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u64])) -> u64 {
        let head = self.shard.head().written.position();
        let start = self.tail;
        let (words, sizes) = self.shard.writer().words();
        let (mask, part) = (sizes.bytes - 1, sizes.give_back_after());
        let mut given_back = start;
        while self.tail != head {
            let at = self.tail & mask;
            // SAFETY: the word is before `head`, which was read with acquire, and has not been returned yet (block, 3).
            let first = unsafe { words.read(at, 1, &mut self.copy) }[0];
            let len = Header(first).words();
            let bytes = 8 * len as u64;
            if len == 0 || bytes > head - self.tail {
                match Skip::read(first).filter(|skip| skip.bytes <= head - self.tail) {
                    Some(skip) => {
                        self.tail = self.trim.jump(sizes, self.tail, skip);
                        continue;
                    }
                    // Not a record. A thread of this process can't write one, so there is no reason to continue.
                    None => {
                        self.tail = head;
                        break;
                    }
                }
            }
            // SAFETY: as above, for all words of the record; it is contiguous (block, 2).
            take(unsafe { words.read(at, len, &mut self.copy) });
            self.tail += bytes;
            if self.tail - given_back >= part {
                given_back = self.tail;
                self.shard.head().read.tail.store(self.tail, Edge::Free.order());
            }
        }
        if given_back != self.tail {
            self.shard.head().read.tail.store(self.tail, Edge::Free.order());
        }
        if start != self.tail {
            self.trim.saw(sizes, self.tail);
        }
        self.tail - start
    }

    /// Gives memory back that the shard doesn't use any more. Call it once per [`INTERVAL`](super::INTERVAL).
    pub(crate) fn tend(&mut self) {
        let (block, sizes) = self.shard.writer().words();
        let bytes = self.trim.tend(block, sizes, self.tail);
        self.shard.writer().budget().give(bytes);
    }

    /// Gives all memory back but the head's page: the last call. What is written from now on is never read.
    pub(crate) fn end(&mut self) {
        let (block, sizes) = self.shard.writer().words();
        block.free(&(0..sizes.words_bytes()));
    }
}
