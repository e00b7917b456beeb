//! The memory of a child's rings: it grows with what is unread, comes back as holes in the shared memory, and a child that
//! lies about it harms itself alone.

use super::child_of;
use heirloom_core::region::{Death, Region, RegionReport};
use heirloom_core::testing::region::{Collector, Parent, RawChild, RawRecord, RawShard, SharedMemory};
use heirloom_core::Settings;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

/// Words of a shard's head: `docs/shm-format.md`.
const CLAIM: usize = 8;
const TAKEN: usize = 9;
/// Words of the region's header.
const RINGS_MOST: usize = 11;
const RINGS_USED: usize = 39;

struct Family {
    collector: Collector,
    memory: SharedMemory,
    region: Region,
    child: RawChild,
}

fn family(ring_bytes: usize, budget: usize) -> Family {
    let mut settings = Settings::default();
    settings.ring_bytes = budget;
    let collector = Collector::start(ring_bytes, settings).unwrap();
    let super::Family { memory, region, child } = child_of(collector.tracer(), &["job"]);
    Family { collector, memory, region, child }
}

impl Family {
    fn shard(&self, thread: u64) -> RawShard {
        self.child.shard(thread, "worker").unwrap()
    }

    /// Looks after the memory until nothing counts as used any more but what is.
    fn tend(&mut self) {
        self.collector.tend();
        self.collector.tend();
    }

    fn end(&mut self) -> RegionReport {
        self.region.died(Death::Killed(9));
        for _ in 0..3 {
            self.collector.pass();
        }
        self.region.wait_closed(Duration::ZERO).unwrap()
    }

    /// How many bytes of the region are memory.
    #[allow(unsafe_code)]
    fn resident(&self) -> usize {
        let words = self.memory.words();
        let mut pages = vec![0_u8; words.len() * 8 / 4096];
        // SAFETY: the range is mapped, starts at a page, and `pages` has a byte for each page.
        let done = unsafe { libc::mincore(words.as_ptr().cast_mut().cast(), words.len() * 8, pages.as_mut_ptr()) };
        assert_eq!(done, 0);
        pages.iter().filter(|page| **page & 1 != 0).count() * 4096
    }
}

/// Starts and ends spans, with a text each, in some 150 bytes.
fn record(shard: &mut RawShard, spans: u64) -> u64 {
    let one = |_: &u64| {
        let Some(span) = shard.begin(1, Parent::of_root(1 << 64 | 1)) else { return false };
        shard.text(span, "key", "some text of a usual length, to fill the ring");
        shard.end(span);
        true
    };
    (0..spans).filter(one).count() as u64
}

#[test]
fn a_regions_ring_gives_its_memory_back_as_holes() {
    let mut family = family(1 << 20, 64 << 20);
    let mut shard = family.shard(1);
    let before = family.resident();
    let mut recorded = 0;
    for ends_lease in [false, true, false] {
        recorded += record(&mut shard, 6_000);
        assert!(family.resident() > before + (600 << 10), "{}", family.resident());
        family.collector.pass();
        if ends_lease {
            shard.rest();
        }
        family.tend();
        let most = if ends_lease { 4096 } else { 160 << 10 };
        assert!(family.resident() <= before + most, "{} above {before}", family.resident() - before);
    }
    assert_eq!(recorded, 18_000, "there was always room");
    assert!(family.memory.words()[RINGS_USED].load(Relaxed) <= 160 << 10);
    let report = family.end();
    assert_eq!((report.spans, report.aborted, report.quarantined), (recorded, 0, 0));
    assert_eq!(family.collector.take_spans().len() as u64, recorded);
}

#[test]
fn the_rings_of_a_child_keep_to_the_budget_of_its_parent() {
    let mut family = family(32 << 20, 1 << 20);
    assert_eq!(family.memory.words()[RINGS_MOST].load(Relaxed), 1 << 20);
    let mut shards = [family.shard(1), family.shard(2)];
    let before = family.resident();
    let recorded: u64 = shards.iter_mut().map(|shard| record(shard, 30_000)).sum();
    assert!(recorded < 10_000 && family.resident() < before + (1 << 20) + (32 << 10), "{}", family.resident() - before);
    family.collector.pass();
    family.tend();
    let more = record(&mut shards[1], 4_000);
    assert!(more > 3_000, "what one gave back is there for another: {more}");
    assert_eq!(family.end().spans, recorded + more);
}

#[test]
fn memory_that_is_freed_while_a_child_records_costs_no_record() {
    let mut family = family(1 << 20, 64 << 20);
    let mut shard = family.shard(1);
    let done = AtomicBool::new(false);
    let recorded: u64 = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let recorded = (0..400).map(|round| record(&mut shard, [3000, 10, 100, 1][round % 4])).sum();
            done.store(true, Release);
            recorded
        });
        while !done.load(Acquire) {
            family.collector.pass();
            family.collector.tend();
        }
        writer.join().unwrap()
    });
    let report = family.end();
    assert_eq!((report.spans, report.aborted, report.quarantined), (recorded, 0, 0));
    let spans = family.collector.take_spans();
    assert!(spans.iter().all(|span| span.attributes.len() <= 1));
    assert_eq!(spans.len() as u64, recorded);
}

#[test]
fn a_child_that_dies_with_a_claim_leaves_all_of_its_records() {
    for marks in [0, 1, 2, 3, 1 << 61, 7 << 61] {
        let mut family = family(1 << 20, 64 << 20);
        let mut shard = family.shard(1);
        let first = record(&mut shard, 1000);
        family.collector.pass();
        let second = record(&mut shard, 500);
        // It died in the middle of a refill, or while its parent freed memory.
        family.child.head(0, CLAIM).fetch_xor(marks, Relaxed);
        family.tend();
        let report = family.end();
        assert_eq!((report.spans, report.quarantined), (first + second, 0), "{marks:x}");
        assert_eq!(family.collector.take_spans().len() as u64, first + second, "{marks:x}");
    }
}

#[test]
fn a_claim_that_lies_costs_its_own_shard_at_most() {
    let lies = [0, 1, 8, u64::MAX, u64::MAX >> 1, 1 << 20, (1 << 20) + 8, 1 << 61, 2, 3, 0x1234_5678, 4096, 65_536];
    for claim in lies {
        for taken in [0, 4096, 1 << 20, u64::MAX] {
            let mut family = family(1 << 20, 64 << 20);
            let (mut hostile, mut good) = (family.shard(1), family.shard(2));
            record(&mut hostile, 2000);
            let mut recorded = record(&mut good, 2000);
            family.collector.pass();
            record(&mut hostile, 100);
            recorded += record(&mut good, 1000);
            family.child.head(0, CLAIM).store(claim, Relaxed);
            family.child.head(0, TAKEN).store(taken, Relaxed);
            family.tend();
            family.tend();
            // The unread records of the other shard are all there, and it goes on.
            family.collector.pass();
            recorded += record(&mut good, 1000);
            let report = family.end();
            assert!(report.quarantined <= 1, "{claim:x} {taken:x}");
            let spans = family.collector.take_spans();
            let of_good = spans.iter().filter(|span| span.lane.thread_id == 2).count() as u64;
            assert_eq!(of_good, recorded, "{claim:x} {taken:x}");
        }
    }
}

#[test]
fn the_header_of_a_budget_that_lies_is_no_matter_to_the_parent() {
    for used in [u64::MAX, 0] {
        let mut family = family(1 << 20, 64 << 20);
        let mut shard = family.shard(1);
        let recorded = record(&mut shard, 3000);
        family.memory.words()[RINGS_USED].store(used, Relaxed);
        family.memory.words()[RINGS_MOST].store(0, Relaxed);
        family.collector.pass();
        family.tend();
        let more = record(&mut shard, 10);
        assert_eq!(family.end().spans, recorded + more);
    }
}

#[test]
fn a_skip_leads_to_what_was_published_or_quarantines_its_shard() {
    let begin = |id| RawRecord::begin(id, 1, Parent::of_root(1 << 64 | 1), 1);
    type Words = fn(u64) -> Vec<u64>;
    let cases: [(&str, bool, Words); 8] = [
        ("over words without a meaning", true, |_| [&RawRecord::skip(24)[..], &[u64::MAX, 0]].concat()),
        ("over nothing", true, |_| RawRecord::skip(8).to_vec()),
        ("two in a row", true, |_| [&RawRecord::skip(8)[..], &RawRecord::skip(16), &[0]].concat()),
        ("to nowhere", false, |_| RawRecord::skip(8).with_aux(0).to_vec()),
        ("with a flag", false, |_| RawRecord::skip(8).with_flags(1).to_vec()),
        ("with a length", false, |_| RawRecord::skip(8).with_length(1).to_vec()),
        ("behind what is published", false, |_| RawRecord::skip(1 << 20).to_vec()),
        ("in the middle of a value", false, |span| {
            let parts = RawRecord::attribute(span, 1, &"abcdefgh".repeat(3).into(), 40);
            [&parts[0][..], &RawRecord::skip(8), &parts[1]].concat()
        }),
    ];
    for (what, is_good, words) in cases {
        let mut family = family(1 << 20, 64 << 20);
        let mut shard = family.shard(1);
        let (first, second) = (shard.unused_id().to_u64(), shard.unused_id().to_u64());
        assert!(shard.record(&begin(first)) && shard.record(&words(first)) && shard.record(&begin(second)));
        family.collector.pass();
        let report = family.end();
        assert_eq!((report.quarantined, report.spans), if is_good { (0, 2) } else { (1, 1) }, "{what}");
        assert_eq!(family.collector.take_spans().len(), if is_good { 2 } else { 1 }, "{what}");
    }
}

#[test]
fn a_skip_never_leads_to_a_record_that_was_not_published() {
    let mut family = family(1 << 20, 64 << 20);
    let mut shard = family.shard(1);
    let begin = |id| RawRecord::begin(id, 1, Parent::of_root(1 << 64 | 1), 1);
    let (first, second) = (shard.unused_id().to_u64(), shard.unused_id().to_u64());
    assert!(shard.record(&begin(first)));
    let at = family.child.head(0, 0).load(Relaxed);
    assert!(shard.record(&RawRecord::skip(4096)));
    for (word, to) in begin(second).iter().zip(&family.child.ring(0)[(at as usize + 4096) / 8..]) {
        to.store(*word, Relaxed);
    }
    family.collector.pass();
    let report = family.end();
    assert_eq!((report.quarantined, report.spans), (1, 1));
}

#[test]
fn a_head_more_than_two_rings_ahead_is_no_position() {
    for (ahead, quarantined) in [(0, 0), ((2 << 20) + 8, 1), (u64::MAX / 2, 1)] {
        let mut family = family(1 << 20, 64 << 20);
        let mut shard = family.shard(1);
        record(&mut shard, 1);
        family.collector.pass();
        family.child.head(0, 0).fetch_add(ahead / 8 * 8, Relaxed);
        family.collector.pass();
        assert_eq!(family.end().quarantined, quarantined, "{ahead:x}");
    }
}
