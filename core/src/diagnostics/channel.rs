//! The queue of messages for one destination, and its thread.

use super::sink::Sink;
use super::{Cause, Diagnostic, Level};
use crate::text::plural;
use crate::{life, sys};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many messages may wait. Causes are limited to one message a minute, so a queue is only full if its reader hangs.
pub(super) const WAITING: usize = 64;

thread_local! {
    /// The address of the channel for which this thread writes; zero for other threads.
    static WRITES: Cell<usize> = const { Cell::new(0) };
}

/// A queue of messages, and the thread that writes them while there are any.
#[derive(Debug)]
pub(super) struct Channel {
    /// The process in which its lock and its thread exist.
    process: u32,
    sink: Sink,
    state: Mutex<State>,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Diagnostic>,
    /// A thread writes, or is about to.
    busy: bool,
    left_out: u64,
}

impl Channel {
    pub(super) fn new(sink: Sink) -> Self {
        Self { process: sys::process_id(), sink, state: Mutex::default(), written: Condvar::new() }
    }

    /// False in the child of a fork, where its lock may be held permanently and its thread doesn't exist.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == sys::process_id()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message, or counts it if the queue is full.
    pub(super) fn push(self: &Arc<Self>, diagnostic: Diagnostic) {
        let mut state = self.lock();
        if state.waiting.len() < WAITING {
            state.waiting.push_back(diagnostic);
        } else {
            state.left_out += 1;
        }
        let starts = !std::mem::replace(&mut state.busy, true);
        drop(state);
        if starts {
            self.start();
        }
    }

    /// Starts the thread. If that fails, the messages wait for the next attempt.
    fn start(self: &Arc<Self>) {
        super::settle_at_exit();
        let channel = Arc::clone(self);
        let run = move || channel.run();
        let started = if life::is_ending() {
            sys::spawn_at_end(Box::new(run))
        } else {
            std::thread::Builder::new().name("heirloom-diagnostics".to_owned()).spawn(run).map(drop)
        };
        if started.is_err() {
            self.lock().busy = false;
            self.written.notify_all();
        }
    }

    fn run(&self) {
        life::enter_pipeline();
        // A program may have restored the signal's default: then a write to a closed pipe would end it.
        sys::block_broken_pipe_signal();
        WRITES.with(|writes| writes.set(std::ptr::from_ref(self) as usize));
        while let Some(diagnostic) = self.next() {
            self.sink.write(&diagnostic);
        }
    }

    fn next(&self) -> Option<Diagnostic> {
        let mut state = self.lock();
        let next = state.waiting.pop_front().or_else(|| left_out(std::mem::take(&mut state.left_out)));
        if next.is_none() {
            state.busy = false;
            self.written.notify_all();
        }
        next
    }

    /// Whether this is the thread that writes for this channel: a callback or a logger runs on it.
    pub(super) fn is_here(&self) -> bool {
        WRITES.try_with(Cell::get) == Ok(std::ptr::from_ref(self) as usize)
    }

    /// Takes the messages that wait.
    pub(super) fn take_waiting(&self) -> VecDeque<Diagnostic> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Waits until everything is written. Returns false if it was not by the deadline, or if no thread can be started.
    pub(super) fn wait(self: &Arc<Self>, limit: Duration) -> bool {
        if self.is_here() {
            // A callback ends the tracer or the process: this thread can't wait for itself.
            return true;
        }
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        if !state.busy && !state.waiting.is_empty() {
            state.busy = true;
            drop(state);
            self.start();
            state = self.lock();
        }
        while state.busy {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

fn left_out(n: u64) -> Option<Diagnostic> {
    let were = plural(n, "message was", "messages were");
    let message = || format!("{n} {were} left out, because messages came faster than they were written");
    (n > 0).then(|| Diagnostic::new(Level::Warn, Cause::LeftOut, message()))
}

/// How much longer the ends of tracers may wait. A wait that succeeds restores all of it.
#[derive(Debug)]
pub(super) struct Patience {
    total: Duration,
    /// In nanoseconds. An atomic, so that it works in the child of a fork.
    spent: AtomicU64,
}

impl Patience {
    pub(super) const fn new(total: Duration) -> Self {
        Self { total, spent: AtomicU64::new(0) }
    }

    /// Calls `wait` with the time that is left. `wait` returns whether it succeeded.
    pub(super) fn spend(&self, wait: impl FnOnce(Duration) -> bool) {
        let start = Instant::now();
        let spent = Duration::from_nanos(self.spent.load(Ordering::Relaxed));
        if wait(self.total.saturating_sub(spent)) {
            self.spent.store(0, Ordering::Relaxed);
        } else {
            self.spent.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
    }
}
