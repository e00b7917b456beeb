//! Chunks that are too small.
//!
//! - **Wrong:** every item of a parallel iterator, a microsecond of work, is a job of the pool, with a span.
//! - **Names it:** gaps between the items that are as long as the items, and the cost of recording: *chunks too small* or
//!   *tracing*.
//! - **Mends it:** a job has at least 1,000 items, and a span.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;
use std::hint::black_box;

pub(super) const PROGRAM: Program = Program {
    name: "small-chunks",
    about: "each item of a microsecond is a job; mended: a job has 1,000 items",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected {
        causes: &[Cause::SmallChunks],
        blamed: "item",
        cure: Cure::Finding(Cause::SmallChunks),
        says: "",
    },
    run,
};

const ITEMS: u64 = 400_000;

fn run(plan: &Plan, root: &Span) {
    let items = (0..plan.scaled(ITEMS) as usize).into_par_iter();
    if plan.mended {
        items.with_min_len(1000).traced(root).per_leaf().for_each("item", item);
    } else {
        items.with_max_len(1).traced(root).for_each("item", |_, n| item(n));
    }
}

/// About a microsecond.
fn item(n: usize) {
    let mut value = n;
    for _ in 0..400 {
        value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7));
    }
}
