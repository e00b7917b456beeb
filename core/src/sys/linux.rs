//! Linux.
#![allow(unsafe_code)]

/// The kernel's id of this thread.
pub(crate) fn thread_id() -> u64 {
    // SAFETY: gettid has no preconditions.
    unsafe { libc::gettid() as u64 }
}

pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

pub(crate) fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec. The two clocks exist on every Linux, so the call cannot fail; if it
    // did, the zeros would stay.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Whether the kernel's clock source is the counter that `clock/counter.rs` reads: then the kernel vouches that it runs
/// at a constant rate and in step on all cores.
pub(crate) fn counter_is_clock() -> bool {
    let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    matches!(source.as_deref().map(str::trim), Ok("tsc" | "arch_sys_counter"))
}

/// Whether the kernel started this program with more rights than its caller has: setuid, setgid, file capabilities.
pub(crate) fn is_elevated() -> bool {
    // SAFETY: getauxval has no preconditions; the kernel gives every program AT_SECURE.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

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
