//! The base of all adapters: they take a [`Context`] where a job is submitted, and enter it where the job runs.

use heirloom_core::mark::{self, FanOut, StageKind, Stamp};
use heirloom_core::{Context, Name, Span};
use std::borrow::Cow;
use std::time::Instant;

/// Whether recording is compiled out. Then a [`Span`] has no size, and adapters skip all other work for the trace too.
pub(crate) const COMPILED_OUT: bool = std::mem::size_of::<Span>() == 0;

/// The name of an adapter's spans.
#[derive(Clone, Debug)]
pub(crate) struct JobName(Cow<'static, str>);

impl JobName {
    /// Copies the text once, if it is neither static nor owned.
    pub(crate) fn new<'n>(name: impl Into<Name<'n>>) -> Self {
        Self(name.into().into())
    }

    /// The name for one span. Never allocates.
    #[inline]
    pub(crate) fn get(&self) -> Name<'_> {
        match &self.0 {
            Cow::Borrowed(text) => Name::from(*text),
            Cow::Owned(text) => Name::dynamic(text),
        }
    }
}

/// A job that waits until a thread or a pool runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued(Stamp);

impl Queued {
    /// The job is submitted now.
    #[inline]
    pub(crate) fn now() -> Self {
        Self(mark::stamp())
    }

    /// The job begins: records on its span when it was submitted.
    #[inline]
    pub(crate) fn begun(self, span: &Span) {
        if !COMPILED_OUT && span.is_recording() {
            mark::stage(span.context(), StageKind::Submitted, self.0, 0);
        }
    }

    /// The same for a background job: the span of `by` submitted it, and doesn't wait for it.
    fn begun_by(self, span: &Span, by: Context) {
        if !COMPILED_OUT && span.is_recording() {
            mark::submitted(span.context(), self.0, by);
        }
    }
}

/// No fan-out: the spans are plain children of `cx`.
pub(crate) fn no_fan(cx: Context) -> FanOut {
    FanOut::with_id(cx, 0)
}

/// As [`Queued`], for a job whose span has the attribute `heirloom.queue_ns` too: the time from the submission until the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submitted {
    queued: Queued,
    /// `None` if nothing records.
    at: Option<Instant>,
}

impl Submitted {
    pub(crate) fn now() -> Self {
        Self { queued: Queued::now(), at: (!COMPILED_OUT).then(Instant::now) }
    }

    pub(crate) fn begun(self, span: &Span) {
        self.write(span);
        self.queued.begun(span);
    }

    /// As [`Queued::begun_by`].
    pub(crate) fn begun_by(self, span: &Span, by: Context) {
        self.write(span);
        self.queued.begun_by(span, by);
    }

    fn write(self, span: &Span) {
        if let Some(at) = self.at {
            span.set("heirloom.queue_ns", at.elapsed().as_nanos());
        }
    }
}

/// A submitted closure. It runs in a new span, whose context is current meanwhile.
#[inline]
pub(crate) fn queued<'f, F, R>(fan: FanOut, name: JobName, f: F) -> impl FnOnce() -> R + 'f
where
    F: FnOnce(&Span) -> R + 'f,
{
    let queued = Queued::now();
    move || {
        fan.in_span(name.get(), |span| {
            queued.begun(span);
            f(span)
        })
    }
}

/// The parent of a scope's jobs. A span's context is taken only when it is needed, because a span whose context was never handed
/// out can be exported as soon as it has ended.
#[cfg(any(feature = "rayon", feature = "crossbeam"))]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent<'a> {
    Context(Context),
    Span(&'a Span),
}

#[cfg(any(feature = "rayon", feature = "crossbeam"))]
impl Parent<'_> {
    pub(crate) fn context(self) -> Context {
        match self {
            Parent::Context(cx) => cx,
            Parent::Span(span) => span.context(),
        }
    }
}

/// Wraps a closure so that `cx` is current while it runs, on any thread.
///
/// It is for pools without an adapter here: the returned closure can be passed to any function that takes one. It is `Send` and
/// `'static` if `f` is. It records no span; [`carry_in_span`] does. If the compiler reports that the closure borrows from the span
/// (for example when it is returned), pass `span.context()`.
///
/// A panic passes through unchanged. Afterwards the thread has the context that was current before.
///
/// Cost: two writes to a thread-local when it runs. No clock read, lock or allocation.
///
/// ```
/// use heirloom_core::Context;
/// use heirloom_pool::carry;
/// let (jobs, queue) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
/// let pool = std::thread::spawn(move || queue.into_iter().for_each(|job| job()));
/// heirloom_core::in_root("request", |root| {
///     let parent = root.context();
///     let job = carry(root, move || assert_eq!(Context::current(), parent));
///     jobs.send(Box::new(job)).unwrap();
/// });
/// drop(jobs);
/// pool.join().unwrap();
/// ```
pub fn carry<'f, F, R>(cx: impl Into<Context>, f: F) -> impl FnOnce() -> R + 'f
where
    F: FnOnce() -> R + 'f,
{
    let cx = cx.into();
    move || {
        let _current = cx.enter();
        f()
    }
}

/// Wraps a closure so that it runs in a new span, a child of `cx`, whose context is current meanwhile.
///
/// The span starts when the job starts to run, on the thread that runs it. So it doesn't include the time in a queue. The time of
/// this call is recorded beside it, as the time of the submission. A closure that is dropped without being called has no span.
///
/// A panic ends the span as an error and passes through unchanged.
///
/// Cost: a clock read for the submission; when it runs, one span (two clock reads, no lock, no allocation) and one mark.
///
/// ```
/// let job = heirloom_core::in_root("request", |root| {
///     heirloom_pool::carry_in_span(root.context(), "resize", |span| {
///         span.set("bytes", 12);
///         12
///     })
/// });
/// assert_eq!(std::thread::spawn(job).join().unwrap(), 12);
/// ```
pub fn carry_in_span<'f, 'n, F, R>(cx: impl Into<Context>, name: impl Into<Name<'n>>, f: F) -> impl FnOnce() -> R + 'f
where
    F: FnOnce(&Span) -> R + 'f,
{
    queued(no_fan(cx.into()), JobName::new(name), f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parent may be borrowed, and yet the job outlives it.
    fn detached(span: &Span) -> Box<dyn FnOnce() -> u8 + Send> {
        Box::new(carry(span, carry_in_span(span, String::from("job"), |_| 7)))
    }

    #[test]
    fn a_carried_job_outlives_the_span_it_was_made_from() {
        let job = heirloom_core::in_root("root", detached);
        let thread = std::thread::spawn(job);
        assert_eq!(thread.join().unwrap(), 7);
    }

    #[test]
    fn a_job_may_borrow_from_its_surroundings() {
        let text = String::from("borrowed");
        assert_eq!(carry(Context::INERT, || text.len())(), 8);
    }

    #[test]
    fn a_name_is_not_copied_for_each_span() {
        let text = String::from("stage 1");
        let address = text.as_ptr();
        assert_eq!(JobName::new(text).get().as_str().as_ptr(), address);
        let text = "stage";
        assert_eq!(JobName::new(text).get().as_str().as_ptr(), text.as_ptr());
    }
}
