//! How much runs of one program differ by chance.

use crate::account::threads;
use crate::model::Run;

/// The spread of the wall times of several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// How many runs.
    pub(crate) runs: u32,
    /// The longest less the shortest, divided by the median; 0 for one run.
    pub(crate) part: f64,
}

impl Spread {
    /// Of a run and others of the same program, and the wall times of further ones. Runs on another number of lanes don't count.
    pub(crate) fn of(run: &Run, others: &[Run], further: &[u64]) -> Self {
        let same = others.iter().filter(|other| threads(other) == threads(run));
        let mut walls: Vec<u64> = std::iter::once(run).chain(same).map(wall).chain(further.iter().copied()).collect();
        walls.sort_unstable();
        let (first, last, median) = (walls[0], walls[walls.len() - 1], walls[(walls.len() - 1) / 2]);
        let part = if median == 0 { 0.0 } else { (last - first) as f64 / median as f64 };
        Self { runs: walls.len() as u32, part }
    }

    /// Whether a gain, as a part of the wall time, may be chance.
    pub(crate) fn hides(self, gain: f64) -> bool {
        gain < self.part.max(0.01)
    }
}

/// From the first start to the last end.
pub(crate) fn wall(run: &Run) -> u64 {
    run.window.end.saturating_sub(run.window.start)
}
