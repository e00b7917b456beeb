//! `.traced(cx)`: [`TracedCommand`] and [`Traced`], the settings of one run.

use super::run::Plan;
use heirloom_core::{Baggage, Context};
use std::process::Command;

/// Adds `.traced(cx)` to commands. Comes with `use heirloom_ipc::prelude::*`.
pub trait TracedCommand: AsCommand + Sized {
    /// Runs the command in a span below `cx`, a `&Span` or a [`Context`].
    ///
    /// Nothing happens until [`spawn`](Traced::spawn), [`output`](Traced::output) or [`status`](Traced::status).
    ///
    /// ```
    /// use heirloom_ipc::prelude::*;
    /// use std::process::Command;
    /// let output = heirloom_core::in_root("release", |root| {
    ///     Command::new("echo").arg("hello").traced(root).output()
    /// })?;
    /// assert_eq!(output.stdout, b"hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn traced(&mut self, cx: impl Into<Context>) -> Traced<'_, Self> {
        Traced { command: self, plan: Plan::new(cx.into()) }
    }
}

impl<C: AsCommand> TracedCommand for C {}

/// A command that is about to run in a span.
///
/// The child finds the span in its environment (`TRACEPARENT`, `TRACESTATE`, `BAGGAGE`; see
/// [`Environment`](crate::Environment)), so that what it records, in any language, can hang below: a program that uses
/// Heirloom opens its outermost span by `Context::from_env()?.in_span(..)`. What this process was itself started with is
/// not handed on, nor is its `HEIRLOOM_TRACE_FILE`, which the child would write over; set it on the command if the child
/// shall have one.
///
/// The span, by [OpenTelemetry's conventions] for whoever calls a program where they have a name for it:
///
/// | | |
/// |---|---|
/// | name | the program's file name, `git` for `/usr/bin/git` |
/// | kind | `Client` |
/// | start and end | before the spawn, after the child was waited for |
/// | `process.executable.name` | the program's file name |
/// | `process.command_args` | the program and its arguments, only [`with_args`](Self::with_args) |
/// | `process.child.pid` | the child's process id; `process.pid` is that of the process that recorded the span |
/// | `process.exit.code` | the exit code, if it exited |
/// | `process.exit.signal` | the signal that ended it, as in `SIGKILL` |
/// | `process.cpu.time.user`, `process.cpu.time.system` | CPU seconds of the child and of the children that it waited for |
/// | `process.memory.peak` | the most memory (bytes) that one of them had resident; see below |
/// | `process.waited` | `false` if the child was dropped before it was waited for; then there is no exit, CPU time or memory |
/// | `error.type` | `not_found` and the like if it did not start, else the exit code or the signal |
///
/// The status is an error if the child did not start, exited with another code than 0, or was ended by a signal. Its
/// arguments and its environment are never recorded unless asked for.
///
/// CPU time and memory are taken on Linux, for each child by itself, before the standard library reaps it. The kernel
/// counts what *this* process had resident as the child's until the `exec`; so a peak is only recorded where it is above
/// the most that this process has had.
///
/// The command keeps the three variables that carried the trace: run it again `.traced(..)`, or not at all.
///
/// Cost, beside starting a process: one span with seven attributes, the texts of three variables, two or three system
/// calls. Without the feature `record`, or if nothing records, only what is needed: the plain command's calls, and in the
/// latter case the variables.
///
/// [OpenTelemetry's conventions]: https://opentelemetry.io/docs/specs/semconv/cli/cli-spans/
#[derive(Debug)]
#[must_use = "a command does nothing until `spawn`, `output` or `status`"]
pub struct Traced<'c, C = Command> {
    pub(super) command: &'c mut C,
    pub(super) plan: Plan,
}

impl<C: AsCommand> Traced<'_, C> {
    /// Records the program and its arguments too, as `process.command_args`. They may hold secrets.
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// Command::new("echo").arg("hello").traced(&root).with_args().status()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_args(mut self) -> Self {
        self.plan.args = true;
        self
    }

    /// Attaches the child to the tracer of this process: if it is a program that uses Heirloom, it records into this
    /// process's collector, in memory that both share. It needs no exporter, and what it recorded is not lost however it dies: what it had
    /// finished is exported, and what was open is closed as aborted, with the exit code or the signal.
    ///
    /// The child does its part when it starts its tracer (`heirloom::init`). Its spans hang below this one if it opens the
    /// outermost by `Context::from_env()?.in_span(..)`; a root is a root, in a trace of its own.
    ///
    /// A program that doesn't use Heirloom runs as always. Where
    /// there are no regions (other systems than Linux), or none is to be had (no memory, no descriptors, this process
    /// itself records into its parent's), the child runs without one, and an event on the span, `heirloom.not_attached`,
    /// says why.
    ///
    /// Cost: a memory file, a mapping and some ten system calls for each child; a thread for the whole process.
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// Command::new("true").traced(&root).attached().status()?; // not a Heirloom program, so it makes no difference
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn attached(mut self) -> Self {
        self.plan.attached = true;
        self
    }

    /// Hands baggage to the child, which finds it in `BAGGAGE`. Without this, a command that a worker starts while it runs
    /// a job hands on that job's baggage; any other hands on none.
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// let (inherited, _) = heirloom_core::Baggage::from_env();
    /// Command::new("true").traced(&root).with_baggage(inherited).status()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.plan.baggage = baggage;
        self
    }
}

/// What can be traced: [`Command`], and with the feature `tokio` its twin there.
pub trait AsCommand: sealed::Sealed {
    #[doc(hidden)]
    fn as_command(&mut self) -> &mut Command;
}

impl AsCommand for Command {
    fn as_command(&mut self) -> &mut Command {
        self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::process::Command {}
    #[cfg(all(feature = "tokio", unix))]
    impl Sealed for ::tokio::process::Command {}
}
