//! [`Progress`]: a line on standard error while a long file is read.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Shorter work shows nothing.
const QUIET: Duration = Duration::from_millis(800);
/// How often the line changes.
const EVERY: Duration = Duration::from_millis(100);

/// A line on standard error, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    is_on: bool,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_on: io::stderr().is_terminal(), next: Instant::now() + QUIET, is_shown: false }
    }

    /// The same, for work that is long for sure.
    pub(crate) fn at_once() -> Self {
        Self { next: Instant::now(), ..Self::new() }
    }

    /// Shows what `line` returns, unless it is too early.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if !self.is_on {
            return;
        }
        let now = Instant::now();
        if now >= self.next {
            self.next = now + EVERY;
            self.is_shown = true;
            _ = io::stderr().lock().write_all(format!("\r\x1b[2K{}", line()).as_bytes());
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            _ = io::stderr().lock().write_all(b"\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
