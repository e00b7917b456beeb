//! The mode in which nothing is dropped while something can wait: [`Builder::complete`](crate::Builder::complete).
//!
//! Recording threads wait for the collector, and the collector waits for the exporters. A thread that an exporter needs
//! may record and wait too, so that a circle closes. So each wait has a deadline, and the first one that reaches it ends the mode
//! for the rest of the run.

use crate::diagnostics::{Cause, Destination, Diagnostic, Level};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The state of the mode in one tracer. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Complete(Arc<State>);

#[derive(Debug)]
struct State {
    deadline: Duration,
    over: AtomicBool,
    reported: AtomicBool,
    /// The exporter whose full queue ended the mode. If there is none, a recording thread ended it.
    exporter: OnceLock<String>,
}

impl Complete {
    pub(crate) fn new(deadline: Duration) -> Self {
        let (over, reported) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(State { deadline, over, reported, exporter: OnceLock::new() }))
    }

    /// The longest wait; `None` if the mode is over.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        (!self.is_over()).then_some(self.0.deadline)
    }

    fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Acquire)
    }

    /// A recording thread has waited until the deadline. Async-signal-safe.
    pub(crate) fn end(&self) {
        self.0.over.store(true, Ordering::Release);
    }

    /// The collector has waited for this exporter until the deadline.
    pub(super) fn end_by(&self, exporter: &str) {
        if !self.is_over() {
            let _ = self.0.exporter.set(exporter.to_owned());
        }
        self.end();
    }

    /// Why and when the mode ended, as a sentence.
    pub(crate) fn ended(&self) -> Option<String> {
        let State { deadline, exporter, .. } = &*self.0;
        self.is_over().then(|| {
            let who = match exporter.get() {
                Some(name) => format!("exporter {name:?} has made no room in its queue for {deadline:?}"),
                None => format!("a thread has waited for the collector for {deadline:?}"),
            };
            format!(
                "nothing waits any more, and what finds no room is dropped and counted: {who} (`Builder::complete`)"
            )
        })
    }

    /// Reports the end, once. The collector calls it regularly.
    pub(crate) fn report(&self, to: &Destination) {
        if self.is_over() && !self.0.reported.swap(true, Ordering::Relaxed) {
            self.ended().into_iter().for_each(|why| to.report(Diagnostic::new(Level::Warn, Cause::NotComplete, why)));
        }
    }
}
