//! puffin, with a sink that only counts.
//!
//! puffin has no parents and no traces: a scope lies within the scope that is open on its thread. So there is no shared parent
//! here, and each thread opens a scope around every 1,000 spans, as a function that is profiled would. When the outermost scope of
//! a thread ends, puffin passes what the thread recorded on, under a lock of the process. A thread calls `new_frame` every 16 ms,
//! as a game's loop would. A scope has one text, so three attributes are formatted into it.

use super::Peer;
use crate::account::Tally;
use crate::plan::Scenario;
use crate::workload::{Around, Item, Samples, Stretch};
use puffin::{profile_scope, GlobalProfiler};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Spans within one scope of their thread.
const SPANS_PER_SCOPE: u64 = 1000;

/// The time of a frame.
const FRAME: Duration = Duration::from_millis(16);

pub(super) struct Puffin {
    /// Scopes that the sink got.
    received: Arc<AtomicU64>,
    /// Scopes around others; they aren't among the spans made.
    around_others: AtomicU64,
    stop: Arc<AtomicBool>,
    frames: JoinHandle<()>,
}

impl Peer for Puffin {
    type Parent = ();

    fn start(_scenario: &Scenario) -> Result<Self, String> {
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        GlobalProfiler::lock().add_sink(Box::new(move |frame| {
            count.fetch_add(frame.meta().num_scopes as u64, Ordering::Relaxed);
        }));
        puffin::set_scopes_on(true);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let frames = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                std::thread::park_timeout(FRAME);
                GlobalProfiler::lock().new_frame();
            }
        });
        Ok(Self { received, around_others: AtomicU64::new(0), stop, frames })
    }

    fn open_parent(&self) {}

    #[inline]
    fn within<const ATTRIBUTES: bool, R>(&self, (): &(), item: Item, samples: &Samples, work: impl FnOnce() -> R) -> R {
        if ATTRIBUTES {
            let sample = samples.of(item.id);
            let text = format!("count={} ratio={} file={}", sample.count, sample.ratio, sample.file);
            profile_scope!("child", text);
            work()
        } else {
            profile_scope!("child");
            work()
        }
    }

    fn record<const ATTRIBUTES: bool>(
        &self,
        parent: &(),
        stretch: Stretch,
        samples: &Samples,
        around: &mut impl Around,
    ) {
        let mut ids = stretch.ids();
        while !ids.is_empty() {
            let until = ids.end.min(ids.start + SPANS_PER_SCOPE);
            profile_scope!("scope");
            self.around_others.fetch_add(1, Ordering::Relaxed);
            for id in ids.start..until {
                around.before();
                self.within::<ATTRIBUTES, ()>(parent, Item { thread: stretch.thread, id }, samples, || ());
                around.after();
            }
            ids.start = until;
        }
    }

    fn finish(self, (): ()) -> Result<Tally, String> {
        self.stop.store(true, Ordering::Release);
        self.frames.thread().unpark();
        self.frames.join().map_err(|_| "the thread of the frames panicked".to_owned())?;
        GlobalProfiler::lock().new_frame(); // What was recorded after that thread's last frame.
        let around_others = self.around_others.into_inner();
        let received = self.received.load(Ordering::Relaxed).saturating_sub(around_others);
        Ok(Tally { received, ..Tally::default() })
    }
}
