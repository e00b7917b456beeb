//! [`Span`]: the data of an open span. `span.rs` has its other methods.

use crate::thread::Lease;
use crate::wire::End;
use crate::Context;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// An open span. It ends when it is dropped, on any thread; `Send + Sync`.
///
/// A span never changes the current context: [`enter`](Self::enter) does, and so do the closure forms. Start a child with
/// [`span.span(..)`](Self::span), or anywhere else from [`span.context()`](Self::context).
///
/// A non-recording span (its trace is not sampled, its thread's shard is full, there is no tracer) has the same methods.
/// They record nothing, and its context is its parent's.
///
/// A span that is dropped while its thread panics ends as an error (`error.type` = `panic`). A span that started while its
/// thread was panicking already, in a destructor, and ends on that thread, does not: the destructor goes well while the
/// panic goes on. If such a destructor panics itself and catches that, the spans of the closure forms and of polled futures
/// that the second panic unwinds are errors. The spans of guards and of `#[observe]` are not: Rust doesn't tell them which
/// panic drops them.
///
/// If a span is leaked (`mem::forget`), `finish` closes it, marked as incomplete.
///
/// Cost: start and end each read the clock once and append one record; no lock, no allocation, no system call.
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
    /// The lease under which it was started; zero if it isn't recorded.
    pub(super) lease: Lease,
    /// [`HANDED_OUT`], [`OTHER_WRITER`], [`OFF_LANE`], [`WHILE_PANICKING`], and the numbers of lost attributes and events.
    marks: AtomicU32,
}

/// The span's context was handed out.
const HANDED_OUT: u32 = 1 << 31;
/// Another thread wrote to the span. From then on the writes of its own thread have a clock reading too.
const OTHER_WRITER: u32 = 1 << 15;
/// The span started while its thread was panicking already.
const WHILE_PANICKING: u32 = 1 << 30;
/// A poll of the span's future left it open, so that the span doesn't occupy a thread.
const OFF_LANE: u32 = 1 << 14;
/// What is no number.
const MARKS: u32 = HANDED_OUT | OTHER_WRITER | OFF_LANE | WHILE_PANICKING;
/// The lowest bit of the number of lost events. The number of lost attributes is below it.
const EVENTS_SHIFT: u32 = 16;
/// The largest number of each that can be counted: 14 bits.
const MAX_LOST: u32 = 0x3fff;

impl Span {
    #[inline(always)]
    pub(super) fn recorded(cx: Context, lease: Lease) -> Self {
        Self { cx, lease, marks: AtomicU32::new(0) }
    }

    /// A non-recording span that hands on this context.
    #[inline(always)]
    pub(super) fn not_recorded(cx: Context) -> Self {
        Self::recorded(cx, 0)
    }

    /// Flags and aux of the End record.
    #[inline(always)]
    pub(super) fn end_marks(&self) -> (u16, u32) {
        match self.marks.load(Ordering::Relaxed) {
            0 => (0, 0),
            marks => (Self::end_flags(marks), marks & !MARKS),
        }
    }

    fn end_flags(marks: u32) -> u16 {
        let flag = |mark, flag| if marks & mark != 0 { flag } else { 0 };
        flag(HANDED_OUT, End::ESCAPED) | flag(OTHER_WRITER, End::WRITTEN) | flag(OFF_LANE, End::OFF_LANE)
    }

    /// Whether the span is marked as written by another thread.
    #[inline(always)]
    pub(super) fn is_touched(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & OTHER_WRITER != 0
    }

    /// The same span, marked as started while its thread was panicking.
    pub(super) fn while_panicking(self) -> Self {
        self.marks.fetch_or(WHILE_PANICKING, Ordering::Relaxed);
        self
    }

    /// Whether the span started while its thread was panicking already, in a destructor, and no later panic is known to have
    /// ended it.
    pub(super) fn is_while_panicking(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & WHILE_PANICKING != 0
    }

    /// A panic ends the span, also if it started while its thread was panicking.
    #[cold]
    pub(super) fn unwound(&self) {
        self.marks.fetch_and(!WHILE_PANICKING, Ordering::Relaxed);
    }

    /// Marks the span's context as handed out.
    #[inline]
    pub(super) fn hand_out(&self) {
        if self.marks.load(Ordering::Relaxed) & HANDED_OUT == 0 {
            self.marks.fetch_or(HANDED_OUT, Ordering::Relaxed);
        }
    }

    /// Marks the span as handed out if another thread than its own uses it, as its `lease` shows.
    #[inline(always)]
    pub(super) fn used_under(&self, lease: Lease) {
        if lease != self.lease {
            self.hand_out();
        }
    }

    /// Marks the span as one that doesn't occupy a thread.
    #[cfg(feature = "async")]
    pub(super) fn leave_lane(&self) {
        if self.marks.load(Ordering::Relaxed) & OFF_LANE == 0 {
            self.marks.fetch_or(OFF_LANE, Ordering::Relaxed);
        }
    }

    /// Marks the span as written by another thread, if the record had to be stamped.
    pub(super) fn touch(&self, is_stamped: bool) {
        if is_stamped {
            self.marks.fetch_or(OTHER_WRITER, Ordering::Relaxed);
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

    /// The handle for children on any thread. Of a non-recording span, it is its nearest recorded ancestor's.
    ///
    /// What other threads set by this context before the span ends is in the span: the collector then delays the end until
    /// it has read what every thread recorded before.
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
