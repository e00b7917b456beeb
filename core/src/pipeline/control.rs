//! The interface of the collector for other threads: requests to it, and its counts.

use super::barrier::Barrier;
use super::counts::Published;
use super::open_span::OpenSpan;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request to the collector.
#[derive(Debug)]
pub(crate) enum Request {
    /// Pass on everything recorded so far to every exporter.
    Flush(Arc<Barrier>),
    /// List the open spans.
    OpenSpans(SyncSender<Vec<OpenSpan>>),
    /// End.
    Close(Arc<Barrier>),
}

/// The interface of the collector for other threads: a queue of requests, and its counts as of its last pass.
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
    /// Returns whether the request will be answered. It won't be if the collector has stopped.
    pub(crate) fn ask(&self, request: Request) -> bool {
        let mut requests = self.requests();
        if !requests.stopped {
            requests.waiting.push(request);
        }
        !requests.stopped
    }

    /// Takes the requests since the last call.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests().waiting)
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts no more requests. Returns the barriers of those that came too late.
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

    /// Publishes the counts after a pass.
    pub(crate) fn publish(&self, counts: Published) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// The counts after the last pass.
    pub(crate) fn counts(&self) -> Published {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
