//! Two fan-outs under one parent, with a join between them.
//!
//! - **Wrong:** one of 16 `decode` takes 160 ms, and no `encode` starts before it ends.
//! - **Names it:** lost time with the cause *straggler* beside `decode`. `encode` can't fill the gap, although it has the same
//!   parent.
//! - **Mends it:** the long one is eight pieces.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "two-fan-outs",
    about: "a second fan-out waits for the longest item of the first; mended: that item is eight pieces",
    lanes: 8,
    mended_lanes: 8,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Straggler], blamed: "decode", cure: Cure::Finer("decode", 8), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let long: &[f64] = if plan.mended { &[20.0; 8] } else { &[160.0] };
    let decode: Vec<f64> = [20.0; 15].iter().chain(long).copied().collect();
    decode.into_par_iter().with_max_len(1).traced(root).for_each("decode", |_, ms| plan.wait(ms));
    (0..64).into_par_iter().with_max_len(1).traced(root).for_each("encode", |_, _| plan.wait(20.0));
}
