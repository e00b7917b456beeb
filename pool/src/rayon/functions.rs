//! The traced forms of rayon's functions that start jobs, except its scopes, and of `ThreadPool::install`.

use super::lanes;
use crate::carry::{carry, carry_in_span, in_job_span, JobName};
use ::rayon::{BroadcastContext, FnContext, ThreadPool};
use heirloom_core::{Context, Name, Span};

/// Runs two closures, perhaps in parallel, with `cx` current in both: the traced form of [`rayon::join`](::rayon::join).
///
/// With plain `rayon::join`, a half that another thread steals finds that thread's current context. This function records no span.
/// Use `cx.in_span(..)` around it for one.
///
/// Cost: four writes to a thread-local. No clock read, lock or allocation.
///
/// # Panics
///
/// As the plain function: if either closure panics, with the panic of the first one.
///
/// ```
/// use heirloom_core::{in_span, Span};
/// fn sum(numbers: &[u64], parent: &Span) -> u64 {
///     if numbers.len() < 100 {
///         return in_span("leaf", |_| numbers.iter().sum()); // a child of the current context, `parent`
///     }
///     let (left, right) = numbers.split_at(numbers.len() / 2);
///     let (left, right) = heirloom_pool::rayon::join(parent, || sum(left, parent), || sum(right, parent));
///     left + right
/// }
/// let numbers: Vec<u64> = (0..1000).collect();
/// assert_eq!(heirloom_core::in_root("sum", |root| sum(&numbers, root)), 499_500);
/// ```
pub fn join<A, B, RA, RB>(cx: impl Into<Context>, a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA + Send,
    B: FnOnce() -> RB + Send,
    RA: Send,
    RB: Send,
{
    let cx = cx.into();
    lanes::name();
    ::rayon::join(carry(cx, a), carry(cx, b))
}

/// As [`join()`], and each half learns whether another thread stole it: the traced form of
/// [`rayon::join_context`](::rayon::join_context).
///
/// # Panics
///
/// As the plain function: if either closure panics, with the panic of the first one.
///
/// ```
/// let (left, _) = heirloom_core::in_root("sum", |root| {
///     heirloom_pool::rayon::join_context(root, |half| half.migrated(), |half| half.migrated())
/// });
/// let _ = left;
/// ```
pub fn join_context<A, B, RA, RB>(cx: impl Into<Context>, a: A, b: B) -> (RA, RB)
where
    A: FnOnce(FnContext) -> RA + Send,
    B: FnOnce(FnContext) -> RB + Send,
    RA: Send,
    RB: Send,
{
    let cx = cx.into();
    lanes::name();
    ::rayon::join_context(|half| carry(cx, || a(half))(), |half| carry(cx, || b(half))())
}

/// Runs `f` later on the current pool, in a new span below `cx`: the traced form of [`rayon::spawn`](::rayon::spawn).
///
/// The span starts when the job starts to run. Nothing waits for the job: the parent span and the program may end first. For jobs with
/// a new trace and a handle, use [`Background`](crate::Background).
///
/// Cost: one span. The plain call allocates the job.
///
/// # Panics
///
/// As with the plain function, a panic of `f` goes to the pool's panic handler. Without one the process aborts.
///
/// ```
/// let (done, result) = std::sync::mpsc::channel();
/// heirloom_core::in_root("request", |root| {
///     heirloom_pool::rayon::spawn(root, "resize", move |span| {
///         span.set("bytes", 12);
///         done.send(12).unwrap();
///     });
/// });
/// assert_eq!(result.recv(), Ok(12));
/// ```
pub fn spawn<'n, F>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F)
where
    F: FnOnce(&Span) + Send + 'static,
{
    lanes::name();
    ::rayon::spawn(carry_in_span(cx, name, f));
}

/// As [`spawn`], after the jobs that this thread spawned before with this function: the traced form of
/// [`rayon::spawn_fifo`](::rayon::spawn_fifo).
///
/// Cost: one span. The plain call allocates the job.
///
/// # Panics
///
/// As with the plain function, a panic of `f` goes to the pool's panic handler. Without one the process aborts.
pub fn spawn_fifo<'n, F>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F)
where
    F: FnOnce(&Span) + Send + 'static,
{
    lanes::name();
    ::rayon::spawn_fifo(carry_in_span(cx, name, f));
}

/// Runs `f` on every thread of the current pool, each time in a new span below `cx`, and waits for all: the traced form of
/// [`rayon::broadcast`](::rayon::broadcast).
///
/// Cost: one span per thread.
///
/// # Panics
///
/// As the plain function: if `f` panics, with one of the panics.
///
/// ```
/// let lengths = heirloom_core::in_root("warm up", |root| {
///     heirloom_pool::rayon::broadcast(root, "thread", |span, on| {
///         span.set("index", on.index());
///         on.num_threads()
///     })
/// });
/// assert!(lengths.iter().all(|threads| *threads == lengths.len()));
/// ```
pub fn broadcast<'n, F, R>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> Vec<R>
where
    F: Fn(&Span, BroadcastContext<'_>) -> R + Sync,
    R: Send,
{
    ::rayon::broadcast(on_each_thread(cx.into(), name, f))
}

/// As [`broadcast`], without waiting: the traced form of [`rayon::spawn_broadcast`](::rayon::spawn_broadcast).
///
/// Cost: one span per thread. The plain call allocates the job.
///
/// # Panics
///
/// As with the plain function, a panic of `f` goes to the pool's panic handler. Without one the process aborts.
pub fn spawn_broadcast<'n, F>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F)
where
    F: Fn(&Span, BroadcastContext<'_>) + Send + Sync + 'static,
{
    ::rayon::spawn_broadcast(on_each_thread(cx.into(), name, f));
}

/// A broadcast closure, for rayon.
pub(super) fn on_each_thread<'f, 'n, F, R>(
    cx: Context,
    name: impl Into<Name<'n>>,
    f: F,
) -> impl Fn(BroadcastContext<'_>) -> R + 'f
where
    F: Fn(&Span, BroadcastContext<'_>) -> R + 'f,
{
    lanes::name();
    let name = JobName::new(name);
    move |on| in_job_span(cx, &name, |span| f(span, on))
}

/// Runs `f` in `pool`, in a new span below `cx`, and waits for it: the traced form of
/// [`ThreadPool::install`](::rayon::ThreadPool::install).
///
/// If a thread of another pool calls it, that thread doesn't sleep meanwhile. It runs other jobs of its pool.
///
/// Cost: one span.
///
/// # Panics
///
/// If `f` panics, with the same panic.
///
/// ```
/// use heirloom_pool::{prelude::*, rayon::install};
/// use rayon::prelude::*;
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
/// let longest = heirloom_core::in_root("measure", |root| {
///     install(&pool, root, "on two threads", |span| {
///         ["a", "parallel", "program"].par_iter().traced(span).map("word", |_, word| word.len()).max()
///     })
/// });
/// assert_eq!(longest, Some(8));
/// ```
pub fn install<'n, F, R>(pool: &ThreadPool, cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> R
where
    F: FnOnce(&Span) -> R + Send,
    R: Send,
{
    lanes::name();
    pool.install(carry_in_span(cx, name, f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{catch_unwind, panic_any};

    #[test]
    fn join_runs_both_and_borrows() {
        let (mut left, mut right) = (0, 0);
        join(Context::INERT, || left = 1, || right = 2);
        assert_eq!((left, right), (1, 2));
    }

    #[test]
    fn the_halves_of_a_join_are_told_whether_they_were_stolen() {
        let pool = ::rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let migrated = |half: FnContext| half.migrated();
        assert_eq!(pool.install(|| join_context(Context::INERT, migrated, migrated)), (false, false));
    }

    #[test]
    fn a_panic_of_either_half_passes_through_unchanged() {
        let caught = catch_unwind(|| join(Context::INERT, || (), || panic_any(42_u8)));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u8));
    }

    #[test]
    fn install_runs_in_the_pool_that_was_given() {
        let pool = ::rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(install(&pool, Context::INERT, "job", |_| ::rayon::current_num_threads()), 3);
    }
}
