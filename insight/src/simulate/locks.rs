//! Resources that one job at a time has, handed on in the order in which they were asked for.

use super::plan::Plan;
use std::collections::VecDeque;

/// The locks of a simulated run.
pub(super) struct Locks {
    holder: Vec<Option<u32>>,
    waiting: Vec<VecDeque<u32>>,
    /// By first node.
    taken_at: Vec<(u32, u32)>,
    /// By last node.
    released_at: Vec<(u32, u32)>,
    /// For each job: how many of the locks of its present node it has.
    got: Vec<u32>,
}

impl Locks {
    pub(super) fn new(plan: &Plan) -> Self {
        let locks = plan.locks as usize;
        let mut taken_at: Vec<_> = plan.holds.iter().map(|hold| (hold.first, hold.lock)).collect();
        let mut released_at: Vec<_> = plan.holds.iter().map(|hold| (hold.last, hold.lock)).collect();
        taken_at.sort_unstable();
        released_at.sort_unstable();
        Self {
            holder: vec![None; locks],
            waiting: vec![VecDeque::new(); locks],
            taken_at,
            released_at,
            got: vec![0; if plan.holds.is_empty() { 0 } else { plan.jobs.len() }],
        }
    }

    /// Takes the locks that `job` needs at `node`. False: it waits for one, and is returned by [`Locks::release`] when it has it.
    pub(super) fn take(&mut self, job: u32, node: u32) -> bool {
        let range = at(&self.taken_at, node);
        if range.is_empty() {
            return true;
        }
        for ix in range.skip(self.got[job as usize] as usize) {
            let lock = self.taken_at[ix].1 as usize;
            match self.holder[lock] {
                Some(holder) if holder != job => {
                    self.waiting[lock].push_back(job);
                    return false;
                }
                _ => self.holder[lock] = Some(job),
            }
            self.got[job as usize] += 1;
        }
        self.got[job as usize] = 0;
        true
    }

    /// Releases the locks whose last node this is. The jobs that have them next, each with the lock.
    pub(super) fn release(&mut self, job: u32, node: u32) -> Vec<(u32, u32)> {
        let range = at(&self.released_at, node);
        let mut next = Vec::new();
        for ix in range {
            let lock = self.released_at[ix].1;
            if self.holder[lock as usize] == Some(job) {
                next.extend(self.hand_on(lock as usize).map(|job| (job, lock)));
            }
        }
        next
    }

    /// Takes a lock away from its holder: the way out where jobs wait for each other in a circle.
    pub(super) fn force(&mut self) -> Option<u32> {
        let lock = (0..self.waiting.len()).find(|lock| !self.waiting[*lock].is_empty())?;
        self.hand_on(lock)
    }

    fn hand_on(&mut self, lock: usize) -> Option<u32> {
        let next = self.waiting[lock].pop_front();
        self.holder[lock] = next;
        if let Some(job) = next {
            self.got[job as usize] += 1;
        }
        next
    }
}

/// The rows of a node.
fn at(rows: &[(u32, u32)], node: u32) -> std::ops::Range<usize> {
    if rows.is_empty() {
        return 0..0;
    }
    let first = rows.partition_point(|(n, _)| *n < node);
    let count = rows[first..].iter().take_while(|(n, _)| *n == node).count();
    first..first + count
}
