//! Statistics of locks and channels.

use crate::analysis::Lock;
use crate::model::{LockKind, Run};
use crate::sorted;
use std::collections::BTreeMap;

/// One in this many of the holds that nothing waited for is recorded.
const SAMPLED: u64 = 64;

/// Locks of one name and kind are one row: they were made at one place.
#[derive(Clone, Debug, Default)]
struct Sums {
    lock: Lock,
    /// Time in contended holds by name, and time waited by the name of the holder.
    held: BTreeMap<u32, u64>,
    waited: BTreeMap<u32, u64>,
}

/// The locks that something is known of, by time waited.
pub(super) fn locks(run: &Run) -> Vec<Lock> {
    let mut rows: BTreeMap<(&str, &str), Sums> = BTreeMap::new();
    let key = |lock: u32| {
        let lock = &run.locks[lock as usize];
        (&*lock.name, kind(lock.kind))
    };
    for (lock, at) in run.locks.iter().zip(0..) {
        let sums = &mut rows.entry(key(at)).or_default().lock;
        sums.acquisitions += lock.acquisitions;
        sums.hand_offs += lock.hand_offs;
        sums.waits += lock.short_waits;
        sums.wait_ns += lock.short_wait_ns;
    }
    for (wait, lock) in run.waits.iter().filter_map(|wait| Some((wait, wait.lock?))) {
        let sums = rows.entry(key(lock)).or_default();
        let length = wait.end.saturating_sub(wait.start);
        sums.lock.waits += 1;
        sums.lock.wait_ns += length;
        sums.lock.max_wait_ns = sums.lock.max_wait_ns.max(length);
        if let Some(holder) = wait.holder {
            *sums.waited.entry(run.spans[holder as usize].name).or_default() += length;
        }
    }
    for hold in &run.holds {
        let sums = rows.entry(key(hold.lock)).or_default();
        let length = hold.end.saturating_sub(hold.start);
        sums.lock.held_ns += if hold.contended { length } else { length.saturating_mul(SAMPLED) };
        sums.lock.max_hold_ns = sums.lock.max_hold_ns.max(length);
        if let (Some(span), true) = (hold.span, hold.contended) {
            *sums.held.entry(run.spans[span as usize].name).or_default() += length;
        }
    }
    let mut locks: Vec<Lock> = rows.into_iter().map(|((name, kind), sums)| lock(run, name, kind, sums)).collect();
    sorted::by(&mut locks, |a, b| b.wait_ns.cmp(&a.wait_ns).then_with(|| (&a.name, &a.kind).cmp(&(&b.name, &b.kind))));
    locks
}

fn lock(run: &Run, name: &str, kind: &str, sums: Sums) -> Lock {
    let holders = if sums.held.is_empty() { sums.waited } else { sums.held };
    let mut holders: Vec<(String, u64)> =
        holders.into_iter().map(|(name, ns)| (run.names[name as usize].to_string(), ns)).collect();
    sorted::by(&mut holders, |a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Lock { name: name.to_owned(), kind: kind.to_owned(), holders, ..sums.lock }
}

fn kind(kind: LockKind) -> &'static str {
    match kind {
        LockKind::Mutex => "mutex",
        LockKind::RwLock => "rwlock",
        LockKind::Condvar => "condvar",
        LockKind::Channel => "channel",
    }
}
