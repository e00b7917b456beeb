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
