//! The queue and the thread of one exporter.
//!
//! The collector adds batches and doesn't wait: what the queue takes of a batch depends on how full it is
//! ([`admission`](super::admission)). In the mode [`complete`](super::Complete) the collector waits for room, up to the deadline of
//! that. The exporter's thread takes as many batches as the exporter can send at once. They count against the bound until the
//! exporter returns. A call that takes longer than its time is reported. Its spans stay queued until it returns, and then count by
//! its result: a thread can't be freed from a call, and a backend may have them.
//!
//! What is lost is reported after the queue's lock is released.

mod call;
mod state;

use super::admission::{Admission, Question};
use super::barrier::Barrier;
use super::complete::Complete;
use super::ledger::ExporterLedger;
use super::lost::{full, How};
use super::open_span::OpenSpans;
use crate::diagnostics::{Cause, Destination, Diagnostic, Level};
use crate::export::{Batch, Closing, Delivery, Exporter, Resource};
use crate::life::enter_pipeline;
use crate::sys::thread_id;
use crate::text::plural;
use call::{guarded, Failure};
use state::{Charge, State};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// The resource of this process.
    pub(crate) own: Weak<Resource>,
}

/// The queue of one exporter.
#[derive(Debug)]
pub(crate) struct Queue {
    name: String,
    settings: QueueSettings,
    state: Mutex<State>,
    ready: Condvar,
    /// A delivery is done, or none is made any more.
    room: Condvar,
    /// The collector is asked which spans are open.
    asks: AtomicBool,
    /// The exporter's thread.
    thread: OnceLock<ThreadId>,
    /// The number that the operating system gave it.
    thread_number: OnceLock<u64>,
    closing: Closing,
}

/// What the thread does next.
#[derive(Debug)]
enum Work {
    Delivery(Delivery, Vec<Charge>),
    Flush(Vec<Arc<Barrier>>),
    End,
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
            state: Mutex::new(State::new(Admission::new(settings.max_bytes, settings.own.clone()))),
            settings,
            ready: Condvar::new(),
            room: Condvar::new(),
            asks: AtomicBool::new(false),
            thread: OnceLock::new(),
            thread_number: OnceLock::new(),
            closing: Closing::new(),
        });
        let worker = Arc::clone(&queue);
        thread.spawn(move || {
            enter_pipeline();
            let _ = worker.thread.set(thread::current().id());
            let _ = worker.thread_number.set(thread_id());
            worker.settings.diagnostics.use_on_this_thread();
            worker.run(exporter);
        })?;
        Ok(queue)
    }

    /// The number of the exporter's thread, once it runs.
    pub(crate) fn thread_number(&self) -> Option<u64> {
        self.thread_number.get().copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues what there is room for of a batch, and counts the rest. Waits for the exporter only in the mode `complete`.
    pub(crate) fn push(&self, batch: &Arc<Batch>) {
        let (mut state, is_complete) = self.await_room(batch.size_bytes());
        if state.stopped {
            let spans = batch.len() as u64;
            state.too_late += spans;
            state.admission.lose_marks(batch);
            let said = self.lose(&mut state, How::QueueFull, spans, "its thread has ended".to_owned());
            drop(state);
            return self.report(said);
        }
        let before = state.admission.counts();
        let taken = match is_complete {
            true => Some(state.admission.take_all(batch)),
            false => state.admission.take(batch, Instant::now()),
        };
        self.update_asks(&state);
        if let Some(taken) = taken {
            state.add(taken);
            self.ready.notify_one();
        }
        let counts = state.admission.counts();
        if counts.refused() > before.refused() {
            let why = full(self.settings.max_bytes, &counts);
            let said = self.lose(&mut state, How::QueueFull, counts.refused() - before.refused(), why);
            drop(state);
            self.report(said);
        }
    }

    /// Whether the mode `complete` takes a batch of so many bytes whole, after a wait for room. There a batch that is larger than
    /// the bound has room in an empty queue.
    fn await_room(&self, bytes: usize) -> (MutexGuard<'_, State>, bool) {
        let mut state = self.lock();
        let start = Instant::now();
        loop {
            let deadline = self.settings.complete.as_ref().and_then(Complete::deadline);
            let (false, Some(deadline)) = (state.stopped || state.leaving, deadline) else { return (state, false) };
            if state.admission.fits(bytes) || state.admission.is_empty() {
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

    /// Which spans are open, if the collector is asked that.
    pub(crate) fn question(&self) -> Option<Question> {
        if !self.asks.load(Ordering::Relaxed) {
            return None;
        }
        let mut state = self.lock();
        let settles = std::mem::take(&mut state.settles);
        Some(state.admission.question(settles))
    }

    /// The collector's answer to a question before its last pass. Everything that has ended was added.
    pub(crate) fn answer(&self, question: &Question, spans: &dyn OpenSpans) {
        let mut state = self.lock();
        state.admission.answer(question, spans);
        self.update_asks(&state);
    }

    fn update_asks(&self, state: &State) {
        self.asks.store(state.admission.asks() || state.settles, Ordering::Relaxed);
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

    /// How long `finish` still waits for the exporter's shutdown, if that has begun and asked for a time of its own.
    pub(crate) fn shutdown_left(&self) -> Duration {
        self.lock().shutdown_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// If this is the exporter's thread, and it ends the process: no flush and no end waits for this exporter from now on.
    /// What is queued, and what is queued later, stays `queued`.
    pub(crate) fn leave_if_here(&self) {
        if self.thread.get() == Some(&thread::current().id()) {
            let mut state = self.lock();
            (state.leaving, state.shutdown_until) = (true, None);
            drop(state);
            self.room.notify_all();
        }
    }

    /// Whether the exporter's thread ends the process.
    pub(crate) fn is_leaving(&self) -> bool {
        self.lock().leaving
    }

    /// Reports a call of the exporter that takes too long, and losses that were not reported yet. The collector calls it regularly.
    pub(crate) fn watch(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        state.admission.expire(now);
        state.settles = state.admission.has_rest();
        self.update_asks(&state);
        let late = self.late(&mut state, now);
        let said = state.lost.all_due(&self.name, now, self.settings.diagnostics.every());
        drop(state);
        self.report(late.into_iter().chain(said));
    }

    fn late(&self, state: &mut State, now: Instant) -> Option<Diagnostic> {
        let timeout = self.settings.attempt_timeout;
        let is_late = |since| now.saturating_duration_since(since) > timeout;
        let attempt = state.attempt.as_mut().filter(|attempt| !attempt.is_late && is_late(attempt.since))?;
        attempt.is_late = true;
        let spans = attempt.spans;
        state.late.0 += 1;
        let (times, pace) = &mut state.late;
        pace.due(*times, now, self.settings.diagnostics.every())?;
        let (noun, stay) = (plural(spans, "span", "spans"), plural(spans, "it stays", "they stay"));
        let message = format!(
            "exporter {:?} has worked on {spans} {noun} for more than {timeout:?}; {stay} in its queue until it returns",
            self.name
        );
        Some(Diagnostic::new(Level::Warn, Cause::ExportTimedOut, message).about(&self.name))
    }

    pub(crate) fn ledger(&self) -> ExporterLedger {
        let state = self.lock();
        let counts = state.admission.counts();
        ExporterLedger {
            name: self.name.clone(),
            exported: state.exported,
            dropped: state.dropped(),
            queued: state.queued + state.attempt.as_ref().map_or(0, |attempt| attempt.spans),
            skeletons: counts.skeletons,
            refused_traces: counts.traces,
            attributed: counts.attributed,
            unattributed: counts.unattributed + state.too_late,
            refused_marks: counts.marks,
        }
    }

    /// The reason of the latest loss of this kind.
    pub(crate) fn why(&self, how: How) -> String {
        let state = self.lock();
        match how {
            How::QueueFull if state.too_late == 0 => full(self.settings.max_bytes, &state.admission.counts()),
            _ => state.lost.why(how).to_owned(),
        }
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
        let noun = plural(spans, "span", "spans");
        Some(format!("exporter {:?} lost {spans} {noun} since the last flush: {why}", self.name))
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        let mut request_bytes = 0;
        loop {
            // If that panics, the last answer counts.
            let _ = guarded(|| {
                request_bytes = exporter.request_bytes();
                Ok(())
            });
            match self.next(request_bytes) {
                Work::Delivery(delivery, charges) => self.attempt(exporter.as_mut(), delivery, charges),
                Work::Flush(barriers) => {
                    let result = guarded(|| exporter.flush());
                    // Losses without a waiting thread are left for the next flush.
                    let losses = if barriers.is_empty() { None } else { self.take_losses() };
                    let failure = self.failure(result, "flush");
                    self.complete(&barriers, failure, losses);
                }
                Work::End => return self.end(exporter),
            }
        }
    }

    fn end(&self, mut exporter: Box<dyn Exporter>) {
        let flushed = guarded(|| exporter.flush());
        let _ = guarded(|| {
            let until = exporter.shutdown_timeout().and_then(|timeout| Instant::now().checked_add(timeout));
            self.lock().shutdown_until = until;
            Ok(())
        });
        let result = flushed.and(guarded(|| exporter.shutdown()));
        // The exporter is dropped before the barrier's part is done, so that a file is closed when `finish` returns.
        let dropped = guarded(|| {
            drop(exporter);
            Ok(())
        });
        let barriers = self.stop();
        let failure = self.failure(result.and(dropped), "shutdown");
        self.complete(&barriers, failure, None);
    }

    /// Completes this exporter's part of the barriers. A failure is reported if no thread waits for it.
    fn complete(&self, barriers: &[Arc<Barrier>], failure: Option<String>, losses: Option<String>) {
        if let (true, Some(message)) = (barriers.is_empty(), &failure) {
            let mut state = self.lock();
            state.failures.0 += 1;
            let (total, pace) = &mut state.failures;
            let due = pace.due(*total, Instant::now(), self.settings.diagnostics.every());
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
                let (parts, charges) = state.take(request_bytes);
                return Work::Delivery(Delivery::new(parts, self.closing.clone()), charges);
            }
            if state.ending {
                return Work::End;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn attempt(&self, exporter: &mut dyn Exporter, delivery: Delivery, charges: Vec<Charge>) {
        let spans = delivery.len() as u64;
        let result = guarded(|| exporter.export(&delivery));
        // Its memory is free before its bytes are.
        drop(delivery);
        let mut state = self.lock();
        state.attempt = None;
        charges.iter().for_each(|(resource, bytes)| state.admission.free(resource, *bytes));
        self.room.notify_all();
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
        (state.stopped, state.shutdown_until) = (true, None);
        let left = std::mem::take(&mut state.queued);
        state.batches.clear();
        if left > 0 {
            state.too_late += left;
            state.lost.add(How::QueueFull, left, "its thread has ended".to_owned());
        }
        self.room.notify_all();
        let mut barriers = state.flushes.take_all();
        barriers.extend(std::mem::take(&mut state.ends).iter().filter_map(Weak::upgrade));
        barriers
    }
}

#[cfg(test)]
mod tests;
