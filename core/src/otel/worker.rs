//! The thread of an OpenTelemetry exporter, and calls of it with a deadline.
//!
//! The exporter's thread of the tracer isn't enough: third-party code can block permanently, and a blocked thread can't
//! be recovered. So the exporter lives on a second thread, and each caller waits for the answer until the deadline. A
//! later answer is discarded; until it arrives, no other call is sent.
//!
//! The thread runs in the context of a tokio runtime, which one thread of that runtime drives. It is *not* inside the
//! runtime's `block_on`: there, a client that needs a runtime works, but one that blocks (the default of
//! `opentelemetry-otlp`) panics in a debug build. Here both work.

use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How much longer than the call's deadline the caller waits for the answer. In this time, a future that is dropped at
/// the deadline can still report it, and only a blocked thread can't.
const GRACE: Duration = Duration::from_secs(1);

/// Makes the exporter, on its thread.
pub(super) type Seed<E> = Box<dyn FnOnce() -> Answer<E> + Send>;
/// A call of the exporter. The last one takes the exporter out.
type Job<E> = Box<dyn FnOnce(&mut Option<E>) -> Answer + Send>;
type Answer<T = ()> = Result<T, String>;

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It returned an error or panicked, or its future was dropped at the deadline. The next call may succeed.
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
    /// Whether the answer to an earlier call is missing.
    overdue: bool,
}

impl<E: Send + 'static> Worker<E> {
    /// Starts the thread and its runtime. If the system can't start them, returns the seed, for a later attempt.
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
        // Fails only if the thread has ended. Then there are no answers either, and the next call reports that.
        let _ = hand_over.send((runtime, seed));
        Ok(Self { jobs, answers, overdue: true })
    }

    /// Waits until the exporter is made.
    pub(super) fn ready(&mut self, timeout: Duration) -> Result<(), Failure> {
        self.answer(timeout)
    }

    /// Calls the exporter, and waits for the answer until a little after `timeout`. If an earlier call still blocks the
    /// thread, waits that long for it and then fails.
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

/// One thread that drives timers and sockets for any client that the exporter uses. `enable_all` enables what the
/// client's own dependency on tokio compiled in, and costs nothing for a client that needs none of it.
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

/// Turns tracing off on this thread: an export that started spans would cause further exports.
fn suppress_telemetry() {
    crate::life::enter_pipeline();
    std::mem::forget(opentelemetry::Context::enter_telemetry_suppressed_scope());
}

/// The thread's loop: makes the exporter, then answers each job until the caller has ended.
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

/// Runs third-party code; a panic becomes an error.
fn caught<T>(who: &str, run: impl FnOnce() -> Answer<T>) -> Answer<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text");
        Err(format!("{who} panicked: {text}"))
    })
}

/// Polls on this thread until the future is ready. If it isn't after `timeout`, drops it and returns `None`.
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
