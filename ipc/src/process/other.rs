//! Systems that are no Unix: the standard library's means only.

use super::exit::Exit;
use std::io::{self, Read};
use std::process::{ChildStderr, ChildStdout, ExitStatus};

pub(crate) fn signal_name(signal: i32) -> String {
    signal.to_string()
}

/// What the standard library tells: nothing of what was used.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    Exit { code: status.code(), ..Exit::default() }
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
