//! The queue and the thread of one exporter.
//!
//! The collector adds batches and doesn't wait: a batch that would exceed the queue's bound is dropped as a whole and
//! counted. In the mode [`complete`](super::Complete) it waits for room, up to the deadline of that. The exporter's thread takes as
//! many batches as the exporter can send at once. When an attempt exceeds its deadline, its spans are counted
//! as timed out, whether it succeeds later or not. A thread can't be freed from a call that doesn't return. Until it
//! returns, batches wait and are dropped once the queue is full, counted.
//!
//! What is lost is reported after the queue's lock is released.

use super::barrier::Barrier;
use super::complete::Complete;
use super::flushes::Flushes;
use super::ledger::ExporterLedger;
use super::lost::{How, Lost};
use crate::diagnostics::{Cause, Destination, Diagnostic, Level, Pace};
use crate::export::{Batch, Closing, Delivery, ExportError, Exporter, Part};
use crate::life::enter_pipeline;
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How long the collector waits for room before it looks whether a recording thread has ended the mode meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// Bounds of a queue, and where it reports losses.
#[derive(Clone, Debug)]
pub(crate) struct QueueSettings {
    pub(crate) max_bytes: usize,
    pub(crate) attempt_timeout: Duration,
    pub(crate) diagnostics: Destination,
    /// The mode in which the collector waits for room.
    pub(crate) complete: Option<Complete>,
}

/// The queue of one exporter.
#[derive(Debug)]
pub(crate) struct Queue {
    name: String,
    settings: QueueSettings,
    state: Mutex<State>,
    ready: Condvar,
    /// A batch was taken, or none is taken any more.
    room: Condvar,
    /// The exporter's thread.
    thread: OnceLock<ThreadId>,
    closing: Closing,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    queued: u64,
    /// How many batches the thread has taken so far.
    taken: u64,
    flushes: Flushes,
    /// The thread ends once the batches are delivered.
    ending: bool,
    /// The barriers of the threads that wait for that.
    ends: Vec<Weak<Barrier>>,
    stopped: bool,
    /// The thread ends the process, and does nothing more for this queue.
    leaving: bool,
    attempt: Option<Attempt>,
    exported: u64,
    lost: Lost,
    /// Flushes that failed without a thread that waited, and the reports about them.
    failures: u64,
    failure_pace: Pace,
}

impl State {
    /// Takes the batches of the next delivery. A flush waits for nothing that was queued after it, so a delivery ends where one is
    /// due.
    fn take(&mut self, request_bytes: usize) -> Vec<Arc<Batch>> {
        let (mut batches, mut bytes, mut spans) = (Vec::new(), 0, 0);
        while let Some(batch) = self.batches.front() {
            let is_full = bytes + batch.size_bytes() > request_bytes || self.flushes.is_due(self.taken);
            if !batches.is_empty() && is_full {
                break;
            }
            bytes += batch.size_bytes();
            spans += batch.len() as u64;
            batches.extend(self.batches.pop_front());
            self.taken += 1;
        }
        self.bytes -= bytes;
        self.queued -= spans;
        self.attempt = Some(Attempt { since: Instant::now(), spans, timed_out: false });
        batches
    }
}

/// What the thread does next.
#[derive(Debug)]
enum Work {
    Delivery(Delivery),
    Flush(Vec<Arc<Barrier>>),
    End,
}

/// A delivery that the exporter is working on.
#[derive(Debug)]
struct Attempt {
    since: Instant,
    spans: u64,
    timed_out: bool,
}

impl Queue {
    /// Starts the exporter's thread.
    pub(crate) fn start(exporter: Box<dyn Exporter>, mut settings: QueueSettings) -> std::io::Result<Arc<Self>> {
        settings.attempt_timeout = exporter.export_timeout().unwrap_or(settings.attempt_timeout);
        let name = exporter.name().to_owned();
        // The system's names of threads end at a NUL.
        let thread = std::thread::Builder::new().name(format!("heirloom-{}", name.replace('\0', "")));
        let queue = Arc::new(Self {
            name,
            settings,
            state: Mutex::default(),
            ready: Condvar::new(),
            room: Condvar::new(),
            thread: OnceLock::new(),
            closing: Closing::new(),
        });
        let worker = Arc::clone(&queue);
        thread.spawn(move || {
            enter_pipeline();
            let _ = worker.thread.set(thread::current().id());
            worker.settings.diagnostics.use_on_this_thread();
            worker.run(exporter);
        })?;
        Ok(queue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a batch, or drops it if there is no room. Waits for the exporter only in the mode `complete`.
    pub(crate) fn push(&self, batch: &Arc<Batch>) {
        let bytes = batch.size_bytes();
        let spans = batch.len() as u64;
        let (mut state, has_room) = self.await_room(bytes);
        if state.stopped || !has_room {
            let why = format!("its queue of {} bytes is full", self.settings.max_bytes);
            let said = self.lose(&mut state, How::QueueFull, spans, why);
            drop(state);
            return self.report(said);
        }
        state.bytes += bytes;
        state.queued += spans;
        state.batches.push_back(Arc::clone(batch));
        self.ready.notify_one();
    }

    /// Whether there is room for a batch of so many bytes, in the mode `complete` after a wait for it. There a batch that is
    /// larger than the bound has room in an empty queue.
    fn await_room(&self, bytes: usize) -> (MutexGuard<'_, State>, bool) {
        let mut state = self.lock();
        let start = Instant::now();
        loop {
            let fits = state.bytes + bytes <= self.settings.max_bytes;
            let deadline = self.settings.complete.as_ref().and_then(Complete::deadline);
            let (false, false, Some(deadline)) = (fits, state.stopped || state.leaving, deadline) else {
                return (state, fits);
            };
            if state.bytes == 0 {
                return (state, true);
            }
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                self.settings.complete.iter().for_each(|complete| complete.end_by(&self.name));
                continue;
            }
            state = self.room.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The tracer ends, and since `start` waits for the exporter for this time.
    pub(crate) fn close(&self, start: Instant, timeout: Duration) {
        self.closing.begin(start, timeout);
    }

    /// Asks for a flush behind everything queued so far. If the barrier is dropped, nobody waits for it any more.
    pub(crate) fn flush(&self, barrier: &Arc<Barrier>) {
        let mut state = self.lock();
        if state.stopped || state.leaving {
            drop(state);
            return barrier.done(None);
        }
        let position = state.taken + state.batches.len() as u64;
        state.flushes.add(position, barrier);
        self.ready.notify_one();
    }

    /// Asks for a flush and the end of the thread behind everything queued so far.
    pub(crate) fn shutdown(&self, barrier: &Arc<Barrier>) {
        let mut state = self.lock();
        if state.stopped || state.leaving {
            drop(state);
            return barrier.done(None);
        }
        state.ending = true;
        state.ends.retain(|barrier| barrier.strong_count() > 0);
        state.ends.push(Arc::downgrade(barrier));
        self.ready.notify_one();
    }

    /// If this is the exporter's thread, and it ends the process: no flush and no end waits for this exporter from now on.
    /// What is queued, and what is queued later, stays `queued`.
    pub(crate) fn leave_if_here(&self) {
        if self.thread.get() == Some(&thread::current().id()) {
            self.lock().leaving = true;
            self.room.notify_all();
        }
    }

    /// Whether the exporter's thread ends the process.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().leaving
    }

    /// Counts an attempt that has exceeded its deadline as timed out, and reports losses that were not reported yet. The
    /// collector calls it regularly.
    pub(crate) fn watch(&self) {
        let timeout = self.settings.attempt_timeout;
        let mut state = self.lock();
        let late = state.attempt.as_mut().filter(|attempt| !attempt.timed_out && attempt.since.elapsed() > timeout);
        let spans = late.map(|attempt| {
            attempt.timed_out = true;
            attempt.spans
        });
        if let Some(spans) = spans {
            state.lost.add(How::TimedOut, spans, format!("an attempt took longer than {timeout:?}"));
        }
        let said = state.lost.all_due(&self.name, Instant::now(), self.settings.diagnostics.every());
        drop(state);
        self.report(said);
    }

    pub(crate) fn ledger(&self) -> ExporterLedger {
        let state = self.lock();
        let in_flight = state.attempt.as_ref().filter(|a| !a.timed_out).map_or(0, |a| a.spans);
        ExporterLedger {
            name: self.name.clone(),
            exported: state.exported,
            dropped: state.lost.dropped(),
            queued: state.queued + in_flight,
        }
    }

    /// The reason of the latest loss of this kind.
    pub(crate) fn why(&self, how: How) -> String {
        self.lock().lost.why(how).to_owned()
    }

    /// Counts a loss. Returns the message, if one is due, to be reported without the lock.
    fn lose(&self, state: &mut State, how: How, spans: u64, why: String) -> Option<Diagnostic> {
        state.lost.add(how, spans, why);
        state.lost.due(how, &self.name, Instant::now(), self.settings.diagnostics.every())
    }

    fn report(&self, said: impl IntoIterator<Item = Diagnostic>) {
        said.into_iter().for_each(|diagnostic| self.settings.diagnostics.report(diagnostic));
    }

    /// The losses since the last call, as a sentence.
    fn take_losses(&self) -> Option<String> {
        let (spans, why) = self.lock().lost.take_since_flush()?;
        Some(format!("exporter {:?} lost {spans} spans since the last flush: {why}", self.name))
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        loop {
            match self.next(exporter.request_bytes()) {
                Work::Delivery(delivery) => self.attempt(exporter.as_mut(), &delivery),
                Work::Flush(barriers) => {
                    let result = guarded(|| exporter.flush());
                    // Losses without a waiting thread are left for the next flush.
                    let losses = if barriers.is_empty() { None } else { self.take_losses() };
                    let failure = self.failure(result, "flush");
                    self.answer(&barriers, failure, losses);
                }
                Work::End => return self.end(exporter),
            }
        }
    }

    fn end(&self, mut exporter: Box<dyn Exporter>) {
        let flushed = guarded(|| exporter.flush());
        let result = flushed.and(guarded(|| exporter.shutdown()));
        // The exporter is dropped before the barrier's part is done, so that a file is closed when `finish` returns.
        let dropped = guarded(|| {
            drop(exporter);
            Ok(())
        });
        let barriers = self.stop();
        let failure = self.failure(result.and(dropped), "shutdown");
        self.answer(&barriers, failure, None);
    }

    /// Completes this exporter's part of the barriers. A failure is reported if no thread waits for it.
    fn answer(&self, barriers: &[Arc<Barrier>], failure: Option<String>, losses: Option<String>) {
        if let (true, Some(message)) = (barriers.is_empty(), &failure) {
            let mut state = self.lock();
            state.failures += 1;
            let total = state.failures;
            let due = state.failure_pace.due(total, Instant::now(), self.settings.diagnostics.every());
            drop(state);
            self.report(due.map(|_| Diagnostic::new(Level::Warn, Cause::ExportFailed, message).about(&self.name)));
        }
        let failure = failure.or(losses);
        barriers.iter().for_each(|barrier| barrier.done(failure.clone()));
    }

    fn failure(&self, result: Result<(), Failure>, what: &str) -> Option<String> {
        result.err().map(|failure| format!("exporter {:?}: {what}: {}", self.name, failure.message()))
    }

    /// Waits for work. A delivery has at least one batch, and more up to so many bytes.
    fn next(&self, request_bytes: usize) -> Work {
        let mut state = self.lock();
        loop {
            let taken = state.taken;
            if state.flushes.is_due(taken) {
                return Work::Flush(state.flushes.take(taken));
            }
            if !state.batches.is_empty() {
                let batches = state.take(request_bytes);
                self.room.notify_all();
                drop(state);
                let parts = batches.into_iter().map(Part::whole).collect();
                return Work::Delivery(Delivery::new(parts, self.closing.clone()));
            }
            if state.ending {
                return Work::End;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn attempt(&self, exporter: &mut dyn Exporter, delivery: &Delivery) {
        let spans = delivery.len() as u64;
        let result = guarded(|| exporter.export(delivery));
        let mut state = self.lock();
        if state.attempt.take().is_none_or(|attempt| attempt.timed_out) {
            return;
        }
        let lost = result.as_ref().map_or_else(|failure| failure.lost(spans), |()| 0);
        state.exported += spans - lost;
        let said = match result {
            Ok(()) => None,
            Err(failure) => self.lose(&mut state, failure.how(), lost, failure.message()),
        };
        drop(state);
        self.report(said);
    }

    /// Accepts nothing from now on. Counts queued batches; returns the barriers of all that wait.
    fn stop(&self) -> Vec<Arc<Barrier>> {
        let mut state = self.lock();
        state.stopped = true;
        let left: u64 = std::mem::take(&mut state.batches).iter().map(|batch| batch.len() as u64).sum();
        if left > 0 {
            state.lost.add(How::QueueFull, left, "its thread has ended".to_owned());
        }
        state.queued = 0;
        state.bytes = 0;
        self.room.notify_all();
        let mut barriers = state.flushes.take_all();
        barriers.extend(std::mem::take(&mut state.ends).iter().filter_map(Weak::upgrade));
        barriers
    }
}

/// Why a call of an exporter failed.
enum Failure {
    Error(ExportError),
    Panic(String),
}

impl Failure {
    fn message(&self) -> String {
        match self {
            Failure::Error(error) => error.to_string(),
            Failure::Panic(text) => format!("it panicked: {text}"),
        }
    }

    fn how(&self) -> How {
        match self {
            Failure::Error(_) => How::Failed,
            Failure::Panic(_) => How::Panicked,
        }
    }

    fn lost(&self, spans: u64) -> u64 {
        match self {
            Failure::Error(error) => error.rejected(spans),
            Failure::Panic(_) => spans,
        }
    }
}

/// Calls an exporter and converts a panic to an error.
fn guarded(call: impl FnOnce() -> Result<(), ExportError>) -> Result<(), Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Failure::Error),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Err(Failure::Panic(text.unwrap_or_else(|| "no message".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests;
