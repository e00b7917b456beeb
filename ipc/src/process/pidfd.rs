//! Linux: a descriptor of a child.

use rustix::process::{pidfd_open, Pid, PidfdFlags};
use std::io;
use std::os::fd::OwnedFd;

/// A descriptor that becomes readable when the child has ended, all its threads with it; closed on exec.
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}
