//! [`in_order`]: work on several threads, with results in order.

use std::collections::VecDeque;
use std::sync::mpsc::{channel, sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

/// At most so many threads: one alone reads the file.
const MOST_THREADS: usize = 8;

/// Takes items from `next` and works on them, on as many threads as there are CPUs. Calls `each` with the results in the order of
/// the items.
///
/// `next` and `each` run on the calling thread. One item more than there are threads is in memory at once. The first error of
/// `each` ends it. If `work` panics, so does this, once the other threads have ended.
///
/// # Errors
/// Those of `each`.
///
/// ```
/// use heirloom_otlp::read::{in_order, Record, Records};
/// use heirloom_otlp::Format;
///
/// let mut records = Records::new(Format::Json, &b"{\"resourceSpans\":[]}\n{\"resourceSpans\":[{}]}\n"[..]);
/// let mut resources = Vec::new();
/// in_order(|| records.next_record().transpose(), |record| record?.request(), |request| {
///     resources.push(request?.resource_spans.len());
///     Ok::<(), heirloom_otlp::read::ReadError>(())
/// })?;
/// assert_eq!(resources, [0, 1]);
/// # Ok::<(), heirloom_otlp::read::ReadError>(())
/// ```
pub fn in_order<I: Send, T: Send, E>(
    mut next: impl FnMut() -> Option<I>,
    work: impl Fn(I) -> T + Sync,
    mut each: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    if threads == 1 {
        return std::iter::from_fn(next).try_for_each(|item| each(work(item)));
    }
    let (sender, items) = channel();
    let items = Mutex::new(items);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work_off(&items, &work));
        }
        // Dropped at the end of this closure, which ends the threads.
        let sender = sender;
        let mut results: VecDeque<Receiver<T>> = VecDeque::new();
        loop {
            while results.len() <= threads {
                let Some(item) = next() else { break };
                let (result, receiver) = sync_channel(1);
                // A thread that panicked gives no result, and the scope passes its panic on.
                let _ = sender.send((item, result));
                results.push_back(receiver);
            }
            let Some(result) = results.pop_front() else { return Ok(()) };
            if let Ok(result) = result.recv() {
                each(result)?;
            }
        }
    })
}

fn work_off<I, T>(items: &Mutex<Receiver<(I, SyncSender<T>)>>, work: impl Fn(I) -> T) {
    loop {
        let next = items.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((item, result)) = next else { return };
        // Nobody waits for it if there was an error before it.
        let _ = result.send(work(item));
    }
}
