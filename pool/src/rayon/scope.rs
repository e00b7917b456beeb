//! The traced forms of rayon's four scopes.

use super::fan::{is_outside, FanGuard};
use super::lanes;
use crate::carry::{JobName, Parent};
use crate::fan::{wait_for_scope, Body};
use ::rayon::BroadcastContext;
use heirloom_core::mark::{FanKind, FanOut};
use heirloom_core::{Context, Name, Span};

/// Lets jobs borrow from their surroundings, with `cx` as their parent: the traced form of [`rayon::scope`](::rayon::scope).
///
/// `cx` is current inside `f`, which runs in the pool. The jobs belong to one fan-out, which ends when the function returns.
///
/// Cost: two marks with a clock read each.
///
/// # Panics
///
/// As the plain function: if `f` or a job panics, once all of them are over.
///
/// ```
/// let words = ["a", "parallel", "program"];
/// let mut lengths = [0; 3];
/// heirloom_core::in_root("measure", |root| {
///     heirloom_pool::rayon::scope(root, |s| {
///         for (word, length) in words.iter().zip(&mut lengths) {
///             s.spawn("word", move |_scope, _span| *length = word.len());
///         }
///     });
/// });
/// assert_eq!(lengths, [1, 8, 7]);
/// ```
pub fn scope<'scope, F, R>(cx: impl Into<Context>, f: F) -> R
where
    F: FnOnce(&Scope<'_, 'scope>) -> R + Send,
    R: Send,
{
    scope_with(cx.into(), |fan| ::rayon::scope(|inner| fan.run(inner, f)))
}

/// As [`scope()`], for jobs that each thread starts in the order in which it spawned them: the traced form of
/// [`rayon::scope_fifo`](::rayon::scope_fifo).
///
/// # Panics
///
/// As the plain function: if `f` or a job panics, once all of them are over.
///
/// ```
/// let total = std::sync::atomic::AtomicUsize::new(0);
/// heirloom_core::in_root("measure", |root| {
///     heirloom_pool::rayon::scope_fifo(root, |s| {
///         for word in ["a", "parallel", "program"] {
///             let total = &total;
///             s.spawn_fifo("word", move |_scope, _span| {
///                 total.fetch_add(word.len(), std::sync::atomic::Ordering::Relaxed);
///             });
///         }
///     });
/// });
/// assert_eq!(total.into_inner(), 16);
/// ```
pub fn scope_fifo<'scope, F, R>(cx: impl Into<Context>, f: F) -> R
where
    F: FnOnce(&ScopeFifo<'_, 'scope>) -> R + Send,
    R: Send,
{
    scope_with(cx.into(), |fan| ::rayon::scope_fifo(|inner| fan.run_fifo(inner, f)))
}

/// As [`scope()`], and `f` runs on the calling thread: the traced form of [`rayon::in_place_scope`](::rayon::in_place_scope).
/// `f` and its result need not be `Send`.
///
/// # Panics
///
/// As the plain function: if `f` or a job panics, once all of them are over.
///
/// ```
/// let words = std::rc::Rc::new(["a", "parallel", "program"]);
/// let mut lengths = [0; 3];
/// heirloom_core::in_root("measure", |root| {
///     heirloom_pool::rayon::in_place_scope(root, |s| {
///         for (word, length) in words.iter().copied().zip(&mut lengths) {
///             s.spawn("word", move |_scope, _span| *length = word.len());
///         }
///     });
/// });
/// assert_eq!(lengths, [1, 8, 7]);
/// ```
pub fn in_place_scope<'scope, F, R>(cx: impl Into<Context>, f: F) -> R
where
    F: FnOnce(&Scope<'_, 'scope>) -> R,
{
    in_place(cx.into(), |fan, body| ::rayon::in_place_scope(|inner| body.run(|| fan.run(inner, f))))
}

/// As [`scope_fifo`], and `f` runs on the calling thread: the traced form of
/// [`rayon::in_place_scope_fifo`](::rayon::in_place_scope_fifo).
///
/// # Panics
///
/// As the plain function: if `f` or a job panics, once all of them are over.
pub fn in_place_scope_fifo<'scope, F, R>(cx: impl Into<Context>, f: F) -> R
where
    F: FnOnce(&ScopeFifo<'_, 'scope>) -> R,
{
    in_place(cx.into(), |fan, body| ::rayon::in_place_scope_fifo(|inner| body.run(|| fan.run_fifo(inner, f))))
}

/// Runs a scope, by `scope`, as a fan-out.
pub(super) fn scope_with<R>(cx: Context, scope: impl FnOnce(&ScopeFan) -> R) -> R {
    lanes::name();
    scope(&ScopeFan { cx, guard: FanGuard::begin(cx, FanKind::Scope) })
}

/// As [`scope_with`], for a scope whose body runs on this thread. A thread outside of the pools then waits for the jobs, and the
/// wait is recorded. A thread of a pool runs other jobs.
pub(super) fn in_place<R>(cx: Context, scope: impl FnOnce(&ScopeFan, &Body) -> R) -> R {
    lanes::name();
    let fan = ScopeFan { cx, guard: FanGuard::begin_in_place(cx) };
    let _current = cx.enter();
    wait_for_scope(is_outside(), |body| scope(&fan, body))
}

/// The fan-out of a scope.
pub(super) struct ScopeFan {
    cx: Context,
    guard: FanGuard,
}

impl ScopeFan {
    /// Runs the body of a scope: `cx` is current inside, and the parent of its jobs.
    pub(super) fn run<'scope, F, R>(&self, inner: &::rayon::Scope<'scope>, f: F) -> R
    where
        F: FnOnce(&Scope<'_, 'scope>) -> R,
    {
        self.guard.body(self.cx, || f(&Scope { inner, origin: self.origin() }))
    }

    /// The same for the other kind of scope.
    pub(super) fn run_fifo<'scope, F, R>(&self, inner: &::rayon::ScopeFifo<'scope>, f: F) -> R
    where
        F: FnOnce(&ScopeFifo<'_, 'scope>) -> R,
    {
        self.guard.body(self.cx, || f(&ScopeFifo { inner, origin: self.origin() }))
    }

    fn origin(&self) -> Origin<'static> {
        Origin { parent: Parent::Context(self.cx), fan: self.guard.fan().id() }
    }
}

/// Where a scope's jobs belong: below what, and to which fan-out. Jobs that a job starts belong to the same fan-out, below its
/// span.
#[derive(Clone, Copy, Debug)]
struct Origin<'a> {
    parent: Parent<'a>,
    fan: u64,
}

impl Origin<'_> {
    fn fan(self) -> FanOut {
        FanOut::with_id(self.parent.context(), self.fan)
    }
}

/// Runs a job in its span.
fn run_job<R>(fan: FanOut, name: &JobName, job: impl FnOnce(&Span, Origin<'_>) -> R) -> R {
    lanes::place();
    fan.in_span(name.get(), |span| job(span, Origin { parent: Parent::Span(span), fan: fan.id() }))
}

/// Starts jobs that are over before [`scope()`] or [`in_place_scope`] returns.
#[derive(Debug)]
pub struct Scope<'a, 'scope> {
    inner: &'a ::rayon::Scope<'scope>,
    origin: Origin<'a>,
}

impl<'scope> Scope<'_, 'scope> {
    /// Runs `f` in the pool, at some time before the scope ends, in a new span below the scope's context. `f` gets a scope whose
    /// jobs are below that span.
    ///
    /// Cost: one span. The plain call allocates the job.
    pub fn spawn<'n, F>(&self, name: impl Into<Name<'n>>, f: F)
    where
        F: FnOnce(&Scope<'_, 'scope>, &Span) + Send + 'scope,
    {
        let (fan, name) = (self.origin.fan(), JobName::new(name));
        self.inner.spawn(move |inner| {
            run_job(fan, &name, |span, origin| f(&Scope { inner, origin }, span));
        });
    }

    /// Runs `f` on every thread of the pool, each time in a new span below the scope's context.
    ///
    /// Cost: one span per thread. The plain call allocates the job.
    pub fn spawn_broadcast<'n, F>(&self, name: impl Into<Name<'n>>, f: F)
    where
        F: Fn(&Scope<'_, 'scope>, &Span, BroadcastContext<'_>) + Send + Sync + 'scope,
    {
        let (fan, name) = (self.origin.fan(), JobName::new(name));
        self.inner.spawn_broadcast(move |inner, on| {
            run_job(fan, &name, |span, origin| f(&Scope { inner, origin }, span, on));
        });
    }
}

/// Starts jobs that are over before [`scope_fifo`] or [`in_place_scope_fifo`] returns.
#[derive(Debug)]
pub struct ScopeFifo<'a, 'scope> {
    inner: &'a ::rayon::ScopeFifo<'scope>,
    origin: Origin<'a>,
}

impl<'scope> ScopeFifo<'_, 'scope> {
    /// Runs `f` in the pool, at some time before the scope ends, in a new span below the scope's context. `f` gets a scope whose
    /// jobs are below that span.
    ///
    /// Cost: one span. The plain call allocates the job.
    pub fn spawn_fifo<'n, F>(&self, name: impl Into<Name<'n>>, f: F)
    where
        F: FnOnce(&ScopeFifo<'_, 'scope>, &Span) + Send + 'scope,
    {
        let (fan, name) = (self.origin.fan(), JobName::new(name));
        self.inner.spawn_fifo(move |inner| {
            run_job(fan, &name, |span, origin| f(&ScopeFifo { inner, origin }, span));
        });
    }

    /// Runs `f` on every thread of the pool, each time in a new span below the scope's context.
    ///
    /// Cost: one span per thread. The plain call allocates the job.
    pub fn spawn_broadcast<'n, F>(&self, name: impl Into<Name<'n>>, f: F)
    where
        F: Fn(&ScopeFifo<'_, 'scope>, &Span, BroadcastContext<'_>) + Send + Sync + 'scope,
    {
        let (fan, name) = (self.origin.fan(), JobName::new(name));
        self.inner.spawn_broadcast(move |inner, on| {
            run_job(fan, &name, |span, origin| f(&ScopeFifo { inner, origin }, span, on));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_job_is_over_when_the_scope_returns() {
        let ran = AtomicUsize::new(0);
        let returned = scope(Context::INERT, |s| {
            for _ in 0..10 {
                s.spawn("outer", |s, _| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    s.spawn("inner", |_, _| {
                        ran.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
            7
        });
        assert_eq!((returned, ran.load(Ordering::SeqCst)), (7, 20));
    }

    #[test]
    fn a_thread_starts_the_jobs_of_a_fifo_scope_in_order() {
        let pool = ::rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let order = std::sync::Mutex::new(Vec::new());
        pool.install(|| {
            scope_fifo(Context::INERT, |s| {
                for n in 0..10 {
                    let order = &order;
                    s.spawn_fifo("job", move |_, _| order.lock().unwrap().push(n));
                }
            });
        });
        assert_eq!(order.into_inner().unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_broadcast_of_a_scope_runs_once_on_every_thread() {
        let pool = ::rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let threads = std::sync::Mutex::new(Vec::new());
        pool.install(|| {
            let note = |on: BroadcastContext<'_>| threads.lock().unwrap().push(on.index());
            scope(Context::INERT, |s| s.spawn_broadcast("job", move |_, _, on| note(on)));
            scope_fifo(Context::INERT, |s| s.spawn_broadcast("job", move |_, _, on| note(on)));
        });
        let mut threads = threads.into_inner().unwrap();
        threads.sort_unstable();
        assert_eq!(threads, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn the_body_of_a_scope_in_place_stays_on_its_thread() {
        let thread = std::thread::current().id();
        let not_sent = std::rc::Rc::new(1);
        let here = || (std::thread::current().id(), *not_sent);
        assert_eq!(in_place_scope(Context::INERT, |_| here()), (thread, 1));
        assert_eq!(in_place_scope_fifo(Context::INERT, |_| here()), (thread, 1));
    }

    #[test]
    fn the_panic_of_a_job_passes_through_unchanged() {
        fn fails() {
            std::panic::panic_any(42_u8)
        }
        let scopes: [fn(); 4] = [
            || scope(Context::INERT, |s| s.spawn("fails", |_, _| fails())),
            || scope_fifo(Context::INERT, |s| s.spawn_fifo("fails", |_, _| fails())),
            || in_place_scope(Context::INERT, |s| s.spawn("fails", |_, _| fails())),
            || in_place_scope_fifo(Context::INERT, |s| s.spawn_fifo("fails", |_, _| fails())),
        ];
        for scope in scopes {
            let caught = std::panic::catch_unwind(scope);
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u8));
        }
    }
}
