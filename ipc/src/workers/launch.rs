//! The one place where a worker process is started, and the one that is told when it ended: what is set up for each process
//! and taken down after it belongs here.

use crate::join::Join;
use crate::process::Exit;
use heirloom_core::Context;
use std::io;
use std::process::{Child, Command, ExitStatus};

/// A worker process that was started and not reaped yet.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) pid: u32,
    join: Option<Join>,
}

/// Starts a worker process, which records into the collector of this context's tracer. Where that can't be (no tracer runs,
/// or this process is itself a worker), the process records on its own.
pub(super) fn launch(command: &mut Command, cx: Context) -> io::Result<Launched> {
    let join = Join::prepare(cx, command).ok();
    let child = command.spawn()?;
    let pid = child.id();
    Ok(Launched { child, pid, join: join.map(|join| join.started(pid)) })
}

impl Launched {
    /// The process has ended and is not reaped yet: only now whoever watches it could learn how.
    pub(super) fn ended(&self) {
        if let (Some(join), Ok(Some(exit))) = (&self.join, Exit::try_wait(self.pid)) {
            join.exited(&exit);
        }
    }

    /// The process has ended and everything it sent was read. Called once for each process, before its successor is
    /// started.
    pub(super) fn died(self, exit: Option<ExitStatus>) {
        if let (Some(join), Some(exit)) = (&self.join, exit) {
            join.exited(&Exit::from_status(exit));
        }
    }
}
