//! CPU time and memory of this process, by the kernel's counts.

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeValLike;
use nix::time::{clock_gettime, ClockId};

/// CPU time of all threads of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// In the program, in nanoseconds.
    pub user_ns: u64,
    /// In the kernel, in nanoseconds.
    pub system_ns: u64,
}

impl CpuTime {
    /// The CPU time so far.
    pub fn now() -> Result<Self, String> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(|error| format!("getrusage failed: {error}"))?;
        let ns = |microseconds: i64| microseconds.max(0) as u64 * 1000;
        Ok(Self {
            user_ns: ns(usage.user_time().num_microseconds()),
            system_ns: ns(usage.system_time().num_microseconds()),
        })
    }

    /// The CPU time since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user_ns: self.user_ns.saturating_sub(earlier.user_ns),
            system_ns: self.system_ns.saturating_sub(earlier.system_ns),
        }
    }
}

/// CPU time of the calling thread in nanoseconds; zero if the system has no such clock.
pub fn thread_cpu_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Nanoseconds of a clock that all processes of a machine share; zero if the system has no such clock.
pub fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// The largest resident memory of this process so far, in bytes; `None` if the system doesn't report it.
///
/// Read from `VmHWM` in [`/proc/self/status`], because `getrusage` also counts what the parent process held before it
/// started this one.
///
/// [`/proc/self/status`]: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
pub fn peak_rss_bytes() -> Option<u64> {
    status_bytes("VmHWM:")
}

/// The resident memory of this process, in bytes; `None` if the system doesn't report it.
pub fn rss_bytes() -> Option<u64> {
    status_bytes("VmRSS:")
}

fn status_bytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn work_uses_cpu_time_and_memory_is_seen() {
        let (process, thread) = (CpuTime::now().unwrap(), thread_cpu_ns());
        let mut sum = 0_u64;
        while thread_cpu_ns() < thread + 5_000_000 {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(sum > 0);
        let used = CpuTime::now().unwrap().since(&process);
        assert!(used.user_ns + used.system_ns >= 4_000_000, "{used:?}");
        if cfg!(target_os = "linux") {
            let (now, peak) = (rss_bytes().unwrap(), peak_rss_bytes().unwrap());
            assert!(now > 100_000 && peak > 100_000, "{now} {peak}");
        }
    }
}
