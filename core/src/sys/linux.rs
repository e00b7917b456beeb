//! Linux.
#![allow(unsafe_code)]

#[cfg(not(loom))]
use std::{ops::Range, ptr::NonNull};

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

/// The size of a page, in bytes.
#[cfg(not(loom))]
pub(crate) fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Address space. Its pages read as zero, and become memory when they are written. It starts at a page.
#[derive(Debug)]
#[cfg(not(loom))]
pub(crate) struct Reserved(NonNull<u8>, usize);

#[cfg(not(loom))]
impl Reserved {
    /// `None` if the system refuses it.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        // For the sanitizers, which know the bounds of allocations.
        if cfg!(heirloom_heap_rings) {
            return None;
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, at an address of the system's choice.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if at == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the range was mapped above. Without this, the first byte could take a huge page, of 2 MiB.
        unsafe { libc::madvise(at, bytes, libc::MADV_NOHUGEPAGE) };
        NonNull::new(at.cast()).map(|at| Self(at, bytes))
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.0
    }

    /// Gives the memory of these pages back. They read as zero then.
    pub(crate) fn discard(&self, pages: Range<usize>) {
        if pages.is_empty() || pages.end > self.1 {
            return;
        }
        // SAFETY: the start is within the memory.
        let from = unsafe { self.0.add(pages.start) };
        // SAFETY: the pages are within the memory. Other accesses to it need unsafe code, which knows of this function.
        unsafe { libc::madvise(from.as_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
    }
}

#[cfg(not(loom))]
impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and dropped once.
        unsafe { libc::munmap(self.0.as_ptr().cast(), self.1) };
    }
}
