//! Linux: a child's exit status and resource usage, before it is reaped.
//!
//! The raw `waitid` has a fifth argument for the resource usage, which libc's wrapper and rustix lack.
#![allow(unsafe_code)]

use super::exit::Exit;
use libc::{c_int, id_t, rusage, siginfo_t, timeval};
use std::io;
use std::time::Duration;

pub(crate) fn wait(pid: u32) -> io::Result<Exit> {
    match waitid(libc::P_PID, id(pid)?, 0)? {
        Some(exit) => Ok(exit),
        None => Err(io::Error::other("waitid returned before the child had ended")),
    }
}

pub(crate) fn try_wait(pid: u32) -> io::Result<Option<Exit>> {
    waitid(libc::P_PID, id(pid)?, libc::WNOHANG)
}

/// As [`try_wait`], by a descriptor of the child. A process id may belong to another process once the child has been reaped.
#[cfg(any(feature = "record", feature = "workers"))]
pub(super) fn try_wait_on(child: std::os::fd::BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    waitid(libc::P_PIDFD, std::os::fd::AsRawFd::as_raw_fd(&child) as id_t, libc::WNOHANG)
}

/// Whether the kernel started this program with more rights than its caller's: setuid, setgid, file capabilities.
pub(crate) fn is_elevated() -> bool {
    // SAFETY: getauxval has no preconditions; the kernel gives every program AT_SECURE.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

fn id(pid: u32) -> io::Result<id_t> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(pid as id_t)
}

/// `WNOWAIT` doesn't reap the child. Its usage is complete, since it has ended.
fn waitid(by: libc::idtype_t, id: id_t, options: c_int) -> io::Result<Option<Exit>> {
    // SAFETY: plain data, for which zeros are a valid value.
    let mut info: siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut used: rusage = unsafe { std::mem::zeroed() };
    let options = options | libc::WEXITED | libc::WNOWAIT;
    loop {
        // SAFETY: the five arguments are those of the system call; the pointers are to a live siginfo_t and rusage,
        // which have the kernel's layout.
        let rc = unsafe { libc::syscall(libc::SYS_waitid, by, id, &mut info, options, &mut used) };
        match rc {
            0 => return Ok(exit(&info, &used)),
            _ => interrupted()?,
        }
    }
}

/// `Ok` if a signal interrupted the last system call, which the caller then repeats.
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
    // SAFETY: plain data, for which zeros are a valid value.
    let mut used: rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage. If the call failed the zeros would stay.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    peak_bytes(&used)
}
