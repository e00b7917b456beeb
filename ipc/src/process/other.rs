//! Systems that are no Unix: the standard library's means only.

use std::io::{self, Read};
use std::process::{ChildStderr, ChildStdout, ExitStatus};

pub(super) fn signal_name(signal: i32) -> String {
    signal.to_string()
}

pub(super) fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

pub(crate) fn error_name(_: &io::Error) -> Option<&'static str> {
    None
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
