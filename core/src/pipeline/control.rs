//! The collector as the other threads see it: what they ask of it, and what it says of itself.

use super::barrier::Barrier;
use super::counts::Published;
use super::open_span::OpenSpan;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What somebody wants of the collector.
#[derive(Debug)]
pub(crate) enum Request {
    /// Everything recorded so far is to reach every exporter.
    Flush(Arc<Barrier>),
    /// Which spans are open?
    OpenSpans(SyncSender<Vec<OpenSpan>>),
    /// The end.
    Close(Arc<Barrier>),
}

/// The collector as the others see it: a place for requests, and its counts as of its last pass.
#[derive(Debug, Default)]
pub(crate) struct Control {
    requests: Mutex<Requests>,
    counts: Mutex<Published>,
}

#[derive(Debug, Default)]
struct Requests {
    waiting: Vec<Request>,
    stopped: bool,
}

impl Control {
    /// Returns whether the request will be answered: not if the collector has stopped.
    pub(crate) fn ask(&self, request: Request) -> bool {
        let mut requests = self.requests();
        if !requests.stopped {
            requests.waiting.push(request);
        }
        !requests.stopped
    }

    /// Takes what was asked since the last call.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests().waiting)
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No more requests; returns the barriers of those that came too late.
    pub(crate) fn stop(&self) -> Vec<Arc<Barrier>> {
        let mut requests = self.requests();
        requests.stopped = true;
        let late = std::mem::take(&mut requests.waiting).into_iter();
        let barrier = |request| match request {
            Request::Flush(barrier) | Request::Close(barrier) => Some(barrier),
            Request::OpenSpans(_) => None,
        };
        late.filter_map(barrier).collect()
    }

    /// A pass is over.
    pub(crate) fn publish(&self, counts: Published) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// What was counted after the last pass.
    pub(crate) fn counts(&self) -> Published {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
