//! Linux: events that one process signals and another one waits for.
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
    // SAFETY: the pointer is to eight readable bytes. If the counter is full, the other side wakes up anyway.
    unsafe { libc::write(event.as_raw_fd(), (&raw const one).cast(), 8) };
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Resets an event that only this process has.
pub(super) fn quiet(event: BorrowedFd<'_>) {
    // An error: nothing was counted.
    let _: rustix::io::Result<usize> = rustix::io::read(event, &mut [0; 8]);
}

/// Events that several processes signal. They are never read, since a child could make the read block. Each signal wakes once
/// (`EPOLLET`).
#[derive(Debug)]
pub(super) struct Bells(OwnedFd);

impl Bells {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Adds an event. It is removed when its last descriptor is closed.
    #[cfg(feature = "record")]
    pub(super) fn add(&self, event: BorrowedFd<'_>) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        Ok(epoll::add(&self.0, event, epoll::EventData::new_u64(0), flags)?)
    }

    /// Discards pending signals. Never blocks.
    pub(super) fn quiet(&self) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut rung = [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 64];
        while epoll::wait(&self.0, &mut rung[..], Some(&now)) == Ok(64) {}
    }

    /// Readable when an event was signalled.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
