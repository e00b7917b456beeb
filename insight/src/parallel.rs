//! [`map`]: calls a function with each of many rows, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// At most so many threads, because each may have tables of its own.
const MOST_THREADS: usize = 8;

/// Calls `of` with each row, on as many threads as there are CPUs: each takes the next row when it has done one. The results are in
/// the order of the rows. A thread that panicked has no results: its panic was reported.
pub(crate) fn map<T: Sync, R: Send>(rows: &[T], of: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(rows.len()).max(1);
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(rows.len(), || None);
    let next = AtomicUsize::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|ix| *ix < rows.len());
    let work = || std::iter::from_fn(take).map(|ix| (ix, of(&rows[ix]))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let theirs = others.into_iter().filter_map(|thread| thread.join().ok()).flatten();
        mine.into_iter().chain(theirs).for_each(|(ix, result)| results[ix] = Some(result));
    });
    results
}

/// Does both, at once.
pub(crate) fn both<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    })
}
