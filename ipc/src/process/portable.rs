//! All systems other than Linux: a child's exit status is known once it is reaped. Its resource usage is unknown.

use super::exit::Exit;
use std::io;

pub(crate) fn wait(_pid: u32) -> io::Result<Exit> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn try_wait(_pid: u32) -> io::Result<Option<Exit>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The standard library can't tell.
pub(crate) fn is_elevated() -> bool {
    false
}

pub(crate) fn own_peak_bytes() -> u64 {
    0
}

/// Unsupported: the caller uses the runtime's functions instead.
#[cfg(all(feature = "tokio", unix))]
pub(crate) fn open(_pid: u32) -> io::Result<std::os::fd::OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
