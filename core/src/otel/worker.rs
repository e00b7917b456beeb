//! The thread that an OpenTelemetry exporter lives on, and how to wait for it with a deadline.
//!
//! Why the exporter's own thread isn't enough: a call into foreign code can block for ever, and nothing can take a
//! thread back from it. So the exporter lives on a second thread, and whoever wants something of it waits for the answer
//! as long as the deadline says. An answer that comes later is thrown away; until it has come, no other call is sent.
//!
//! The thread stands in the context of a tokio runtime that belongs to it, driven by one thread of the runtime's own.
//! It is *not* inside the runtime's `block_on`: there a client that wants a runtime works, but one that blocks (the
//! default of `opentelemetry-otlp`) panics in a debug build. Here both work.

use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How much longer than the call's own deadline the caller waits for the answer, so that a future that is dropped at
/// the deadline is told from a thread that is blocked.
const GRACE: Duration = Duration::from_secs(1);

/// Makes the exporter, on its thread.
pub(super) type Seed<E> = Box<dyn FnOnce() -> Answer<E> + Send>;
/// Something to do with the exporter; it takes it out if it is the last.
type Job<E> = Box<dyn FnOnce(&mut Option<E>) -> Answer + Send>;
type Answer<T = ()> = Result<T, String>;

/// Why a call did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It returned an error, panicked, or its future was dropped at the deadline. The next call may succeed.
    Failed(String),
    /// The thread is blocked in this call or in an earlier one.
    Blocked(String),
}

impl Failure {
    pub(super) fn reason(&self) -> &str {
        match self {
            Failure::Failed(reason) | Failure::Blocked(reason) => reason,
        }
    }
}

/// The caller's end.
pub(super) struct Worker<E> {
    jobs: Sender<Job<E>>,
    answers: Receiver<Answer>,
    /// Whether the answer to an earlier call is still to come.
    overdue: bool,
}

impl<E: Send + 'static> Worker<E> {
    /// Starts the thread and its runtime. Gives the seed back if the system refuses, to be tried again later.
    pub(super) fn start(seed: Seed<E>) -> Result<Self, (Seed<E>, String)> {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(reason) => return Err((seed, reason)),
        };
        let (hand_over, take_over) = mpsc::channel::<(Runtime, Seed<E>)>();
        let (jobs, todo) = mpsc::channel();
        let (done, answers) = mpsc::channel();
        let body = move || {
            if let Ok((runtime, seed)) = take_over.recv() {
                serve(runtime, seed, todo, &done);
            }
        };
        if let Err(error) = thread::Builder::new().name("heirloom-otel".into()).spawn(body) {
            runtime.shutdown_background();
            return Err((seed, format!("its thread could not be started: {error}")));
        }
        // Fails only if the thread is gone; then so are the answers, and the next call says it.
        let _ = hand_over.send((runtime, seed));
        Ok(Self { jobs, answers, overdue: true })
    }

    /// Waits until the exporter is made.
    pub(super) fn ready(&mut self, timeout: Duration) -> Result<(), Failure> {
        self.answer(timeout)
    }

    /// Does something with the exporter; waits for the answer until a little after `timeout`. If the thread is still
    /// blocked in an earlier call, waits as long for that and then gives up.
    pub(super) fn call(
        &mut self,
        timeout: Duration,
        job: impl FnOnce(&mut Option<E>) -> Answer + Send + 'static,
    ) -> Result<(), Failure> {
        if self.overdue {
            if let Err(blocked @ Failure::Blocked(_)) = self.answer(timeout) {
                return Err(blocked);
            }
        }
        if self.jobs.send(Box::new(job)).is_err() {
            return Err(thread_gone());
        }
        self.overdue = true;
        self.answer(timeout.saturating_add(GRACE))
    }

    fn answer(&mut self, timeout: Duration) -> Result<(), Failure> {
        match self.answers.recv_timeout(timeout) {
            Ok(answer) => {
                self.overdue = false;
                answer.map_err(Failure::Failed)
            }
            Err(RecvTimeoutError::Timeout) => Err(Failure::Blocked(format!(
                "the exporter has blocked its thread for {timeout:?}, beyond its deadline; \
                 nothing is sent until it returns"
            ))),
            Err(RecvTimeoutError::Disconnected) => Err(thread_gone()),
        }
    }
}

fn thread_gone() -> Failure {
    Failure::Failed("the exporter's thread has ended".into())
}

/// One thread that drives timers and sockets for whatever client the exporter uses. `enable_all` enables what the
/// client's own dependency on tokio compiled in; a client that needs none of it loses nothing.
fn runtime() -> Answer<Runtime> {
    caught("tokio", || {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("heirloom-otel-io")
            .on_thread_start(suppress_telemetry)
            .enable_all()
            .build()
            .map_err(|error| format!("its tokio runtime could not be started: {error}"))
    })
}

/// Nothing that this thread does from now on is traced: an export that made spans would have to be exported too.
fn suppress_telemetry() {
    crate::life::enter_pipeline();
    std::mem::forget(opentelemetry::Context::enter_telemetry_suppressed_scope());
}

/// The life of the thread: makes the exporter, then one answer for each job until the caller is gone.
fn serve<E>(runtime: Runtime, seed: Seed<E>, todo: Receiver<Job<E>>, done: &Sender<Answer>) {
    suppress_telemetry();
    let entered = runtime.enter();
    let (mut exporter, made) = match caught("the exporter's builder", seed) {
        Ok(exporter) => (Some(exporter), Ok(())),
        Err(reason) => (None, Err(reason)),
    };
    let mut answered = done.send(made);
    for job in todo {
        if answered.is_err() {
            break;
        }
        answered = done.send(caught("the exporter", || job(&mut exporter)));
    }
    let _ = caught("the exporter", || {
        drop(exporter);
        Ok(())
    });
    drop(entered);
    runtime.shutdown_background();
}

/// Runs foreign code; a panic becomes an error.
fn caught<T>(who: &str, run: impl FnOnce() -> Answer<T>) -> Answer<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text");
        Err(format!("{who} panicked: {text}"))
    })
}

/// Polls on this thread until the future is ready; `None`, and the future is dropped, if it isn't after `timeout`.
pub(super) fn poll_for<F: Future>(timeout: Duration, future: F) -> Option<F::Output> {
    let deadline = Instant::now().checked_add(timeout);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
