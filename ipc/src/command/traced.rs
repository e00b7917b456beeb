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
/// [`Environment`](crate::Environment)). So a child in any language can use it as the parent of its spans. A program that uses
/// Heirloom starts its outermost span by `Context::from_env()?.in_span(..)`. The context that this process was started with is not
/// passed on. Neither is its `HEIRLOOM_TRACE_FILE`: this process is writing that file. Set the variable on the command if the child
/// needs one; with the same name it writes `name-PID-N.ext`.
///
/// The span, by [OpenTelemetry's conventions] for callers of a program as far as they have names:
///
/// | | |
/// |---|---|
/// | name | the program's file name, `git` for `/usr/bin/git` |
/// | kind | `Client` |
/// | start and end | before the spawn, after the child was waited for |
/// | `process.executable.name` | the program's file name |
/// | `process.command_args` | the program and its arguments, only [`with_args`](Self::with_args) |
/// | `process.child.pid` | the child's process id; `process.pid` is that of the process that recorded the span |
/// | `process.exit.code` | the exit code, if the child exited |
/// | `process.exit.signal` | the signal that ended it, as in `SIGKILL` |
/// | `process.cpu.time.user`, `process.cpu.time.system` | CPU seconds of the child and of the children that it waited for |
/// | `process.memory.peak` | maximum resident memory of one of them, in bytes; see below |
/// | `process.waited` | `false` if the child was dropped before it was waited for; then exit status, CPU time and memory are unknown |
/// | `error.type` | `not_found` and similar if the child did not start, else the exit code or the signal |
///
/// The status is an error if the child did not start, exited with another code than 0, or was ended by a signal. Arguments are
/// recorded only [`with_args`](Self::with_args), the environment never.
///
/// CPU time and memory are read on Linux, for each child separately, before the standard library reaps it. Until the `exec` the
/// kernel counts the resident memory of *this* process as the child's. So a peak is recorded only if it is above this process's
/// peak.
///
/// The command keeps the three variables. To run it again, use `.traced(..)` again, which replaces them.
///
/// Cost, in addition to starting a process: one span with seven attributes, the texts of three variables, two or three system
/// calls. If no tracer records: the plain command's calls and the variables. Without the feature `record`: the plain command's
/// calls only.
///
/// [OpenTelemetry's conventions]: https://opentelemetry.io/docs/specs/semconv/cli/cli-spans/
#[derive(Debug)]
#[must_use = "a command does nothing until `spawn`, `output` or `status`"]
pub struct Traced<'c, C = Command> {
    pub(super) command: &'c mut C,
    pub(super) plan: Plan,
}

impl<C: AsCommand> Traced<'_, C> {
    /// Records the program and its arguments too, as `process.command_args`. They may contain secrets.
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

    /// Attaches the child to the tracer of this process. A child that uses Heirloom then records into this process's collector,
    /// through memory that both share. It needs no exporter, and its spans are not lost, no matter how it dies: ended spans are
    /// exported, and open ones are closed as aborted, with the exit code or the signal.
    ///
    /// The child attaches when it starts its tracer (`heirloom::init`). Its spans are below this one if it starts the outermost by
    /// `Context::from_env()?.in_span(..)`. A root span starts a separate trace.
    ///
    /// A program that doesn't use Heirloom runs unchanged. The child runs without a region if the system has none (other systems
    /// than Linux), if memory or descriptors are exhausted, or if this process itself records into its parent's region. The event
    /// `heirloom.not_attached` on the span has the reason.
    ///
    /// Cost: a memory file, a mapping and some ten system calls for each child; a thread for the whole process.
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// Command::new("true").traced(&root).attached().status()?; // not a Heirloom program, so it doesn't attach
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn attached(mut self) -> Self {
        self.plan.attached = true;
        self
    }

    /// Passes baggage to the child, which finds it in `BAGGAGE`. Without this, the child gets the baggage of the command's context
    /// ([`Context::baggage`]), or else, in a worker that runs a job, that job's. Empty baggage passes on none.
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

/// Commands that can be traced: [`Command`], and with the feature `tokio` tokio's command.
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
