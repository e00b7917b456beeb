//! More threads than cores.
//!
//! - **Wrong:** 16 threads hash on two cores: all look busy, most wait for a core.
//! - **Names it:** a finding with the cause *machine*: the threads share the cores, most are ready without one, and two would be as
//!   fast.
//! - **Mends it:** as many threads as cores. The time hardly changes.

use crate::expect::{Cure, Expected};
use crate::work::hash;
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "oversubscribed",
    about: "16 threads on two cores; mended: two threads",
    lanes: 16,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected {
        causes: &[Cause::Machine],
        blamed: "",
        cure: Cure::Lanes(2),
        says: "16 lanes of `rayon` share 2 cores",
    },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let blocks = plan.scaled(1000);
    (0..128_u32).into_par_iter().with_max_len(1).traced(root).for_each("digest", |_, n| _ = hash(blocks, n.into()));
}
