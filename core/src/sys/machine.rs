//! What the machine offers to this process, and what the kernel says of the CPU time of threads and processes. Files of Linux's
//! `/proc` and `/sys`; elsewhere nothing is known.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

/// How many nanoseconds a tick of `/proc/stat` has: Linux shows 100 a second to programs on every architecture that this crate has
/// run on ([proc_stat(5)]).
///
/// [proc_stat(5)]: https://man7.org/linux/man-pages/man5/proc_stat.5.html
const NS_PER_TICK: u64 = 10_000_000;

/// How many CPUs this process may use: those of its affinity mask, and no more than the quota of its cgroups. `None` if it isn't known.
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

/// CPU time since the start, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadTimes {
    pub(crate) cpu_ns: u64,
    /// How long it was runnable and had no CPU.
    pub(crate) waiting_ns: u64,
}

/// The times of a thread of a process. The file stays open: reading it again is one system call.
#[derive(Debug)]
pub(crate) struct ThreadFile(File);

impl ThreadFile {
    pub(crate) fn open(process: u32, thread: u64) -> io::Result<Self> {
        File::open(format!("/proc/{process}/task/{thread}/schedstat")).map(Self)
    }

    /// `None` if the thread has ended.
    pub(crate) fn read(&mut self) -> Option<ThreadTimes> {
        let mut buffer = [0; 64];
        self.0.rewind().ok()?;
        let len = self.0.read(&mut buffer).ok()?;
        thread_times(std::str::from_utf8(&buffer[..len]).ok()?)
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

/// The times of a process; `None` if it has ended, or if it can't be known.
pub(crate) fn process_times(process: u32) -> Option<ProcessTimes> {
    of_stat(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

fn of_stat(text: &str) -> Option<ProcessTimes> {
    // The name in parentheses may contain anything. The third field is behind it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(ProcessTimes {
        cpu_ns: field(14)?.checked_add(field(15)?)?.checked_mul(NS_PER_TICK)?,
        page_faults: field(10)?.checked_add(field(12)?)?,
    })
}

/// The CPU time of all processes since the machine was started, in nanoseconds: everything but idle. In steps of 10 ms. `None` if it
/// can't be known.
pub(crate) fn busy_ns() -> Option<u64> {
    busy_of(&fs::read_to_string("/proc/stat").ok()?)
}

fn busy_of(text: &str) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line.split_whitespace().map_while(|time| time.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, rest @ ..] = &times[..] else { return None };
    let stolen = rest.first().copied().unwrap_or(0);
    // The time of guests is in that of the users.
    let ticks = [*user, *nice, *system, *irq, *softirq, stolen].into_iter().try_fold(0_u64, u64::checked_add)?;
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

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_cpus_and_this_process_uses_them() {
        assert!(usable_cpus().unwrap() > 0.0);
        assert!(physical_cores().is_none_or(|cores| cores > 0));
        assert!(process_times(std::process::id()).is_some() && busy_ns().is_some());
    }
}
