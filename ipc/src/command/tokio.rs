//! The traced forms of spawn, output and status of tokio's commands, and [`Child`].
//!
//! The child runs in a span. All else is as in [`tokio::process`]: calls need a runtime with I/O, and none blocks it.
//!
//! The exit is read before tokio reaps the child: a descriptor of the child (a pidfd) becomes readable, its exit is read without
//! reaping, and only then tokio's child is waited for. Without such a descriptor (not Linux, no descriptors left), the span has the
//! exit code or signal, but no CPU time and no memory.

use super::run::Run;
use super::traced::{AsCommand, Traced};
use crate::process::{self, Exit};
use heirloom_core::Span;
use std::future::{poll_fn, Future};
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::{pin, Pin};
use std::process::{ExitStatus, Output, Stdio};
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::process::Command;

impl AsCommand for Command {
    fn as_command(&mut self) -> &mut std::process::Command {
        self.as_std_mut()
    }
}

impl Traced<'_, Command> {
    /// Starts the child: the traced form of [`Command::spawn`].
    ///
    /// The span ends when the child is waited for.
    ///
    /// # Errors
    ///
    /// The original error of [`Command::spawn`]. The span has ended with it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime with I/O, as tokio's command.
    pub fn spawn(self) -> io::Result<Child> {
        let run = self.plan.begin(self.command.as_std_mut());
        let (inner, run) = run.start(self.command.spawn(), tokio::process::Child::id)?;
        Ok(Child { inner, run })
    }

    /// Starts the child; the future collects its output until its end: the traced form of [`Command::output`]. As there, the
    /// child starts at once, standard output and error are collected even if they were set, and the command keeps these settings.
    ///
    /// If the future is dropped, the child goes on (unless `kill_on_drop` is set), tokio reaps it, and the span ends,
    /// marked as not waited for.
    ///
    /// # Errors
    ///
    /// The original error of [`Command::output`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime with I/O, as tokio's command.
    ///
    /// ```
    /// use heirloom_ipc::prelude::*;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let root = heirloom_core::root("release");
    /// let output = tokio::process::Command::new("echo").arg("hello").traced(&root).output().await?;
    /// assert_eq!(output.stdout, b"hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn output(self) -> impl Future<Output = io::Result<Output>> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async { child?.wait_with_output().await }
    }

    /// Starts the child; the future waits until its end: the traced form of [`Command::status`]. As there, the child starts at
    /// once.
    ///
    /// Dropping the future has the same effect as with [`output`](Self::output).
    ///
    /// # Errors
    ///
    /// The original error of [`Command::status`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime with I/O, as tokio's command.
    pub fn status(self) -> impl Future<Output = io::Result<ExitStatus>> {
        let child = self.spawn();
        async {
            let mut child = child?;
            // As in tokio: otherwise the child could wait for this process to read or write while this process waits for its end.
            drop((child.inner.stdin.take(), child.inner.stdout.take(), child.inner.stderr.take()));
            child.wait().await
        }
    }
}

/// A running child and its span: the traced form of [`tokio::process::Child`].
///
/// The span ends when the child was waited for. If this is dropped before that, the plain child is dropped as usual, and the span
/// ends with `process.waited` = `false`.
///
/// It dereferences to the plain child for all else: `stdin`, `stdout`, `stderr` (to be taken), `id`, `start_kill`.
#[derive(Debug)]
pub struct Child {
    inner: tokio::process::Child,
    run: Run,
}

impl Child {
    /// The span, to set attributes on; `None` once it has ended.
    pub fn span(&self) -> Option<&Span> {
        self.run.span()
    }

    /// Waits until the child has ended: the traced form of [`tokio::process::Child::wait`].
    /// Closes its standard input first, if that was not taken. If the future is dropped, call this again: no exit is lost.
    ///
    /// # Errors
    ///
    /// As [`tokio::process::Child::wait`]. The span has ended then, with the known attributes.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.inner.stdin.take());
        let exit = match self.inner.id() {
            Some(pid) if self.run.wants_exit() => exit_of(pid).await.ok(),
            _ => None,
        };
        self.run.learned(exit.as_ref());
        let status = self.inner.wait().await;
        self.run.waited(exit, &status);
        status
    }

    /// The exit status if the child has ended: the traced form of
    /// [`tokio::process::Child::try_wait`]. The span ends then.
    ///
    /// # Errors
    ///
    /// As [`tokio::process::Child::try_wait`].
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let exit = match self.run.try_exit(self.inner.id()) {
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

    /// Kills the child and waits until it has ended: the traced form of
    /// [`tokio::process::Child::kill`].
    ///
    /// # Errors
    ///
    /// As [`tokio::process::Child::kill`].
    pub async fn kill(&mut self) -> io::Result<()> {
        self.inner.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Collects the child's output, and waits until it has ended: the traced form of
    /// [`tokio::process::Child::wait_with_output`].
    ///
    /// # Errors
    ///
    /// As [`tokio::process::Child::wait_with_output`].
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.inner.stdin.take());
        let (stdout, stderr) = both(read(self.inner.stdout.take()), read(self.inner.stderr.take())).await;
        let (stdout, stderr) = (stdout?, stderr?);
        let status = self.wait().await?;
        Ok(Output { status, stdout, stderr })
    }

    /// The plain child. The span ends with `process.waited` = `false`, as when this is dropped.
    pub fn into_inner(self) -> tokio::process::Child {
        self.inner
    }
}

impl Deref for Child {
    type Target = tokio::process::Child;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Child {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

/// Waits for the child's exit. Leaves the child for tokio to reap.
async fn exit_of(pid: u32) -> io::Result<Exit> {
    #[allow(deprecated)] // Its safe successor is newer than the oldest tokio that we take; an `OwnedFd` is sound here.
    let ended = AsyncFd::with_interest(process::open(pid)?, Interest::READABLE)?;
    loop {
        let mut ready = ended.readable().await?;
        match process::try_wait(pid)? {
            Some(exit) => return Ok(exit),
            None => ready.clear_ready(),
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Waits for both results.
async fn both<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> (T, T) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut from_a, mut from_b) = (None, None);
    poll_fn(|cx| {
        poll_until_ready(a.as_mut(), &mut from_a, cx);
        poll_until_ready(b.as_mut(), &mut from_b, cx);
        match (from_a.take(), from_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            not_both => {
                (from_a, from_b) = not_both;
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_until_ready<T>(future: Pin<&mut impl Future<Output = T>>, result: &mut Option<T>, cx: &mut Context<'_>) {
    if result.is_none() {
        if let Poll::Ready(value) = future.poll(cx) {
            *result = Some(value);
        }
    }
}
