//! Times, threads and rights by the standard library alone, for systems without a file of their own here.

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
