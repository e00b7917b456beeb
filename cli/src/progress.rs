//! Progress on standard error, if that is a terminal: a line while a long file is read ([`Progress`]), or while other long work
//! runs ([`during`]).

use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Shorter work shows nothing.
const QUIET: Duration = Duration::from_millis(800);
/// How often the line of a [`Progress`] changes.
const EVERY: Duration = Duration::from_millis(100);

/// A line that is written over, and removed at the end.
#[derive(Debug)]
struct Line<W: Write> {
    out: W,
    is_shown: bool,
}

impl<W: Write> Line<W> {
    fn new(out: W) -> Self {
        Self { out, is_shown: false }
    }

    fn show(&mut self, text: &str) {
        self.is_shown = true;
        _ = self.out.write_all(format!("\r\x1b[2K{text}").as_bytes());
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            _ = self.out.write_all(b"\r\x1b[2K");
        }
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A line about work that says how far it is.
#[derive(Debug)]
pub(crate) struct Progress {
    is_on: bool,
    next: Instant,
    line: Line<Stderr>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let out = io::stderr();
        Self { is_on: out.is_terminal(), next: Instant::now() + QUIET, line: Line::new(out) }
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
            self.line.show(&line());
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        self.line.clear();
    }
}

/// Does work that doesn't say how far it is. A line says what it is, and for how long it has been running.
pub(crate) fn during<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let out = io::stderr();
    match out.is_terminal() {
        true => watched(out, QUIET, what, work),
        false => work(),
    }
}

/// Another thread writes the line: first after `quiet`, then once a second.
fn watched<T>(out: impl Write + Send, quiet: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let (working, over) = channel::<()>();
    thread::scope(|scope| {
        // It ends when this is dropped, also by a panic of the work.
        let working = working;
        scope.spawn(move || {
            let mut line = Line::new(out);
            let mut wait = quiet;
            while over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                line.show(&format!("{what}, {} s", started.elapsed().as_secs()));
                wait = Duration::from_secs(1);
            }
        });
        let result = work();
        drop(working);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender};

    /// Upper bound on a wait for another thread, on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    /// Sends what is written.
    struct Sending(Sender<String>);

    impl Write for Sending {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            _ = self.0.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sending() -> (Sending, Receiver<String>) {
        let (sender, written) = channel();
        (Sending(sender), written)
    }

    #[test]
    fn long_work_is_named_while_it_runs_and_its_line_is_removed_at_the_end() {
        let (out, written) = sending();
        let meanwhile = watched(out, Duration::ZERO, "analysing 7 spans", || written.recv_timeout(LONG).unwrap());
        assert!(meanwhile.starts_with("\r\x1b[2Kanalysing 7 spans, ") && meanwhile.ends_with(" s"), "{meanwhile:?}");
        assert_eq!(written.iter().last().as_deref(), Some("\r\x1b[2K"));
    }

    #[test]
    fn short_work_writes_nothing() {
        let (out, written) = sending();
        assert_eq!(watched(out, LONG, "analysing", || 7), 7);
        assert_eq!(written.iter().count(), 0);
    }

    #[test]
    fn a_panic_of_the_work_ends_the_line_too() {
        let (out, written) = sending();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            watched(out, LONG, "analysing", || std::panic::resume_unwind(Box::new(7)))
        }));
        assert_eq!((result.is_err(), written.iter().count()), (true, 0));
    }

    #[test]
    fn a_line_is_written_over_and_removed_once() {
        let (out, written) = sending();
        let mut line = Line::new(out);
        line.clear();
        line.show("one");
        line.show("two");
        line.clear();
        drop(line);
        assert_eq!(written.iter().collect::<Vec<_>>(), ["\r\x1b[2Kone", "\r\x1b[2Ktwo", "\r\x1b[2K"]);
    }
}
