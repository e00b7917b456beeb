//! Times, threads and rights by the standard library alone, for systems without a file of their own here.

use std::ops::Range;
use std::ptr::NonNull;
#[cfg(not(loom))]
use std::sync::atomic::AtomicU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
#[cfg(not(loom))]
use std::time::Duration;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long a thread that nobody wakes sleeps before it looks again.
#[cfg(not(loom))]
const LOOK: Duration = Duration::from_micros(200);

/// A number that this process assigns: the standard library doesn't return the system's.
pub(crate) fn thread_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static ID: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    ID.try_with(|id| *id).unwrap_or(0)
}

pub(crate) fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

pub(crate) fn realtime_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

pub(crate) fn counter_is_clock() -> bool {
    false
}

/// The standard library can't tell.
pub(crate) fn is_elevated() -> bool {
    false
}

/// Sleeps for a short time, unless the word has another value.
#[cfg(not(loom))]
pub(crate) fn sleep_while(word: &AtomicU32, value: u32, at_most: Duration) {
    if word.load(Ordering::Relaxed) == value {
        std::thread::sleep(at_most.min(LOOK));
    }
}

/// Who sleeps looks again soon.
#[cfg(not(loom))]
pub(crate) fn wake(_word: &AtomicU32) {}

/// Pages of which nothing depends on the size.
pub(crate) fn page_bytes() -> usize {
    4096
}

/// The standard library has no address space without memory.
#[derive(Debug)]
pub(crate) enum Reserved {}

impl Reserved {
    pub(crate) fn new(_bytes: usize) -> Option<Self> {
        None
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        match *self {}
    }

    pub(crate) fn discard(&self, _pages: Range<usize>) {
        match *self {}
    }
}
