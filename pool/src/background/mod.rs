//! Background jobs: work that a trace starts and does not wait for.
//!
//! `span.background("reindex").on_thread(|span| ..)` starts a job in a trace of its own that is *linked* to the span
//! that started it. So the main trace ends, and is exported, without waiting, and the job is found from there. The
//! sampler decides about the new trace on its own; its link names the nearest *recorded* ancestor, and is left out
//! where there is none (not sampled, inert).
//!
//! | the job's span is | how |
//! |---|---|
//! | a root, linked to the starter | the default |
//! | a child of the starter, in its trace and with its sampling decision | [`.child()`](BackgroundBuilder::child) |
//! | a root, linked to nothing | [`.unlinked()`](BackgroundBuilder::unlinked) |
//!
//! The span has the kind `Consumer`, begins when the job starts to run and carries the time between submission and
//! start as the attribute `heirloom.queue_ns`.
//!
//! A job that panics closes its span as an error, and the panic passes on to the thread or pool unchanged.
//!
//! [`wait_all`] waits for every job of the process, up to a deadline: what `finish` does before it flushes.
//!
//! Cost of a job: one span, two further clock reads, two locks of a process-wide counter, one of the handle, an
//! allocation for the handle, another for a job that [`on`](BackgroundBuilder::on) takes.

mod handle;
mod running;

pub use handle::{BackgroundJob, WaitError};
pub use running::wait_all;

use crate::carry::{JobName, COMPILED_OUT};
use handle::Completion;
use heirloom_core::{Context, Name, Span, SpanKind};
use std::time::Instant;

/// Starts background jobs from a [`Span`] or a [`Context`].
pub trait Background {
    /// Prepares a background job whose span has this name. Nothing runs before it is given to a thread or a pool.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let job = heirloom_core::in_root("request", |root| {
    ///     root.background("reindex").on_thread(|span| {
    ///         span.set("files", 3);
    ///         3
    ///     })
    /// });
    /// // The trace of "request" is complete. The job has its own.
    /// assert_eq!(job.wait(Duration::from_secs(10)).unwrap(), 3);
    /// ```
    fn background<'n>(&self, name: impl Into<Name<'n>>) -> BackgroundBuilder;
}

impl Background for Context {
    fn background<'n>(&self, name: impl Into<Name<'n>>) -> BackgroundBuilder {
        BackgroundBuilder { cx: *self, name: JobName::new(name), relation: Relation::Linked }
    }
}

impl Background for Span {
    fn background<'n>(&self, name: impl Into<Name<'n>>) -> BackgroundBuilder {
        self.context().background(name)
    }
}

/// A background job that has not been submitted yet.
///
/// | setting | default |
/// |---|---|
/// | [`child`](Self::child), [`unlinked`](Self::unlinked) | a trace of its own, linked to the starter |
#[derive(Debug)]
#[must_use = "a background job runs only once it is given to `on_thread`, `on_pool` or `on`"]
pub struct BackgroundBuilder {
    cx: Context,
    name: JobName,
    relation: Relation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Linked,
    Child,
    Unlinked,
}

/// A job as [`BackgroundBuilder::on`] hands it to a pool.
pub type BoxedJob = Box<dyn FnOnce() + Send + 'static>;

impl BackgroundBuilder {
    /// Makes the job's span a child of the starter: in its trace, sampled if it is. The trace is exported in two parts,
    /// as the starter still doesn't wait.
    pub fn child(self) -> Self {
        Self { relation: Relation::Child, ..self }
    }

    /// Leaves the link out: nothing in the job's trace tells who started it.
    pub fn unlinked(self) -> Self {
        Self { relation: Relation::Unlinked, ..self }
    }

    /// Runs the job on a new thread of the standard library.
    ///
    /// # Panics
    ///
    /// As [`std::thread::spawn`]: if the operating system has no thread to give. [`on`](Self::on) lets the caller
    /// decide what happens then.
    pub fn on_thread<T, F>(self, f: F) -> BackgroundJob<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (job, handle) = self.job(f);
        std::thread::spawn(job);
        handle
    }

    /// Runs the job on a rayon pool, as [`rayon::ThreadPool::spawn`](::rayon::ThreadPool::spawn) does: if the job
    /// panics, the pool's panic handler is called, and without one the process aborts.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// let job = heirloom_core::in_root("request", |root| root.background("reindex").child().on_pool(&pool, |_| 3));
    /// assert_eq!(job.wait(Duration::from_secs(10)).unwrap(), 3);
    /// ```
    #[cfg(feature = "rayon")]
    pub fn on_pool<T, F>(self, pool: &::rayon::ThreadPool, f: F) -> BackgroundJob<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (job, handle) = self.job(f);
        pool.spawn(job);
        handle
    }

    /// Runs the job wherever `submit` sends it: a pool, a channel, an executor. What `submit` returns is dropped.
    ///
    /// If the job is dropped without having run, [`BackgroundJob::wait`] says so and there is no span.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let job = heirloom_core::in_root("request", |root| {
    ///     root.background("reindex").on(|job| std::thread::Builder::new().spawn(job), |_span| 3)
    /// });
    /// assert_eq!(job.wait(Duration::from_secs(10)).unwrap(), 3);
    /// ```
    pub fn on<T, F, S, U>(self, submit: S, f: F) -> BackgroundJob<T>
    where
        S: FnOnce(BoxedJob) -> U,
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (job, handle) = self.job(f);
        submit(Box::new(job));
        handle
    }

    /// The job as a closure, and its handle. The span ends before the handle is told.
    fn job<T, F>(self, f: F) -> (impl FnOnce() + Send + 'static, BackgroundJob<T>)
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (mut completion, handle) = Completion::new(self.cx.tracer_id().or(Context::current().tracer_id()));
        let submitted = (!COMPILED_OUT).then(Instant::now);
        let job = move || {
            let _here = completion.start();
            let value = self.run(submitted, f);
            completion.done(value);
        };
        (job, handle)
    }

    fn run<T>(&self, submitted: Option<Instant>, f: impl FnOnce(&Span) -> T) -> T {
        let span = self.begin();
        if let Some(submitted) = submitted {
            span.set("heirloom.queue_ns", submitted.elapsed().as_nanos());
        }
        let _current = span.enter();
        f(&span)
    }

    fn begin(&self) -> Span {
        let name = self.name.get();
        if self.relation == Relation::Child {
            return self.cx.build(name).kind(SpanKind::Consumer).start();
        }
        // The tracer of the starter records the new trace: it is that of what is current.
        let _starter = self.cx.enter();
        let root = Context::INERT.build(name).kind(SpanKind::Consumer);
        if self.relation == Relation::Linked && self.cx.is_valid() && self.cx.is_sampled() {
            return root.link(self.cx).start();
        }
        root.start()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{mpsc, Mutex};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(10);

    /// The counter of running jobs is process-wide: tests that look at it take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn turn() -> std::sync::MutexGuard<'static, ()> {
        TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[test]
    fn a_job_that_was_dropped_unrun_says_so() {
        let _turn = turn();
        let job = Context::INERT.background("dropped").on(drop, |_| ());
        assert!(job.is_finished());
        assert!(matches!(job.wait(LONG), Err(WaitError::NeverRan)));
    }

    #[test]
    fn a_wait_that_times_out_gives_the_handle_back() {
        let _turn = turn();
        let (release, released) = mpsc::channel::<()>();
        let job = Context::INERT.background("slow").on_thread(move |_| released.recv().is_ok());
        let Err(WaitError::TimedOut(job)) = job.wait(Duration::ZERO) else { panic!("it can't be done yet") };
        assert!(!job.is_finished());
        release.send(()).unwrap();
        assert!(job.wait(LONG).unwrap());
    }

    #[test]
    fn a_panic_reaches_the_thread_and_the_handle() {
        let _turn = turn();
        let (outcome, outcomes) = mpsc::channel();
        let run = move |job: BoxedJob| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            outcome.send(result.unwrap_err().downcast_ref::<u8>().copied()).unwrap();
        };
        let job = Context::INERT.background("fails").on(run, |_| std::panic::panic_any(42_u8));
        assert_eq!(outcomes.recv().unwrap(), Some(42));
        assert!(matches!(job.wait(LONG), Err(WaitError::Panicked)));
    }

    #[test]
    fn waiting_for_all_jobs_ends_at_the_deadline_and_counts_what_is_left() {
        let _turn = turn();
        let (release, released) = mpsc::channel::<()>();
        let job = Context::INERT.background("slow").on_thread(move |_| released.recv().is_ok());
        assert_eq!(wait_all(Duration::from_millis(5)), 1);
        release.send(()).unwrap();
        assert_eq!(wait_all(LONG), 0);
        assert!(job.is_finished());
    }

    #[test]
    fn a_job_that_waits_for_all_jobs_does_not_wait_for_itself() {
        let _turn = turn();
        let job = Context::INERT.background("finishes").on_thread(|_| {
            let started = Instant::now();
            (wait_all(LONG), started.elapsed())
        });
        let (left, waited) = job.wait(LONG).unwrap();
        assert_eq!(left, 1);
        assert!(waited < LONG / 2);
    }
}
