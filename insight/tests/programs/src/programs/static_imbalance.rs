//! A static imbalance.
//!
//! - **Wrong:** the range is cut into one part for each thread, but the later half takes much longer: large numbers need more
//!   divisions.
//! - **Names it:** lost time with the cause *straggler* beside the longer `range`.
//! - **Mends it:** 64 ranges, which the threads take one after the other.

use crate::expect::{Cure, Expected};
use crate::work::primes;
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "static-imbalance",
    about: "one equal range for each thread, the later ones with more work; mended: 64 ranges",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected { causes: &[Cause::Straggler], blamed: "range", cure: Cure::Finer("range", 32), says: "" },
    run,
};

const LIMIT: u64 = 2_000_000;

fn run(plan: &Plan, root: &Span) {
    let limit = plan.scaled(LIMIT);
    let parts = if plan.mended { 64 } else { plan.lanes };
    let end = |part: usize| limit * part as u64 / parts as u64;
    let ranges = (0..parts).into_par_iter().map(|part| end(part)..end(part + 1));
    let count: usize = ranges.with_max_len(1).traced(root).map("range", |_, range| primes(range)).sum();
    root.set("primes", count);
}
