//! Input and output in a span.
//!
//! - **Wrong:** two threads each read for 15 ms, without a CPU, then compute for a little. Both lanes are full, the cores are not.
//! - **Names it:** nothing is lost, since the lanes are full. A finding with the cause *off the CPU* names `read file`, and what
//!   more lanes would save.
//! - **Mends it:** eight threads.

use crate::expect::{Cure, Expected};
use crate::work::hash;
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "io-in-span",
    about: "two threads wait for files most of the time; mended: eight threads",
    lanes: 2,
    mended_lanes: 8,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected {
        causes: &[Cause::OffCpu],
        blamed: "read file",
        cure: Cure::Lanes(8),
        says: "`read file` is off the CPU",
    },
    run,
};

fn run(plan: &Plan, root: &Span) {
    (0..160_u32).into_par_iter().with_max_len(1).traced(root).for_each("file", |file, number| {
        file.in_span("read file", |_| plan.wait(15.0));
        file.in_span("parse", |_| hash(plan.scaled(100), number.into()));
    });
}
