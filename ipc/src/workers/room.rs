//! [`Room`]: a future that waits for room in the queue, for executors and, with a parked thread as its task, for blocking calls.

use super::job::Job;
use super::state::{Jobs, Place, Refused};
use heirloom_core::mark::{self, Awaiting, WaitCause};
use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

/// Queues a job as soon as there is room. If it is dropped before that, the job isn't queued, and the next submitter has its turn.
pub(super) struct Room {
    jobs: Arc<Jobs>,
    job: Arc<Job>,
    until: Instant,
    place: Option<Place>,
}

impl Room {
    /// Waits until `until` or the job's deadline, whichever is earlier.
    pub(super) fn new(jobs: Arc<Jobs>, job: Arc<Job>, until: Instant) -> Self {
        let until = job.deadline.map_or(until, |deadline| deadline.at.min(until));
        Self { jobs, job, until, place: None }
    }

    /// Blocks this thread.
    pub(super) fn wait(self) -> Result<(), Refused> {
        let until = self.until;
        let mut room = pin!(self);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        if let Poll::Ready(result) = room.as_mut().poll(&mut cx) {
            return result;
        }
        mark::wait(WaitCause::Full, || loop {
            // The pool's clock wakes it at that time too.
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
            if let Poll::Ready(result) = room.as_mut().poll(&mut cx) {
                return result;
            }
        })
    }

    /// Blocks no thread: a task waits, and records that it did. No job ends the wait, so the record names none.
    pub(super) async fn awaited(self) -> Result<(), Refused> {
        let (mut room, mut awaiting) = (pin!(self), Awaiting::default());
        poll_fn(|cx| {
            let poll = room.as_mut().poll(cx);
            awaiting.polled(&poll, |_| None);
            poll
        })
        .await
    }
}

impl Future for Room {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.jobs.poll_submit(&this.job, this.until, &mut this.place, cx.waker())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.jobs.leave(place);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
