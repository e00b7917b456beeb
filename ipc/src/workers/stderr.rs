//! A worker's stderr. It is read at once, so that it never blocks the worker. Its end is kept for errors, and whole lines are
//! passed on to this process's stderr.

use super::crew::Crew;
use crate::process;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::ChildStderr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of the end that are kept for errors, so that an error stays short.
pub(super) const TAIL_BYTES: usize = 4 * 1024;
/// Maximum bytes of a line. Longer lines are passed on in parts, so that memory is bounded.
const LINE: usize = 16 * 1024;
/// Maximum number of lines that wait for this process's stderr. Further ones are dropped and counted.
const WAITING: usize = 1024;
/// Interval at which a reader checks whether its worker is dead, because another process may keep the stderr open.
const GLANCE: Duration = Duration::from_secs(1);
/// Maximum wait for the rest of the stderr after a death, because another process may keep it open.
const REST: Duration = Duration::from_millis(200);

/// Passes lines of all workers of a pool on to this process's stderr, on a separate thread. That thread may block if this process's
/// stderr isn't read.
#[derive(Clone)]
pub(super) struct Printer {
    lines: SyncSender<Vec<u8>>,
    left_out: Arc<AtomicU64>,
}

impl Printer {
    pub(super) fn start(crew: &Crew) -> io::Result<Self> {
        let (lines, queue) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&left_out);
        crew.spawn("heirloom-stderr", move || queue.into_iter().for_each(|line| print(&line, &count)))?;
        Ok(Self { lines, left_out })
    }

    fn pass_on(&self, line: Vec<u8>) {
        if !line.is_empty() && self.lines.try_send(line).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Ignores errors: a closed stderr must not stop the reader.
fn print(line: &[u8], left_out: &AtomicU64) {
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(line));
    match left_out.swap(0, Ordering::Relaxed) {
        0 => {}
        n => drop(writeln!(
            stderr,
            "heirloom: dropped {n} {} of workers' stderr, because this process's stderr was too slow",
            if n == 1 { "line" } else { "lines" }
        )),
    }
}

/// The stderr of one worker process.
pub(super) struct Stderr {
    shared: Arc<Shared>,
    ended: Receiver<()>,
}

#[derive(Default)]
struct Shared {
    tail: Mutex<VecDeque<u8>>,
    dead: AtomicBool,
}

impl Stderr {
    pub(super) fn follow(pipe: ChildStderr, printer: Printer, crew: &Crew) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (end, ended) = mpsc::channel();
        let reader = Reader { shared: Arc::clone(&shared), printer, line: Vec::new(), _end: end };
        crew.spawn("heirloom-stderr", move || reader.read(pipe))?;
        Ok(Self { shared, ended })
    }

    /// The end of the worker's stderr. Call it once the worker is dead.
    pub(super) fn tail(&self) -> String {
        let _: Result<(), RecvTimeoutError> = self.ended.recv_timeout(REST);
        self.shared.dead.store(true, Ordering::Release);
        let tail = self.shared.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = tail.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.shared.dead.store(true, Ordering::Release);
    }
}

struct Reader {
    shared: Arc<Shared>,
    printer: Printer,
    line: Vec<u8>,
    /// Dropped when the reader ends.
    _end: Sender<()>,
}

impl Reader {
    /// Reads until the end of the stream, or until the worker is dead and the stream is silent.
    fn read(mut self, mut pipe: ChildStderr) {
        let mut buffer = [0; 4096];
        loop {
            if !process::readable(pipe.as_fd(), GLANCE) {
                match self.shared.dead.load(Ordering::Acquire) {
                    true => break,
                    false => continue,
                }
            }
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => self.take(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.printer.pass_on(std::mem::take(&mut self.line));
    }

    fn take(&mut self, bytes: &[u8]) {
        self.keep(bytes);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() >= LINE {
                self.printer.pass_on(std::mem::take(&mut self.line));
            }
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut tail = self.shared.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(bytes);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
    }
}
