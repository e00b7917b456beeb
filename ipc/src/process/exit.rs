//! [`Exit`]: the exit status of a child process, and its resource usage.

use std::time::Duration;

/// The exit status of a child process, and the resource usage of the process and of the children that it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Exit {
    /// The code that it exited with; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// CPU time outside the kernel.
    pub(crate) user: Duration,
    /// CPU time in the kernel.
    pub(crate) system: Duration,
    /// Maximum resident memory in bytes. Zero: the resource usage is unknown.
    ///
    /// The kernel keeps the peak of the process that started it over the `exec`, so it is at least that.
    pub(crate) peak_bytes: u64,
}

impl Exit {
    /// Whether CPU time and memory are known.
    pub(crate) fn has_usage(&self) -> bool {
        self.peak_bytes != 0
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::{exit_of, signal_name, try_wait, wait};
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command};
    use std::time::Instant;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap()
    }

    #[test]
    fn the_exit_is_known_before_the_child_is_reaped() {
        let mut child = shell("exit 7");
        let exit = wait(child.id()).unwrap();
        assert_eq!((exit.code, exit.signal, exit.has_usage()), (Some(7), None, true));
        assert_eq!(wait(child.id()).unwrap(), exit, "and again");
        assert_eq!(child.wait().unwrap().code(), Some(7), "it was left for std");
    }

    #[test]
    fn a_signal_has_its_name() {
        for (signal, name) in [("KILL", "SIGKILL"), ("TERM", "SIGTERM"), ("ABRT", "SIGABRT"), ("40", "40")] {
            let mut child = shell(&format!("kill -{signal} $$"));
            let exit = wait(child.id()).unwrap();
            child.wait().unwrap();
            assert_eq!((exit.code, exit.signal.map(signal_name).as_deref()), (None, Some(name)));
        }
    }

    /// The kernel reports such an end by another code than that of other signals.
    #[test]
    fn an_end_with_a_core_dump_is_its_signal() {
        let folder = std::env::temp_dir().join(format!("heirloom-core-dump-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = "ulimit -c unlimited || exit 77; kill -ABRT $$";
        let mut child = Command::new("sh").args(["-c", script]).current_dir(&folder).spawn().unwrap();
        let exit = wait(child.id()).unwrap();
        let known = child.wait().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        if known.code() == Some(77) || !known.core_dumped() {
            return println!("skipped: no core dumps here ({known})");
        }
        assert_eq!((exit.code, exit.signal.map(signal_name).as_deref()), (None, Some("SIGABRT")));
        assert_eq!(exit_of(known).signal, exit.signal);
    }

    #[test]
    fn a_running_child_has_no_exit_and_is_not_waited_for() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let start = Instant::now();
        assert_eq!(try_wait(child.id()).unwrap(), None);
        assert!(start.elapsed() < Duration::from_secs(30));
        child.kill().unwrap();
        assert_eq!(wait(child.id()).unwrap().signal, Some(9));
        assert_eq!(try_wait(child.id()).unwrap().unwrap().signal, Some(9));
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_child_is_an_error() {
        let mut child = shell("true");
        child.wait().unwrap();
        assert_eq!(wait(child.id()).unwrap_err().raw_os_error(), Some(libc::ECHILD));
        assert!(try_wait(u32::MAX).is_err() && wait(0).is_err());
    }

    #[test]
    fn what_std_tells_is_the_same_exit_without_usage() {
        let mut child = shell("kill -9 $$");
        let exit = wait(child.id()).unwrap();
        let known = exit_of(child.wait().unwrap());
        assert_eq!((known.code, known.signal, known.has_usage()), (exit.code, exit.signal, false));
    }
}
