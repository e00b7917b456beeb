//! Instructions per span by callgrind: of the recording thread, and of all threads.
//!
//! The child process records in bursts, in two lengths. The difference of the instructions over the difference of the lengths
//! cancels one-time costs. Callgrind counts [`bursts`](super::bursts)'s recording on the main thread, and the other threads of the
//! process from their start to their end: collectors, processors, exporters.

use super::{numbers, Numbers, Task};
use crate::children::measure_by;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Functions that switch the counting on and off: the main thread's recording, and the whole life of each other thread.
const COUNTED: [&str; 2] = ["*recorded_burst*", "*thread_start*"];

/// The shorter run has this share of the longer one's spans.
const SHORTER: u64 = 4;

/// Whether valgrind can be started.
pub fn is_available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions per span. Any loss in one of the runs is in the result.
pub fn count(task: &Task) -> Result<Numbers, String> {
    let long = task.scenario.spans_per_thread;
    let mut shorter = task.clone();
    shorter.scenario.spans_per_thread = long / SHORTER;
    let (short, long_run) = std::thread::scope(|scope| {
        let short = scope.spawn(|| run(&shorter, "short"));
        let long = run(task, "long");
        (short.join(), long)
    });
    let (short, at_short) = short.map_err(|_| "the shorter run panicked".to_owned())??;
    let (mut all, at_long) = long_run?;
    let spans = (long - shorter.scenario.spans_per_thread) as f64;
    let per_span = |of: fn(&Instructions) -> u64| (of(&at_long) as f64 - of(&at_short) as f64) / spans;
    all.append(&mut numbers([
        ("recording", per_span(|instructions| instructions.recording)),
        ("all_threads", per_span(|instructions| instructions.recording + instructions.others)),
    ]));
    for name in ["lost", "lost_percent", "unnamed", "orphans"] {
        if let Some(more) = short.get(name) {
            all.entry(name.to_owned()).and_modify(|number| *number += more);
        }
    }
    Ok(all)
}

/// The instructions of one run.
#[derive(Debug, Default, PartialEq)]
struct Instructions {
    recording: u64,
    others: u64,
}

fn run(task: &Task, name: &str) -> Result<(Numbers, Instructions), String> {
    let folder = Folder::new(name)?;
    let program = std::env::current_exe().map_err(|error| format!("no path of this program: {error}"))?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--separate-threads=yes", "--collect-atstart=no"]);
    valgrind.args(COUNTED.map(|function| format!("--toggle-collect={function}")));
    valgrind.arg(format!("--callgrind-out-file={}", folder.0.join("out").display()));
    valgrind.arg(format!("--log-file={}", folder.0.join("log").display()));
    valgrind.arg(program);
    let numbers = measure_by(valgrind, task).map_err(|error| {
        let log = std::fs::read_to_string(folder.0.join("log")).unwrap_or_default();
        format!("valgrind: {error}\n{log}")
    })?;
    Ok((numbers, instructions(&folder.0)?))
}

/// Adds up the files of the threads; that of the main thread ends in `-01`.
fn instructions(folder: &Path) -> Result<Instructions, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut sum = Instructions::default();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(thread) = name.strip_prefix("out-") else { continue };
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        match thread {
            "01" => sum.recording += totals(&text),
            _ => sum.others += totals(&text),
        }
    }
    if sum.recording == 0 {
        return Err(format!("callgrind counted nothing on the main thread: is one of {COUNTED:?} gone?"));
    }
    Ok(sum)
}

/// The sum of the lines `totals: N` of a file of callgrind's.
fn totals(text: &str) -> u64 {
    let lines = text.lines().filter_map(|line| line.strip_prefix("totals:"));
    lines.filter_map(|number| number.trim().parse::<u64>().ok()).sum()
}

/// A temporary folder, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("heirloom-callgrind-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_main_threads_file_is_told_from_the_others() {
        let folder = Folder::new("test").unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.0.join(name), text).unwrap();
        write("out-01", "events: Ir\nfn=a\n1 7\n\ntotals: 100\n");
        write("out-02", "totals: 20\n");
        write("out-03", "totals: 3\n");
        write("log", "totals: 1000\n");
        assert_eq!(instructions(&folder.0).unwrap(), Instructions { recording: 100, others: 23 });
        write("out-01", "totals: 0\n");
        assert!(instructions(&folder.0).unwrap_err().contains("recorded_burst"));
    }
}
