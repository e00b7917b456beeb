//! The traced forms of rayon's functions that start jobs, except its scopes, and of `ThreadPool::install`.

use super::fan::{is_outside, FanGuard};
use super::lanes;
use crate::carry::{no_fan, queued, JobName, Queued};
use ::rayon::{BroadcastContext, FnContext, ThreadPool};
use heirloom_core::mark::{self, FanKind, WaitCause};
use heirloom_core::{Context, Name, Span};

/// Runs two closures, perhaps in parallel, with `cx` current in both: the traced form of [`rayon::join`](::rayon::join).
///
/// With plain `rayon::join`, a half that another thread steals finds that thread's current context. This function records no span.
/// Use `cx.in_span(..)` around it for one.
///
/// Both halves belong to one fan-out, which ends when the function returns.
///
/// Cost: a mark with a clock read at the start and at the end; per half four writes to a thread-local and two marks without a clock
/// read, with two clock reads and one more mark if another thread stole it. No lock, no allocation.
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
    let fan = FanGuard::begin(cx, FanKind::Join);
    ::rayon::join(|| fan.half(cx, a), || fan.half(cx, b))
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
    let fan = FanGuard::begin(cx, FanKind::Join);
    ::rayon::join_context(|half| fan.half(cx, || a(half)), |half| fan.half(cx, || b(half)))
}

/// Runs `f` later on the current pool, in a new span below `cx`: the traced form of [`rayon::spawn`](::rayon::spawn).
///
/// The span starts when the job starts to run. The time of this call is recorded beside it. Nothing waits for the job: the parent
/// span and the program may end first. For jobs with a new trace and a handle, use [`Background`](crate::Background).
///
/// Cost: one span, a clock read for the submission, a mark. The plain call allocates the job.
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
    ::rayon::spawn(job(cx.into(), name, f));
}

/// As [`spawn`], after the jobs that this thread spawned before with this function: the traced form of
/// [`rayon::spawn_fifo`](::rayon::spawn_fifo).
///
/// Cost: one span, a clock read for the submission, a mark. The plain call allocates the job.
///
/// # Panics
///
/// As with the plain function, a panic of `f` goes to the pool's panic handler. Without one the process aborts.
pub fn spawn_fifo<'n, F>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F)
where
    F: FnOnce(&Span) + Send + 'static,
{
    ::rayon::spawn_fifo(job(cx.into(), name, f));
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
    let each = EachThread::begin(cx.into(), name, f);
    ::rayon::broadcast(|on| each.run(on))
}

/// As [`broadcast`], without waiting: the traced form of [`rayon::spawn_broadcast`](::rayon::spawn_broadcast).
///
/// Cost: one span and one mark per thread, a clock read for the submission. The plain call allocates the job.
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

/// What runs on each thread of a pool while the caller waits.
pub(super) struct EachThread<F> {
    fan: FanGuard,
    name: JobName,
    f: F,
}

impl<F> EachThread<F> {
    pub(super) fn begin<'n>(cx: Context, name: impl Into<Name<'n>>, f: F) -> Self {
        lanes::name();
        Self { fan: FanGuard::begin(cx, FanKind::Broadcast), name: JobName::new(name), f }
    }

    pub(super) fn run<R>(&self, on: BroadcastContext<'_>) -> R
    where
        F: Fn(&Span, BroadcastContext<'_>) -> R,
    {
        lanes::place();
        self.fan.fan().in_span(self.name.get(), |span| (self.f)(span, on))
    }
}

/// A closure for rayon's `spawn_broadcast`.
pub(super) fn on_each_thread<'n, F>(
    cx: Context,
    name: impl Into<Name<'n>>,
    f: F,
) -> impl Fn(BroadcastContext<'_>) + Send + Sync + 'static
where
    F: Fn(&Span, BroadcastContext<'_>) + Send + Sync + 'static,
{
    lanes::name();
    let (name, submitted) = (JobName::new(name), Queued::now());
    move |on| {
        lanes::place();
        cx.in_span(name.get(), |span| {
            submitted.begun(span);
            f(span, on);
        });
    }
}

/// Runs `f` in `pool`, in a new span below `cx`, and waits for it: the traced form of
/// [`ThreadPool::install`](::rayon::ThreadPool::install).
///
/// A thread outside of any pool blocks meanwhile, and its wait is recorded. If a thread of another pool calls it, that thread
/// doesn't sleep. It runs other jobs of its pool.
///
/// Cost: one span; outside of a pool two clock reads and a mark.
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
    install_in(pool, cx.into(), &JobName::new(name), f)
}

pub(super) fn install_in<F, R>(pool: &ThreadPool, cx: Context, name: &JobName, f: F) -> R
where
    F: FnOnce(&Span) -> R + Send,
    R: Send,
{
    lanes::name();
    let job = || {
        lanes::place();
        cx.in_span(name.get(), f)
    };
    match is_outside() {
        true => mark::wait(WaitCause::Install, || pool.install(job)),
        false => pool.install(job),
    }
}

/// A closure for rayon's `spawn`.
pub(super) fn job<'n, F>(cx: Context, name: impl Into<Name<'n>>, f: F) -> impl FnOnce() + Send + 'static
where
    F: FnOnce(&Span) + Send + 'static,
{
    lanes::name();
    let job = queued(no_fan(cx), JobName::new(name), f);
    move || {
        lanes::place();
        job();
    }
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
