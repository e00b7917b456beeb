//! Counts that are impossible.

use super::{family, flush, raw};
use heirloom_core::testing::region::{Parent, RawName, RawRecord};
use heirloom_core::{in_root, testing, Value};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

#[test]
fn claims_that_nobody_can_check_stay_within_what_is_possible() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            shard.end(job);
            family.child.head(0, 1).store(u64::MAX, Relaxed); // begun
            t.tracer().flush(Duration::from_secs(10)).unwrap();
            let ledger = t.tracer().ledger();
            // A child's ring holds at most 21,846 begins.
            assert!(ledger.begun < 22_000, "{ledger}");
            assert!(ledger.is_balanced(), "{ledger}");
            assert!(family.kill().unpublished > 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn lost_attributes_that_cannot_be_so_many_are_counted_as_many_as_can_be() {
    testing::run(|t| {
        in_root("main", |root| {
            let family = family(t);
            let mut shard = family.shard();
            let job = shard.begin(1, root.context()).unwrap();
            let keys: Vec<String> = (0..150).map(|n| format!("key{n:05}")).collect();
            let items: Vec<(RawName<'_>, Value<'_>)> = keys.iter().map(|key| (key.as_str().into(), 1.into())).collect();
            raw(&mut shard, &RawRecord::event(job, 1, &items, u32::MAX, 1));
            raw(&mut shard, &RawRecord::link(job, Parent::of_root(1 << 64 | 1), &items, u32::MAX));
            shard.end(job);
            assert_eq!(family.kill().quarantined, 0);
        });
        t.assert_balanced();
    });
}

#[test]
fn refusals_that_cannot_be_so_many_leave_the_ledger_a_ledger() {
    testing::run(|t| {
        in_root("main", |_| {
            let family = family(t);
            let _shard = family.shard();
            (2..7).for_each(|word| family.child.head(0, word).store(u64::MAX, Relaxed));
            family.memory.words()[36].store(u64::MAX, Relaxed); // unplaced
            flush(t);
            assert!(t.tracer().ledger().is_balanced());
            family.kill();
        });
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.transparent.full == 1 << 40, "{ledger:#?}");
    });
}
