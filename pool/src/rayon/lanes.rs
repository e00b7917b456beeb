//! The lanes of rayon's threads: an unnamed thread gets its index as its name, and each has its place in its pool.

use crate::carry::COMPILED_OUT;
use heirloom_core::mark;
use heirloom_core::name_lanes;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

static NAMED: AtomicBool = AtomicBool::new(false);

/// Every adapter calls this when work is submitted, so that rayon's threads get names in the trace. Cost: a load.
#[inline]
pub(crate) fn name() {
    if !COMPILED_OUT && !NAMED.load(Ordering::Relaxed) {
        supply();
    }
}

#[cold]
fn supply() {
    name_lanes(|| ::rayon::current_thread_index().map(|index| ("rayon", index)));
    NAMED.store(true, Ordering::Relaxed);
}

thread_local! {
    /// Whether this thread has said its place in its pool.
    static PLACED: Cell<bool> = const { Cell::new(false) };
}

/// Every adapter calls this before it records something on a thread of a pool, so that the trace has the thread's place. Cost: a
/// load and a branch, except the first time on each thread.
#[inline]
pub(crate) fn place() {
    if !COMPILED_OUT && !PLACED.get() {
        find_place();
    }
}

/// A number that tells this thread from all other threads that run.
#[inline]
pub(super) fn this_thread() -> usize {
    match COMPILED_OUT {
        true => 0,
        false => PLACED.with(|here| std::ptr::from_ref(here).addr()),
    }
}

#[cold]
fn find_place() {
    let Some(index) = ::rayon::current_thread_index() else { return };
    PLACED.set(true);
    let size = ::rayon::current_num_threads();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    mark::pool("rayon", current_pool(), number(index), number(size));
}

/// A number that tells this thread's pool from the others of the process.
///
/// Rayon has no function for that. But a scope's `Debug` text has its pool's id, and an empty scope costs little on a thread of the
/// pool: it runs nothing else and doesn't wait. If a version of rayon leaves the id out, pools are told apart by their size.
fn current_pool() -> u64 {
    let text = ::rayon::in_place_scope(|scope| format!("{scope:?}"));
    let id = text.split_once("pool_id: ").and_then(|(_, rest)| rest.split_once('}')).map(|(id, _)| id);
    let mut hash = DefaultHasher::new();
    (id, ::rayon::current_num_threads()).hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_of_the_same_size_are_told_apart_and_their_threads_agree() {
        let pools = [2, 2, 3].map(|n| ::rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
        let ids = pools.each_ref().map(|pool| pool.broadcast(|_| current_pool()));
        for of_pool in &ids {
            assert!(of_pool.iter().all(|id| *id == of_pool[0]), "{ids:?}");
        }
        let [first, second, third] = ids.map(|of_pool| of_pool[0]);
        assert!(first != second && second != third && first != third);
    }
}
