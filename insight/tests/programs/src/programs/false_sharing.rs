//! False sharing.
//!
//! - **Wrong:** two threads count in two numbers of one cache line. Each increment takes the line away from the other core. On one
//!   lane there is nothing wrong with it.
//! - **Names it:** `count` takes longer with two lanes busy than with one: work inflation, between a run on one lane and one on
//!   two.
//! - **Mends it:** each number has a separate cache line.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const PROGRAM: Program = Program {
    name: "false-sharing",
    about: "two threads count in one cache line; mended: in two",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: true,
    work: Work::Computed,
    expected: Expected { causes: &[], blamed: "count", cure: Cure::NoInflation("count"), says: "`count` takes" },
    run,
};

const PARTS: u32 = 60;
const COUNTS: u64 = 1_500_000;

/// As large as a cache line and the one that is fetched with it.
#[repr(align(128))]
struct Apart(AtomicU64);

fn run(plan: &Plan, root: &Span) {
    let together = [const { AtomicU64::new(0) }; 16];
    let apart = [const { Apart(AtomicU64::new(0)) }; 16];
    let counts = plan.scaled(COUNTS);
    (0..PARTS).into_par_iter().with_max_len(1).traced(root).for_each("count", |_, _| {
        let thread = rayon::current_thread_index().unwrap_or(0) % together.len();
        let number = if plan.mended { &apart[thread].0 } else { &together[thread] };
        for _ in 0..counts {
            number.fetch_add(1, Ordering::Relaxed);
        }
    });
    let counted =
        together.iter().chain(apart.iter().map(|apart| &apart.0)).map(|number| number.load(Ordering::Relaxed));
    assert_eq!(counted.sum::<u64>(), u64::from(PARTS) * counts);
}
