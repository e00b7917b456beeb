//! The process and thread to which the records of a shard belong.

use crate::export::{BatchBuilder, Lane};
use std::sync::Arc;

/// An index into [`Lanes`].
pub(super) type LaneId = u32;

/// All lanes in use: by the current owner of a shard, or by an open span.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    entries: Vec<Entry>,
    free: Vec<LaneId>,
}

#[derive(Debug)]
struct Entry {
    lane: Arc<Lane>,
    users: u32,
    /// The number of the batch that has the lane. An index from an earlier batch is void.
    batch: u64,
    in_batch: u32,
}

impl Lanes {
    /// A new lane with one user.
    pub(super) fn add(&mut self, lane: Lane) -> LaneId {
        let entry = Entry { lane: Arc::new(lane), users: 1, batch: u64::MAX, in_batch: 0 };
        match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        }
    }

    #[inline]
    pub(super) fn retain(&mut self, id: LaneId) {
        self.entries[id as usize].users += 1;
    }

    #[inline]
    pub(super) fn release(&mut self, id: LaneId) {
        let entry = &mut self.entries[id as usize];
        entry.users -= 1;
        if entry.users == 0 {
            self.free.push(id);
        }
    }

    pub(super) fn get(&self, id: LaneId) -> &Arc<Lane> {
        &self.entries[id as usize].lane
    }

    /// The lane's index in the batch of this number.
    #[inline]
    pub(super) fn in_batch(&mut self, id: LaneId, number: u64, batch: &mut BatchBuilder) -> u32 {
        let entry = &mut self.entries[id as usize];
        if entry.batch != number {
            entry.batch = number;
            entry.in_batch = batch.add_lane(&entry.lane);
        }
        entry.in_batch
    }
}
