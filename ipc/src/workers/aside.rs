//! Runs blocking work on a new thread, for an executor: starting and shutting down a pool, as futures for any runtime.

use super::slot::{Found, Slot};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::thread::Builder;

/// Leaves `None` in the slot if the work panicked.
struct Leave<T>(Arc<Slot<Option<T>>>, Option<T>);

impl<T> Leave<T> {
    fn result_of(mut self, work: impl FnOnce() -> T) {
        self.1 = Some(work());
    }
}

impl<T> Drop for Leave<T> {
    fn drop(&mut self) {
        self.0.settle(self.1.take());
    }
}

/// Starts a thread that runs `work` at once. The future returns its result; `None` if it panicked. If the future is dropped, the
/// thread still finishes.
pub(super) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<impl std::future::Future<Output = Option<T>> + Send> {
    let slot = Arc::new(Slot::default());
    let leave = Leave(Arc::clone(&slot), None);
    Builder::new().name(String::from("heirloom-aside")).spawn(move || leave.result_of(work))?;
    Ok(poll_fn(move |cx| match slot.poll(cx.waker()) {
        Poll::Ready(Found::Value(result)) => Poll::Ready(result),
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }))
}
