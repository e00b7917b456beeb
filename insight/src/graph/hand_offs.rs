//! How long a lock takes from one thread to the next.

use crate::model::{Hold, LockKind, Run};

/// For each lock: the mean time for which it was free between two holds although a thread waited for it, in nanoseconds. A thread
/// that sleeps has to wake up first, and one that runs may take the lock again before it does.
pub(super) fn hand_offs(run: &Run) -> Vec<u64> {
    let mut wanted: Vec<Vec<(u64, u64)>> = vec![Vec::new(); run.locks.len()];
    for wait in &run.waits {
        if let Some(wanted) = wait.lock.and_then(|lock| wanted.get_mut(lock as usize)) {
            wanted.push((wait.start, wait.end));
        }
    }
    let mut holds: Vec<Vec<Hold>> = vec![Vec::new(); run.locks.len()];
    for hold in &run.holds {
        if let Some(holds) = holds.get_mut(hold.lock as usize) {
            holds.push(*hold);
        }
    }
    let is_lock = |lock: usize| matches!(run.locks[lock].kind, LockKind::Mutex | LockKind::RwLock);
    (0..run.locks.len()).map(|lock| if is_lock(lock) { mean(&holds[lock], &wanted[lock]) } else { 0 }).collect()
}

/// `holds` and `wanted`, the times of waits, are in the order of their starts. A hold that began before the last one had ended is a
/// reader's.
fn mean(holds: &[Hold], wanted: &[(u64, u64)]) -> u64 {
    let (mut waits, mut wanted_until, mut released) = (wanted.iter().peekable(), 0, None);
    let (mut free, mut count) = (0_u64, 0_u64);
    for hold in holds {
        if let Some(released) = released.filter(|released| *released <= hold.start) {
            while let Some((_, end)) = waits.next_if(|(start, _)| *start <= released) {
                wanted_until = wanted_until.max(*end);
            }
            if wanted_until >= hold.start {
                (free, count) = (free.saturating_add(hold.start - released), count + 1);
            }
        }
        released = released.max(Some(hold.end));
    }
    free.checked_div(count).unwrap_or(0)
}
