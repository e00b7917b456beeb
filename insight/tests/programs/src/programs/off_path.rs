//! Negative control: the longest span is not on the critical path.
//!
//! - **Wrong:** ten `step` follow each other on one thread. `index`, the longest span, runs beside them on another, and ends first.
//! - **Names it:** lost time with the cause *serial* beside `step`; `index` is not to blame.
//! - **Mends it:** each `step` takes half as long.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::{threads, Span};
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "off-path",
    about: "the longest span ends before the chain beside it; mended: the chain's steps take half as long",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Serial], blamed: "step", cure: Cure::Faster("step", 2.0), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let step = if plan.mended { 20.0 } else { 40.0 };
    threads::scope(root, |scope| {
        scope.spawn("index", move |_| plan.wait(250.0));
        for _ in 0..10 {
            root.in_span("step", |_| plan.wait(step));
        }
    });
}
