//! [`Update`]: writes to an open span of which only the context is known.

use super::Span;
use crate::context::{REMOTE, SAMPLED, TRANSPARENT};
use crate::pipeline::{self, by_context};
use crate::thread::{self, Lease};
use crate::unplaced::{NoShard, UNPLACED};
use crate::{Context, UpdateError};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

/// Replaces the lease of the thread that started the span. No thread has this one, so every write counts as another
/// thread's.
const NO_THREADS_LEASE: Lease = thread::NO_LEASE;

/// Whether an attribute, a status or a name was ever set by a context. From then on, writes to a [`Span`] have a clock
/// reading too, so that the later of both wins. Events and links don't count, because they replace nothing.
static UPDATED: AtomicBool = AtomicBool::new(false);

#[inline(always)]
pub(super) fn were_any() -> bool {
    UPDATED.load(Ordering::Relaxed)
}

/// Whether this is the span of an [`Update`].
#[inline(always)]
pub(super) fn is_of(span: &Span) -> bool {
    span.lease == NO_THREADS_LEASE
}

/// Called before an attribute, status or name is set. If it is set by its context, this marks it before the clock is
/// read, so that later writers see it.
#[inline]
pub(super) fn sets(span: &Span) {
    if is_of(span) && !were_any() {
        UPDATED.store(true, Ordering::Relaxed);
    }
}

/// An open span of which only the context is known: for code without the [`Span`], on any thread.
///
/// It has the methods of a [`Span`] (it derefs to one), but doesn't end the span. Every record of it has a clock reading,
/// and of two values of one attribute the later wins, from any thread. Writes before the span's end are in the span. The
/// ledger counts later ones as `late`.
///
/// If there is no span to update, it has the same methods and nothing is set. The ledger counts that as `missed_updates`
/// if there was no span at all. [`Context::try_update`] returns the reason.
///
/// Cost: making one costs no clock read, lock or allocation; each write costs one clock read and one record. Once one has
/// set an attribute, a status or a name, writes to each [`Span`] of the process cost a clock read too.
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
        by_context::note();
        Self(ManuallyDrop::new(Span::recorded(cx, NO_THREADS_LEASE)))
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

/// The context with its tracer, if this process can write to its span.
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

/// The same, for spans that belong to this process.
fn own(cx: Context) -> Result<Context, UpdateError> {
    let cx = writable(cx)?;
    // A child may not write to its parent's spans. In the parent, the collector finds the open spans itself.
    let region = if cx.has(REMOTE) { pipeline::find(cx.tracer).and_then(|tracer| tracer.parent.clone()) } else { None };
    match region {
        Some(region) if !region.owns(cx.span.0) => Err(UpdateError::Elsewhere),
        _ => Ok(cx),
    }
}

impl Context {
    /// The span of this context, to write to it: for code without the [`Span`].
    #[inline]
    pub fn update(self) -> Update {
        self.try_update().unwrap_or_else(|_| Update::nothing(self))
    }

    /// As [`update`](Self::update), and returns why if there is no span to write to.
    ///
    /// # Errors
    /// The context is invalid, its span isn't recorded, no tracer runs, or the span belongs to the parent process.
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
    /// Whether another thread may have written to the span, as far as this thread can see.
    #[inline(always)]
    pub(super) fn has_other_writer(&self) -> bool {
        self.is_touched() || were_any()
    }
}
