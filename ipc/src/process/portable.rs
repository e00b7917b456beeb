//! Every system but Linux: how a child ended is known once it is reaped, and what it used is not.

use super::exit::Exit;
use std::io;

pub(crate) fn wait(_pid: u32) -> io::Result<Exit> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn try_wait(_pid: u32) -> io::Result<Option<Exit>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn own_peak_bytes() -> u64 {
    0
}

/// Nothing to wait on: the runtime's own means are used.
#[cfg(all(feature = "tokio", unix))]
pub(crate) fn open(_pid: u32) -> io::Result<std::os::fd::OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
