//! Unix without pidfds: one thread for each child that a worker pool watches.

use super::exit::Exit;
use super::watched::Watched;
use rustix::process::{waitid, Pid, WaitId, WaitIdOptions};
use std::io;

/// Watches children.
#[derive(Debug)]
pub(crate) struct Watcher(());

impl Watcher {
    pub(crate) fn get() -> io::Result<&'static Self> {
        Ok(&Self(()))
    }

    /// Watches a child until its end.
    pub(crate) fn watch(&self, pid: u32, watched: Box<dyn Watched>) -> io::Result<()> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        let watch = move || watched.ended(&exit(pid));
        std::thread::Builder::new().name("heirloom-watch".to_owned()).spawn(watch)?;
        Ok(())
    }
}

/// Waits until the child has ended, without reaping it, so that its process id isn't used again. Returns early if it can't be
/// waited for: another part of the program has reaped it, or SIGCHLD is ignored.
fn exit(pid: Pid) -> Exit {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(Some(status)) => {
                return Exit { code: status.exit_status(), signal: status.terminating_signal(), ..Exit::default() }
            }
            Ok(None) | Err(_) => return Exit::default(),
        }
    }
}
