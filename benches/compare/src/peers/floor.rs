//! The floor: two reads of the cheapest clock and a 64-byte record with one release store into a ring of the thread's
//! own, which another thread drains. It records no attributes, so it is the same floor with and without them.
//!
//! A ring that is full loses the record and the loss is counted, but the rings are large enough that it doesn't happen.

use super::Peer;
use crate::account::{Account, Tally};
use crate::clock::ticks;
use crate::plan::Scenario;
use crate::workload::{Samples, Stretch};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the drainer rests between two rounds. Reading the rings without pause would slow the writers.
const PAUSE: Duration = Duration::from_millis(1);

/// The parent's id; the children's are larger.
const PARENT_ID: u64 = 1;

pub(super) struct Floor {
    /// One per thread, and a last one for the parent.
    rings: Arc<[Ring]>,
    stop: Arc<AtomicBool>,
    drainer: JoinHandle<Account>,
}

impl Peer for Floor {
    /// When it began.
    type Parent = u64;

    fn start(scenario: &Scenario) -> Result<Self, String> {
        let spans = scenario.spans_per_thread + scenario.warm_up_spans;
        let records = (scenario.ring_bytes as u64 / 64).min(spans).next_power_of_two() as usize;
        let rings: Arc<[Ring]> =
            (0..=scenario.threads).map(|i| Ring::new(if i == scenario.threads { 1 } else { records })).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let drainer = {
            let (rings, stop) = (Arc::clone(&rings), Arc::clone(&stop));
            std::thread::spawn(move || drain_until(&rings, &stop))
        };
        Ok(Self { rings, stop, drainer })
    }

    fn open_parent(&self) -> u64 {
        ticks()
    }

    fn record<const ATTRIBUTES: bool>(&self, _parent: &u64, stretch: Stretch, _samples: &Samples) {
        let mut writer = Writer::new(&self.rings[stretch.thread]);
        for id in stretch.ids() {
            let start = ticks();
            let end = ticks();
            writer.push([0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, id, PARENT_ID, start, end, 1, 0]);
        }
    }

    fn finish(self, parent: u64) -> Result<Tally, String> {
        let record = [0x0af7_6519_16cd_43dd, 0x8448_eb21_1c80_319c, PARENT_ID, 0, parent, ticks(), 2, 0];
        Writer::new(&self.rings[self.rings.len() - 1]).push(record);
        self.stop.store(true, Ordering::Release);
        let mut account = self.drainer.join().map_err(|_| "the drainer panicked".to_owned())?;
        let lost = self.rings.iter().map(|ring| ring.lost.load(Ordering::Relaxed)).sum();
        Ok(Tally { named_lost: Some(lost), ..account.tally() })
    }
}

fn drain_until(rings: &[Ring], stop: &AtomicBool) -> Account {
    let mut account = Account::default();
    loop {
        let last_round = stop.load(Ordering::Acquire); // Pairs with `finish`: what was pushed before it is seen below.
        rings.iter().for_each(|ring| ring.drain(&mut account));
        if last_round {
            return account;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Eight words: one cache line.
#[repr(align(64))]
struct Slot([AtomicU64; 8]);

/// A counter on a cache line of its own (two, because the hardware fetches them in pairs).
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// A ring that one thread writes and one thread reads. The positions only grow.
struct Ring {
    /// A power of two of them.
    slots: Box<[Slot]>,
    /// Written by the writer, with release; the reader's acquire makes the slots before it visible.
    head: Counter,
    /// Written by the reader, with release; the writer's acquire makes the slots before it free.
    tail: Counter,
    lost: AtomicU64,
}

impl Ring {
    /// A ring whose memory is in place: each slot has been written once.
    fn new(records: usize) -> Self {
        let slot = |i| Slot(std::array::from_fn(|_| AtomicU64::new(i as u64 | 1)));
        Self {
            slots: (0..records.next_power_of_two()).map(slot).collect(),
            head: Counter::default(),
            tail: Counter::default(),
            lost: AtomicU64::new(0),
        }
    }

    fn drain(&self, account: &mut Account) {
        let head = self.head.0.load(Ordering::Acquire);
        let tail = self.tail.0.load(Ordering::Relaxed);
        for position in tail..head {
            let slot = &self.slots[position as usize & (self.slots.len() - 1)];
            account.add(slot.0[2].load(Ordering::Relaxed), slot.0[3].load(Ordering::Relaxed));
        }
        self.tail.0.store(head, Ordering::Release);
    }
}

/// The writing side, for as long as one thread writes.
struct Writer<'a> {
    ring: &'a Ring,
    /// The ring's slots, at least one.
    slots: &'a [Slot],
    head: u64,
    /// Where the free slots end, as far as known.
    limit: u64,
}

impl<'a> Writer<'a> {
    fn new(ring: &'a Ring) -> Self {
        let head = ring.head.0.load(Ordering::Relaxed);
        Self { ring, slots: &ring.slots, head, limit: head }
    }

    #[inline(always)]
    fn push(&mut self, words: [u64; 8]) {
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

    /// Whether there is space now; counts the loss if not.
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
        let mut account = Account::default();
        for round in 0..3 {
            let mut writer = Writer::new(&ring);
            (0..6).for_each(|id| writer.push([0, 0, 10 + id, PARENT_ID, 0, 0, 0, 0]));
            assert_eq!(ring.lost.load(Ordering::Relaxed), 2 * (round + 1));
            ring.drain(&mut account);
            assert_eq!(account.tally().received, 4 * (round + 1));
        }
    }
}
