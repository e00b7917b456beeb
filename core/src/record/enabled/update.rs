//! [`Update`]: writes to an open span that is known by its context alone.

use super::Span;
use crate::context::{REMOTE, SAMPLED, TRANSPARENT};
use crate::thread::{self, Lease};
use crate::unplaced::{NoShard, UNPLACED};
use crate::{pipeline, Context, UpdateError};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stands for the lease of whoever began the span: no thread has it, so every write counts as another thread's.
const SOMEBODYS: Lease = thread::NO_LEASE;

/// Whether an attribute, a status or a name was ever set by a context. From then on what is set on a [`Span`] carries a
/// clock reading too, so that the later of both wins. Events and links don't count: they come beside what is there.
static UPDATED: AtomicBool = AtomicBool::new(false);

#[inline(always)]
pub(super) fn were_any() -> bool {
    UPDATED.load(Ordering::Relaxed)
}

/// Whether this is an [`Update`]'s.
#[inline(always)]
pub(super) fn is_of(span: &Span) -> bool {
    span.lease == SOMEBODYS
}

/// Notes that this span's attribute, status or name is about to be set, if it is set by its context: before the clock is
/// read for that, so that whoever writes after it knows.
#[inline]
pub(super) fn sets(span: &Span) {
    if is_of(span) && !were_any() {
        UPDATED.store(true, Ordering::Relaxed);
    }
}

/// An open span that is known by its context: for code that has no [`Span`] at hand, on whatever thread.
///
/// It has the methods of a [`Span`] (it derefs to one), but it doesn't end the span. Everything that is set carries a clock
/// reading, and of two values of one attribute the later wins, whoever set them. What is written before the span's end is in
/// it; what comes later is counted in the ledger as `late`.
///
/// Where there is nothing to update it has the same methods, and what is set is lost: counted in the ledger as
/// `missed_updates` if there was no span at all. [`Context::try_update`] says so instead.
///
/// Cost: making one costs no clock read, lock or allocation; each write one clock read and one record. Once one has set an
/// attribute, a status or a name, whatever is set on a [`Span`] of the process costs a clock read too.
///
/// ```
/// use heirloom_core::{in_root, testing, Context};
/// fn deep_inside(bytes: usize) {
///     Context::current().update().set("bytes", bytes); // the caller's span
/// }
/// testing::run(|t| {
///     in_root("load", |_| deep_inside(512));
///     assert_eq!(t.spans()[0].attributes[0].1.as_i64(), Some(512));
/// });
/// ```
#[must_use = "an update does nothing until something is set on it"]
pub struct Update(ManuallyDrop<Span>);

impl Update {
    fn of(cx: Context) -> Self {
        Self(ManuallyDrop::new(Span::recorded(cx, SOMEBODYS)))
    }

    fn nothing(cx: Context) -> Self {
        Self(ManuallyDrop::new(Span::not_recorded(cx)))
    }
}

impl Deref for Update {
    type Target = Span;

    #[inline]
    fn deref(&self) -> &Span {
        &self.0
    }
}

impl Drop for Update {
    fn drop(&mut self) {
        let (_, lost) = self.0.end_marks();
        UNPLACED.add(NoShard::UpdateLost, u64::from(lost & 0xffff) + u64::from(lost >> 16));
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Update({:?})", self.0)
    }
}

/// The context with its tracer, if the span that it stands for can be written to from here.
pub(super) fn writable(cx: Context) -> Result<Context, UpdateError> {
    if !cx.is_valid() {
        UNPLACED.count(NoShard::NoSpan);
        return Err(UpdateError::NoSpan);
    }
    if cx.has(TRANSPARENT) {
        return Err(UpdateError::Transparent);
    }
    if !cx.has(SAMPLED) {
        return Err(UpdateError::NotSampled);
    }
    match cx.tracer {
        0 => match super::scope::ambient_tracer(thread::state()) {
            0 => Err(UpdateError::NoTracer),
            tracer => Ok(Context { tracer, ..cx }),
        },
        _ => Ok(cx),
    }
}

/// The same, where the span must be this process's own.
fn own(cx: Context) -> Result<Context, UpdateError> {
    let cx = writable(cx)?;
    // A child may not write to its parent's spans; the parent finds out for itself which spans are open.
    let region = if cx.has(REMOTE) { pipeline::find(cx.tracer).and_then(|tracer| tracer.parent.clone()) } else { None };
    match region {
        Some(region) if !region.owns(cx.span.0) => Err(UpdateError::Elsewhere),
        _ => Ok(cx),
    }
}

impl Context {
    /// The span that this context stands for, to write to it: for code that has no [`Span`] at hand.
    #[inline]
    pub fn update(self) -> Update {
        self.try_update().unwrap_or_else(|_| Update::nothing(self))
    }

    /// As [`update`](Self::update), and says why if there is nothing to write to.
    ///
    /// # Errors
    /// The context is inert, its span isn't recorded, no tracer runs, or the span is the parent process's.
    ///
    /// ```
    /// use heirloom_core::{Context, UpdateError};
    /// assert_eq!(Context::current().try_update().err(), Some(UpdateError::NoSpan));
    /// ```
    pub fn try_update(self) -> Result<Update, UpdateError> {
        own(self).map(Update::of)
    }
}

impl Span {
    /// Whether another thread wrote to the span, as far as this one can know.
    #[inline(always)]
    pub(super) fn has_foreign_write(&self) -> bool {
        self.is_touched() || were_any()
    }
}
