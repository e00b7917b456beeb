//! Background jobs: work that a trace starts and does not wait for.
//!
//! `span.background("reindex").on_thread(|span| ..)` starts a job in a new trace that is *linked* to the span that started it. So
//! the main trace ends, and is exported, without waiting for the job. The sampler decides separately about the new trace. Its link
//! names the nearest *recorded* ancestor. If there is none (not sampled, invalid context), the trace has no link.
//!
//! | the job's span is | how |
//! |---|---|
//! | a root, linked to the starter | the default |
//! | a child of the starter, in its trace and with its sampling decision | [`.child()`](BackgroundBuilder::child) |
//! | a root, linked to nothing | [`.unlinked()`](BackgroundBuilder::unlinked) |
//!
//! The span has the kind `Consumer` and starts when the job starts to run. Its attribute `heirloom.queue_ns` is the time between
//! submission and start. The time of the submission is recorded beside it, with the span that submitted it (unless the job is
//! unlinked).
//!
//! | the job is | it goes to |
//! |---|---|
//! | a closure | [`on_thread`](BackgroundBuilder::on_thread), `on_pool` (rayon), [`on`](BackgroundBuilder::on) for any other pool |
//! | a future | `on_tokio`, `on_executor` for any other executor (features `tokio` and `async`) |
//!
//! Either returns `()` or a `Result` ([`Outcome`]). An `Err` ends the span as an error. So does a panic, which passes on to the
//! thread, pool or executor unchanged.
//!
//! The handle ([`BackgroundJob`]) can be waited for, awaited or dropped. [`wait_all`] waits for all jobs of the process, up to a
//! deadline. `finish` waits for its tracer's jobs before it flushes.
//!
//! Cost of a job: one span, four further clock reads, a mark, two locks of a process-wide counter, one lock of the handle, one
//! allocation for the handle, and one more with [`on`](BackgroundBuilder::on).

#[cfg(feature = "async")]
mod future;
mod handle;
mod outcome;
mod running;

#[cfg(feature = "async")]
pub use future::JobFuture;
pub use handle::{BackgroundJob, Finished, WaitError};
pub use outcome::Outcome;
pub use running::wait_all;

use crate::carry::{JobName, Submitted};
use handle::Completion;
use heirloom_core::{Context, Name, Span, SpanKind};

/// Starts background jobs from a [`Span`] or a [`Context`].
pub trait Background {
    /// Prepares a background job whose span has this name. It runs only after it was given to a thread or a pool.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let job = heirloom_core::in_root("request", |root| {
    ///     root.background("reindex").on_thread(|span| {
    ///         span.set("files", 3);
    ///     })
    /// });
    /// // The trace of "request" is complete. The job is in another one.
    /// job.wait(Duration::from_secs(10)).unwrap();
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
/// | [`child`](Self::child), [`unlinked`](Self::unlinked) | a new trace, linked to the starter |
#[derive(Debug)]
#[must_use = "a background job runs only once it is given to `on_thread`, `on_pool`, `on`, `on_tokio` or `on_executor`"]
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

/// A job, as [`BackgroundBuilder::on`] passes it to a pool.
pub type BoxedJob = Box<dyn FnOnce() + Send + 'static>;

impl BackgroundBuilder {
    /// Makes the job's span a child of the starter: in the same trace, sampled if the starter is. The trace is exported in parts,
    /// since the starter still doesn't wait.
    pub fn child(self) -> Self {
        Self { relation: Relation::Child, ..self }
    }

    /// Omits the link: the job's trace doesn't name the starter.
    pub fn unlinked(self) -> Self {
        Self { relation: Relation::Unlinked, ..self }
    }

    /// Runs the job on a new thread of the standard library, which is named after the job. (Linux shows the first 15
    /// bytes, the trace's lane 64.)
    ///
    /// # Panics
    ///
    /// As [`std::thread::spawn`]: if the operating system has no thread left. With [`on`](Self::on) the caller handles that error.
    pub fn on_thread<T, F>(self, f: F) -> BackgroundJob<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Outcome + Send + 'static,
    {
        // A thread's name can't contain a zero byte.
        let thread = std::thread::Builder::new().name(self.name.get().as_str().replace('\0', "?"));
        let (job, handle) = self.job(f);
        thread.spawn(job).unwrap_or_else(|error| panic!("can't start a thread for a background job: {error}"));
        handle
    }

    /// Runs the job on a rayon pool, as [`rayon::ThreadPool::spawn`](::rayon::ThreadPool::spawn) does: if the job
    /// panics, the pool's panic handler is called, and without one the process aborts.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    /// let job = heirloom_core::in_root("request", |root| root.background("reindex").child().on_pool(&pool, |_| ()));
    /// job.wait(Duration::from_secs(10)).unwrap();
    /// ```
    #[cfg(feature = "rayon")]
    pub fn on_pool<T, F>(self, pool: &::rayon::ThreadPool, f: F) -> BackgroundJob<T>
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Outcome + Send + 'static,
    {
        crate::rayon::lanes::name();
        let (job, handle) = self.job(f);
        pool.spawn(move || {
            crate::rayon::lanes::place();
            job();
        });
        handle
    }

    /// Passes the job to `submit`, which sends it to a pool, a channel or an executor. The result of `submit` is dropped.
    ///
    /// If the job is dropped before it ran, [`BackgroundJob::wait`] returns [`WaitError::NeverRan`], and there is no span.
    ///
    /// ```
    /// use heirloom_pool::prelude::*;
    /// use std::time::Duration;
    /// let job = heirloom_core::in_root("request", |root| {
    ///     let index = |_span: &heirloom_core::Span| std::io::Result::Ok(3);
    ///     root.background("reindex").on(|job| std::thread::Builder::new().spawn(job), index)
    /// });
    /// assert_eq!(job.wait(Duration::from_secs(10)).unwrap().unwrap(), 3);
    /// ```
    pub fn on<T, F, S, U>(self, submit: S, f: F) -> BackgroundJob<T>
    where
        S: FnOnce(BoxedJob) -> U,
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Outcome + Send + 'static,
    {
        let (job, handle) = self.job(f);
        submit(Box::new(job));
        handle
    }

    /// The job as a closure, and its handle. The span ends before the handle is notified.
    fn job<T, F>(self, f: F) -> (impl FnOnce() + Send + 'static, BackgroundJob<T>)
    where
        F: FnOnce(&Span) -> T + Send + 'static,
        T: Outcome + Send + 'static,
    {
        let (mut completion, handle) = self.completion();
        let submitted = Submitted::now();
        let job = move || {
            let _here = completion.start();
            let span = self.begin(submitted);
            completion.runs_in(&span);
            let value = run(span, f);
            completion.done(value);
        };
        (job, handle)
    }

    /// Both sides of the handle. From then on the job counts as running.
    fn completion<T>(&self) -> (Completion<T>, BackgroundJob<T>) {
        Completion::new(self.cx.tracer_id().or(Context::current().tracer_id()))
    }

    /// Starts the job's span. An unlinked one doesn't say who submitted it.
    fn begin(&self, submitted: Submitted) -> Span {
        let span = self.begin_as_related();
        if self.relation != Relation::Unlinked && self.is_recorded() {
            submitted.begun_by(&span, self.cx);
        } else {
            submitted.begun(&span);
        }
        span
    }

    fn begin_as_related(&self) -> Span {
        let name = self.name.get();
        if self.relation == Relation::Child {
            return self.cx.build(name).kind(SpanKind::Consumer).start();
        }
        // A root is recorded by the current context's tracer, which is then the starter's.
        let _starter = self.cx.enter();
        let root = Context::INERT.build(name).kind(SpanKind::Consumer);
        if self.relation == Relation::Linked && self.is_recorded() {
            return root.link(self.cx).start();
        }
        root.start()
    }

    /// Whether the starter is in a trace.
    fn is_recorded(&self) -> bool {
        self.cx.is_valid() && self.cx.is_sampled()
    }
}

fn run<T: Outcome>(span: Span, f: impl FnOnce(&Span) -> T) -> T {
    let _current = span.enter();
    let outcome = f(&span);
    outcome.write(&span);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::{mpsc, Mutex};
    use std::time::{Duration, Instant};

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
        let job = Context::INERT.background("slow").on_thread(move |_| released.recv());
        let Err(WaitError::TimedOut(job)) = job.wait(Duration::ZERO) else { panic!("it can't be done yet") };
        assert!(!job.is_finished());
        release.send(()).unwrap();
        job.wait(LONG).unwrap().unwrap();
    }

    #[test]
    fn a_panic_reaches_the_thread_and_the_handle() {
        let _turn = turn();
        let (outcome, outcomes) = mpsc::channel();
        let run = move |job: BoxedJob| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
            outcome.send(result.unwrap_err().downcast_ref::<u8>().copied()).unwrap();
        };
        let job = Context::INERT.background("fails").on(run, |_| -> () { std::panic::panic_any(42_u8) });
        assert_eq!(outcomes.recv().unwrap(), Some(42));
        assert!(matches!(job.wait(LONG), Err(WaitError::Panicked)));
    }

    #[test]
    fn waiting_for_all_jobs_ends_at_the_deadline_and_counts_what_is_left() {
        let _turn = turn();
        let (release, released) = mpsc::channel::<()>();
        let job = Context::INERT.background("slow").on_thread(move |_| released.recv());
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
            Ok::<_, Infallible>((wait_all(LONG), started.elapsed()))
        });
        let (left, waited) = job.wait(LONG).unwrap().unwrap();
        assert_eq!(left, 1);
        assert!(waited < LONG / 2);
    }
}
