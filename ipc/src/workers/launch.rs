//! The one place where a worker process is started, and the one that is told when it ended: what is set up for each process
//! and taken down after it belongs here.

use crate::attach::Attach;
use crate::process::{self, Exit, Watched, Watcher};
use heirloom_core::Context;
use std::fmt;
use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;

/// A worker process that was started and not reaped yet.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) child: Child,
    pub(super) pid: u32,
    attach: Option<Arc<Attach>>,
}

/// Starts a worker process, which records into the collector of this context's tracer. Where that can't be (no tracer runs,
/// or this process is itself a worker), the process records on its own. `ended` is told once, when it has ended: by then the
/// collector knows.
pub(super) fn launch(command: &mut Command, cx: Context, ended: impl Fn() + Send + 'static) -> io::Result<Launched> {
    let watcher = Watcher::get()?;
    let attach = Attach::prepare(cx, command).ok();
    let mut child = command.spawn()?;
    let pid = child.id();
    let attach = attach.map(|attach| Arc::new(attach.started_unwatched(pid)));
    let watched = Box::new(Worker { attach: attach.clone(), ended: Box::new(ended) });
    if let Err(error) = watcher.watch(pid, watched) {
        drop(child.kill());
        let exit = child.wait();
        Launched { child, pid, attach }.died(exit.ok());
        return Err(error);
    }
    Ok(Launched { child, pid, attach })
}

impl Launched {
    /// Kills the process, for this reason. It is not reaped yet, so the id is still its own.
    pub(super) fn kill(&mut self, reason: &str) {
        self.attach.iter().for_each(|attach| attach.killing(reason));
        // What can't be killed is waited for in vain.
        drop(self.child.kill());
    }

    /// The process has ended and everything it sent was read. Called once for each process, before its successor is
    /// started.
    pub(super) fn died(self, exit: Option<ExitStatus>) {
        if let (Some(attach), Some(exit)) = (&self.attach, exit) {
            attach.exited(&process::exit_of(exit));
        }
    }
}

/// A worker process, as the watcher knows it.
struct Worker {
    attach: Option<Arc<Attach>>,
    ended: Box<dyn Fn() + Send>,
}

impl Watched for Worker {
    fn rung(&self) {
        self.attach.iter().for_each(|attach| attach.rung());
    }

    fn ended(&self, exit: &Exit) {
        self.attach.iter().for_each(|attach| attach.exited(exit));
        (self.ended)();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("attach", &self.attach).finish_non_exhaustive()
    }
}
