//! The lanes of a simulated run, and which of them are idle.

/// A lane of a simulated run.
pub(super) struct Lane {
    pub(super) pool: u32,
    pub(super) busy: bool,
    /// Jobs that wait below what the lane runs.
    pub(super) below: Vec<u32>,
}

/// Idle lanes of a pool with how many jobs wait below each, in descending order: few, and most come and go at the end.
#[derive(Clone, Default)]
pub(super) struct Idle(Vec<(usize, u32)>);

impl Idle {
    fn place(&self, lane: (usize, u32)) -> Result<usize, usize> {
        self.0.binary_search_by(|other| lane.cmp(other))
    }

    pub(super) fn insert(&mut self, lane: (usize, u32)) {
        if let Err(place) = self.place(lane) {
            self.0.insert(place, lane);
        }
    }

    pub(super) fn remove(&mut self, lane: (usize, u32)) {
        if let Ok(place) = self.place(lane) {
            self.0.remove(place);
        }
    }

    /// The lane with the fewest jobs below.
    pub(super) fn first(&self) -> Option<(usize, u32)> {
        self.0.last().copied()
    }
}
