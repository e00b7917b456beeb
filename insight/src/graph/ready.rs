//! When work was ready whose submission wasn't recorded: while a thread of its pool was idle, it can't have been ready.

use super::PoolIx;

/// A thread that was idle for less than this is taken to have been looking for its next work: the time that a wake-up takes.
const WAKE_UP_NS: u64 = 50_000;
/// So is one that was idle for less than this part, one in so many, of the work that it did next. On a busy machine a wake-up takes
/// longer.
const WAKE_UP_PART: u64 = 50;

/// For each pool, the times at which all of its threads were occupied.
pub(super) struct Ready {
    full: Vec<Vec<(u64, u64)>>,
    pool_of: Vec<PoolIx>,
}

impl Ready {
    pub(super) fn new(sizes: &[u32], pool_of: Vec<PoolIx>, occupied: &[Vec<(u64, u64)>]) -> Self {
        let mut changes: Vec<Vec<(u64, i32)>> = vec![Vec::new(); sizes.len()];
        for (pool, intervals) in pool_of.iter().zip(occupied) {
            for (start, end) in joined(intervals) {
                changes[*pool as usize].extend([(start, 1), (end, -1)]);
            }
        }
        let full = changes.into_iter().zip(sizes).map(|(changes, size)| full(changes, *size)).collect();
        Self { full, pool_of }
    }

    /// The latest time up to `at` at which a thread of the lane's pool was idle.
    pub(super) fn at(&self, lane: u32, at: u64) -> u64 {
        let Some(full) = self.pool_of.get(lane as usize).map(|pool| &self.full[*pool as usize]) else { return at };
        let before = full.partition_point(|(start, _)| *start < at);
        match before.checked_sub(1).map(|ix| full[ix]) {
            Some((start, end)) if at <= end => start,
            _ => at,
        }
    }
}

/// Intervals of one lane, with short gaps closed.
fn joined(intervals: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (start, end) in intervals {
        match joined.last_mut() {
            Some(last) if *start <= last.1.saturating_add(WAKE_UP_NS.max((end - start) / WAKE_UP_PART)) => {
                last.1 = last.1.max(*end)
            }
            _ => joined.push((*start, *end)),
        }
    }
    joined
}

fn full(mut changes: Vec<(u64, i32)>, size: u32) -> Vec<(u64, u64)> {
    // Starts before ends, so that a lane that takes over at once leaves no gap.
    changes.sort_unstable_by_key(|(at, by)| (*at, -*by));
    let size = i64::from(size);
    let (mut now, mut since, mut full) = (0_i64, None, Vec::new());
    for (at, by) in changes {
        now += i64::from(by);
        if now >= size {
            since = since.or(Some(at));
        } else if let Some(start) = since.take() {
            full.push((start, at));
        }
    }
    full
}
