//! [`Grouped`]: the rows of a table by job or by lane.

/// The rows of a table by group, in their order, found in linear time.
pub(super) struct Grouped {
    rows: Vec<u32>,
    /// Where the rows of each group end.
    ends: Vec<u32>,
}

impl Grouped {
    /// The rows of so many groups. `group_of` is the group of each row; a row of a group that there isn't belongs to none.
    pub(super) fn of(groups: usize, group_of: impl Iterator<Item = u32> + Clone) -> Self {
        let mut next = vec![0_u32; groups + 1];
        let mut count = 0;
        for group in group_of.clone() {
            if let Some(next) = next.get_mut(group as usize + 1) {
                *next += 1;
                count += 1;
            }
        }
        for group in 0..groups {
            next[group + 1] += next[group];
        }
        let mut rows = vec![0; count];
        for (row, group) in (0..).zip(group_of).filter(|(_, group)| (*group as usize) < groups) {
            let place = &mut next[group as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        // The place behind the last row of a group is where the next group begins.
        Self { rows, ends: next }
    }

    pub(super) fn rows(&self, group: u32) -> &[u32] {
        let first = group.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.rows[first as usize..self.ends[group as usize] as usize]
    }
}
