//! Anything anywhere.

use super::family;
use heirloom_core::{in_root, testing};
use std::sync::atomic::Ordering::Relaxed;

#[test]
fn scribbling_over_everything_that_a_child_can_reach_harms_nobody_else() {
    for seed in 1..40_u64 {
        testing::run_with(
            |b| testing::small_shards(b, 64 << 10),
            |t| {
                in_root("main", |root| {
                    let family = family(t);
                    let mut shard = family.shard();
                    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let mut next = || {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        random
                    };
                    for _ in 0..200 {
                        if let Some(job) = shard.begin(1, root.context()) {
                            shard.end(job);
                        }
                        let place = next() as usize % (1_130_496 / 8 + 2 * 8192 / 8);
                        // Half of the time in the header, or near the shard.
                        let place = match next() % 4 {
                            0 => place,
                            1 => 32 + place % 8,
                            _ => 1_126_400 / 8 + place % (8192 / 8),
                        };
                        let value = match next() % 3 {
                            0 => next(),
                            1 => next() & 0xffff,
                            _ => 0,
                        };
                        family.memory.words()[place].store(value, Relaxed);
                        root.in_span("own", |_| ());
                    }
                    family.kill();
                });
                assert_eq!(t.spans().iter().filter(|s| s.name == "own").count(), 200);
                let ledger = t.tracer().ledger();
                assert!(ledger.is_balanced() && ledger.corrupt == 0, "{ledger}");
            },
        );
    }
}
