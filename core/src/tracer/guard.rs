//! The end of a tracer.
//!
//! 1. Background jobs get time to end, within the deadline.
//! 2. The tracer is closed: no new span is accepted.
//! 3. An exporter that waits for its backend learns that the tracer ends (`Closing`), and makes a last try.
//! 4. The collector reads everything, closes open spans as incomplete and passes all of them on. Then its thread ends.
//! 5. Each exporter delivers its queue, flushes and shuts down. Then its thread ends.
//! 6. The report lists what was done, and for each exporter what was not delivered by the deadline. Threads that are still at work
//!    then continue.
//! 7. Messages about all of this get time to be written: 100 ms. Where no caller receives the report (a dropped guard, the end
//!    of the process), its problems are among them.
//!
//! The process may end on any thread. If it is an exporter's thread, that exporter can't deliver any more and isn't waited
//! for; the others are. On the collector's thread nothing can be done.
//!
//! The tracer of an attached child has neither collector nor exporter: its parent does 4 and 5, and nothing is waited
//! for. If the parent has ended, the report says what it didn't read.

use super::{FlushError, Report, Tracer};
use crate::diagnostics::{Cause, Destination, Diagnostic, Level, Pace};
use crate::life::{self, PerProcess};
use crate::pipeline::{self, Barrier, Queue, Request};
use crate::{sys, thread, TracerId};
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Keeps a tracer running. Its `finish`, or its drop, ends the tracer and delivers everything.
///
/// The global tracer may have several guards, if `init` was called again with the same settings. The last one ends the
/// tracer; the others only flush.
///
/// A report that isn't complete goes to the caller of `finish`, and is not written anywhere. A dropped guard has no caller,
/// so each of its problems is a message to the operator: see [`diagnostics`](crate::diagnostics).
///
/// # The end of the process
/// `std::process::exit` and the return from `main` end the global tracer too, within two seconds, also where the guard was
/// forgotten. They do so on any thread. If an exporter calls `exit`, its own spans can't be delivered any more, and are counted
/// and reported.
///
/// `abort`, `_exit` and [`exec`] end a program without its exit handlers: what is in its buffers is lost. So finish the tracer
/// before an `exec`. That only returns if it fails; then `init` starts a tracer again:
///
/// ```no_run
/// # #[cfg(unix)] {
/// use std::os::unix::process::CommandExt;
/// let guard = heirloom_core::init("launcher")?;
/// // ..
/// guard.finish();
/// let error = std::process::Command::new("server").exec();
/// let guard = heirloom_core::init("launcher")?;
/// # drop((guard, error)); }
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
///
/// [`exec`]: https://doc.rust-lang.org/std/os/unix/process/trait.CommandExt.html#tymethod.exec
#[derive(Debug)]
#[must_use = "the tracer ends when its guard is dropped: bind it to a name, not to `_`"]
pub struct Guard {
    tracer: Tracer,
    /// Whether this is one of the guards of the global tracer.
    global: bool,
    finished: bool,
}

/// The global tracer, while it runs, and how many guards it has.
#[derive(Default)]
pub(super) struct Global {
    pub(super) tracer: Option<Tracer>,
    pub(super) guards: usize,
}

static GLOBAL: PerProcess<Mutex<Global>> = PerProcess::new();

pub(super) fn global() -> MutexGuard<'static, Global> {
    GLOBAL.get().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one guard off the count. Whether it was the last one.
fn last_guard_of(tracer: &Tracer) -> bool {
    let mut global = global();
    if !global.is(tracer) {
        return true;
    }
    global.guards -= 1;
    if global.guards == 0 {
        global.tracer = None;
    }
    global.guards == 0
}

impl Global {
    fn is(&self, tracer: &Tracer) -> bool {
        self.tracer.as_ref().is_some_and(|t| Arc::ptr_eq(t.shared(), tracer.shared()))
    }
}

impl Guard {
    /// A guard of the global tracer. The caller has counted it.
    pub(super) fn global(tracer: Tracer) -> Self {
        Self { tracer, global: true, finished: false }
    }

    pub(super) fn own(tracer: Tracer) -> Self {
        Self { tracer, global: false, finished: false }
    }

    /// The tracer that this guard keeps running.
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Ends the tracer and returns a report that accounts for every span. Waits at most for the configured time (5 s by default).
    /// If an exporter has begun its last step by then (it writes a report, for example), and has a [separate
    /// time](crate::export::Exporter::shutdown_timeout) for it, `finish` waits up to that time.
    ///
    /// Spans that are still open are exported as they are, marked as incomplete. Recording calls after that do nothing.
    /// Works on any thread but Heirloom's own.
    pub fn finish(self) -> Report {
        let timeout = self.tracer.shared().settings.finish_timeout;
        self.finish_within(timeout)
    }

    /// As [`finish`](Self::finish), with this timeout instead of the configured one.
    pub fn finish_within(mut self, timeout: Duration) -> Report {
        let report = self.end(timeout);
        self.tracer.shared().diagnostics.settle();
        report
    }

    /// As [`finish`](Self::finish), for asynchronous code: a temporary thread does the waiting.
    pub async fn finish_async(self) -> Report {
        let barrier = Barrier::new(1);
        let result = Arc::new(Mutex::new(None));
        let (done, target) = (Arc::clone(&barrier), Arc::clone(&result));
        let guard = Arc::new(Mutex::new(Some(self)));
        let job = Arc::clone(&guard);
        let thread = std::thread::Builder::new().name("heirloom-finish".to_owned()).spawn(move || {
            let guard = job.lock().unwrap_or_else(PoisonError::into_inner).take();
            *target.lock().unwrap_or_else(PoisonError::into_inner) = guard.map(Guard::finish);
            done.done(None);
        });
        if thread.is_ok() {
            pipeline::Done(barrier).await;
        }
        let report = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        // If no thread can be started, it is done here, blocking.
        let here = || guard.lock().unwrap_or_else(PoisonError::into_inner).take().map(Guard::finish);
        report.or_else(here).unwrap_or_default()
    }

    fn end(&mut self, timeout: Duration) -> Report {
        self.finished = true;
        if self.tracer.shared().is_foreign() {
            // Any lock may be held permanently, by a thread that exists only in the parent.
            return Report::inert(false);
        }
        if self.global && !last_guard_of(&self.tracer) {
            let flushed = self.tracer.flush(timeout);
            return Report::of_running(&self.tracer, flushed);
        }
        let report = finish(&self.tracer, timeout);
        if self.global {
            self.tracer.shared().diagnostics.unset_global();
        }
        report
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.finished {
            let timeout = self.tracer.shared().settings.finish_timeout;
            let report = self.end(timeout);
            say(&self.tracer, report.messages());
        }
    }
}

/// Reports messages that no caller receives, and waits for them.
fn say(tracer: &Tracer, messages: impl IntoIterator<Item = Diagnostic>) {
    say_to(&tracer.shared().diagnostics, messages);
}

fn say_to(diagnostics: &Destination, messages: impl IntoIterator<Item = Diagnostic>) {
    messages.into_iter().for_each(|message| diagnostics.report(message));
    diagnostics.settle();
}

fn finish(tracer: &Tracer, timeout: Duration) -> Report {
    let shared = tracer.shared();
    if shared.settings.disabled {
        shared.close();
        return Report::inert(true);
    }
    if life::in_pipeline() {
        return Report::own_thread(tracer);
    }
    finish_here(tracer, timeout)
}

/// At the end of the process, which any thread may cause: an exporter, or a callback for messages. Nothing waits for the
/// exporter whose thread this is.
fn finish_at_exit(tracer: &Tracer, timeout: Duration) -> Report {
    let shared = tracer.shared();
    if shared.settings.disabled || !life::in_pipeline() {
        return finish(tracer, timeout);
    }
    if shared.wake.is_here() {
        // Only this thread could read what is recorded.
        return Report::own_thread(tracer);
    }
    shared.queues.iter().for_each(|queue| queue.leave_if_here());
    finish_here(tracer, timeout)
}

fn finish_here(tracer: &Tracer, timeout: Duration) -> Report {
    let shared = tracer.shared();
    let start = Instant::now();
    let left = || timeout.saturating_sub(start.elapsed());
    let running_jobs = wait_for_jobs(TracerId::new(shared.key), left);
    shared.close();
    if let Some(region) = &shared.parent {
        shared.registry.close();
        while !shared.overflow_to(region) && !left().is_zero() && !region.is_orphaned() {
            region.ring();
            std::thread::sleep(Duration::from_millis(1));
        }
        region.finish();
        pipeline::remove(shared.key);
        return Report::of_child(tracer, region, running_jobs);
    }
    shared.queues.iter().for_each(|queue| queue.close(start, timeout));
    let barrier = Barrier::new(1);
    // If another call has finished it already, or is finishing it, this one only waits for the exporters.
    let exporters = || shared.await_exporters(&barrier, Queue::flush);
    shared.ask(Request::Close(&barrier), exporters);
    let outcome = barrier.wait(left()).or_else(|_| wait_for_shutdowns(&shared.queues, &barrier));
    pipeline::remove(shared.key);
    Report::of_finished(tracer, outcome, running_jobs, start.elapsed())
}

/// Waits for exporters that have a separate time for their last step: see
/// [`Exporter::shutdown_timeout`](crate::export::Exporter::shutdown_timeout).
fn wait_for_shutdowns(queues: &[Arc<Queue>], barrier: &Barrier) -> Result<Vec<String>, usize> {
    /// How often it looks which exporters are left: one that hangs without such a time keeps the barrier closed.
    const LOOK: Duration = Duration::from_millis(20);
    loop {
        let left = queues.iter().map(|queue| queue.shutdown_left()).max().unwrap_or_default();
        match barrier.wait(left.min(LOOK)) {
            Err(_) if !left.is_zero() => {}
            outcome => return outcome,
        }
    }
}

/// Waits for a tracer's jobs, at most for this time, and returns how many still run.
type WaitForJobs = fn(TracerId, Duration) -> usize;

/// Without a lock, because the child of a fork keeps them.
static JOBS: ArcSwapOption<Vec<WaitForJobs>> = ArcSwapOption::const_empty();

/// Registers `wait`, to be called at the start of every `finish` with the tracer and the time that is left. For code that
/// runs background jobs. `wait` returns how many jobs still run when the time is over. Registering the same function
/// again does nothing.
pub fn on_finish(wait: fn(TracerId, Duration) -> usize) {
    JOBS.rcu(|jobs| {
        let jobs = jobs.as_deref().map_or(&[][..], Vec::as_slice);
        let is_new = !jobs.iter().any(|known| *known as usize == wait as usize);
        Some(Arc::new(jobs.iter().copied().chain(is_new.then_some(wait as WaitForJobs)).collect()))
    });
}

fn wait_for_jobs(tracer: TracerId, left: impl Fn() -> Duration) -> usize {
    let jobs = JOBS.load_full();
    // A quarter of the time is kept for delivering what was recorded.
    jobs.iter().flat_map(|jobs| jobs.iter()).map(|wait| wait(tracer, left() * 3 / 4)).sum()
}

/// How long `finish` may delay the end of the process when it runs at exit, in seconds: a program that forgot to finish
/// must not seem to hang.
const LONGEST_AT_EXIT: Duration = Duration::from_secs(2);

/// A tracer is about to start in this process. Registers what notices forks, once for all tracers; the child of a fork has
/// it too.
pub(super) fn begin() {
    static NOTICES: AtomicBool = AtomicBool::new(false);
    // Set afterwards: registering it twice does no harm, a fork that isn't noticed would.
    if !NOTICES.load(Ordering::Acquire) {
        sys::at_fork_child(thread::after_fork);
        NOTICES.store(true, Ordering::Release);
    }
    life::begin();
}

/// Finishes the global tracer at the end of the process, and flushes it on panics if that is configured. Registered once;
/// the child of a fork has both too, for its own global tracer.
pub(super) fn install_hooks(flush_on_panic: bool) {
    // No `Once`: another thread could be in the middle of it when the process forks.
    static AT_EXIT: AtomicBool = AtomicBool::new(false);
    static ON_PANIC: AtomicBool = AtomicBool::new(false);
    if !AT_EXIT.swap(true, Ordering::AcqRel) {
        sys::at_exit(at_exit);
    }
    if flush_on_panic && !ON_PANIC.swap(true, Ordering::AcqRel) {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            if let Some(tracer) = Tracer::global() {
                flush_before_panic(&tracer);
            }
        }));
    }
}

fn flush_before_panic(tracer: &Tracer) {
    static FAILED: Mutex<(u64, Pace)> = Mutex::new((0, Pace::new()));
    let Err(error) = tracer.flush(LONGEST_AT_EXIT) else { return };
    if error == FlushError::OwnThread {
        return; // an exporter's own panic, which is counted and reported
    }
    let due = FAILED.try_lock().ok().and_then(|mut failed| {
        let (times, pace) = &mut *failed;
        *times += 1;
        pace.due(*times, Instant::now(), tracer.shared().diagnostics.every())
    });
    if due.is_some() {
        let message = format!("the flush before a panic is not complete: {error}");
        say(tracer, [Diagnostic::new(Level::Warn, Cause::NotFinished, message)]);
    }
}

extern "C" fn at_exit() {
    life::exits();
    // The child of a fork has none of its parent's.
    match Tracer::global() {
        Some(tracer) => {
            let timeout = tracer.shared().settings.finish_timeout.min(LONGEST_AT_EXIT);
            let report = finish_at_exit(&tracer, timeout);
            say_to(&tracer.shared().diagnostics.at_exit(), report.messages());
        }
        None => Destination::default().settle(),
    }
}
