//! Negative control: two causes, in the right order.
//!
//! - **Wrong:** a `merge` that runs alone for 240 ms, and before it a `tile` that takes 100 ms longer than the others.
//! - **Names it:** *serial* beside `merge` first, then *straggler* beside `tile`.
//! - **Mends it:** four threads merge. The straggler stays.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "two-causes",
    about: "a long serial phase and a smaller straggler; mended: the serial phase",
    lanes: 8,
    mended_lanes: 8,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Serial], blamed: "merge", cure: Cure::Faster("merge", 4.0), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let mut tiles = [20.0; 32];
    tiles[31] = 120.0;
    let tiles = tiles.into_par_iter().with_max_len(1);
    tiles.traced(root).for_each("tile", |_, ms| plan.wait(ms));
    if plan.mended {
        (0..4).into_par_iter().with_max_len(1).traced(root).for_each("merge", |_, _| plan.wait(60.0));
    } else {
        root.in_span("merge", |_| plan.wait(240.0));
    }
}
