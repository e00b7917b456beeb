//! The checks of the border that need a region: each has a record, a position or a count that it alone refuses. The checks
//! within a record have theirs in `core/src/wire/tests/refusals.rs`; the bugs in `ci/mutants/border.bugs` remove them one
//! by one.

use super::child_of;
use heirloom_core::mark::MarkKind;
use heirloom_core::region::{Death, Region};
use heirloom_core::testing::region::{tick, Collector, Parent, RawChild, RawRecord, RawShard};
use heirloom_core::{Settings, SpanId, Status};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

struct Child {
    region: Region,
    raw: RawChild,
    shard: RawShard,
}

fn start(ring_bytes: usize) -> Collector {
    Collector::start(ring_bytes, Settings::default()).unwrap()
}

fn child(collector: &Collector) -> Child {
    let family = child_of(collector.tracer(), &["job"]);
    let shard = family.shard();
    Child { region: family.region, raw: family.child, shard }
}

fn begin(span: u64) -> RawRecord {
    RawRecord::begin(span, 1, Parent::of_root(1 << 64 | 1), tick())
}

fn end(span: u64) -> RawRecord {
    RawRecord::end(span, 0, tick())
}

/// What a span that is open has in its status after its process did this to the shard and was killed.
fn status_after(crime: impl Fn(&mut Child, u64)) -> String {
    let mut collector = start(1 << 14);
    let mut child = child(&collector);
    let span = child.shard.unused_id().to_u64();
    assert!(child.shard.record(&begin(span)));
    collector.pass();
    crime(&mut child, span);
    collector.pass();
    let quarantined = close(&mut collector, &child.region);
    let spans = collector.take_spans();
    let [first] = spans.iter().filter(|it| it.span_id == SpanId::from_u64(span)).collect::<Vec<_>>()[..] else {
        panic!("{spans:?}")
    };
    assert!(quarantined <= 1, "{quarantined} shards");
    match &first.status {
        Status::Error(why) => why.clone(),
        _ => String::new(),
    }
}

/// Publishes these records.
fn publish(records: impl Fn(u64) -> Vec<RawRecord>) -> impl Fn(&mut Child, u64) {
    move |child, span| records(span).iter().for_each(|record| assert!(child.shard.record(record), "no room"))
}

#[track_caller]
fn refused(crime: impl Fn(&mut Child, u64), why: &str) {
    let status = status_after(crime);
    assert!(status.contains("damaged the shard") && status.contains(why), "{status}");
}

#[track_caller]
fn passes(crime: impl Fn(&mut Child, u64)) {
    let status = status_after(crime);
    assert!(!status.contains("damaged"), "{status}");
}

/// Ends the child, and returns the number of its quarantined shards.
fn close(collector: &mut Collector, region: &Region) -> u64 {
    region.died(Death::Killed(9));
    (0..3).for_each(|_| _ = collector.pass());
    region.wait_closed(Duration::ZERO).unwrap().quarantined
}

const NAME: &str = "a name that is not in the dictionary";
const LENGTH: &str = "an inconsistent length";
const POSITION: &str = "its position went back, or forward beyond the ring";
const FORGED: &str = "about a span that isn't its own";
const SEQUENCE: &str = "a span starts twice, or ends without a start";

#[test]
fn a_name_has_a_number_of_the_dictionary() {
    passes(publish(|span| vec![begin(span + 2)]));
    refused(publish(|span| vec![begin(span + 2).with_aux(0)]), NAME);
    refused(publish(|span| vec![begin(span + 2).with_aux(2)]), NAME);
}

#[test]
fn a_value_that_no_ring_holds_is_refused_when_it_begins() {
    let long = |span, len: u64| RawRecord::attribute(span, 1, &"a long text".into(), 32)[0].clone().with_word(2, len);
    passes(publish(move |span| vec![long(span, 1 << 14)]));
    refused(publish(move |span| vec![long(span, (1 << 14) + 1)]), LENGTH);
}

#[test]
fn a_span_begins_once_and_ends_once() {
    passes(publish(|span| vec![begin(span + 2), end(span + 2)]));
    refused(publish(|span| vec![begin(span)]), SEQUENCE);
    refused(publish(|span| vec![begin(span + 2), end(span + 2), end(span + 2)]), SEQUENCE);
}

/// The collector would find no such span of the process, and say so in other words.
#[test]
fn a_record_is_about_a_span_of_its_process() {
    refused(publish(|_| vec![end(7)]), FORGED);
    refused(publish(|_| vec![RawRecord::event(7, 1, &[], 0, tick())]), FORGED);
    refused(publish(|_| vec![begin(7)]), FORGED);
}

/// By a process that was forked from it.
#[test]
fn what_is_written_after_the_death_is_not_read() {
    let mut collector = start(1 << 14);
    let mut child = child(&collector);
    let span = child.shard.unused_id().to_u64();
    assert!(child.shard.record(&begin(span)));
    child.region.died(Death::Killed(9));
    collector.pass();
    let late = child.shard.unused_id().to_u64() + 2;
    assert!(child.shard.record(&begin(late)));
    (0..3).for_each(|_| _ = collector.pass());
    let report = child.region.wait_closed(Duration::ZERO).unwrap();
    assert_eq!((report.spans, report.aborted, report.quarantined), (1, 1, 0));
    assert_eq!((collector.take_spans().len(), collector.held().open), (1, 0));
}

#[test]
fn a_record_has_a_length_within_what_was_published() {
    refused(publish(|span| vec![RawRecord::of(0, 0, 0, &[span]).with_length(0)]), LENGTH);
    refused(publish(|span| vec![end(span).with_length(4)]), LENGTH);
}

#[test]
fn a_position_is_whole_and_within_the_ring() {
    for change in [4, 1 << 20, 0_u64.wrapping_sub(8)] {
        refused(|child, _| _ = child.raw.head(0, 0).fetch_add(change, Relaxed), POSITION);
    }
}

#[test]
fn the_shard_of_a_span_is_the_one_that_begins_it() {
    let mut collector = start(1 << 14);
    let mut child = child(&collector);
    let mut other = child.raw.shard(2, "other").unwrap();
    // Of this process, of another shard.
    assert!(child.shard.record(&begin(other.unused_id().to_u64())));
    let own = other.unused_id().to_u64();
    assert!(other.record(&begin(own)) && other.record(&end(own)));
    collector.pass();
    assert_eq!(close(&mut collector, &child.region), 1);
    assert_eq!(collector.take_spans().len(), 1);
}

#[test]
fn a_stray_end_is_about_a_span_of_its_process() {
    let mut collector = start(1 << 14);
    let child = child(&collector);
    // A span that no process has: it would be kept for some passes, and counted as late.
    assert!(child.raw.stray_end(7));
    collector.pass();
    assert_eq!(collector.held().waiting, 0);
    assert_eq!(close(&mut collector, &child.region), 0);
}

/// A process can't displace the records of others that wait for their spans.
#[test]
fn of_early_records_a_process_gets_half() {
    let mut collector = start(1 << 20);
    let mut child = child(&collector);
    let first = child.shard.unused_id().to_u64();
    for n in 0..40_000 {
        assert!(child.shard.record(&RawRecord::end(first + 2 * n, RawRecord::ELSEWHERE, tick())), "no room for {n}");
    }
    collector.pass();
    assert_eq!(collector.held().waiting, 65_536 / 2);
    assert_eq!(close(&mut collector, &child.region), 0);
    assert_eq!(collector.held().waiting, 0);
}

/// A process can record polls of spans that it never begins. They are kept for one more pass.
#[test]
fn polls_that_wait_for_their_span_are_bounded() {
    let mut collector = start(1 << 20);
    let child = child(&collector);
    let mut shards: Vec<_> = (2..8).map(|thread| child.raw.shard(thread, "worker").unwrap()).collect();
    let first = shards[0].unused_id().to_u64();
    for (thread, shard) in (0..).zip(&mut shards) {
        for n in 0..12_000 {
            let unknown = first + 2 * (thread * 12_000 + n);
            let poll = RawRecord::mark(MarkKind::Poll, unknown, tick(), 1, [0; 4], "");
            assert!(shard.record(&poll), "no room for {n}");
        }
    }
    collector.pass();
    assert_eq!(collector.held().polls, 65_536, "of 72,000");
    assert_eq!(close(&mut collector, &child.region), 0);
    assert_eq!(collector.held().polls, 0);
}

/// Eighteen shards of 14,000 open spans are what a process may have, and no shard has more than it may.
#[test]
fn one_process_does_not_keep_open_what_it_likes() {
    let mut collector = start(1 << 20);
    let child = child(&collector);
    let mut most = 0;
    for thread in 0..20 {
        let mut shard = child.raw.shard(thread, "worker").unwrap();
        for _ in 0..14_000 {
            let span = shard.unused_id().to_u64();
            assert!(shard.record(&begin(span)), "no room");
        }
        collector.pass();
        most = most.max(collector.held().open);
    }
    assert!((250_000..=1 << 18).contains(&most), "{most} were open");
    // The nineteenth is quarantined; its spans are closed, which makes room for a part of the twentieth.
    assert_eq!(close(&mut collector, &child.region), 2);
    assert_eq!(collector.held().open, 0);
}
