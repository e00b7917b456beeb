//! Starts a worker process, and receives its exit. All setup for a process and all cleanup after it is here.

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

/// Starts a worker process, which records into the collector of this context's tracer. If that isn't possible (no tracer runs, or
/// this process is a worker), the process starts a separate tracer. `ended` is called once, after the process has ended and the
/// collector was told.
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
    /// Kills the process for this reason. It is not reaped yet, so its process id isn't used again.
    pub(super) fn kill(&mut self, reason: &str) {
        self.attach.iter().for_each(|attach| attach.killing(reason));
        // An error: the wait for its end times out.
        drop(self.child.kill());
    }

    /// The process has ended, and all its messages were read. Called once for each process, before its successor starts.
    pub(super) fn died(self, exit: Option<ExitStatus>) {
        if let (Some(attach), Some(exit)) = (&self.attach, exit) {
            attach.exited(&process::exit_of(exit));
        }
    }
}

/// A worker process, for the watcher.
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
