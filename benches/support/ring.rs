//! The floor for every tracer: a ring of 64-byte records, with one cache line and one release store for each. One thread
//! writes it and another one drains it.
//!
//! A full ring loses the record, and counts the loss.

use std::sync::atomic::{AtomicU64, Ordering};

/// Eight words: one cache line.
#[repr(align(64))]
struct Slot([AtomicU64; 8]);

/// A counter on a separate cache line (on two, because the hardware fetches them in pairs).
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// A ring that one thread writes and one thread reads. The positions only grow.
pub struct Ring {
    /// Their number is a power of two.
    slots: Box<[Slot]>,
    /// Written by the writer, with release; the reader's acquire makes the slots before it visible.
    head: Counter,
    /// Written by the reader, with release; the writer's acquire makes the slots before it free.
    tail: Counter,
    lost: AtomicU64,
}

impl Ring {
    /// A ring whose memory was touched: each slot has been written once.
    pub fn new(records: usize) -> Self {
        let slot = |i| Slot(std::array::from_fn(|_| AtomicU64::new(i as u64 | 1)));
        Self {
            slots: (0..records.next_power_of_two()).map(slot).collect(),
            head: Counter::default(),
            tail: Counter::default(),
            lost: AtomicU64::new(0),
        }
    }

    /// Passes each record that was pushed before this call to `record`, and frees its slot. For one thread only.
    pub fn drain(&self, mut record: impl FnMut([u64; 8])) {
        let head = self.head.0.load(Ordering::Acquire);
        let tail = self.tail.0.load(Ordering::Relaxed);
        for position in tail..head {
            let slot = &self.slots[position as usize & (self.slots.len() - 1)];
            record(std::array::from_fn(|i| slot.0[i].load(Ordering::Relaxed)));
        }
        self.tail.0.store(head, Ordering::Release);
    }

    /// Whether everything that was pushed has been drained.
    pub fn is_empty(&self) -> bool {
        self.head.0.load(Ordering::Acquire) == self.tail.0.load(Ordering::Acquire)
    }

    /// The number of records that found no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The writing side, for the time in which one thread writes.
pub struct Writer<'a> {
    ring: &'a Ring,
    /// The ring's slots, at least one.
    slots: &'a [Slot],
    head: u64,
    /// The end of the free slots, as last seen.
    limit: u64,
}

impl<'a> Writer<'a> {
    /// A writer. There must be only one at a time.
    pub fn new(ring: &'a Ring) -> Self {
        let head = ring.head.0.load(Ordering::Relaxed);
        Self { ring, slots: &ring.slots, head, limit: head }
    }

    /// Appends a record; counts it as lost if there is no room.
    #[inline(always)]
    pub fn push(&mut self, words: [u64; 8]) {
        if self.head == self.limit && !self.find_space() {
            return;
        }
        let slot = &self.slots[self.head as usize & (self.slots.len() - 1)];
        for (to, word) in slot.0.iter().zip(words) {
            to.store(word, Ordering::Relaxed);
        }
        self.head += 1;
        self.ring.head.0.store(self.head, Ordering::Release);
    }

    /// Looks for free space again. Returns false and counts the loss if there is none.
    #[cold]
    fn find_space(&mut self) -> bool {
        self.limit = self.ring.tail.0.load(Ordering::Acquire) + self.slots.len() as u64;
        let found = self.head != self.limit;
        if !found {
            self.ring.lost.fetch_add(1, Ordering::Relaxed);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_counts_what_it_loses_and_is_used_again_once_drained() {
        let ring = Ring::new(4);
        let mut drained = 0;
        for round in 0..3 {
            let mut writer = Writer::new(&ring);
            (0..6).for_each(|id| writer.push([id; 8]));
            assert_eq!(ring.lost(), 2 * (round + 1));
            ring.drain(|record| drained += u64::from(record[7] < 4));
            assert_eq!(drained, 4 * (round + 1));
            assert!(ring.is_empty());
        }
    }
}
