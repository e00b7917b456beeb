//! The exit of the process is not noticed on systems other than Unix: call `finish` before the process ends. They have no
//! `fork`. A file has the access rights of its folder, and isn't locked.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

pub(crate) fn at_exit(_run: extern "C" fn()) {}

pub(crate) fn at_fork_child(_run: extern "C" fn()) {}

pub(crate) fn signal_name(_signal: i32) -> Option<&'static str> {
    None
}

pub(crate) fn spawn_at_end(run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    std::thread::Builder::new().spawn(run).map(drop)
}

/// There are no signals.
pub(crate) fn block_broken_pipe_signal() {}

pub(crate) fn stderr() -> Box<dyn std::io::Write> {
    Box::new(std::io::stderr())
}
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

pub(crate) fn read_start(_file: &File, _buffer: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn try_lock(_file: &File) -> io::Result<bool> {
    Ok(true)
}

pub(crate) fn unlock(_file: &File) {}

pub(crate) fn parent_id() -> u32 {
    0
}
