//! The collector's side of a shard.
#![allow(unsafe_code)]

use super::trim::{is_left, Trim};
use super::Shard;
use crate::wire::{belongs_to_last, Header, Skip};
use std::sync::Arc;

/// How many bytes of a shard are read before it is the turn of others: some 30 to 100 us of work. Otherwise a thread that
/// waits for room would wait until the whole rings of all others were read.
const TURN: u64 = 32 << 10;

/// Reads one shard. The collector has exactly one for each.
#[derive(Debug)]
pub(crate) struct Reader {
    shard: Arc<Shard>,
    tail: u64,
    /// The position up to which this pass reads.
    goal: u64,
    copy: Vec<u64>,
    trim: Trim,
}

impl Reader {
    pub(crate) fn new(shard: Arc<Shard>) -> Self {
        Self { shard, tail: 0, goal: 0, copy: Vec::new(), trim: Trim::default() }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Whether the last call of `drain` has left something for another turn.
    pub(crate) fn is_behind(&self) -> bool {
        self.tail != self.goal
    }

    /// Everything before this position was read.
    #[cfg(all(test, loom))]
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// Passes every record that was published before this call to `take`.
    #[cfg(test)]
    pub(crate) fn drain_all(&mut self, mut take: impl FnMut(&[u64])) -> u64 {
        let mut bytes = 0;
        loop {
            bytes += self.drain(|run, len| {
                take(&run[..len]);
                len
            });
            if !self.is_behind() {
                return bytes;
            }
        }
    }

    /// Passes the records that were published before this call to `take`, in order, and frees their room: one turn's share.
    /// The next call goes on, up to the same position. Returns the number of bytes. A turn doesn't end between records
    /// that belong together. Frees room after each part of the ring, so that a busy writer need not wait for the whole turn.
    ///
    /// `take` is given the words from a record on, and the length of that record. Behind it are the records that follow, up to a
    /// Skip or the end of the ring; the last of them may be cut. `take` looks at a record's header first, and at nothing behind a
    /// Skip. It returns the number of words that it has taken: that record at least.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&[u64], usize) -> usize) -> u64 {
        if !self.is_behind() {
            self.goal = self.shard.head().written.position();
        }
        let (start, head) = (self.tail, self.goal);
        let mut tail = start;
        let (words, sizes) = self.shard.writer().words();
        let (mask, part) = (sizes.bytes - 1, sizes.give_back_after());
        let mut given_back = start;
        while tail != head {
            let at = tail & mask;
            // SAFETY: the word is before `head`, which was read with acquire, and has not been returned yet (block, 3).
            let first = unsafe { words.read(at, 1, &mut self.copy) }[0];
            if tail - start >= TURN && !belongs_to_last(Header(first)) {
                break;
            }
            let len = Header(first).words();
            let readable = ((head - tail) / 8) as usize;
            if len == 0 || len > readable {
                match Skip::read(first).filter(|skip| skip.bytes <= head - tail) {
                    Some(skip) => {
                        tail = self.trim.jump(sizes, tail, skip);
                        continue;
                    }
                    // Not a record. A thread of this process can't write one, so there is no reason to continue.
                    None => {
                        tail = head;
                        break;
                    }
                }
            }
            let in_ring = ((mask + 1 - at) / 8) as usize;
            // Loom's copy of the words would read those behind a Skip, which may be the writer's.
            let ahead = if cfg!(loom) { len } else { readable.min(in_ring).max(len) };
            // SAFETY: as above, for the whole record, which is contiguous (block, 2), and for the records behind it up to a Skip
            // or the end of the ring. Of the words behind a Skip, which are initialised, `take` reads none.
            let run = unsafe { words.read(at, ahead, &mut self.copy) };
            tail += 8 * take(run, len).clamp(len, run.len()) as u64;
            if tail - given_back >= part {
                given_back = tail;
                self.shard.free(tail);
            }
        }
        self.tail = tail;
        if given_back != tail {
            self.shard.free(tail);
        }
        if start != tail {
            self.trim.saw(sizes, tail);
        }
        tail - start
    }

    /// Gives memory back that the shard doesn't use any more. Call it once per [`INTERVAL`](super::INTERVAL).
    pub(crate) fn tend(&mut self) {
        let (block, sizes) = self.shard.writer().words();
        let bytes = self.trim.tend(block, sizes, self.tail);
        self.shard.writer().budget().give(bytes);
        // A writer that met the mark may wait for its end.
        self.shard.writer().room().given_back();
    }

    /// Whether the thread that wrote has ended, and everything was read.
    pub(crate) fn is_left(&self) -> bool {
        is_left(self.shard.writer().words().0, self.tail)
    }

    /// Gives all memory back but the head's page: the last call. What is written from now on is never read.
    pub(crate) fn end(&mut self) {
        let (block, sizes) = self.shard.writer().words();
        block.free(&(0..sizes.words_bytes()));
    }
}
