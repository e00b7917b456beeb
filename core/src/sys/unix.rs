//! Functions of every Unix: standard error, calls at exit and after a fork, locks of files, signals and their names.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};

/// Standard error, without the standard library's lock: another thread may hold that, and in the child of a fork it may be
/// held permanently. If no descriptor is free, the standard library's.
pub(crate) fn stderr() -> Box<dyn Write> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::stderr()),
    }
}

pub(crate) fn at_exit(run: extern "C" fn()) {
    // SAFETY: `run` is a function, so it stays callable. If the table is full the call fails, and nothing is run.
    unsafe { libc::atexit(run) };
}

pub(crate) fn at_fork_child(run: extern "C" fn()) {
    // SAFETY: pthread_atfork takes this function type, and a function stays callable.
    let run: unsafe extern "C" fn() = run;
    // SAFETY: as above; without memory the call fails, and nothing is run.
    unsafe { libc::pthread_atfork(None, None, Some(run)) };
}

/// Starts a thread that has no name. The standard library's `spawn` reads thread-local values of its caller. In Rust 1.85 it
/// panics if they are gone, as they are while the process exits (<https://github.com/rust-lang/rust/issues/138696>).
pub(crate) fn spawn_at_end(run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    type Run = Box<dyn FnOnce() + Send>;
    extern "C" fn start(run: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: this is the box that was passed to the only call of this function.
        let run = unsafe { Box::from_raw(run.cast::<Run>()) };
        run();
        std::ptr::null_mut()
    }
    let run = Box::into_raw(Box::new(run)).cast();
    let mut thread = std::mem::MaybeUninit::uninit();
    // SAFETY: `start` frees the box; no attributes are given.
    let error = unsafe { libc::pthread_create(thread.as_mut_ptr(), std::ptr::null(), start, run) };
    if error != 0 {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(run.cast::<Run>()) });
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: the call has filled it in.
    let thread = unsafe { thread.assume_init() };
    // SAFETY: the thread was started, and nothing joins it.
    unsafe { libc::pthread_detach(thread) };
    Ok(())
}

/// Blocks `SIGPIPE` on this thread: a write to a closed pipe is an error there, also in a program that restored the signal's
/// default, which ends the program.
pub(crate) fn block_broken_pipe_signal() {
    let mut signals = std::mem::MaybeUninit::uninit();
    // SAFETY: the pointer is to memory for a set.
    unsafe { libc::sigemptyset(signals.as_mut_ptr()) };
    // SAFETY: the set was initialised above.
    unsafe { libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: the set was initialised above; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut()) };
}

/// The names in `signal(7)`.
pub(crate) fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// Reads the first bytes of a file, wherever it was read before.
pub(crate) fn read_start(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, 0)
}

/// Locks the file for this open descriptor, unless another one holds the lock, in this process or in another one. `false`
/// if another one holds it. The lock ends with [`unlock`], or when the last copy of the descriptor is closed, at the latest
/// when the process ends.
///
/// # Errors
/// The file system has no locks.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    flock(file, libc::LOCK_EX | libc::LOCK_NB).map(|()| true).or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Ok(false),
        _ => Err(error),
    })
}

/// Ends the lock of [`try_lock`], also where a forked child has a copy of the descriptor.
pub(crate) fn unlock(file: &File) {
    drop(flock(file, libc::LOCK_UN));
}

fn flock(file: &File, operation: i32) -> io::Result<()> {
    loop {
        // SAFETY: flock takes any descriptor, and this one is open as long as the file is borrowed.
        if unsafe { libc::flock(file.as_raw_fd(), operation) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The user whose rights this process has.
pub(super) fn effective_user() -> u32 {
    // SAFETY: geteuid has no preconditions and can't fail.
    unsafe { libc::geteuid() }
}
