//! A straggler.
//!
//! - **Wrong:** the last of 64 `tile` takes ten times as long as the others, and starts late.
//! - **Names it:** lost time with the cause *straggler* beside that one span.
//! - **Mends it:** the long tile is ten pieces.

use crate::expect::{Cure, Expected};
use crate::{Plan, Program, Work};
use heirloom::Span;
use heirloom_insight::analysis::Cause;

pub(super) const PROGRAM: Program = Program {
    name: "straggler",
    about: "the last of 64 tiles takes ten times as long; mended: it is ten pieces",
    lanes: 8,
    mended_lanes: 8,
    on_one_lane: false,
    work: Work::Timed,
    expected: Expected { causes: &[Cause::Straggler], blamed: "tile", cure: Cure::Finer("tile", 10), says: "" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    // The jobs of this kind of scope start in their order.
    heirloom::rayon::scope_fifo(root, |scope| {
        for tile in 0..64 {
            let (pieces, ms) = match (tile, plan.mended) {
                (63, true) => (10, 20.0),
                (63, false) => (1, 200.0),
                _ => (1, 20.0),
            };
            for _ in 0..pieces {
                scope.spawn_fifo("tile", move |_, _| plan.wait(ms));
            }
        }
    });
}
