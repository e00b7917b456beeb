//! [`Span`]: what an open span is, below everything that is done with one (`span.rs`).

use crate::thread::Lease;
use crate::wire::ESCAPED;
use crate::Context;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// An open span. It ends when it is dropped, on whatever thread that happens; `Send + Sync`.
///
/// A span never touches what is current: [`enter`](Self::enter) does, and so do the closure forms. A child is begun with
/// [`span.span(..)`](Self::span), or anywhere else from [`span.context()`](Self::context).
///
/// A span that could not be recorded (not sampled, its thread's shard full, no tracer) has the same methods: what is set
/// on it is not recorded either, and its context is its parent's.
///
/// A span that is dropped while its thread panics is closed as an error (`error.type` = `panic`).
///
/// If a span is leaked (`mem::forget`), it is closed by `finish`, marked as incomplete.
///
/// Cost: beginning and ending each read the clock once and append one record; no lock, no allocation, no system call.
///
/// ```
/// use heirloom_core::{in_root, testing};
/// testing::run(|t| {
///     in_root("build", |root| {
///         let link = root.span("link");
///         link.set("objects", 12);
///         link.end(); // or: dropped
///     });
///     t.assert_tree("build\n  link");
/// });
/// ```
#[must_use = "a span ends when it is dropped: bind it to a name, not to `_`"]
pub struct Span {
    pub(super) cx: Context,
    /// The lease under which it was begun; zero if it isn't recorded.
    pub(super) lease: Lease,
    /// [`HANDED_OUT`], [`FOREIGN_WRITE`], and how many attributes and events found no room.
    marks: AtomicU32,
}

/// Somebody has the context.
const HANDED_OUT: u32 = 1 << 31;
/// Another thread wrote to the span: from now on its own thread's writes carry a clock reading too.
const FOREIGN_WRITE: u32 = 1 << 15;
/// Where the number of lost events begins; that of lost attributes is below.
const EVENTS_SHIFT: u32 = 16;
/// How many of each are counted.
const MAX_LOST: u32 = 0x7fff;

impl Span {
    #[inline(always)]
    pub(super) fn recorded(cx: Context, lease: Lease) -> Self {
        Self { cx, lease, marks: AtomicU32::new(0) }
    }

    /// A span that records nothing and hands on this context.
    #[inline(always)]
    pub(super) fn not_recorded(cx: Context) -> Self {
        Self::recorded(cx, 0)
    }

    /// Flags and aux of its End.
    #[inline(always)]
    pub(super) fn end_marks(&self) -> (u16, u32) {
        let marks = self.marks.load(Ordering::Relaxed);
        let escaped = marks & (HANDED_OUT | FOREIGN_WRITE) != 0;
        (if escaped { ESCAPED } else { 0 }, marks & !(HANDED_OUT | FOREIGN_WRITE))
    }

    /// Whether it was noted that another thread wrote to the span.
    #[inline(always)]
    pub(super) fn is_touched(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & FOREIGN_WRITE != 0
    }

    /// Notes that somebody has the context.
    #[inline]
    pub(super) fn hand_out(&self) {
        if self.marks.load(Ordering::Relaxed) & HANDED_OUT == 0 {
            self.marks.fetch_or(HANDED_OUT, Ordering::Relaxed);
        }
    }

    /// Notes that another thread wrote to the span, if it did.
    pub(super) fn touch(&self, foreign: bool) {
        if foreign {
            self.marks.fetch_or(FOREIGN_WRITE, Ordering::Relaxed);
        }
    }

    pub(super) fn lose_attribute(&self) {
        self.lose(0);
    }

    pub(super) fn lose_event(&self) {
        self.lose(EVENTS_SHIFT);
    }

    /// Adds one to a number in `marks`, unless it is at its maximum.
    fn lose(&self, shift: u32) {
        let more = |marks: u32| (marks >> shift & MAX_LOST != MAX_LOST).then(|| marks + (1 << shift));
        let _ = self.marks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// The handle for children, wherever they run. Of a span that isn't recorded it is its nearest recorded ancestor's.
    ///
    /// Once it was handed out, the collector waits after the end until it has read what every thread had recorded by
    /// then, so that nothing that happened before the end is missing.
    #[inline]
    pub fn context(&self) -> Context {
        self.hand_out();
        self.cx
    }

    /// Whether this span will be exported.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.lease != 0
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Span({:?}{})", self.cx, if self.is_recording() { "" } else { " not recording" })
    }
}

impl From<&Span> for Context {
    #[inline]
    fn from(span: &Span) -> Self {
        span.context()
    }
}
