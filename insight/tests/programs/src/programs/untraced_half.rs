//! Work outside of spans.
//!
//! - **Wrong:** half of the work, the second parallel iterator, has no spans. Its threads look idle.
//! - **Names it:** lost time with the cause *untraced*, and a note with the share of CPU time inside spans.
//! - **Mends it:** it is traced. The time doesn't change.

use crate::expect::{Cure, Expected};
use crate::work::{hash, sort};
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;

pub(super) const PROGRAM: Program = Program {
    name: "untraced-half",
    about: "half of the work has no spans; mended: it is traced",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected { causes: &[Cause::Untraced], blamed: "", cure: Cure::Nothing, says: "inside spans" },
    run,
};

fn run(plan: &Plan, root: &Span) {
    let hashes = plan.scaled(2000);
    let numbers = plan.scaled(150_000) as usize;
    (0..64_u32).into_par_iter().with_max_len(1).traced(root).for_each("hash", |_, n| _ = hash(hashes, n.into()));
    let parts = (0..64_u32).into_par_iter().with_max_len(1);
    let sorted: u64 = if plan.mended {
        parts.traced(root).map("sort", |_, n| sort(numbers, n.into()) & 0xff).sum()
    } else {
        parts.map(|n| sort(numbers, n.into()) & 0xff).sum()
    };
    root.set("sorted", sorted);
}
