//! A backend that is slow, refuses or hangs by a timetable, and counts what it took.

use crate::http::{self, Request};
use crate::seen::Seen;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiting thread looks at the timetable.
const LOOK: Duration = Duration::from_millis(20);

/// What the backend does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Takes it, and answers after this time.
    Takes(Duration),
    /// Answers with this status, and takes nothing.
    Status(u16),
    /// Answers once with 429 and `Retry-After` in seconds, then takes what comes.
    Later(u64),
    /// Its port is closed.
    Refuses,
    /// Reads, and doesn't answer.
    Hangs,
}

/// What it does from which time on. The first entry is at zero.
pub(crate) type Timetable = Vec<(Duration, Mode)>;

/// A backend on a port of this machine.
pub(crate) struct Backend {
    shared: Arc<Shared>,
}

struct Shared {
    start: Instant,
    timetable: Timetable,
    port: u16,
    seen: Mutex<Seen>,
    /// When requests arrived, since the start.
    asked: Mutex<Vec<Duration>>,
    told_later: AtomicBool,
    over: AtomicBool,
}

impl Backend {
    /// Starts it.
    pub(crate) fn start(timetable: Timetable) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let shared = Arc::new(Shared {
            start: Instant::now(),
            timetable,
            port: listener.local_addr()?.port(),
            seen: Mutex::default(),
            asked: Mutex::default(),
            told_later: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let door = Arc::clone(&shared);
        thread::spawn(move || door.accept(Some(listener)));
        Ok(Self { shared })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// What it took.
    pub(crate) fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When requests arrived, since the start.
    pub(crate) fn asked(&self) -> Vec<Duration> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        let now = self.start.elapsed();
        let reached = self.timetable.iter().rev().find(|(from, _)| *from <= now);
        reached.map_or(Mode::Takes(Duration::ZERO), |(_, mode)| *mode)
    }

    fn accept(self: Arc<Self>, mut listener: Option<TcpListener>) {
        while !self.over.load(Ordering::Relaxed) {
            if self.mode() == Mode::Refuses {
                listener = None;
                thread::sleep(LOOK);
                continue;
            }
            let open = match listener.take() {
                Some(open) => open,
                None => match TcpListener::bind(("127.0.0.1", self.port)) {
                    Ok(open) => open,
                    Err(_) => {
                        thread::sleep(LOOK);
                        continue;
                    }
                },
            };
            let _ = open.set_nonblocking(true);
            match open.accept() {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&self);
                    thread::spawn(move || shared.serve(stream));
                }
                Err(_) => thread::sleep(LOOK / 4),
            }
            listener = Some(open);
        }
    }

    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nonblocking(false);
        while let Some(request) = http::read(&mut stream) {
            let mode = self.mode();
            if mode == Mode::Refuses || self.over.load(Ordering::Relaxed) {
                return;
            }
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(self.start.elapsed());
            if self.answer(mode, &request, &mut stream).is_none() {
                return;
            }
        }
    }

    /// Answers. `None` closes the connection.
    fn answer(&self, mode: Mode, request: &Request, stream: &mut TcpStream) -> Option<()> {
        match mode {
            Mode::Takes(after) => {
                thread::sleep(after);
                self.take(request);
                http::answer(stream, 200, None)
            }
            Mode::Later(seconds) if !self.told_later.swap(true, Ordering::Relaxed) => {
                http::answer(stream, 429, Some(seconds))
            }
            Mode::Later(_) => {
                self.take(request);
                http::answer(stream, 200, None)
            }
            Mode::Status(status) => http::answer(stream, status, None),
            Mode::Refuses => None,
            Mode::Hangs => {
                while self.mode() == Mode::Hangs && !self.over.load(Ordering::Relaxed) {
                    thread::sleep(LOOK);
                }
                None
            }
        }?;
        stream.flush().ok()
    }

    fn take(&self, request: &Request) {
        let taken = Seen::read(&request.body);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(taken);
    }
}
