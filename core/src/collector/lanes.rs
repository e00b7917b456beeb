//! The process and thread to which the records of a shard belong.

use crate::export::{BatchBuilder, Lane};
use std::sync::Arc;

/// An index into [`Lanes`].
pub(super) type LaneId = u32;

/// All lanes in use: by the current owner of a shard, or by an open span.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    slots: Vec<Slot>,
    free: Vec<LaneId>,
}

#[derive(Debug)]
struct Slot {
    lane: Arc<Lane>,
    users: u32,
    /// The number of the batch that has the lane. An index from an earlier batch is void.
    batch: u64,
    in_batch: u32,
}

impl Lanes {
    /// A new lane with one user.
    pub(super) fn add(&mut self, lane: Lane) -> LaneId {
        let slot = Slot { lane: Arc::new(lane), users: 1, batch: u64::MAX, in_batch: 0 };
        match self.free.pop() {
            Some(id) => {
                self.slots[id as usize] = slot;
                id
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        }
    }

    #[inline]
    pub(super) fn retain(&mut self, id: LaneId) {
        self.slots[id as usize].users += 1;
    }

    #[inline]
    pub(super) fn release(&mut self, id: LaneId) {
        let slot = &mut self.slots[id as usize];
        slot.users -= 1;
        if slot.users == 0 {
            self.free.push(id);
        }
    }

    pub(super) fn get(&self, id: LaneId) -> &Arc<Lane> {
        &self.slots[id as usize].lane
    }

    /// The lane's index in the batch of this number.
    #[inline]
    pub(super) fn in_batch(&mut self, id: LaneId, number: u64, batch: &mut BatchBuilder) -> u32 {
        let slot = &mut self.slots[id as usize];
        if slot.batch != number {
            slot.batch = number;
            slot.in_batch = batch.add_lane(&slot.lane);
        }
        slot.in_batch
    }
}
