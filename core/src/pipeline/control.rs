//! The interface of the collector for other threads: requests to it, and its counts.
//!
//! Only the waiting threads keep what they wait for. A request whose thread has stopped waiting leaves nothing behind: the
//! next request removes it. A flush is made even if no thread waits for it any more.

use super::barrier::Barrier;
use super::counts::Published;
use super::ledger::ImplicitRoot;
use super::open_span::OpenSpan;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// A request to the collector.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    /// Pass on everything recorded so far to every exporter.
    Flush(&'a Arc<Barrier>),
    /// List the open spans.
    OpenSpans(&'a Arc<Answer>),
    /// End.
    Close(&'a Arc<Barrier>),
}

/// The interface of the collector for other threads: a queue of requests, and its counts as of its last pass.
#[derive(Debug, Default)]
pub(crate) struct Control {
    requests: Mutex<Requests>,
    counts: Mutex<Published>,
    implicit_roots: Mutex<Vec<ImplicitRoot>>,
}

#[derive(Debug, Default)]
struct Requests {
    asked: Asked<Weak<Barrier>, Weak<Answer>>,
    stopped: bool,
}

/// The requests since the collector looked last, several of a kind as one.
#[derive(Debug)]
pub(crate) struct Asked<B = Arc<Barrier>, A = Arc<Answer>> {
    /// Whether a flush was asked for.
    pub(crate) flush: bool,
    /// The barriers of the threads that wait for it.
    pub(crate) flushes: Vec<B>,
    pub(crate) open_spans: Vec<A>,
    /// Whether the end was asked for.
    pub(crate) close: bool,
    /// The barriers of the threads that wait for the end.
    pub(crate) closes: Vec<B>,
}

impl<B, A> Default for Asked<B, A> {
    fn default() -> Self {
        Self { flush: false, flushes: Vec::new(), open_spans: Vec::new(), close: false, closes: Vec::new() }
    }
}

impl Asked {
    pub(crate) fn is_empty(&self) -> bool {
        !self.flush && !self.close && self.open_spans.is_empty()
    }
}

fn add<T>(waiting: &mut Vec<Weak<T>>, one: &Arc<T>) {
    waiting.retain(|other| other.strong_count() > 0);
    waiting.push(Arc::downgrade(one));
}

fn awaited<T>(waiting: Vec<Weak<T>>) -> Vec<Arc<T>> {
    waiting.iter().filter_map(Weak::upgrade).collect()
}

impl Control {
    /// Returns whether the request will be answered. It won't be if the collector has stopped.
    pub(crate) fn ask(&self, request: Request<'_>) -> bool {
        let mut requests = self.requests();
        if requests.stopped {
            return false;
        }
        let asked = &mut requests.asked;
        match request {
            Request::Flush(barrier) => {
                asked.flush = true;
                add(&mut asked.flushes, barrier);
            }
            Request::OpenSpans(answer) => add(&mut asked.open_spans, answer),
            Request::Close(barrier) => {
                asked.close = true;
                add(&mut asked.closes, barrier);
            }
        }
        true
    }

    /// Takes the requests since the last call.
    pub(crate) fn take(&self) -> Asked {
        let asked = std::mem::take(&mut self.requests().asked);
        Asked {
            flush: asked.flush,
            flushes: awaited(asked.flushes),
            open_spans: awaited(asked.open_spans),
            close: asked.close,
            closes: awaited(asked.closes),
        }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts no more requests. Returns the barriers of those that came too late.
    pub(crate) fn stop(&self) -> Vec<Arc<Barrier>> {
        self.requests().stopped = true;
        let Asked { flushes, open_spans, closes, .. } = self.take();
        open_spans.iter().for_each(|answer| answer.give(Vec::new()));
        flushes.into_iter().chain(closes).collect()
    }

    /// Publishes the counts after a pass.
    pub(crate) fn publish(&self, counts: Published) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// Publishes the first implicit roots. The list only grows.
    pub(crate) fn publish_implicit_roots(&self, roots: &[ImplicitRoot]) {
        if !roots.is_empty() {
            let mut known = self.implicit_roots.lock().unwrap_or_else(PoisonError::into_inner);
            let new = roots.get(known.len()..).unwrap_or_default();
            known.extend_from_slice(new);
        }
    }

    pub(crate) fn implicit_roots(&self) -> Vec<ImplicitRoot> {
        self.implicit_roots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts after the last pass.
    pub(crate) fn counts(&self) -> Published {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The collector's answer to a request for the open spans.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    spans: Mutex<Option<Vec<OpenSpan>>>,
    given: Condvar,
}

impl Answer {
    pub(crate) fn give(&self, spans: Vec<OpenSpan>) {
        *self.spans.lock().unwrap_or_else(PoisonError::into_inner) = Some(spans);
        self.given.notify_all();
    }

    /// Waits for the answer; `None` if there is none by the deadline.
    pub(crate) fn wait(&self, timeout: Duration) -> Option<Vec<OpenSpan>> {
        let start = Instant::now();
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if spans.is_some() {
                return spans.take();
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return None;
            }
            spans = self.given.wait_timeout(spans, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_nobody_waits_for_leave_nothing_behind_and_the_flush_is_still_made() {
        let control = Control::default();
        for _ in 0..1000 {
            assert!(control.ask(Request::Flush(&Barrier::new(1))));
            assert!(control.ask(Request::OpenSpans(&Arc::default())));
        }
        let kept = Barrier::new(1);
        assert!(control.ask(Request::Flush(&kept)));
        let requests = control.requests();
        assert!(requests.asked.flushes.len() <= 2 && requests.asked.open_spans.len() <= 1);
        drop(requests);
        let asked = control.take();
        assert!(asked.flush && asked.flushes.len() == 1 && asked.open_spans.is_empty());
        assert!(control.take().is_empty());
        drop(kept);
        assert!(control.ask(Request::Flush(&Barrier::new(1))));
        let asked = control.take();
        assert!(asked.flush && asked.flushes.is_empty());
    }

    #[test]
    fn a_collector_that_stops_answers_whoever_waits() {
        let control = Control::default();
        let (barrier, answer) = (Barrier::new(1), Arc::<Answer>::default());
        assert!(control.ask(Request::Close(&barrier)) && control.ask(Request::OpenSpans(&answer)));
        assert_eq!(control.stop().len(), 1);
        assert_eq!(answer.wait(Duration::ZERO), Some(Vec::new()));
        assert!(!control.ask(Request::Close(&barrier)));
    }
}
