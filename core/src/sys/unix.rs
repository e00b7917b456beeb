//! What every Unix has: functions that run at exit and after a fork, and the names of signals.
#![allow(unsafe_code)]

pub(crate) fn at_exit(run: extern "C" fn()) {
    // SAFETY: `run` is a function, so it is callable for ever. If the table is full the call fails, and nothing is run.
    unsafe { libc::atexit(run) };
}

pub(crate) fn at_fork_child(run: extern "C" fn()) {
    // SAFETY: pthread_atfork takes this function type, and a function is callable for ever.
    let run: unsafe extern "C" fn() = run;
    // SAFETY: as above; without memory the call fails, and nothing is run.
    unsafe { libc::pthread_atfork(None, None, Some(run)) };
}

/// The names that `signal(7)` gives them.
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
