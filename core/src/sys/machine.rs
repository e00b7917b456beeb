//! What the machine offers to this process, and what the kernel says of the CPU time of threads and processes. Files of Linux's
//! `/proc` and `/sys`; elsewhere nothing is known.

use super::read_start;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// How many nanoseconds a tick of `/proc/stat` has: Linux shows 100 a second to programs on every architecture that this crate has
/// run on ([proc_stat(5)]).
///
/// [proc_stat(5)]: https://man7.org/linux/man-pages/man5/proc_stat.5.html
const NS_PER_TICK: u64 = 10_000_000;

/// How many CPUs this process may use: those of its affinity mask, and no more than the quota of its cgroups. `None` if it isn't
/// known.
pub(crate) fn usable_cpus() -> Option<f64> {
    let cpus = allowed_cpus()?.len() as f64;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(quotas(&groups, Path::new("/sys/fs/cgroup")).fold(cpus, f64::min))
}

/// How many physical cores those CPUs are: hyper-threads of one core count once. `None` if it isn't known.
pub(crate) fn physical_cores() -> Option<u32> {
    let siblings = |cpu: u32| {
        let folder = format!("/sys/devices/system/cpu/cpu{cpu}/topology");
        let read = |name: &str| fs::read_to_string(format!("{folder}/{name}"));
        read("core_cpus_list").or_else(|_| read("thread_siblings_list")).ok()
    };
    let cores: HashSet<String> = allowed_cpus()?.into_iter().map(siblings).collect::<Option<_>>()?;
    u32::try_from(cores.len()).ok()
}

fn allowed_cpus() -> Option<Vec<u32>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    cpus_of(list.trim())
}

/// The CPUs of a list like `0-3,8`.
fn cpus_of(list: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in list.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    (!cpus.is_empty()).then_some(cpus)
}

/// The quotas of the cgroups that `/proc/self/cgroup` lists, and of those around them, in CPUs. Version 2 has them in `cpu.max`,
/// version 1 in two files of the controller `cpu` ([cgroups(7)]).
///
/// [cgroups(7)]: https://man7.org/linux/man-pages/man7/cgroups.7.html
fn quotas<'a>(groups: &'a str, mount: &'a Path) -> impl Iterator<Item = f64> + 'a {
    groups.lines().flat_map(move |line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let is_old = controllers.split(',').any(|controller| controller == "cpu");
        let folders = match (controllers, is_old) {
            ("", _) => vec![mount.to_owned()],
            (_, true) => vec![mount.join(controllers), mount.join("cpu")],
            _ => Vec::new(),
        };
        let path = Path::new(path.trim_start_matches('/'));
        let all = folders.into_iter().flat_map(move |folder| path.ancestors().map(move |part| folder.join(part)));
        all.filter_map(move |folder| if is_old { old_quota(&folder) } else { quota(&folder) })
    })
}

fn quota(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join("cpu.max")).ok()?;
    let (quota, period) = text.trim().split_once(' ')?;
    cpus_in(quota, period)
}

fn old_quota(folder: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    cpus_in(read("cpu.cfs_quota_us")?.trim(), read("cpu.cfs_period_us")?.trim())
}

/// `None` without a quota: `max`, or -1.
fn cpus_in(quota: &str, period: &str) -> Option<f64> {
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// How many files this process may have open. `None` if it isn't known.
pub(crate) fn open_files() -> Option<usize> {
    files_of(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn files_of(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time since the start, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadTimes {
    pub(crate) cpu_ns: u64,
    /// How long it was runnable and had no CPU.
    pub(crate) waiting_ns: u64,
}

/// A file that stays open: reading it again is one system call, into a buffer on the stack, a sixth of the cost of opening it.
#[derive(Debug)]
struct Kept(File);

impl Kept {
    /// Its first `BYTES` bytes, as far as they are text.
    fn read<const BYTES: usize, T>(&self, of: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut buffer = [0; BYTES];
        let len = read_start(&self.0, &mut buffer).ok()?;
        of(&String::from_utf8_lossy(buffer.get(..len)?))
    }
}

/// The times of a thread of a process.
#[derive(Debug)]
pub(crate) struct ThreadFile(Kept);

impl ThreadFile {
    pub(crate) fn open(process: u32, thread: u64) -> io::Result<Self> {
        File::open(format!("/proc/{process}/task/{thread}/schedstat")).map(|file| Self(Kept(file)))
    }

    /// `None` if the thread has ended.
    pub(crate) fn read(&self) -> Option<ThreadTimes> {
        self.0.read::<64, _>(thread_times)
    }
}

/// The first two numbers of `schedstat` ([sched-stats]).
///
/// [sched-stats]: https://docs.kernel.org/scheduler/sched-stats.html
fn thread_times(text: &str) -> Option<ThreadTimes> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(ThreadTimes { cpu_ns: numbers.next()?.ok()?, waiting_ns: numbers.next()?.ok()? })
}

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessTimes {
    /// Of all its threads, those that have ended included. In steps of 10 ms.
    pub(crate) cpu_ns: u64,
    pub(crate) page_faults: u64,
}

/// The times of a process.
#[derive(Debug)]
pub(crate) struct ProcessFile(Kept);

impl ProcessFile {
    pub(crate) fn open(process: u32) -> io::Result<Self> {
        File::open(format!("/proc/{process}/stat")).map(|file| Self(Kept(file)))
    }

    /// `None` if the process has ended, or if it can't be known.
    pub(crate) fn read(&self) -> Option<ProcessTimes> {
        // The fields up to the 15th, at their longest.
        self.0.read::<512, _>(of_stat)
    }
}

fn of_stat(text: &str) -> Option<ProcessTimes> {
    // The name in parentheses may contain anything. The third field is behind it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let mut after = |others: usize| fields.nth(others)?.parse::<u64>().ok();
    let (minor, major) = (after(10 - 3)?, after(1)?);
    let (user, system) = (after(1)?, after(0)?);
    Some(ProcessTimes {
        cpu_ns: user.checked_add(system)?.checked_mul(NS_PER_TICK)?,
        page_faults: minor.checked_add(major)?,
    })
}

/// The times of the machine.
#[derive(Debug)]
pub(crate) struct MachineFile(Kept);

impl MachineFile {
    pub(crate) fn open() -> io::Result<Self> {
        File::open("/proc/stat").map(|file| Self(Kept(file)))
    }

    /// The CPU time of all processes since the machine was started, in nanoseconds: everything but idle. In steps of 10 ms. `None`
    /// if it can't be known.
    pub(crate) fn busy_ns(&self) -> Option<u64> {
        // The first line, at its longest.
        self.0.read::<256, _>(busy_of)
    }
}

fn busy_of(text: &str) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let mut times = line.split_whitespace().map_while(|time| time.parse::<u64>().ok());
    let mut next = || times.next();
    let [user, nice, system, _idle, _iowait, irq, softirq] =
        [next()?, next()?, next()?, next()?, next()?, next()?, next()?];
    let stolen = next().unwrap_or(0);
    // The time of guests is in that of the users.
    let ticks = [user, nice, system, irq, softirq, stolen].into_iter().try_fold(0_u64, u64::checked_add)?;
    ticks.checked_mul(NS_PER_TICK)
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_of_cpus_is_read_and_nonsense_is_not() {
        assert_eq!(cpus_of("0-3,8,10-11").unwrap(), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(cpus_of("5").unwrap(), [5]);
        assert!(["", "a", "1-", "3-1"].into_iter().all(|list| cpus_of(list).is_none()));
    }

    #[test]
    fn the_smallest_quota_of_all_cgroups_around_the_process_counts() {
        let mount = std::env::temp_dir().join(format!("heirloom-cgroup-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let file = mount.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let smallest = |groups: &str| quotas(groups, &mount).fold(16.0, f64::min);
        write("a/b/cpu.max", "max 100000\n");
        assert_eq!(smallest("0::/a/b\n"), 16.0);
        write("a/cpu.max", "250000 100000\n");
        assert_eq!(smallest("0::/a/b\n"), 2.5);
        write("cpu,cpuacct/c/cpu.cfs_quota_us", "150000\n");
        write("cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
        assert_eq!(smallest("3:memory:/a\n2:cpu,cpuacct:/c\n0::/\n"), 1.5);
        write("cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
        assert_eq!(smallest("2:cpu,cpuacct:/c\n"), 16.0);
        fs::remove_dir_all(&mount).unwrap();
    }

    #[test]
    fn times_are_read_from_what_the_kernel_writes() {
        assert_eq!(thread_times("798968 192812 2\n").unwrap(), ThreadTimes { cpu_ns: 798_968, waiting_ns: 192_812 });
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 5 3 1 40 2 0 0 20 0 1 0 5 1 2";
        assert_eq!(of_stat(stat).unwrap(), ProcessTimes { cpu_ns: 420_000_000, page_faults: 103 });
        let text = "cpu  7 1 2 1000 50 3 4 5 6 0\ncpu0 1 2 3\n";
        assert_eq!(busy_of(text).unwrap(), 220_000_000);
        assert!(thread_times("5").is_none() && of_stat("7 (a").is_none() && busy_of("intr 5").is_none());
    }

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        let text = "Max processes             7                    8                    processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(files_of(text), Some(1024));
        assert!(files_of("Max open files            unlimited            unlimited            files").is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_read_again_has_new_times() {
        let (own, all) =
            (ThreadFile::open(std::process::id(), crate::sys::thread_id()).unwrap(), MachineFile::open().unwrap());
        let (before, start) = ((own.read().unwrap(), all.busy_ns().unwrap()), std::time::Instant::now());
        while own.read().unwrap().cpu_ns < before.0.cpu_ns + 30_000_000 || all.busy_ns().unwrap() == before.1 {
            assert!(start.elapsed() < std::time::Duration::from_secs(60), "{before:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_cpus_and_this_process_uses_them() {
        assert!(usable_cpus().unwrap() > 0.0);
        assert!(physical_cores().is_none_or(|cores| cores > 0));
        let file = ProcessFile::open(std::process::id()).unwrap();
        assert!(file.read().is_some() && MachineFile::open().unwrap().busy_ns().is_some());
    }
}
