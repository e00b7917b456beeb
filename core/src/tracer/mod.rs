//! [`Tracer`]: one configured pipeline, its start and its end.
//!
//! | file | what it does |
//! |---|---|
//! | `builder.rs` | settings and exporters, `init` |
//! | `env.rs` | the context that this process was started with |
//! | `extension.rs` | what a crate above this one adds: exporters, formats of the trace file |
//! | `guard.rs` | the end: `finish`, on drop, at exit and on panic |
//! | `region.rs` | regions as the parent holds them; the region that this process's parent made |
//! | `report.rs` | what `finish` returns |

mod builder;
mod env;
mod extension;
mod guard;
mod region;
mod report;

pub use builder::{builder, init, Builder, InitError};
pub use extension::Extension;
pub use guard::{on_finish, Guard};
pub use region::{on_init, FindRegion, Heir, Region};
pub use report::Report;

use crate::life;
use crate::pipeline::{self, Answer, Barrier, Done, Ledger, OpenSpan, Queue, Request, Shared};
use crate::shm::Attachment;
use crate::text::plural;
use crate::{Context, Entered, Name, ParseTraceparentError, Span};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One configured pipeline: sampling, limits, exporters, one collector. Clones are the same tracer.
///
/// [`init`] makes the global one. Several can live side by side: each context holds the key of its tracer, and so do the
/// contexts of all its descendants.
///
/// ```
/// use heirloom_core::{builder, export::Memory};
/// let memory = Memory::new();
/// let guard = builder("beta").exporter(memory.clone()).start()?;
/// guard.tracer().in_root("request", |request| request.in_span("query", |_| ()));
/// guard.finish();
/// assert_eq!(memory.spans().len(), 2);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tracer {
    shared: Arc<Shared>,
}

/// How often a thread that waits for the parent looks whether its flush is still awaited.
const STILL_AWAITED: Duration = Duration::from_millis(100);

/// Why a flush is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// Not everything was delivered before the deadline. The delivery of the rest continues.
    Timeout {
        /// How many of the collector and the exporters were not done. Each counts as one.
        waiting_for: usize,
        /// How long the call waited.
        after: Duration,
    },
    /// It was called on one of Heirloom's own threads (by an exporter, or by the callback of
    /// `on_diagnostic`). That thread would wait for itself.
    OwnThread,
    /// Exporters failed, or lost spans since the last flush. One text for each, with the reason.
    Failed(Vec<String>),
    /// This process is the child of a fork, and the tracer is its parent's. Only the parent has the threads that flush.
    Forked,
    /// This process is attached to its parent's tracer, and the parent has ended. What was not read by then is lost.
    ParentEnded {
        /// How many of this process's shards have something that was not read.
        unread: usize,
    },
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlushError::Timeout { waiting_for, after } => {
                let are = plural(*waiting_for as u64, "is", "are");
                write!(
                    f,
                    "not done after {after:?}: {waiting_for} of the collector and the exporters {are} still at work"
                )
            }
            FlushError::OwnThread => {
                f.write_str("called on one of Heirloom's own threads, which can't wait for itself")
            }
            FlushError::Failed(failures) => f.write_str(&failures.join("; ")),
            FlushError::Forked => f.write_str("this process is the child of a fork; its parent has the collector"),
            FlushError::ParentEnded { unread } => {
                let hold = plural(*unread as u64, "shard of this process holds", "shards of this process hold");
                write!(f, "the parent process has ended: what {unread} {hold} since then is lost")
            }
        }
    }
}

impl std::error::Error for FlushError {}

impl Tracer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The global tracer, if there is one.
    ///
    /// Cost: one load and one reference count; no lock. Functions without a handle ([`root`](crate::root),
    /// [`span`](crate::span), ..) don't touch the count.
    pub fn global() -> Option<Tracer> {
        pipeline::global().map(Tracer::new)
    }

    /// The tracer that a context is bound to, if it runs. For a context that is bound to none, or to one of the process from
    /// which this one was forked, the global tracer.
    pub fn of(cx: Context) -> Option<Tracer> {
        match cx.tracer {
            key if key == 0 || pipeline::is_foreign(key) => Self::global(),
            key => pipeline::find(key).map(Tracer::new),
        }
    }

    /// The tracer of the current context, else the global one.
    pub(crate) fn ambient() -> Option<Tracer> {
        Self::of(Context::current())
    }

    /// An invalid context that is bound to this tracer: its children are roots that this tracer records.
    pub fn context(&self) -> Context {
        Context { tracer: self.shared.key, ..Context::INERT }
    }

    /// Makes this tracer the one that functions without a handle use on this thread, until the result is dropped.
    pub fn enter(&self) -> Entered<'static> {
        self.context().enter()
    }

    /// The context in a W3C `traceparent` header, with its `tracestate` if there is one, bound to this tracer. As
    /// [`Context::from_headers`], which reads baggage too.
    ///
    /// # Errors
    /// The `traceparent` can't be parsed.
    pub fn extract(&self, traceparent: &str, tracestate: Option<&str>) -> Result<Context, ParseTraceparentError> {
        Context::from_headers(Some(traceparent), tracestate, None).map(|cx| self.bind(cx))
    }

    /// A context from another process, bound to this tracer: its children are recorded here. A context of one of this
    /// process's spans stays bound to its tracer.
    ///
    /// ```
    /// # let guard = heirloom_core::builder("server").start()?;
    /// use heirloom_core::Context;
    /// let cx = Context::from_headers(None, None, Some("tenant=blue")).unwrap_or_default();
    /// guard.tracer().bind(cx).in_span("request", |_| ());
    /// # Ok::<(), heirloom_core::InitError>(())
    /// ```
    pub fn bind(&self, cx: Context) -> Context {
        Context { tracer: if cx.tracer == 0 { self.shared.key } else { cx.tracer }, ..cx }
    }

    /// Starts the root of a new trace.
    pub fn root<'a>(&self, name: impl Into<Name<'a>>) -> Span {
        self.context().span(name)
    }

    /// Runs `body` in the root of a new trace, with that span current.
    pub fn in_root<'a, R>(&self, name: impl Into<Name<'a>>, body: impl FnOnce(&Span) -> R) -> R {
        self.context().in_span(name, body)
    }

    /// Waits until everything recorded before this call, on any thread, has reached every exporter, at most for
    /// `timeout`. Works on any thread but Heirloom's own: inside a runtime, a pool's job, a panic hook. It blocks this
    /// thread; [`flush_async`](Self::flush_async) doesn't.
    ///
    /// In an attached child: waits until the parent's collector has read it. If the parent has ended, it returns at once.
    ///
    /// # Errors
    /// The deadline passed; an exporter failed or has lost spans since the last flush; this thread or process can't wait
    /// for the flush.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let start = Instant::now();
        if let (Some(region), false) = (&self.shared.parent, self.shared.is_foreign()) {
            return self.flush_to_parent(region, timeout);
        }
        let barrier = self.begin_flush()?;
        match barrier.wait(timeout) {
            Ok(failures) => failed(failures),
            Err(waiting_for) => Err(FlushError::Timeout { waiting_for, after: start.elapsed() }),
        }
    }

    /// As [`flush`](Self::flush), without blocking a thread and without a deadline: put the runtime's timeout around it.
    /// Needs no particular runtime. Dropping the future ends the waiting, not the flush.
    ///
    /// # Errors
    /// An exporter failed or has lost spans since the last flush; this thread or process can't wait for the flush.
    pub async fn flush_async(&self) -> Result<(), FlushError> {
        let barrier = self.begin_flush()?;
        failed(Done(barrier).await)
    }

    fn flush_to_parent(&self, region: &Attachment, timeout: Duration) -> Result<(), FlushError> {
        let start = Instant::now();
        self.shared.overflow_to(region);
        region.wait_until_read(timeout).map_err(|unread| match region.is_orphaned() {
            true => FlushError::ParentEnded { unread },
            false => FlushError::Timeout { waiting_for: unread, after: start.elapsed() },
        })
    }

    /// Flushes to the parent on a separate thread, which then completes its part of the barrier. The thread ends early
    /// once no thread waits for the barrier any more.
    fn flush_to_parent_behind(&self, barrier: &Arc<Barrier>) {
        let (tracer, waiting) = (self.clone(), Arc::downgrade(barrier));
        let thread = std::thread::Builder::new().name("heirloom-flush".to_owned()).spawn(move || {
            let Some(region) = tracer.shared.parent.as_deref() else { return };
            let start = Instant::now();
            loop {
                let left = tracer.shared.settings.finish_timeout.saturating_sub(start.elapsed());
                let flushed = tracer.flush_to_parent(region, left.min(STILL_AWAITED));
                let Some(done) = waiting.upgrade() else { return };
                let is_over = matches!(flushed, Ok(()) | Err(FlushError::ParentEnded { .. }));
                if is_over || left <= STILL_AWAITED {
                    return done.done(flushed.err().map(|error| error.to_string()));
                }
            }
        });
        if let Err(error) = thread {
            barrier.done(Some(format!("can't start a thread that waits for the parent: {error}")));
        }
    }

    fn begin_flush(&self) -> Result<Arc<Barrier>, FlushError> {
        if self.shared.is_foreign() {
            return Err(FlushError::Forked);
        }
        if life::in_pipeline() {
            return Err(FlushError::OwnThread);
        }
        let barrier = Barrier::new(1);
        if self.shared.parent.is_some() {
            self.flush_to_parent_behind(&barrier);
            return Ok(barrier);
        }
        let exporters = || self.shared.await_exporters(&barrier, Queue::flush);
        self.shared.ask(Request::Flush(&barrier), exporters);
        Ok(barrier)
    }

    /// Every open span, oldest first, with its name, its lane and its start. Waits for the collector at most for
    /// `timeout`; empty if it did not answer in time.
    pub fn open_spans(&self, timeout: Duration) -> Vec<OpenSpan> {
        if life::in_pipeline() || self.shared.is_foreign() {
            return Vec::new();
        }
        let answer = Arc::new(Answer::default());
        self.shared.ask(Request::OpenSpans(&answer), || answer.give(Vec::new()));
        answer.wait(timeout).unwrap_or_default()
    }

    /// Counts that account for every span so far. Exact while no thread records, and after a [`flush`](Self::flush).
    /// Empty if this process is the child of a fork and the tracer is its parent's.
    pub fn ledger(&self) -> Ledger {
        if self.shared.is_foreign() {
            return Ledger::default();
        }
        self.shared.ledger()
    }
}

fn failed(failures: Vec<String>) -> Result<(), FlushError> {
    if failures.is_empty() {
        Ok(())
    } else {
        Err(FlushError::Failed(failures))
    }
}
