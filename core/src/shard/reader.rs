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
    ///
    /// `take` is given the words from a record on, and the length of that record. Behind it are the records that follow, up to the
    /// end of the ring; the last of them may be cut. It returns the number of words that it has taken: that record at least.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u64], usize) -> usize) -> u64 {
        let head = self.shard.head().written.position();
        let (start, mut tail) = (self.tail, self.tail);
        let (words, mask) = self.shard.writer().words();
        let quarter = (mask + 1) / 4;
        let mut given_back = start;
        while tail != head {
            let at = tail & mask;
            // SAFETY: the word is before `head`, which was read with acquire, and has not been returned yet (block, 3).
            let first = unsafe { words.read(at, 1, &mut self.copy) }[0];
            let len = Header(first).words();
            let readable = ((head - tail) / 8) as usize;
            if len == 0 || len > readable {
                // Not a record. A thread of this process can't write one, so there is no reason to continue.
                tail = head;
                break;
            }
            let in_ring = ((mask + 1 - at) / 8) as usize;
            // SAFETY: as above, for the whole record, which is contiguous (block, 2), and for the words behind it up to the
            // end of the ring.
            let run = unsafe { words.read(at, readable.min(in_ring).max(len), &mut self.copy) };
            tail += 8 * take(run, len).clamp(len, run.len()) as u64;
            if tail - given_back >= quarter {
                given_back = tail;
                self.shard.head().read.tail.store(tail, Edge::Free.order());
            }
        }
        self.tail = tail;
        if given_back != tail {
            self.shard.head().read.tail.store(tail, Edge::Free.order());
        }
        tail - start
    }
}
