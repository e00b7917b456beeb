//! The queue and the thread of one exporter.
//!
//! The collector adds batches and never waits: a batch that would exceed the queue's bound is dropped as a whole and
//! counted. The exporter's thread takes batches one by one. When an attempt exceeds its deadline, its spans are counted
//! as timed out, whether it succeeds later or not. A thread can't be freed from a call that doesn't return. Until it
//! returns, batches wait and are dropped once the queue is full, counted.

use super::barrier::Barrier;
use super::ledger::{Dropped, ExporterLedger};
use crate::diagnostics::warn;
use crate::export::{Batch, ExportError, Exporter};
use crate::life::enter_pipeline;
use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueSettings {
    pub(crate) max_bytes: usize,
    pub(crate) attempt_timeout: Duration,
}

/// The queue of one exporter.
#[derive(Debug)]
pub(crate) struct Queue {
    name: String,
    settings: QueueSettings,
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    queued: u64,
    attempt: Option<Attempt>,
    stopped: bool,
    exported: u64,
    dropped: Dropped,
    /// Spans lost since the last flush, and the latest reason.
    lost: u64,
    lost_why: String,
    warned: bool,
}

#[derive(Debug)]
enum Item {
    Batch(Arc<Batch>),
    Flush(Arc<Barrier>),
    Shutdown(Arc<Barrier>),
}

/// A batch that the exporter is working on.
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
        let state = Mutex::default();
        let queue = Arc::new(Self { name, settings, state, ready: Condvar::new() });
        let worker = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name(format!("heirloom-{}", queue.name));
        thread.spawn(move || {
            enter_pipeline();
            worker.run(exporter);
        })?;
        Ok(queue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a batch, or drops it if there is no room. Doesn't wait for the exporter.
    pub(crate) fn push(&self, batch: &Arc<Batch>) {
        let mut state = self.lock();
        let bytes = batch.size_bytes();
        let spans = batch.len() as u64;
        if state.stopped || state.bytes + bytes > self.settings.max_bytes {
            state.dropped.queue_full += spans;
            self.lose(&mut state, spans, format!("its queue of {} bytes is full", self.settings.max_bytes));
            return;
        }
        state.bytes += bytes;
        state.queued += spans;
        state.items.push_back(Item::Batch(Arc::clone(batch)));
        self.ready.notify_one();
    }

    /// Queues a flush behind everything queued so far.
    pub(crate) fn flush(&self, barrier: Arc<Barrier>) {
        self.push_control(Item::Flush(barrier));
    }

    /// Queues a flush and the end of the thread behind everything queued so far.
    pub(crate) fn shutdown(&self, barrier: Arc<Barrier>) {
        self.push_control(Item::Shutdown(barrier));
    }

    fn push_control(&self, item: Item) {
        let mut state = self.lock();
        if state.stopped {
            drop(state);
            return item.done(None);
        }
        state.items.push_back(item);
        self.ready.notify_one();
    }

    /// Counts an attempt that has exceeded its deadline as timed out. The collector calls it regularly.
    pub(crate) fn watch(&self) {
        let mut state = self.lock();
        let timeout = self.settings.attempt_timeout;
        let Some(attempt) = &mut state.attempt else { return };
        if !attempt.timed_out && attempt.since.elapsed() > timeout {
            attempt.timed_out = true;
            let spans = attempt.spans;
            state.dropped.timed_out += spans;
            self.lose(&mut state, spans, format!("an attempt took longer than {timeout:?}"));
        }
    }

    pub(crate) fn ledger(&self) -> ExporterLedger {
        let state = self.lock();
        let in_flight = state.attempt.as_ref().filter(|a| !a.timed_out).map_or(0, |a| a.spans);
        ExporterLedger {
            name: self.name.clone(),
            exported: state.exported,
            dropped: state.dropped,
            queued: state.queued + in_flight,
        }
    }

    /// Counts a loss for the next flush, and warns about the first one.
    fn lose(&self, state: &mut State, spans: u64, why: String) {
        state.lost += spans;
        if !std::mem::replace(&mut state.warned, true) {
            warn(&format!(
                "exporter {:?} loses spans: {why} (they are counted in the ledger; no further warnings)",
                self.name
            ));
        }
        state.lost_why = why;
    }

    /// The losses since the last call, as a sentence.
    fn take_losses(&self) -> Option<String> {
        let mut state = self.lock();
        let (lost, why) = (std::mem::take(&mut state.lost), std::mem::take(&mut state.lost_why));
        (lost > 0).then(|| format!("exporter {:?} lost {lost} spans since the last flush: {why}", self.name))
    }

    fn run(&self, mut exporter: Box<dyn Exporter>) {
        loop {
            match self.next() {
                Item::Batch(batch) => self.attempt(exporter.as_mut(), &batch),
                Item::Flush(barrier) => {
                    let result = guarded(|| exporter.flush());
                    let losses = self.take_losses();
                    barrier.done(self.failure(result, "flush").or(losses));
                }
                Item::Shutdown(barrier) => {
                    let flushed = guarded(|| exporter.flush());
                    let result = flushed.and(guarded(|| exporter.shutdown()));
                    // The exporter is dropped before the barrier's part is done, so that a file is closed when `finish`
                    // returns.
                    let dropped = guarded(|| {
                        drop(exporter);
                        Ok(())
                    });
                    self.stop();
                    return barrier.done(self.failure(result.and(dropped), "shutdown"));
                }
            }
        }
    }

    fn failure(&self, result: Result<(), Failure>, what: &str) -> Option<String> {
        result.err().map(|failure| format!("exporter {:?}: {what}: {}", self.name, failure.message()))
    }

    fn next(&self) -> Item {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                if let Item::Batch(batch) = &item {
                    let spans = batch.len() as u64;
                    state.bytes -= batch.size_bytes();
                    state.queued -= spans;
                    state.attempt = Some(Attempt { since: Instant::now(), spans, timed_out: false });
                }
                return item;
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn attempt(&self, exporter: &mut dyn Exporter, batch: &Batch) {
        let spans = batch.len() as u64;
        let result = guarded(|| exporter.export(batch));
        let mut state = self.lock();
        if state.attempt.take().is_none_or(|attempt| attempt.timed_out) {
            return;
        }
        match result {
            Ok(()) => state.exported += spans,
            Err(failure) => {
                let lost = failure.lost(spans);
                state.exported += spans - lost;
                match &failure {
                    Failure::Error(_) => state.dropped.failed += lost,
                    Failure::Panic(_) => state.dropped.panicked += lost,
                }
                self.lose(&mut state, lost, failure.message());
            }
        }
    }

    /// Accepts nothing from now on. Queued barriers are completed, queued batches counted.
    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        for item in std::mem::take(&mut state.items) {
            if let Item::Batch(batch) = &item {
                state.dropped.queue_full += batch.len() as u64;
            }
            item.done(None);
        }
        state.queued = 0;
        state.bytes = 0;
    }
}

impl Item {
    fn done(self, failure: Option<String>) {
        match self {
            Item::Batch(_) => {}
            Item::Flush(barrier) | Item::Shutdown(barrier) => barrier.done(failure),
        }
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
