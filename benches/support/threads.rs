//! CPU time of each thread of this process, by its name.

/// The name (cut to 15 bytes by the kernel) and the CPU time in nanoseconds of each running thread.
///
/// Read from [`/proc/self/task/*/schedstat`]; empty on systems without it.
///
/// [`/proc/self/task/*/schedstat`]: https://docs.kernel.org/scheduler/sched-stats.html
pub fn cpu_by_thread() -> Vec<(String, u64)> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            Some((name.trim_end().to_owned(), times.split_whitespace().next()?.parse().ok()?))
        })
        .collect()
}

/// The sum over the threads whose names start with this text, in nanoseconds.
pub fn cpu_of_threads(prefix: &str) -> u64 {
    cpu_by_thread().iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, ns)| ns).sum()
}
