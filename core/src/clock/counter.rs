//! The processor's counter: one unsafe read per architecture.
#![allow(unsafe_code)]

/// Whether this architecture has a counter that this module reads.
pub(crate) const EXISTS: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// The time stamp counter. It isn't ordered with the instructions around it: a few nanoseconds of jitter cost less than a
/// fence, and the collector never puts an end before its start.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn read() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and the kernel allows it where it uses the counter itself.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The virtual count register.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn read() -> u64 {
    let count: u64;
    // SAFETY: Linux lets user space read this register; it has no side effect.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
    count
}

/// There is no counter. Never called, because `EXISTS` is false.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(crate) fn read() -> u64 {
    super::NS | crate::sys::monotonic_ns()
}
