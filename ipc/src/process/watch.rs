//! Linux: one thread per process watches all children for their ends, and for shards that fill up.

use super::bells::{self, Bells};
use super::exit::Exit;
use super::linux;
use super::pidfd;
use super::watched::Watched;
use heirloom_core::PerProcess;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Polling interval for the end of a child without a descriptor: 20 ms, a compromise between delay and wake-ups.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// Pause after each event. It bounds the cost of a child that signals without a pause: at most 1,000 wake-ups per second.
const REST: Duration = Duration::from_millis(1);

/// The watcher of this process.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// The events that children signal.
    bells: Bells,
    /// Signalled by this process when a child was added.
    news: OwnedFd,
    children: Mutex<Vec<Child>>,
}

#[derive(Debug)]
struct Child {
    pid: u32,
    /// Becomes readable at the child's end. `None` if no descriptor was left.
    pidfd: Option<Arc<OwnedFd>>,
    watched: Box<dyn Watched>,
}

impl Watcher {
    /// The watcher. The first call in each process starts its thread, since the child of a fork has no thread of its parent's.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static WATCHER: PerProcess<Mutex<Option<(u32, &'static Watcher)>>> = PerProcess::new();
        let this_process = std::process::id();
        let mut watcher = WATCHER.get().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((process, watcher)) = *watcher {
            if process == this_process {
                return Ok(watcher);
            }
        }
        let new = Self { bells: Bells::new()?, news: bells::event()?, children: Mutex::default() };
        let new: &'static Self = Box::leak(Box::new(new));
        std::thread::Builder::new().name("heirloom-watch".to_owned()).spawn(|| new.run())?;
        *watcher = Some((this_process, new));
        Ok(new)
    }

    /// A new event, with which one more child wakes the watcher.
    #[cfg(feature = "record")]
    pub(crate) fn event(&self) -> io::Result<OwnedFd> {
        let event = bells::event()?;
        self.bells.add(event.as_fd())?;
        Ok(event)
    }

    /// Watches a child until its end. Never fails here. It returns a `Result` because other systems' watchers can fail.
    pub(crate) fn watch(&self, pid: u32, watched: Box<dyn Watched>) -> io::Result<()> {
        let child = Child { pid, pidfd: pidfd::open(pid).ok().map(Arc::new), watched };
        self.lock().push(child);
        bells::ring(self.news.as_fd());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let perhaps_dead = self.wait();
            bells::quiet(self.news.as_fd());
            self.bells.quiet();
            self.tell(&perhaps_dead);
            std::thread::sleep(REST);
        }
    }

    /// Waits for an event or for the end of a child. Returns the children that may have ended.
    fn wait(&self) -> Vec<u32> {
        // The lock is free while this thread polls.
        let children: Vec<(u32, Option<Arc<OwnedFd>>)> =
            self.lock().iter().map(|child| (child.pid, child.pidfd.clone())).collect();
        let known = children.iter().filter_map(|(_, pidfd)| pidfd.as_ref().map(|fd| fd.as_fd()));
        let descriptors = [self.news.as_fd(), self.bells.as_fd()].into_iter().chain(known);
        let mut polled: Vec<PollFd<'_>> = descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = (polled.len() < children.len() + 2).then_some(&LOOK);
        // An interrupted call found nothing.
        let _: rustix::io::Result<usize> = poll(&mut polled, timeout);
        let mut ready = polled.iter().map(|fd| !fd.revents().is_empty()).skip(2);
        let mut dead = |pidfd: &Option<Arc<OwnedFd>>| pidfd.is_none() || ready.next().unwrap_or(false);
        children.iter().filter(|(_, pidfd)| dead(pidfd)).map(|(pid, _)| *pid).collect()
    }

    /// Reports events and exits.
    fn tell(&self, perhaps_dead: &[u32]) {
        self.lock().retain_mut(|child| {
            let exit = if perhaps_dead.contains(&child.pid) { child.exit() } else { None };
            match &exit {
                Some(exit) => {
                    // Closed before the end is reported.
                    child.pidfd = None;
                    child.watched.ended(exit);
                }
                None => child.watched.rung(),
            }
            exit.is_none()
        });
    }
}

impl Child {
    /// Its exit; `None` while it runs.
    fn exit(&self) -> Option<Exit> {
        let exit = match &self.pidfd {
            Some(pidfd) => linux::try_wait_on(pidfd.as_fd()),
            None => linux::try_wait(self.pid),
        };
        // An error: another part of the program has reaped it.
        exit.unwrap_or(Some(Exit::default()))
    }
}
