//! Programs with a planted fault, and what the analysis must say about each of them.
//!
//! Each program has two forms. The *slow* one has the fault. The *mended* one does the same work without it. [`Program`] says which
//! cause must be named first, whom it must blame, and which what-if stands for the cure. `measure` compares the prediction for
//! that what-if on a trace of the slow form with the time that the mended form takes.

pub mod expect;
pub mod programs;
pub mod runs;
mod sync;
pub mod verdict;
mod work;

use expect::Expected;
use heirloom::Span;

/// A program with a planted fault.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name, which is also the name of its root span.
    pub name: &'static str,
    /// What is wrong, and what the mended form does instead.
    pub about: &'static str,
    /// How many threads its pool has, unless another number is asked for.
    pub lanes: usize,
    /// The number of threads of the pool of the mended form.
    pub mended_lanes: usize,
    /// Whether it also runs on one lane, for work inflation.
    pub on_one_lane: bool,
    /// What its work is.
    pub work: Work,
    /// What the analysis must say about the slow form.
    pub expected: Expected,
    /// Runs it below this span.
    pub run: fn(&Plan, &Span),
}

/// What the work of a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Timed waiting: as many cores as the program has lanes. Stable on a busy machine. It stands for computing, so a finding that
    /// lanes are off the CPU, which is true of it, doesn't count.
    Timed,
    /// Computing, on the cores that there are. What other processes use is missing.
    Computed,
}

/// How a program runs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether it runs without its fault.
    pub mended: bool,
    /// How many threads its pool has.
    pub lanes: usize,
    /// Multiplies the timed waiting, and how much is computed.
    pub scale: f64,
}

impl Plan {
    /// Works for so many milliseconds by timed waiting.
    fn wait(&self, ms: f64) {
        work::wait(ms, self.scale);
    }

    /// So many, times the scale; at least one.
    fn scaled(&self, count: u64) -> u64 {
        ((count as f64 * self.scale) as u64).max(1)
    }
}
