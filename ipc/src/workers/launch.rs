//! The one place where a worker process is started, and the one that is told when it ended: what shall be set up for
//! each process and taken down after it belongs here.

use std::io;
use std::process::{Child, Command, ExitStatus};

/// A worker process that was started and not reaped yet.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) pid: u32,
}

/// Starts a worker process.
pub(super) fn launch(command: &mut Command) -> io::Result<Launched> {
    let child = command.spawn()?;
    let pid = child.id();
    Ok(Launched { child, pid })
}

impl Launched {
    /// The process has ended and everything it sent was read. Called once for each process, before its successor is
    /// started.
    pub(super) fn died(self, _exit: Option<ExitStatus>) {}
}
