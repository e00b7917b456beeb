//! Another process that uses all cores.
//!
//! - **Wrong:** while the program sieves on two threads, another process computes on two threads.
//! - **Names it:** lost time with the cause *machine*, and a note with the share that other processes used.
//! - **Mends it:** the program runs alone.

use crate::expect::{Cure, Expected};
use crate::work::sieve;
use crate::{Plan, Program, Work};
use heirloom::{prelude::*, Span};
use heirloom_insight::analysis::Cause;
use rayon::prelude::*;
use std::process::{Child, Command, Stdio};

pub(super) const PROGRAM: Program = Program {
    name: "another-process",
    about: "another process computes on all cores; mended: it doesn't",
    lanes: 2,
    mended_lanes: 2,
    on_one_lane: false,
    work: Work::Computed,
    expected: Expected { causes: &[Cause::Machine], blamed: "", cure: Cure::Unknown, says: "Other processes used" },
    run,
};

/// The argument that makes this program the other process.
pub const BURNER: &str = "--burn";

/// Computes on two threads until its standard input ends.
pub fn burn() {
    for _ in 0..2 {
        std::thread::spawn(|| loop {
            sieve(10_000);
        });
    }
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
}

fn run(plan: &Plan, root: &Span) {
    let burner = (!plan.mended).then(Burner::start);
    let limit = plan.scaled(1_000_000) as usize;
    (0..160).into_par_iter().with_max_len(1).traced(root).for_each("sieve", |_, _| _ = sieve(limit));
    drop(burner);
}

/// The other process, which ends when this is dropped.
struct Burner(Child);

impl Burner {
    fn start() -> Self {
        let this = std::env::current_exe().unwrap_or_else(|error| panic!("the path of this program: {error}"));
        let other = Command::new(this).arg(BURNER).stdin(Stdio::piped()).spawn();
        Self(other.unwrap_or_else(|error| panic!("another process: {error}")))
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}
