//! Linux: events that one process counts up and another one waits for.
#![allow(unsafe_code)]

use rustix::event::{epoll, eventfd, EventfdFlags, Timespec};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// An event counter, closed on exec, that never blocks.
pub(crate) fn event() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Counts an event. Async-signal-safe, and keeps `errno`.
pub(crate) fn ring(event: BorrowedFd<'_>) {
    let one = 1_u64;
    // SAFETY: the address of this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: this thread's own.
    let before = unsafe { *errno };
    // SAFETY: the pointer is to eight readable bytes. If the counter is full the other side is going to look anyway.
    unsafe { libc::write(event.as_raw_fd(), (&raw const one).cast(), 8) };
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Forgets what was counted by an event that this process alone has.
pub(super) fn quiet(event: BorrowedFd<'_>) {
    // Nothing was counted, or it is forgotten now.
    let _: rustix::io::Result<usize> = rustix::io::read(event, &mut [0; 8]);
}

/// Events that several processes ring, of which none can keep this one from going on: they are never read, since a child can
/// make reading block; each ring wakes once (`EPOLLET`).
#[derive(Debug)]
pub(super) struct Bells(OwnedFd);

impl Bells {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// One more event. It is forgotten when its last descriptor is closed.
    #[cfg(feature = "record")]
    pub(super) fn add(&self, event: BorrowedFd<'_>) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        Ok(epoll::add(&self.0, event, epoll::EventData::new_u64(0), flags)?)
    }

    /// Forgets what has rung. Never blocks.
    pub(super) fn quiet(&self) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut rung = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 64];
        while epoll::wait(&self.0, &mut rung[..], Some(&now)) == Ok(64) {}
    }

    /// Readable when one has rung.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
