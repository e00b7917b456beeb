//! Linux: the one thread of a process that watches its children: for their deaths, and for a shard that fills up.

use super::bells::{self, Bells};
use super::exit::Exit;
use super::linux;
use super::pidfd;
use super::watched::Watched;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it looks for the death of a child that it has no descriptor of.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// How long it rests after each event: a child that rings without a pause costs no more than this allows.
const REST: Duration = Duration::from_millis(1);

/// The watcher of this process.
#[derive(Debug)]
pub(crate) struct Watcher {
    /// What children ring.
    bells: Bells,
    /// This process's own: there is one more child.
    news: OwnedFd,
    children: Mutex<Vec<Child>>,
}

#[derive(Debug)]
struct Child {
    pid: u32,
    /// Becomes readable at its death. Without descriptors left there is none.
    pidfd: Option<Arc<OwnedFd>>,
    watched: Box<dyn Watched>,
}

impl Watcher {
    /// The watcher; starts its thread at the first call in each process: the child of a fork has none of its parent's.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static WATCHER: Mutex<Option<(u32, &'static Watcher)>> = Mutex::new(None);
        let this_process = std::process::id();
        let mut watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// An event for one more child to wake it with.
    #[cfg(feature = "record")]
    pub(crate) fn event(&self) -> io::Result<OwnedFd> {
        let event = bells::event()?;
        self.bells.add(event.as_fd())?;
        Ok(event)
    }

    /// Watches a child until its death. The error is for the twin's sake.
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

    /// Waits for an event, or a death. Returns who may have died.
    fn wait(&self) -> Vec<u32> {
        // The lock is free while this thread polls.
        let children: Vec<(u32, Option<Arc<OwnedFd>>)> =
            self.lock().iter().map(|child| (child.pid, child.pidfd.clone())).collect();
        let known = children.iter().filter_map(|(_, pidfd)| pidfd.as_ref().map(|fd| fd.as_fd()));
        let descriptors = [self.news.as_fd(), self.bells.as_fd()].into_iter().chain(known);
        let mut polled: Vec<PollFd<'_>> = descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = (polled.len() < children.len() + 2).then_some(&LOOK);
        // An interrupted call has found nothing.
        let _: rustix::io::Result<usize> = poll(&mut polled, timeout);
        let mut ready = polled.iter().map(|fd| !fd.revents().is_empty()).skip(2);
        let mut dead = |pidfd: &Option<Arc<OwnedFd>>| pidfd.is_none() || ready.next().unwrap_or(false);
        children.iter().filter(|(_, pidfd)| dead(pidfd)).map(|(pid, _)| *pid).collect()
    }

    /// Tells what happened.
    fn tell(&self, perhaps_dead: &[u32]) {
        self.lock().retain(|child| {
            let exit = if perhaps_dead.contains(&child.pid) { child.exit() } else { None };
            match &exit {
                Some(exit) => child.watched.ended(exit),
                None => child.watched.rung(),
            }
            exit.is_none()
        });
    }
}

impl Child {
    /// How it ended; `None` while it runs.
    fn exit(&self) -> Option<Exit> {
        let exit = match &self.pidfd {
            Some(pidfd) => linux::try_wait_on(pidfd.as_fd()),
            None => linux::try_wait(self.pid),
        };
        // An error: another part of the program has reaped it.
        exit.unwrap_or(Some(Exit::default()))
    }
}
