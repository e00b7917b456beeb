//! The traced forms of spawn, output and status of the standard library's commands, and [`Child`].

use super::run::Run;
use super::stdio::Set;
use super::traced::Traced;
use crate::process;
use heirloom_core::Span;
use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Command, ExitStatus, Output};

impl Traced<'_, Command> {
    /// Starts the child: the traced form of [`Command::spawn`].
    ///
    /// The span ends when the child is waited for.
    ///
    /// # Errors
    ///
    /// The original error of [`Command::spawn`]. The span has ended with it.
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// let mut child = Command::new("sleep").arg("0.01").traced(&root).spawn()?;
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn(self) -> io::Result<Child> {
        let run = self.plan.begin(self.command);
        spawn(self.command, run)
    }

    /// Runs the child to its end and collects its output: the traced form of [`Command::output`].
    ///
    /// As in [`Command::output`], only streams that were not set are changed: standard output and error are collected, standard
    /// input is empty. Unlike there, the command keeps these settings (as tokio's does). Run it again for its output, or set the
    /// streams again.
    ///
    /// The settings are read from the command's `Debug` text. If a future standard library changes that text, the plain `output`
    /// is called, and the span has neither the process id nor CPU time and memory.
    ///
    /// # Errors
    ///
    /// The original error of [`Command::output`].
    pub fn output(self) -> io::Result<Output> {
        let run = self.plan.begin(self.command);
        let set = if run.wants_exit() { Set::of(self.command) } else { None };
        match set {
            Some(set) => {
                set.complete(self.command);
                spawn(self.command, run)?.wait_with_output()
            }
            None => plain_output(self.command, run),
        }
    }

    /// Runs the child to its end: the traced form of [`Command::status`].
    ///
    /// # Errors
    ///
    /// The original error of [`Command::status`].
    ///
    /// ```
    /// # use heirloom_ipc::prelude::*;
    /// # use std::process::Command;
    /// # let root = heirloom_core::root("release");
    /// assert!(Command::new("true").traced(&root).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn status(self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }
}

fn spawn(command: &mut Command, run: Run) -> io::Result<Child> {
    let (inner, run) = run.start(command.spawn(), |child| Some(child.id()))?;
    Ok(Child { inner, run })
}

fn plain_output(command: &mut Command, mut run: Run) -> io::Result<Output> {
    match command.output() {
        Ok(output) => {
            run.waited(None, &Ok(output.status));
            Ok(output)
        }
        Err(error) => Err(run.failed(error)),
    }
}

/// A running child and its span: the traced form of [`std::process::Child`].
///
/// The span ends when the child was waited for. If this is dropped before that, the child is neither killed nor waited for, as
/// with the plain type. The span ends with `process.waited` = `false`.
///
/// It dereferences to the plain child for all else: `stdin`, `stdout`, `stderr` (to be taken), `id`, `kill`.
///
/// ```
/// # use heirloom_ipc::prelude::*;
/// # use std::process::{Command, Stdio};
/// # let root = heirloom_core::root("release");
/// let mut sort = Command::new("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).traced(&root).spawn()?;
/// if let Some(mut stdin) = sort.stdin.take() {
///     std::io::Write::write_all(&mut stdin, b"two\none\n")?;
/// }
/// assert_eq!(sort.wait_with_output()?.stdout, b"one\ntwo\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    run: Run,
}

impl Child {
    /// The span, to set attributes on; `None` once it has ended.
    pub fn span(&self) -> Option<&Span> {
        self.run.span()
    }

    /// Waits until the child has ended: the traced form of [`std::process::Child::wait`]. Closes its standard input first, if
    /// that was not taken.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::wait`]. The span has ended then, with the known attributes.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.inner.stdin.take());
        let exit = if self.run.wants_exit() { process::wait(self.inner.id()).ok() } else { None };
        self.run.learned(exit.as_ref());
        let status = self.inner.wait();
        self.run.waited(exit, &status);
        status
    }

    /// The exit status if the child has ended: the traced form of [`std::process::Child::try_wait`]. The span ends then.
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::try_wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let exit = match self.run.try_exit(Some(self.inner.id())) {
            Ok(None) => return Ok(None),
            exit => exit.ok().flatten(),
        };
        self.run.learned(exit.as_ref());
        let status = self.inner.try_wait();
        if let Some(status) = status.as_ref().ok().copied().flatten() {
            self.run.waited(exit, &Ok(status));
        }
        status
    }

    /// Collects the child's output, and waits until it has ended: the traced form of
    /// [`std::process::Child::wait_with_output`].
    ///
    /// # Errors
    ///
    /// As [`std::process::Child::wait_with_output`].
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.inner.stdin.take());
        let (stdout, stderr) = process::read_both(self.inner.stdout.take(), self.inner.stderr.take())?;
        let status = self.wait()?;
        Ok(Output { status, stdout, stderr })
    }

    /// The plain child. The span ends with `process.waited` = `false`, as when this is dropped.
    pub fn into_inner(self) -> std::process::Child {
        self.inner
    }
}

impl Deref for Child {
    type Target = std::process::Child;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Child {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}
