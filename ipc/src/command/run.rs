//! One run of a command: [`Plan`] has its settings, [`Run`] is its span from before the spawn until after the exit.
//!
//! A run has four steps: [`Plan::begin`] changes the command before the spawn, [`Run::spawned`] gets the process id,
//! [`Run::exited`] gets the exit, and dropping a run that has not ended marks it as not waited for.

use super::failure;
use crate::attach::Attach;
use crate::baggage;
use crate::env::{self, Environment};
use crate::process::{self, Exit};
use heirloom_core::{Baggage, Context, Name, Span, SpanKind, Value};
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Whether recording is compiled out. If so, a command isn't changed.
const COMPILED_OUT: bool = size_of::<Span>() == 0;

/// The settings of a run.
#[derive(Debug)]
pub(super) struct Plan {
    cx: Context,
    pub(super) args: bool,
    pub(super) attached: bool,
    pub(super) baggage: Baggage,
}

/// A run of a command.
#[derive(Debug)]
pub(super) struct Run {
    /// `None` once it has ended.
    span: Option<Span>,
    attach: Option<Attach>,
    /// This process's peak memory. The kernel may have counted it as the child's.
    not_its_own_bytes: u64,
}

impl Plan {
    pub(super) fn new(cx: Context) -> Self {
        Self { cx, args: false, attached: false, baggage: baggage::of(cx) }
    }

    /// Starts the span and prepares the command.
    pub(super) fn begin(self, command: &mut Command) -> Run {
        let span = if COMPILED_OUT { self.cx.span("") } else { self.span(command) };
        let attach = self.prepare(&span, command);
        Run { span: Some(span), attach, not_its_own_bytes: u64::MAX }
    }

    fn span(&self, command: &Command) -> Span {
        let name = file_name(command);
        let span = self.cx.build(Name::dynamic(&name)).kind(SpanKind::Client).start();
        if span.is_recording() {
            span.set("process.executable.name", &*name);
            if self.args {
                span.set("process.command_args", Value::Strs(args(command)));
            }
        }
        span
    }

    /// Changes the command so that the child finds its span, and its region if it attaches.
    fn prepare(&self, span: &Span, command: &mut Command) -> Option<Attach> {
        if COMPILED_OUT {
            return None;
        }
        Environment::of(span).with_baggage(&self.baggage).apply_to(command);
        // This process writes that file.
        env::keep(command, env::TRACE_FILE);
        if !self.attached || !span.is_recording() {
            return None;
        }
        let attached = Attach::prepare(span, command);
        let why = |reason: String| _ = span.event_with("heirloom.not_attached", &[("reason", reason.into())]);
        attached.map_err(why).ok()
    }
}

impl Run {
    /// The child runs. If it did not start, the original error is returned.
    pub(super) fn start<T>(self, spawned: io::Result<T>, pid: impl FnOnce(&T) -> Option<u32>) -> io::Result<(T, Run)> {
        match spawned {
            Ok(child) => {
                let run = self.spawned(pid(&child));
                Ok((child, run))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The child runs.
    fn spawned(mut self, pid: Option<u32>) -> Self {
        self.attach = self.attach.take().zip(pid).map(|(attach, pid)| attach.started(pid));
        if let (Some(span), Some(pid)) = (self.recording(), pid) {
            span.set("process.child.pid", pid);
            // After the spawn: memory that another thread took meanwhile may have been counted too.
            self.not_its_own_bytes = process::own_peak_bytes();
        }
        self
    }

    /// The child did not start. Returns the error.
    pub(super) fn failed(mut self, error: io::Error) -> io::Error {
        if let Some(span) = self.span.take() {
            fail(&span, &failure::error_type(&error), &error.to_string());
        }
        error
    }

    /// Whether the child's exit is recorded.
    pub(super) fn wants_exit(&self) -> bool {
        self.recording().is_some()
    }

    /// The child's exit, before it is reaped; `None` while it runs. After `None` the caller must not reap it, because it may
    /// have ended since.
    ///
    /// # Errors
    ///
    /// The exit isn't recorded, or can't be read.
    pub(super) fn try_exit(&self, pid: Option<u32>) -> io::Result<Option<Exit>> {
        match pid.filter(|_| self.wants_exit()) {
            Some(pid) => process::try_wait(pid),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The child's exit is known, and the child is about to be reaped. The watcher couldn't read the exit afterwards.
    pub(super) fn learned(&self, exit: Option<&Exit>) {
        if let (Some(attach), Some(exit)) = (&self.attach, exit) {
            attach.exited(exit);
        }
    }

    /// The child was waited for. `exit` was read before it was reaped, if possible; `status` is the result of waiting.
    pub(super) fn waited(&mut self, exit: Option<Exit>, status: &io::Result<ExitStatus>) {
        match (exit, status) {
            (Some(exit), _) => self.exited(&exit),
            (None, Ok(status)) => self.exited(&process::exit_of(*status)),
            (None, Err(error)) => self.lost(error),
        }
    }

    /// The child has ended like this. Ends the span once.
    fn exited(&mut self, exit: &Exit) {
        let Some(span) = self.span.take() else { return };
        self.attach.iter().for_each(|attach| attach.exited(exit));
        if exit.has_usage() {
            span.set("process.cpu.time.user", exit.user.as_secs_f64());
            span.set("process.cpu.time.system", exit.system.as_secs_f64());
        }
        if exit.peak_bytes > self.not_its_own_bytes {
            span.set("process.memory.peak", exit.peak_bytes);
        }
        set_outcome(&span, exit);
    }

    /// The exit status is unknown, for example because other code reaped the child.
    fn lost(&mut self, error: &io::Error) {
        if let Some(span) = self.span.take() {
            fail(&span, &failure::error_type(error), &format!("can't wait for the child: {error}"));
        }
    }

    fn recording(&self) -> Option<&Span> {
        self.span.as_ref().filter(|span| span.is_recording())
    }

    pub(super) fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }
}

impl Drop for Run {
    /// Marks a span that is still open as not waited for.
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            span.set("process.waited", false);
        }
    }
}

fn set_outcome(span: &Span, exit: &Exit) {
    if let Some(code) = exit.code {
        span.set("process.exit.code", code);
        if code != 0 {
            fail(span, &code.to_string(), &format!("exit code {code}"));
        }
    }
    if let Some(signal) = exit.signal.map(process::signal_name) {
        span.set("process.exit.signal", &*signal);
        fail(span, &signal, &format!("ended by {signal}"));
    }
}

fn fail(span: &Span, error_type: &str, description: &str) {
    span.set("error.type", error_type).error(description);
}

fn file_name(command: &Command) -> Cow<'_, str> {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()
}

fn args(command: &Command) -> Vec<Cow<'_, str>> {
    [command.get_program()].into_iter().chain(command.get_args()).map(|arg| arg.to_string_lossy()).collect()
}
