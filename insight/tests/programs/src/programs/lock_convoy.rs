//! A lock convoy.
//!
//! - **Wrong:** two threads hash, and take one mutex for each word, for a few microseconds. Each hold is short, but the lock is
//!   held most of the time.
//! - **Names it:** lost time with the cause *lock*, beside the mutex; many short waits and hand-offs.
//! - **Mends it:** each thread counts for itself, and the counts are added at the end.

use crate::expect::{Cure, Expected};
use crate::sync::Mutex;
use crate::work::hash;
use crate::{Plan, Program, Work};
use heirloom::{threads, Span};
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "lock-convoy",
    about: "two threads take one mutex for each word; mended: each counts for itself",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected { causes: &[Cause::Lock], blamed: "counts", cure: Cure::WithoutLock("counts"), says: "" },
    run,
};

const BATCHES: u64 = 200;
const WORDS: u64 = 60;

fn run(plan: &Plan, root: &Span) {
    let counts = Mutex::named("counts", 0_u64);
    let words = plan.scaled(WORDS);
    threads::scope(root, |scope| {
        for _ in 0..plan.lanes {
            let counts = &counts;
            scope.spawn("counter", move |counter| {
                let mut own = 0_u64;
                for batch in 0..BATCHES {
                    counter.in_span("count", |_| {
                        for word in 0..words {
                            hash(2, word + batch);
                            if plan.mended {
                                own = own.wrapping_add(hash(6, word));
                            } else {
                                let mut counts = counts.lock();
                                *counts = counts.wrapping_add(hash(6, word));
                            }
                        }
                    });
                }
                if plan.mended {
                    let mut counts = counts.lock();
                    *counts = counts.wrapping_add(own);
                }
            });
        }
    });
    assert_ne!(*counts.lock(), 1);
}
