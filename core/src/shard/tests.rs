//! One writer and its reader on one thread, in any order: what is read is what was written, in memory that is no larger than
//! it must be. The models (`models/`) are about two threads.
#![allow(clippy::unwrap_used)]

use super::sizes::FIRST;
use super::*;
use crate::clock;
use crate::random::Random;
use crate::wire::{Begin, End, Header, Kind};
use crate::TraceId;

const RING: u64 = 1 << 20;

struct Pair {
    shard: Arc<Shard>,
    reader: Reader,
    budget: Arc<OwnBudget>,
    /// The next number to write, and the next one to read.
    next: u64,
    expected: u64,
}

impl Pair {
    fn new(bytes: u64, most: u64) -> Self {
        let budget = Arc::new(OwnBudget::new(most));
        let sizes = Sizes { bytes, max_open: 1 << 20, max_value_bytes: 64 << 10 };
        let shard = Arc::new(Shard::new(sizes, clock::MANUAL, 1, Arc::clone(&budget) as Arc<dyn Budget>).unwrap());
        let reader = Reader::new(Arc::clone(&shard));
        Self { shard, reader, budget, next: 0, expected: 0 }
    }

    /// Appends a record of this many words, each of which has its number.
    fn write(&mut self, words: usize) -> Result<(), Refused> {
        let bytes = 8 * words as u64;
        let writer = self.shard.writer();
        if !writer.fits(bytes) {
            writer.refill(bytes, false).outcome?;
        }
        let mut out = writer.out();
        crate::wire::Sink::start(&mut out, [Header::new(Kind::Link, bytes, 0, 0).0]);
        (1..words).for_each(|_| crate::wire::Sink::word(&mut out, self.next));
        out.publish();
        self.next += 1;
        Ok(())
    }

    /// Appends this many bytes, in records of 64.
    fn write_bytes(&mut self, bytes: u64) -> Result<(), Refused> {
        (0..bytes / 64).try_for_each(|_| self.write(8))
    }

    fn read(&mut self) {
        let expected = &mut self.expected;
        self.reader.drain_all(|record| {
            assert!(record[1..].iter().all(|word| word == expected), "{record:x?} instead of {expected:x}");
            *expected += 1;
        });
        assert_eq!(self.expected, self.next, "everything is read");
    }

    fn used(&self) -> u64 {
        self.budget.used().load(Ordering::Relaxed)
    }

    /// Looks after the memory twice, so that nothing counts as used any more but what is.
    #[cfg(target_os = "linux")]
    fn tend(&mut self) {
        self.reader.tend();
        self.reader.tend();
    }
}

#[test]
fn whatever_is_written_read_and_freed_in_any_order_arrives_once_and_in_order() {
    let random = Random::new();
    for round in 0..60 {
        let ring = FIRST << (random.next() % 4);
        let most = if random.next() % 3 == 0 { 128 << 10 } else { u64::MAX };
        let mut pair = Pair::new(ring, most);
        let mut refused = 0;
        let burst = 1 + random.next() % 400;
        for _ in 0..400 {
            match random.next() % 10 {
                0..=4 => {
                    for _ in 0..1 + random.next() % burst {
                        let words = if random.next() % 50 == 0 { 512 } else { 2 + random.next() % 40 };
                        refused += u32::from(pair.write(words as usize).is_err());
                    }
                }
                5..=7 => pair.read(),
                8 => pair.reader.tend(),
                _ => pair.shard.writer().rest(),
            }
            assert!(pair.used() <= most.saturating_add(16 << 10), "{round}: {}", pair.used());
            // Memory that a reclaim left to the writer's claim may count twice until the next one.
            assert!(pair.used() <= 2 * ring + 4096, "{round}: {} of {ring}", pair.used());
        }
        pair.read();
        // A ring that is empty takes anything, whatever was before.
        (0..refused.min(1)).for_each(|_| pair.write(512).unwrap());
        pair.read();
    }
}

#[test]
fn a_thread_that_its_collector_follows_stays_in_the_first_64_kib() {
    let mut pair = Pair::new(16 << 20, 64 << 20);
    for _ in 0..10_000 {
        pair.write_bytes(1024).unwrap();
        pair.read();
    }
    assert!(pair.shard.writer().position() > 10 << 20);
    assert!(pair.used() <= FIRST + 16 * 1024, "{}", pair.used());
}

#[test]
fn a_thread_whose_collector_is_always_behind_stays_in_a_few_times_as_much() {
    let mut pair = Pair::new(16 << 20, 64 << 20);
    // 100 KB are unread when the collector looks, and 10 KB when it has read those: the ring is never empty.
    let mut read = 0;
    for _ in 0..1_000 {
        pair.write_bytes(100 << 10).unwrap();
        let (shard, until) = (Arc::clone(&pair.shard), pair.next);
        pair.reader.drain_all(|record| {
            assert_eq!(record[1], read);
            read += 1;
        });
        assert_eq!(read, until);
        assert!(!shard.writer().fits(1 << 20));
        pair.expected = read;
        pair.write_bytes(10 << 10).unwrap();
    }
    assert!(pair.used() <= 512 << 10, "{}", pair.used());
}

#[test]
fn a_burst_of_the_largest_rings_size_finds_room_wherever_the_writer_is() {
    for before in [0, 8 << 10, 60 << 10, 64 << 10, 72 << 10, 300 << 10, 1 << 20] {
        for unread in [0, 64, 4 << 10] {
            let mut pair = Pair::new(16 << 20, 64 << 20);
            for _ in 0..before / 1024 {
                pair.write_bytes(1024).unwrap();
                pair.read();
            }
            pair.write_bytes(unread).unwrap();
            pair.write_bytes((16 << 20) - (300 << 10)).unwrap();
            pair.read();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_budget_bounds_all_rings_together_and_what_was_freed_is_there_for_others() {
    let mut first = Pair::new(16 << 20, 1 << 20);
    let mut second = Pair::new(16 << 20, 0);
    let sizes = Sizes { bytes: 16 << 20, max_open: 1000, max_value_bytes: 1000 };
    let shard = Shard::new(sizes, clock::MANUAL, 1, Arc::clone(&first.budget) as Arc<dyn Budget>).unwrap();
    second.shard = Arc::new(shard);
    second.reader = Reader::new(Arc::clone(&second.shard));
    let why = (0..).find_map(|_| first.write(8).err()).unwrap();
    assert_eq!(why, Refused::Budget);
    assert!((1000 << 10..=1 << 20).contains(&first.used()), "{}", first.used());
    // A new thread can always record.
    second.write_bytes(8 << 10).unwrap();
    assert_eq!(second.write_bytes(64 << 10), Err(Refused::Budget));
    second.read();
    // Within what it has it goes on.
    (0..100).for_each(|_| {
        second.write_bytes(4 << 10).unwrap();
        second.read();
    });
    first.read();
    first.tend();
    assert!(first.used() <= 64 << 10, "{}", first.used());
    second.write_bytes(512 << 10).unwrap();
    second.read();
}

#[test]
fn a_ring_that_is_full_says_so_and_one_without_budget_says_that() {
    let mut full = Pair::new(FIRST, u64::MAX);
    assert_eq!((0..).find_map(|_| full.write(8).err()), Some(Refused::Full));
    assert!(full.next * 64 > FIRST - 16 * 1024);
    let mut poor = Pair::new(RING, 1 << 17);
    assert_eq!((0..).find_map(|_| poor.write(8).err()), Some(Refused::Budget));
    assert!(poor.next * 64 > (1 << 17) - 16 * 1024);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_comes_back_after_a_burst_from_a_busy_thread_an_idle_one_and_one_that_ended() {
    let burst = || {
        let mut pair = Pair::new(16 << 20, 64 << 20);
        pair.write_bytes(8 << 20).unwrap();
        pair.read();
        assert!(pair.used() > 8 << 20);
        pair
    };
    let mut busy = burst();
    for _ in 0..10 {
        (0..200).for_each(|_| {
            busy.write_bytes(1024).unwrap();
            busy.read();
        });
        busy.reader.tend();
    }
    assert!(busy.used() <= 512 << 10, "busy: {}", busy.used());
    let mut idle = burst();
    idle.tend();
    assert!(idle.used() <= 160 << 10, "idle: {}", idle.used());
    let mut ended = burst();
    ended.shard.writer().rest();
    ended.tend();
    assert_eq!(ended.used(), 0, "ended");
    for pair in [&mut busy, &mut idle, &mut ended] {
        pair.write_bytes(12 << 20).unwrap();
        pair.read();
    }
}

#[test]
fn memory_that_is_freed_keeps_what_is_unread_and_what_the_writer_may_write() {
    let random = Random::new();
    for _ in 0..200 {
        let mut pair = Pair::new(RING, u64::MAX);
        pair.write_bytes(random.next() % (RING / 2)).unwrap();
        pair.read();
        pair.write_bytes(random.next() % (64 << 10)).unwrap();
        pair.reader.tend();
        pair.write_bytes(random.next() % (64 << 10)).unwrap();
        pair.reader.tend();
        pair.reader.tend();
        pair.read();
    }
}

#[test]
fn ends_of_open_spans_have_their_room_through_jumps_and_reclaims() {
    let mut pair = Pair::new(RING, u64::MAX);
    let begin = |pair: &Pair| {
        let writer = pair.shard.writer();
        if !writer.fits_begin(Begin::BYTES) {
            writer.refill(Begin::BYTES + End::BYTES, true).outcome?;
        }
        let trace = TraceId { hi: 1, lo: 1 };
        Ok::<_, Refused>(writer.begin(Begin { flags: 0, name: 0, propagated: 0, parent: 0, trace, tick: 1 }))
    };
    let mut count = [0, 0];
    for round in 0..200 {
        let open: Vec<u64> = (0..1 + round * 50).map_while(|_| begin(&pair).ok()).collect();
        assert!(!open.is_empty());
        if round % 2 == 0 {
            pair.reader.drain_all(|record| count[usize::from(record.len() == 3)] += 1);
            pair.reader.tend();
        }
        for span in &open {
            pair.shard.writer().end(End { flags: 0, dropped: 0, span: *span, tick: 1 });
        }
        pair.reader.drain_all(|record| count[usize::from(record.len() == 3)] += 1);
        pair.reader.tend();
        assert_eq!(count[0], count[1], "{round}");
    }
    let begun = pair.shard.head().written.counts().begun;
    assert_eq!(count, [begun; 2]);
}

#[test]
fn a_thread_gets_no_shard_whose_memory_is_being_freed() {
    let budget: Arc<dyn Budget> = Arc::new(OwnBudget::new(u64::MAX));
    let make = move |sizes, clock, first_id| Shard::new(sizes, clock, first_id, Arc::clone(&budget));
    let sizes = Sizes { bytes: RING, max_open: 1 << 20, max_value_bytes: 64 << 10 };
    let registry = Registry::new(sizes, Box::new(make));
    let lease = || registry.lease(clock::MANUAL, || 1).unwrap();
    let (first, second) = (lease(), lease());
    let claim = &first.head().written.claim;
    registry.give_back(Arc::clone(&first));
    registry.give_back(Arc::clone(&second));
    let before = claim::Claim(claim.load(Ordering::Relaxed));
    claim.store(before.reclaiming().0, Ordering::Relaxed);
    assert!(Arc::ptr_eq(&lease(), &second), "the one behind it");
    let new = lease();
    assert!(!Arc::ptr_eq(&new, &first), "else a new one");
    claim.store(before.0, Ordering::Relaxed);
    assert!(Arc::ptr_eq(&lease(), &first), "and it is free when that is over");
}
