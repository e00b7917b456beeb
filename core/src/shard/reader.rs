//! The collector's side of a shard.
#![allow(unsafe_code)]

use super::Shard;
use crate::sync::Edge;
use crate::wire::Header;
use std::sync::Arc;

/// Reads one shard. The collector has exactly one for each.
#[derive(Debug)]
pub(crate) struct Reader {
    shard: Arc<Shard>,
    tail: u64,
    copy: Vec<u64>,
}

impl Reader {
    pub(crate) fn new(shard: Arc<Shard>) -> Self {
        Self { shard, tail: 0, copy: Vec::new() }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Passes every record that was published before this call to `take`, in order, and frees its room. Returns the
    /// number of bytes. Frees room after each quarter of the ring, so that a busy writer need not wait for the whole
    /// pass.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u64])) -> u64 {
        let head = self.shard.head().written.position();
        let start = self.tail;
        let (words, mask) = self.shard.writer().words();
        let quarter = (mask + 1) / 4;
        let mut given_back = start;
        while self.tail != head {
            let at = self.tail & mask;
            // SAFETY: the word is before `head`, which was read with acquire, and has not been returned yet (block, 3).
            let first = unsafe { words.read(at, 1, &mut self.copy) }[0];
            let len = Header(first).words();
            let bytes = 8 * len as u64;
            if len == 0 || bytes > head - self.tail {
                // Not a record. A thread of this process can't write one, so there is no reason to continue.
                self.tail = head;
                break;
            }
            // SAFETY: as above, for all words of the record; it is contiguous (block, 2).
            take(unsafe { words.read(at, len, &mut self.copy) });
            self.tail += bytes;
            if self.tail - given_back >= quarter {
                given_back = self.tail;
                self.shard.head().read.tail.store(self.tail, Edge::Free.order());
            }
        }
        if given_back != self.tail {
            self.shard.head().read.tail.store(self.tail, Edge::Free.order());
        }
        self.tail - start
    }
}
