//! Spawn, output and status of tokio's commands, and its [`Child`].
//!
//! What differs from the twins in [`tokio::process`]: the child runs in a span. As there, everything is
//! to be called in a runtime with I/O, and nothing blocks it.
//!
//! How a child ended is learned before tokio reaps it: a descriptor of the child (a pidfd) becomes readable, its exit is
//! read without reaping, and only then is tokio's child waited for. Where there is no such descriptor (not Linux, no
//! descriptors left), the span has the exit code or signal, and no CPU time and memory.

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
    /// Starts the child: the twin of [`Command::spawn`].
    ///
    /// The span goes on until the child is waited for.
    ///
    /// # Errors
    ///
    /// As the twin's: the error is the original, and the span has ended with it.
    ///
    /// # Panics
    ///
    /// As the twin: outside of a runtime with I/O.
    pub fn spawn(self) -> io::Result<Child> {
        let run = self.plan.begin(self.command.as_std_mut());
        let (inner, run) = run.start(self.command.spawn(), tokio::process::Child::id)?;
        Ok(Child { inner, run })
    }

    /// Starts the child; the future collects what it writes until its end: the twin of [`Command::output`]. As there,
    /// the child starts at once, standard output and error are collected whatever was set, and the command keeps that.
    ///
    /// If the future is dropped, the child goes on (unless `kill_on_drop` is set), tokio reaps it, and the span ends,
    /// marked as not waited for.
    ///
    /// # Errors
    ///
    /// As the twin's: the error is the original.
    ///
    /// # Panics
    ///
    /// As the twin: outside of a runtime with I/O.
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

    /// Starts the child; the future waits until its end: the twin of [`Command::status`]. As there, the child starts at
    /// once.
    ///
    /// If the future is dropped, it is as with [`output`](Self::output).
    ///
    /// # Errors
    ///
    /// As the twin's: the error is the original.
    ///
    /// # Panics
    ///
    /// As the twin: outside of a runtime with I/O.
    pub fn status(self) -> impl Future<Output = io::Result<ExitStatus>> {
        let child = self.spawn();
        async {
            let mut child = child?;
            // As in tokio: else the child could wait for us to read or write, and we for its end.
            drop((child.inner.stdin.take(), child.inner.stdout.take(), child.inner.stderr.take()));
            child.wait().await
        }
    }
}

/// A running child and its span: the twin of [`tokio::process::Child`].
///
/// The span ends when the child was waited for. If this is dropped before that, the twin does what it does, and the span
/// ends and says so by `process.waited` = `false`.
///
/// What isn't here is the twin's, by dereference: `stdin`, `stdout`, `stderr` (to be taken), `id`, `start_kill`.
#[derive(Debug)]
pub struct Child {
    inner: tokio::process::Child,
    run: Run,
}

impl Child {
    /// The span, to be set attributes on; `None` once it has ended.
    pub fn span(&self) -> Option<&Span> {
        self.run.span()
    }

    /// Waits until the child has ended: the twin of [`tokio::process::Child::wait`].
    /// Closes its standard input first, if that is still here. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// As the twin's. The span has ended then, with as much as is known.
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

    /// The exit status if the child has ended: the twin of
    /// [`tokio::process::Child::try_wait`]. The span ends then.
    ///
    /// # Errors
    ///
    /// As the twin's.
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

    /// Kills the child and waits until it has ended: the twin of
    /// [`tokio::process::Child::kill`].
    ///
    /// # Errors
    ///
    /// As the twin's.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.inner.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Collects what the child writes, and waits until it has ended: the twin of
    /// [`tokio::process::Child::wait_with_output`].
    ///
    /// # Errors
    ///
    /// As the twin's.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.inner.stdin.take());
        let (stdout, stderr) = both(read(self.inner.stdout.take()), read(self.inner.stderr.take())).await;
        let (stdout, stderr) = (stdout?, stderr?);
        let status = self.wait().await?;
        Ok(Output { status, stdout, stderr })
    }

    /// The plain child. The span ends, as when this is dropped.
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

/// How the child ends, once it has; it is left for tokio to reap.
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

/// Both results, as soon as both are there.
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
