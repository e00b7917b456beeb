//! Times outside of the child's life, and records after its death.

use super::{escaped_end, family, flush, of_child};
use heirloom_core::testing::region::RawRecord;
use heirloom_core::{in_root, testing};
use std::time::{Duration, Instant};

#[test]
fn stamps_lie_within_the_life_of_the_process() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let before = Instant::now();
            for stamp in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63] {
                let id = shard.unused_id().to_u64();
                let begin = RawRecord::begin(id, 1, root.context(), stamp);
                shard.record(&[&begin[..], &RawRecord::end(id, 0, !stamp)].concat());
            }
            family.kill();
            for span in of_child(&t.spans()) {
                assert!(span.start_ns <= span.end_ns);
                assert!(u128::from(span.end_ns - span.start_ns) <= before.elapsed().as_nanos() + 50_000_000);
            }
        });
        let spans = t.spans();
        let main = spans.iter().find(|s| s.name == "main").unwrap();
        let children = of_child(&spans);
        assert_eq!(children.len(), 5);
        assert!(children.iter().all(|s| s.start_ns >= main.start_ns && s.end_ns <= main.end_ns));
    });
}

#[test]
fn ends_that_are_written_after_the_death_leave_nothing_open() {
    testing::run(|t| {
        in_root("main", |root| {
            for _ in 0..50 {
                let family = family(t);
                let mut shard = family.shard();
                family.region.died(heirloom_core::region::Death::Killed(9));
                // As from a process that was forked from it.
                let start = Instant::now();
                while family.region.wait_closed(Duration::ZERO).is_none() && start.elapsed() < Duration::from_secs(10) {
                    if let Some(job) = shard.begin(1, root.context()) {
                        shard.record(&escaped_end(job));
                    }
                }
            }
        });
        flush(t);
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.open == 0, "{ledger:#?}");
    });
}
