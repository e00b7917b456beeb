//! The progress line: on a terminal only, and only if the work takes longer than a second.

use std::io::{stderr, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const FIRST_AFTER: Duration = Duration::from_secs(1);
const INTERVAL_MS: u64 = 100;

/// A line that is overwritten. The working threads report each file here, and the thread that reports when the line is due
/// writes it. So progress needs no separate thread.
pub(crate) struct Progress {
    start: Instant,
    is_terminal: bool,
    /// When the next line is due, in milliseconds from the start.
    due_ms: AtomicU64,
    files: AtomicUsize,
    files_done: AtomicUsize,
    bytes_done: AtomicU64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            is_terminal: stderr().is_terminal(),
            due_ms: AtomicU64::new(FIRST_AFTER.as_millis() as u64),
            files: AtomicUsize::new(0),
            files_done: AtomicUsize::new(0),
            bytes_done: AtomicU64::new(0),
        }
    }

    /// Reports the number of files found so far.
    pub(crate) fn found(&self, files: usize) {
        self.files.store(files, Ordering::Relaxed);
        self.show();
    }

    /// Reports one finished file.
    pub(crate) fn done(&self, bytes: u64) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        if !self.is_terminal {
            return;
        }
        let (now_ms, due_ms) = (self.start.elapsed().as_millis() as u64, self.due_ms.load(Ordering::Relaxed));
        let next_ms = now_ms + INTERVAL_MS;
        // If several threads find the line due, one of them writes it.
        let mine = |due_ms| self.due_ms.compare_exchange(due_ms, next_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if now_ms >= due_ms && mine(due_ms) {
            let (done, files) = (self.files_done.load(Ordering::Relaxed), self.files.load(Ordering::Relaxed));
            let mib = self.bytes_done.load(Ordering::Relaxed) >> 20;
            // A closed terminal is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{done} of {files} files, {mib} MiB, {} s", now_ms / 1000);
        }
    }
}

impl Drop for Progress {
    /// Clears the line.
    fn drop(&mut self) {
        if self.is_terminal && self.start.elapsed() >= FIRST_AFTER {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
