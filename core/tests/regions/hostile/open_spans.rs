//! More open spans than a child may have.

use super::{begin, family, of_child, Family, PID};
use heirloom_core::testing::region::RawShard;
use heirloom_core::{in_root, testing, Context, Status};
use std::time::{Duration, Instant};

#[test]
fn a_child_that_opens_more_than_it_may_is_stopped() {
    let few = |b: heirloom_core::Builder| {
        let mut settings = heirloom_core::Settings::default();
        settings.max_open_spans_per_thread = 1000;
        testing::small_shards(b.settings(settings), 16 << 10)
    };
    testing::run_with(few, |t| {
        in_root("main", |_| {
            let family = family(t);
            let mut shard = family.shard();
            let start = Instant::now();
            while t.tracer().ledger().quarantined == 0 {
                assert!(start.elapsed() < Duration::from_secs(60), "it was never stopped");
                let id = shard.unused_id().to_u64();
                if !shard.record(&begin(id)) {
                    family.region.wake_collector();
                    std::thread::yield_now();
                }
            }
            let report = family.kill();
            assert_eq!(report.quarantined, 1);
            assert!((1000..10_000).contains(&report.aborted), "{report:?}");
        });
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced(), "{ledger}");
    });
}

#[test]
fn a_child_with_too_many_open_spans_is_told_that_and_not_that_it_is_damaged() {
    const MAX_OPEN: usize = 1 << 18;
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            // As a program of good will: each thread is within its own limit.
            let stopped = (1..=20).any(|thread| {
                let mut shard = family.child.shard(thread, "worker").unwrap();
                !(0..15_000).all(|_| begin_waiting(&mut shard, &family, root.context()))
            });
            assert!(stopped || t.tracer().ledger().quarantined > 0);
            let report = family.kill();
            assert!(report.quarantined > 0, "{report:?}");
        });
        let spans = t.spans();
        let told = Status::Error(format!("aborted: process {PID} has more than {MAX_OPEN} open spans"));
        assert!(of_child(&spans).iter().any(|span| span.status == told), "the spans of the quarantined shard say why");
        assert!(!spans.iter().any(|span| format!("{:?}", span.status).contains("damaged")));
        t.assert_balanced();
    });
}

/// Begins a span, however full the ring is. `false` if nothing makes room: its shard is quarantined.
fn begin_waiting(shard: &mut RawShard, family: &Family, cx: Context) -> bool {
    let start = Instant::now();
    while shard.begin(1, cx).is_none() {
        if start.elapsed() > Duration::from_secs(2) {
            return false;
        }
        family.region.wake_collector();
        std::thread::yield_now();
    }
    true
}
