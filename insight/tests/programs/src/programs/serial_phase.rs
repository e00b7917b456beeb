//! A serial phase.
//!
//! - **Wrong:** after 64 `hash` on all lanes, one thread merges the results alone.
//! - **Names it:** lost time with the cause *serial* beside `merge`.
//! - **Mends it:** four threads merge a quarter each.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "serial-phase",
    about: "one thread merges while all others wait; mended: four threads merge a quarter each",
    lanes: 8,
    mended_lanes: 8,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Serial], blamed: "merge", cure: Cure::Faster("merge", 4.0), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    (0..64).into_par_iter().with_max_len(1).traced(root).for_each("hash", |_, _| plan.wait(20.0));
    if plan.mended {
        (0..4).into_par_iter().with_max_len(1).traced(root).for_each("merge", |_, _| plan.wait(60.0));
    } else {
        root.in_span("merge", |_| plan.wait(240.0));
    }
}
