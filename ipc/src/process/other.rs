//! Systems other than Unix: only the standard library's functions.

use super::exit::Exit;
use std::io::{self, Read};
use std::process::{ChildStderr, ChildStdout, ExitStatus};

pub(crate) fn signal_name(signal: i32) -> String {
    signal.to_string()
}

/// The exit status as the standard library has it, without resource usage.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    Exit { code: status.code(), ..Exit::default() }
}

pub(crate) fn error_name(_: &io::Error) -> Option<&'static str> {
    None
}

/// Reads both pipes to their ends, one of them on a new thread, so that a full pipe doesn't stop the child.
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
