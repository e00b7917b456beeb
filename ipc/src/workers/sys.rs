//! The system calls that the standard library doesn't have. The only unsafe code of the worker pool.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// Waits until the child process has ended, and leaves it to be reaped by its owner, so that its id stays its own.
///
/// Returns early where the process can't be waited for: somebody else reaped it, or SIGCHLD is ignored.
pub(super) fn wait_for_end(pid: u32) {
    loop {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: `info` is writable and of the type that the call fills; it is not read.
        let result = unsafe { libc::waitid(libc::P_PID, pid, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Whether there is something to read, or the other end is closed, within `timeout`.
pub(super) fn readable(fd: BorrowedFd<'_>, timeout: Duration) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one pollfd, which lives during the call; the descriptor is borrowed and so open.
    let ready = unsafe { libc::poll(&mut poll, 1, millis) };
    ready > 0
}

/// Puts /dev/null where stdin was.
pub(super) fn close_stdin() -> io::Result<()> {
    let null = File::open("/dev/null")?;
    // SAFETY: both are descriptors; whoever uses 0 from now on reads nothing.
    let result = unsafe { libc::dup2(null.as_raw_fd(), 0) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Ends this process now, whatever its threads do: no destructor, no `atexit` handler, no flush.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: always allowed.
    unsafe { libc::_exit(code) }
}
