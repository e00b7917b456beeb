//! Negative control: a program at 97 %.
//!
//! - **Wrong:** nothing. All lanes compute nearly all of the time, on as many cores.
//! - **Names it:** "nothing to gain". It computes: of lanes that wait, more would be better.

use crate::expect::{Cure, Expected};
use crate::work::hash;
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "balanced",
    about: "nothing is wrong; there is no mended form",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected { causes: &[], blamed: "", cure: Cure::Nothing, says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let blocks = plan.scaled(1000);
    (0..200_u32).into_par_iter().with_max_len(1).traced(root).for_each("tile", |_, tile| _ = hash(blocks, tile.into()));
}
