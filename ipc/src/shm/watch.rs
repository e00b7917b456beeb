//! The one thread of a process that watches its joined children: for their deaths, and for a shard that fills up.

use super::sys;
use heirloom_core::region::{Death, Region};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it looks for the death of a child that it has no descriptor of.
const LOOK_MS: i32 = 20;
/// How long it rests after each event: a child that rings without a pause costs no more than this allows.
const REST: Duration = Duration::from_millis(1);

/// The watcher of this process.
#[derive(Debug)]
pub(super) struct Watcher {
    /// What children ring.
    bells: sys::Bells,
    /// This process's own: there is one more child.
    news: OwnedFd,
    children: Mutex<Vec<Child>>,
}

#[derive(Debug)]
struct Child {
    pid: u32,
    /// Becomes readable at its death. Without descriptors left there is none.
    pidfd: Option<Arc<OwnedFd>>,
    region: Arc<Region>,
}

impl Watcher {
    /// The watcher; starts its thread at the first call.
    pub(super) fn get() -> io::Result<&'static Self> {
        static WATCHER: Mutex<Option<&'static Watcher>> = Mutex::new(None);
        let mut watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watcher) = *watcher {
            return Ok(watcher);
        }
        let new =
            Box::leak(Box::new(Self { bells: sys::Bells::new()?, news: sys::event()?, children: Mutex::default() }));
        std::thread::Builder::new().name("heirloom-watch".to_owned()).spawn(|| new.run())?;
        Ok(watcher.insert(new))
    }

    /// An event for one more child to wake it with.
    pub(super) fn event(&self) -> io::Result<OwnedFd> {
        let event = sys::event()?;
        self.bells.add(event.as_fd())?;
        Ok(event)
    }

    /// Watches a child until its death.
    pub(super) fn watch(&self, pid: u32, region: Arc<Region>) {
        let child = Child { pid, pidfd: sys::pidfd(pid).ok().map(Arc::new), region };
        self.lock().push(child);
        sys::ring(self.news.as_fd());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let perhaps_dead = self.wait();
            sys::quiet(self.news.as_fd());
            self.bells.quiet();
            self.tell(&perhaps_dead);
            std::thread::sleep(REST);
        }
    }

    /// Waits for an event, or a death. Returns who may have died.
    fn wait(&self) -> Vec<u32> {
        // Nobody waits for the lock while this thread polls.
        let children: Vec<(u32, Option<Arc<OwnedFd>>)> =
            self.lock().iter().map(|child| (child.pid, child.pidfd.clone())).collect();
        let known = children.iter().filter_map(|(_, pidfd)| pidfd.as_ref().map(|fd| fd.as_fd()));
        let descriptors: Vec<BorrowedFd<'_>> =
            [self.news.as_fd(), self.bells.as_fd()].into_iter().chain(known).collect();
        let timeout = if descriptors.len() < children.len() + 2 { LOOK_MS } else { -1 };
        let mut ready = sys::poll(&descriptors, timeout).into_iter().skip(2);
        let mut dead = |pidfd: &Option<Arc<OwnedFd>>| pidfd.is_none() || ready.next().unwrap_or(false);
        children.iter().filter(|(_, pidfd)| dead(pidfd)).map(|(pid, _)| *pid).collect()
    }

    /// Tells the collectors of what happened.
    fn tell(&self, perhaps_dead: &[u32]) {
        self.lock().retain(|child| {
            let death = if perhaps_dead.contains(&child.pid) { child.death() } else { None };
            match death {
                Some(death) => child.region.died(death),
                None => child.region.wake_collector(),
            }
            death.is_none()
        });
    }
}

impl Child {
    fn death(&self) -> Option<Death> {
        sys::death(self.pid, self.pidfd.as_ref().map(|fd| fd.as_fd()))
    }
}
