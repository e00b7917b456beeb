//! The port, the threads, and their shared state.

use crate::contract::Violation;
use crate::fault::Fault;
use crate::http::{self, Answer, Raw};
use crate::span::Received;
use crate::{endpoint, Request};
use std::collections::VecDeque;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The state that all threads share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    kept: Mutex<Kept>,
    changed: Condvar,
}

/// The received requests and spans, and the failures to come.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) spans: Vec<Received>,
    pub(crate) requests: Vec<Request>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) standing: Option<Fault>,
    pub(crate) max_body_bytes: usize,
    connections: Vec<TcpStream>,
    /// Counts calls of `heal` and `close`: a hanging request waits for the next one.
    healed: u64,
}

impl State {
    pub(crate) fn new(public_key: &str, secret_key: &str) -> Self {
        let kept = Kept {
            spans: Vec::new(),
            requests: Vec::new(),
            violations: Vec::new(),
            faults: VecDeque::new(),
            standing: None,
            max_body_bytes: usize::MAX,
            connections: Vec::new(),
            healed: 0,
        };
        let (public_key, secret_key) = (public_key.to_owned(), secret_key.to_owned());
        Self { public_key, secret_key, kept: Mutex::new(kept), changed: Condvar::new() }
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the waiting threads.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.kept());
        self.changed.notify_all();
    }

    /// Lets the hanging requests continue.
    pub(crate) fn wake(&self) {
        self.change(|kept| kept.healed += 1);
    }

    /// Waits until the condition holds; returns false after the deadline.
    pub(crate) fn wait(&self, deadline: Duration, holds: impl Fn(&Kept) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.kept(), deadline, |kept| !holds(kept));
        let (kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        holds(&kept)
    }

    /// Waits until the receiver is healed or closed.
    pub(crate) fn hang(&self) {
        let healed = self.kept().healed;
        while !self.wait(Duration::from_secs(3600), |kept| kept.healed != healed) {}
    }
}

/// The port: open, or closed.
#[derive(Debug)]
pub(crate) struct Door {
    port: u16,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Door {
    /// Opens any free port.
    pub(crate) fn open_any(state: &Arc<State>) -> Self {
        let mut door = Self { port: 0, open: None };
        door.open(state);
        door
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    #[track_caller]
    pub(crate) fn open(&mut self, state: &Arc<State>) {
        if self.open.is_some() {
            return;
        }
        let listener = match TcpListener::bind(("127.0.0.1", self.port)) {
            Ok(listener) => listener,
            Err(error) => panic!("the receiver can't listen on port {}: {error}", self.port),
        };
        self.port = listener.local_addr().map_or(self.port, |address| address.port());
        let closing = Arc::new(AtomicBool::new(false));
        let (state, told) = (Arc::clone(state), Arc::clone(&closing));
        let thread = std::thread::spawn(move || accept(&listener, &state, &told));
        self.open = Some(Open { closing, thread });
    }

    pub(crate) fn close(&mut self, state: &Arc<State>) {
        let Some(open) = self.open.take() else { return };
        open.closing.store(true, Ordering::SeqCst);
        // A connection from here wakes the accepting thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        let _ = open.thread.join();
        for connection in state.kept().connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        state.wake();
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>, closing: &AtomicBool) {
    for stream in listener.incoming() {
        if closing.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let _ = stream.set_nodelay(true);
        if let Ok(copy) = stream.try_clone() {
            state.kept().connections.push(copy);
        }
        let state = Arc::clone(state);
        std::thread::spawn(move || connection(stream, &state));
    }
}

/// Answers the requests of a connection one after the other.
fn connection(mut stream: TcpStream, state: &State) {
    while let Ok(Some(raw)) = http::read(&mut stream) {
        let Some(answer) = respond(&raw, state) else { break };
        if answer.write(&mut stream).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// The response; `None` closes the connection.
fn respond(raw: &Raw, state: &State) -> Option<Answer> {
    let at = Instant::now();
    let handled = endpoint::handle(raw, state);
    let request = Request {
        method: raw.method.clone(),
        path: raw.path.clone(),
        headers: raw.headers.clone(),
        body_bytes: raw.body.len(),
        plain_bytes: handled.plain_bytes,
        spans: handled.spans,
        status: handled.answer.as_ref().map_or(0, |answer| answer.status),
        at,
    };
    state.change(|kept| {
        kept.requests.push(request);
        kept.spans.extend(handled.taken);
        kept.violations.extend(handled.violations);
    });
    if handled.hangs {
        state.hang();
    }
    handled.answer
}
