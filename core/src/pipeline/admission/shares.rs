//! [`Shares`]: the bytes of each process in a queue, and the part of the bound that each may use.
//!
//! Half of the bound is common. The other half is reserved, in equal parts, for the processes that have something to send: this
//! one, and each child from its first batch until its region is closed and nothing of it is queued.

use super::level::{Level, Room};
use crate::export::Resource;
use std::sync::{Arc, Weak};

/// A process, by its resource: it has one, which no other process has.
#[derive(Debug)]
struct Process {
    resource: Weak<Resource>,
    used: usize,
}

/// The bytes in a queue.
#[derive(Debug)]
pub(super) struct Shares {
    bound: usize,
    total: usize,
    /// The first one is this process.
    all: Vec<Process>,
}

impl Shares {
    pub(super) fn new(bound: usize, own: Weak<Resource>) -> Self {
        Self { bound, total: 0, all: vec![Process { resource: own, used: 0 }] }
    }

    /// The bytes of all processes.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn bound(&self) -> usize {
        self.bound
    }

    /// The room of a process that has something to send.
    pub(super) fn room(&mut self, resource: &Arc<Resource>) -> Room {
        let at = self.enter(resource);
        self.room_beside(self.of_common(), self.all[at].used)
    }

    /// Whether the level of every process is below this one.
    pub(super) fn are_all_below(&self, level: Level) -> bool {
        let of_common = self.of_common();
        self.all.iter().all(|process| self.room_beside(of_common, process.used).level(0) < level)
    }

    /// What all processes use of the common half.
    fn of_common(&self) -> usize {
        let reserve = self.reserve();
        self.all.iter().map(|process| process.used.saturating_sub(reserve)).sum()
    }

    /// The room of a process that uses so much, with what all processes use of the common half.
    fn room_beside(&self, of_common: usize, used: usize) -> Room {
        let reserve = self.reserve();
        let of_others = of_common - used.saturating_sub(reserve);
        let common = (self.bound - self.bound / 2).saturating_sub(of_others);
        Room { used, capacity: reserve + common, total: self.total, bound: self.bound }
    }

    pub(super) fn add(&mut self, resource: &Arc<Resource>, bytes: usize) {
        let at = self.enter(resource);
        self.all[at].used += bytes;
        self.total += bytes;
    }

    /// Bytes that have left the queue.
    pub(super) fn free(&mut self, resource: &Arc<Resource>, bytes: usize) {
        let at = self.enter(resource);
        self.all[at].used = self.all[at].used.saturating_sub(bytes);
        self.total = self.total.saturating_sub(bytes);
    }

    fn reserve(&self) -> usize {
        self.bound / 2 / self.all.len()
    }

    /// The index of a process. Those that have ended, and of which nothing is queued, are removed before another is added.
    fn enter(&mut self, resource: &Arc<Resource>) -> usize {
        let is_it = |process: &Process| std::ptr::eq(process.resource.as_ptr(), Arc::as_ptr(resource));
        if let Some(at) = self.all.iter().position(is_it) {
            return at;
        }
        self.leave();
        self.all.push(Process { resource: Arc::downgrade(resource), used: 0 });
        self.all.len() - 1
    }

    /// Removes the processes that have ended, and of which nothing is queued.
    pub(super) fn leave(&mut self) {
        let mut at = 0;
        self.all.retain(|process| {
            at += 1;
            at == 1 || process.used > 0 || process.resource.strong_count() > 0
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const BOUND: usize = 1 << 20;

    fn shares() -> (Shares, Arc<Resource>) {
        let own = Arc::new(Resource::default());
        (Shares::new(BOUND, Arc::downgrade(&own)), own)
    }

    #[test]
    fn a_single_process_may_use_all() {
        let (mut shares, own) = shares();
        assert_eq!(shares.room(&own).capacity, BOUND);
        shares.add(&own, BOUND / 2);
        assert_eq!(shares.room(&own).level(0), Level::thousandths(500));
    }

    #[test]
    fn a_child_that_floods_leaves_its_parents_reserve() {
        let (mut shares, own) = shares();
        let child = Arc::new(Resource::default());
        assert_eq!(shares.room(&child).capacity, BOUND * 3 / 4, "its parent counts before it has sent anything");
        shares.add(&child, BOUND * 3 / 4);
        assert_eq!(shares.room(&child).level(0), Level::FULL);
        assert_eq!(shares.room(&own).capacity, BOUND / 4);
        assert_eq!(shares.room(&own).level(0), Level::thousandths(0));
        shares.add(&own, BOUND / 4);
        assert!(shares.room(&own).level(1) > Level::FULL);
    }

    #[test]
    fn a_process_goes_when_its_region_is_closed_and_nothing_of_it_is_queued() {
        let (mut shares, own) = shares();
        let children: Vec<_> = (0..3).map(|_| Arc::new(Resource::default())).collect();
        children.iter().for_each(|child| shares.add(child, 10));
        assert_eq!(shares.all.len(), 4);
        let queued = Arc::clone(&children[0]);
        drop(children);
        shares.leave();
        assert_eq!(shares.all.len(), 4, "something of each is queued");
        shares.free(&queued, 10);
        drop(queued);
        shares.leave();
        assert_eq!((shares.all.len(), shares.total()), (3, 20));
        assert_eq!(shares.room(&own).used, 0);
    }

    /// All bytes that any order of arrivals can get into a queue, at the levels at which it takes them.
    #[test]
    fn processes_that_join_late_exceed_the_bound_by_no_more_than_a_tenth() {
        let (mut shares, own) = shares();
        let children: Vec<_> = (0..5).map(|_| Arc::new(Resource::default())).collect();
        let fill = |shares: &mut Shares, process: &Arc<Resource>| {
            while shares.room(process).level(1000) <= Level::OVERFULL {
                shares.add(process, 1000);
            }
        };
        fill(&mut shares, &own);
        children.iter().for_each(|child| fill(&mut shares, child));
        assert!(shares.total() <= BOUND + BOUND / 10, "{}", shares.total());
        // The parent's bytes leave, and the children share what it doesn't use.
        shares.free(&own, BOUND * 11 / 10);
        children.iter().for_each(|child| fill(&mut shares, child));
        fill(&mut shares, &own);
        assert!(shares.total() <= BOUND + BOUND / 10, "{}", shares.total());
        assert!(shares.room(&own).used > BOUND / 12, "its reserve");
        assert!(!shares.are_all_below(Level::LEAVES));
    }
}
