//! [`TracedPool`]: the traced forms of a rayon pool's methods.

use super::fan::FanGuard;
use super::functions::{install_in, job, on_each_thread, EachThread};
use super::lanes;
use super::scope::{in_place, scope_with, Scope, ScopeFifo};
use crate::carry::JobName;
use ::rayon::{BroadcastContext, ThreadPool};
use heirloom_core::mark::FanKind;
use heirloom_core::{Context, Name, Span};

/// Adds [`traced`](Self::traced) to rayon's [`ThreadPool`].
pub trait TracedThreadPool {
    /// The pool with `cx` as the parent of its jobs. The methods have the pool's names. Those that record a span for a job take the
    /// span's name first.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    /// let (left, right) = heirloom_core::in_root("add", |root| {
    ///     let pool = pool.traced(root);
    ///     let left = pool.install("left", |_span| 1 + 1);
    ///     let (right, _) = pool.join(|| 2 + 2, || ());
    ///     (left, right)
    /// });
    /// assert_eq!((left, right), (2, 4));
    /// ```
    fn traced(&self, cx: impl Into<Context>) -> TracedPool<'_>;
}

impl TracedThreadPool for ThreadPool {
    fn traced(&self, cx: impl Into<Context>) -> TracedPool<'_> {
        lanes::name();
        TracedPool { pool: self, cx: cx.into() }
    }
}

/// A rayon pool, with the parent of its jobs. Made by [`traced`](TracedThreadPool::traced).
///
/// Jobs, their order, panics and waiting are those of the pool's method of the same name.
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing runs yet"]
pub struct TracedPool<'p> {
    pool: &'p ThreadPool,
    cx: Context,
}

impl TracedPool<'_> {
    /// As [`install`](super::install): runs `f` in the pool, in a new span, and waits for it.
    pub fn install<'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> R
    where
        F: FnOnce(&Span) -> R + Send,
        R: Send,
    {
        install_in(self.pool, self.cx, &JobName::new(name), f)
    }

    /// As [`join`](super::join()), in this pool: the context is current in both halves, and there is no span.
    pub fn join<A, B, RA, RB>(self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA + Send,
        B: FnOnce() -> RB + Send,
        RA: Send,
        RB: Send,
    {
        let fan = FanGuard::begin(self.cx, FanKind::Join);
        self.pool.join(|| fan.half(self.cx, a), || fan.half(self.cx, b))
    }

    /// As [`scope`](super::scope()), in this pool.
    pub fn scope<'scope, F, R>(self, f: F) -> R
    where
        F: FnOnce(&Scope<'_, 'scope>) -> R + Send,
        R: Send,
    {
        scope_with(self.cx, |fan| self.pool.scope(|inner| fan.run(inner, f)))
    }

    /// As [`scope_fifo`](super::scope_fifo), in this pool.
    pub fn scope_fifo<'scope, F, R>(self, f: F) -> R
    where
        F: FnOnce(&ScopeFifo<'_, 'scope>) -> R + Send,
        R: Send,
    {
        scope_with(self.cx, |fan| self.pool.scope_fifo(|inner| fan.run_fifo(inner, f)))
    }

    /// As [`in_place_scope`](super::in_place_scope): the jobs run in this pool, `f` on the calling thread.
    pub fn in_place_scope<'scope, F, R>(self, f: F) -> R
    where
        F: FnOnce(&Scope<'_, 'scope>) -> R,
    {
        in_place(self.cx, |fan, body| self.pool.in_place_scope(|inner| body.run(|| fan.run(inner, f))))
    }

    /// As [`in_place_scope_fifo`](super::in_place_scope_fifo): the jobs run in this pool, `f` on the calling thread.
    pub fn in_place_scope_fifo<'scope, F, R>(self, f: F) -> R
    where
        F: FnOnce(&ScopeFifo<'_, 'scope>) -> R,
    {
        in_place(self.cx, |fan, body| self.pool.in_place_scope_fifo(|inner| body.run(|| fan.run_fifo(inner, f))))
    }

    /// As [`spawn`](super::spawn), in this pool.
    pub fn spawn<'n, F>(self, name: impl Into<Name<'n>>, f: F)
    where
        F: FnOnce(&Span) + Send + 'static,
    {
        self.pool.spawn(job(self.cx, name, f));
    }

    /// As [`spawn_fifo`](super::spawn_fifo), in this pool.
    pub fn spawn_fifo<'n, F>(self, name: impl Into<Name<'n>>, f: F)
    where
        F: FnOnce(&Span) + Send + 'static,
    {
        self.pool.spawn_fifo(job(self.cx, name, f));
    }

    /// As [`broadcast`](super::broadcast), on every thread of this pool.
    pub fn broadcast<'n, F, R>(self, name: impl Into<Name<'n>>, f: F) -> Vec<R>
    where
        F: Fn(&Span, BroadcastContext<'_>) -> R + Sync,
        R: Send,
    {
        let each = EachThread::begin(self.cx, name, f);
        self.pool.broadcast(|on| each.run(on))
    }

    /// As [`spawn_broadcast`](super::spawn_broadcast), on every thread of this pool.
    pub fn spawn_broadcast<'n, F>(self, name: impl Into<Name<'n>>, f: F)
    where
        F: Fn(&Span, BroadcastContext<'_>) + Send + Sync + 'static,
    {
        self.pool.spawn_broadcast(on_each_thread(self.cx, name, f));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{mpsc, Arc};

    const THREADS: usize = 3;

    /// A number of threads that differs from the global pool's.
    fn here() -> (usize, bool) {
        (::rayon::current_num_threads(), ::rayon::current_thread_index().is_some())
    }

    #[test]
    fn everything_runs_in_the_pool_that_was_given() {
        let pool = Arc::new(::rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap());
        let traced = || pool.traced(Context::INERT);
        let (tell, told) = mpsc::channel();
        let say = || {
            let tell = tell.clone();
            move || tell.send(here()).unwrap()
        };
        traced().install("job", |_| say()());
        traced().join(say(), say());
        traced().scope(|s| s.spawn("job", |_, _| say()()));
        traced().scope_fifo(|s| s.spawn_fifo("job", |_, _| say()()));
        traced().in_place_scope(|s| {
            let say = say();
            s.spawn("job", move |_, _| say());
        });
        traced().in_place_scope_fifo(|s| {
            let say = say();
            s.spawn_fifo("job", move |_, _| say());
        });
        let (first, second, each) = (say(), say(), say());
        traced().spawn("job", move |_| first());
        traced().spawn_fifo("job", move |_| second());
        traced().spawn_broadcast("job", move |_, _| each());
        assert_eq!(traced().broadcast("job", |_, on| on.index()), [0, 1, 2]);
        for _ in 0..9 + THREADS {
            assert_eq!(told.recv().unwrap(), (THREADS, true));
        }
        assert!(told.try_recv().is_err());
    }
}
