//! Linux: the raw `waitid`, whose fifth argument (which libc's wrapper lacks) is what the child used.
#![allow(unsafe_code)]

use super::Exit;
use libc::{c_int, pollfd, rusage, siginfo_t, timeval};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
#[cfg(feature = "tokio")]
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{ChildStderr, ChildStdout};
use std::time::Duration;

/// What is read from a pipe at a time: what a pipe holds by default.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn wait(pid: u32) -> io::Result<Exit> {
    match waitid(pid, 0)? {
        Some(exit) => Ok(exit),
        None => Err(io::Error::other("waitid returned before the child had ended")),
    }
}

pub(super) fn try_wait(pid: u32) -> io::Result<Option<Exit>> {
    waitid(pid, libc::WNOHANG)
}

/// `WNOWAIT` leaves the child as it is, and yet its usage is complete: it has ended.
fn waitid(pid: u32, options: c_int) -> io::Result<Option<Exit>> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: both are plain data of the kernel's, for which zeros are a value.
    let mut info: siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut used: rusage = unsafe { std::mem::zeroed() };
    let options = options | libc::WEXITED | libc::WNOWAIT;
    loop {
        // SAFETY: the five arguments are those of the system call; the pointers are to a live siginfo_t and rusage,
        // which have the kernel's layout.
        let rc = unsafe { libc::syscall(libc::SYS_waitid, libc::P_PID, pid, &mut info, options, &mut used) };
        match rc {
            0 => return Ok(exit(&info, &used)),
            _ => interrupted()?,
        }
    }
}

/// `Ok` if the last system call was interrupted by a signal, and is to be repeated.
fn interrupted() -> io::Result<()> {
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

fn exit(info: &siginfo_t, used: &rusage) -> Option<Exit> {
    // SAFETY: waitid filled it in for a child, or left the zeros.
    let pid = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let exited = info.si_code == libc::CLD_EXITED;
    (pid != 0).then(|| Exit {
        code: exited.then_some(status),
        signal: (!exited).then_some(status),
        user: duration(used.ru_utime),
        system: duration(used.ru_stime),
        peak_bytes: peak_bytes(used),
    })
}

fn duration(time: timeval) -> Duration {
    Duration::new(time.tv_sec.max(0) as u64, time.tv_usec.clamp(0, 999_999) as u32 * 1000)
}

/// The kernel counts in KiB.
fn peak_bytes(used: &rusage) -> u64 {
    used.ru_maxrss.max(0) as u64 * 1024
}

pub(crate) fn own_peak_bytes() -> u64 {
    // SAFETY: plain data, for which zeros are a value.
    let mut used: rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage. If the call failed the zeros would stay.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    peak_bytes(&used)
}

/// A descriptor for the child that becomes readable when it ends; close-on-exec, as all of them are.
#[cfg(feature = "tokio")]
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the arguments are those of the system call.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel made it for this call, so nobody else owns it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reads both pipes to their ends, whichever has something: a child that fills the one while we wait for the other would
/// never end.
pub(crate) fn read_both(mut out: Option<ChildStdout>, mut err: Option<ChildStderr>) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let (mut out_bytes, mut err_bytes) = (Vec::new(), Vec::new());
    while let (Some(from_out), Some(from_err)) = (&mut out, &mut err) {
        let [out_ready, err_ready] = poll([from_out.as_raw_fd(), from_err.as_raw_fd()])?;
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

/// One read, which doesn't block as something is there.
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

/// Waits until one of them has something to read or is at its end.
fn poll(fds: [RawFd; 2]) -> io::Result<[bool; 2]> {
    let mut polled = fds.map(|fd| pollfd { fd, events: libc::POLLIN, revents: 0 });
    loop {
        // SAFETY: the pointer is to as many live pollfds as are announced.
        let rc = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, -1) };
        match rc {
            1.. => return Ok(polled.map(|fd| fd.revents != 0)),
            _ => interrupted()?,
        }
    }
}
