//! Linux.
#![allow(unsafe_code)]

#[cfg(not(loom))]
use std::sync::atomic::AtomicU32;
#[cfg(not(loom))]
use std::time::Duration;

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

/// Whether the kernel's clock source is the counter that `clock/counter.rs` reads. Then the kernel guarantees a constant
/// rate and the same value on all cores.
pub(crate) fn counter_is_clock() -> bool {
    let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    matches!(source.as_deref().map(str::trim), Ok("tsc" | "arch_sys_counter"))
}

/// Whether the kernel started this program with more rights than its caller's: setuid, setgid, file capabilities.
pub(crate) fn is_elevated() -> bool {
    // SAFETY: getauxval has no preconditions; the kernel gives every program AT_SECURE.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Sleeps while the word has this value, at most for this time. May return earlier: a signal arrived, for example.
#[cfg(not(loom))]
pub(crate) fn sleep_while(word: &AtomicU32, value: u32, at_most: Duration) {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(at_most.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: at_most.subsec_nanos() as _,
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time are borrowed during the call, which only reads them.
    let call = || unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, &raw const time) };
    keeping_errno(call);
}

/// Wakes a thread that sleeps while this word has a value. The caller has changed it.
#[cfg(not(loom))]
pub(crate) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the call doesn't access the word.
    let call = || unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
    keeping_errno(call);
}

/// Calls the system from where a program doesn't expect it: in a call that records, perhaps in a signal handler.
#[cfg(not(loom))]
fn keeping_errno(call: impl FnOnce() -> libc::c_long) {
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the address is that of this thread's own variable.
    let before = unsafe { errno.read() };
    call();
    // SAFETY: as above.
    unsafe { errno.write(before) };
}
