//! Every Unix: the names of signals and errors, exit statuses, pipes.

use super::exit::Exit;
use rustix::event::{poll, PollFd, PollFlags};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ChildStderr, ChildStdout, ExitStatus};

/// Bytes per read from a pipe: the default capacity of a pipe on Linux, so that one read can empty it.
const CHUNK_BYTES: usize = 64 * 1024;

macro_rules! names {
    ($($name:ident)*) => {
        &[$((libc::$name, stringify!($name))),*]
    };
}

/// Signals of every Unix. Their numbers differ. Real-time signals have only numbers.
#[rustfmt::skip]
const SIGNALS: &[(i32, &str)] = names![
    SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSEGV
    SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ
];

/// The name, as in `SIGKILL`; the number if [`SIGNALS`] has no name for it.
pub(crate) fn signal_name(signal: i32) -> String {
    let known = SIGNALS.iter().find(|(number, _)| *number == signal);
    known.map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

/// The exit status as the standard library has it, without resource usage.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    Exit { code: status.code(), signal: status.signal(), ..Exit::default() }
}

/// Names of errors that have no kind in the standard library and are likely when a process is started.
pub(crate) fn error_name(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error()? {
        libc::EMFILE | libc::ENFILE => Some("too_many_open_files"),
        libc::ENOEXEC => Some("exec_format_error"),
        libc::ECHILD => Some("no_child"),
        libc::EAGAIN => Some("too_many_processes"),
        _ => None,
    }
}

/// Reads both pipes to their ends, each as soon as it has data. A child that fills one pipe while this process waits for the other
/// would never end.
pub(crate) fn read_both(mut out: Option<ChildStdout>, mut err: Option<ChildStderr>) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut out_bytes, mut err_bytes) = (Vec::new(), Vec::new());
    while let (Some(from_out), Some(from_err)) = (&mut out, &mut err) {
        let [out_ready, err_ready] = either(&*from_out, &*from_err)?;
        if out_ready && read_some(from_out, &mut out_bytes)? == 0 {
            out = None;
        }
        if err_ready && read_some(from_err, &mut err_bytes)? == 0 {
            err = None;
        }
    }
    out.map_or(Ok(0), |mut out| out.read_to_end(&mut out_bytes))?;
    err.map_or(Ok(0), |mut err| err.read_to_end(&mut err_bytes))?;
    Ok((out_bytes, err_bytes))
}

/// One read, which doesn't block because data is available.
fn read_some(pipe: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        match pipe.read(&mut chunk) {
            Ok(n) => {
                bytes.extend_from_slice(&chunk[..n]);
                return Ok(n);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until one of them has data or is at its end.
fn either(a: &impl AsFd, b: &impl AsFd) -> io::Result<[bool; 2]> {
    let mut polled = [a.as_fd(), b.as_fd()].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    loop {
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok([0, 1].map(|i: usize| !polled[i].revents().is_empty())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_its_name_and_a_number_without_one_stays_a_number() {
        let names = [libc::SIGKILL, libc::SIGUSR2, 40].map(signal_name);
        assert_eq!(names, ["SIGKILL", "SIGUSR2", "40"]);
    }
}
