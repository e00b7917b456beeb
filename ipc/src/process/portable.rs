//! Every system that has no file of its own: the standard library's means only.

use super::Exit;
use std::io::{self, Read};
use std::process::{ChildStderr, ChildStdout};

pub(super) fn wait(_pid: u32) -> io::Result<Exit> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn try_wait(_pid: u32) -> io::Result<Option<Exit>> {
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

/// Reads both pipes to their ends: one of them on a thread of its own, so that the child is not stopped by the other.
pub(crate) fn read_both(out: Option<ChildStdout>, err: Option<ChildStderr>) -> io::Result<(Vec<u8>, Vec<u8>)> {
    std::thread::scope(|threads| {
        let err = std::thread::Builder::new().spawn_scoped(threads, || read(err))?;
        let out = read(out);
        let err = err.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((out?, err?))
    })
}

fn read(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes))?;
    Ok(bytes)
}
