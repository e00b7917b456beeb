//! One worker process: started, watched, killed, reaped.

use super::crew::Crew;
use super::error::Death;
use super::event::{Event, News};
use super::launch::{launch, Launched};
use super::stderr::{Printer, Stderr};
use heirloom_core::Context;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;

pub(super) struct Process {
    launched: Launched,
    stderr: Stderr,
    ended: bool,
    reason: Option<String>,
}

impl Process {
    /// Starts the process. Its stdin is a pipe whose other end this process never closes. When the pipe is closed, the worker's
    /// parent is dead.
    ///
    /// It is in a separate process group, so that an interrupt from the terminal doesn't reach it. This process may let its workers
    /// finish.
    pub(super) fn start(
        command: &mut Command,
        cx: Context,
        attempt: u64,
        mail: &Sender<Event>,
        crew: &Crew,
        printer: &Printer,
    ) -> io::Result<Self> {
        let mail = mail.clone();
        // An error: the keeper has ended, so no message is needed.
        let ended = move || drop(mail.send(Event::From(attempt, News::Ended)));
        let command = command.stdin(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut launched = launch(command, cx, ended)?;
        let pipe = launched.child.stderr.take().ok_or(io::ErrorKind::BrokenPipe);
        let followed = pipe.map_err(io::Error::from).and_then(|pipe| Stderr::follow(pipe, printer.clone(), crew));
        match followed {
            Ok(stderr) => Ok(Self { launched, stderr, ended: false, reason: None }),
            Err(error) => {
                drop(launched.child.kill());
                let exit = launched.child.wait().ok();
                launched.died(exit);
                Err(error)
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.launched.pid
    }

    /// Kills it for this reason. It still runs until it [`has_ended`](Self::has_ended).
    pub(super) fn kill(&mut self, reason: &str) {
        if !self.ended {
            self.reason.get_or_insert_with(|| reason.to_owned());
            self.launched.kill(reason);
        }
    }

    /// The watcher has seen its end.
    pub(super) fn ended(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reaps it.
    pub(super) fn reap(mut self) -> Death {
        // A process that is stuck in the kernel can't be waited for.
        let exit =
            if self.ended { self.launched.child.wait().ok() } else { self.launched.child.try_wait().ok().flatten() };
        let death = Death { pid: self.launched.pid, exit, stderr_tail: self.stderr.tail(), reason: self.reason.take() };
        self.launched.died(exit);
        death
    }
}
