//! The span of something that is polled: a future or a stream.

use super::{mark, scope, Span};
use crate::clock::stopwatch::{self, Measured, Stopwatch};
use crate::export::marks::POLLS;
use std::mem::needs_drop;
use std::pin::Pin;

/// A span that is current during each poll, and ends with what is polled. Any thread may poll, one at a time.
#[derive(Debug)]
pub(crate) struct Polled {
    span: Span,
    /// Measures while the span is open; `None` if the measurements aren't wanted.
    watch: Option<Stopwatch>,
    polls: u64,
    /// Items so far, of a stream; `None` for a future.
    items: Option<u64>,
}

/// Ends the span if the poll panics.
struct Poll<'a> {
    polled: &'a mut Polled,
    /// The clock's value when the poll began, if polls are timed.
    from: u64,
}

impl Polled {
    #[inline]
    pub(crate) fn future(span: Span, timed: bool) -> Self {
        let watch = (timed && span.is_recording()).then(Stopwatch::start);
        Self { span, watch, polls: 0, items: None }
    }

    #[cfg(feature = "stream")]
    #[inline]
    pub(crate) fn stream(span: Span, timed: bool) -> Self {
        Self { items: Some(0), ..Self::future(span, timed) }
    }

    #[inline]
    pub(crate) fn untimed(&mut self) {
        self.watch = None;
    }

    #[inline]
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Runs one poll with the span current. `is_over` tells from its result whether it was the last one; it runs while
    /// the span is open.
    #[inline]
    pub(crate) fn poll<R>(&mut self, poll: impl FnOnce() -> R, is_over: impl FnOnce(&Span, &R) -> bool) -> R {
        let from = if self.watch.is_some() { stopwatch::now() } else { 0 };
        let this = Poll { polled: self, from };
        let scope = scope::enter_span(&this.polled.span);
        let result = poll();
        drop(scope);
        let over = is_over(&this.polled.span, &result);
        this.returned(over);
        result
    }

    /// Counts one item that came out of a stream.
    #[cfg(feature = "stream")]
    #[inline]
    pub(crate) fn count_item(&mut self) {
        self.items = self.items.map(|n| n + 1);
    }

    /// Drops what is polled, with the span current during its destructors.
    #[inline]
    pub(crate) fn dropped<F>(&mut self, mut inner: Pin<&mut Option<F>>) {
        if self.span.is_recording() {
            self.span.set("heirloom.cancelled", true);
        }
        let scope = needs_drop::<F>().then(|| scope::enter_span(&self.span));
        inner.set(None);
        drop(scope);
        if self.span.is_recording() {
            self.end(if self.watch.is_some() { stopwatch::now() } else { 0 });
        }
    }

    /// Ends the span. Later polls still run in its context.
    fn end(&mut self, now: u64) {
        if let Some(watch) = self.watch.take() {
            let Measured { inside_ns, outside_ns } = watch.measured(now);
            self.span.set("heirloom.busy_ns", inside_ns).set("heirloom.idle_ns", outside_ns);
        }
        self.span.set(POLLS, self.polls);
        if let Some(items) = self.items {
            self.span.set("heirloom.items", items);
        }
        self.span.end_in_place();
    }

    /// The same for a future that was ready at its first poll: it has no polls worth recording.
    #[inline]
    fn end_at_once(&mut self) {
        self.watch = None;
        self.span.end_in_place();
    }
}

impl Poll<'_> {
    #[inline]
    fn returned(mut self, over: bool) {
        self.count(over);
        std::mem::forget(self);
    }

    #[inline]
    fn count(&mut self, over: bool) {
        let polled = &mut *self.polled;
        polled.polls += 1;
        if !over {
            polled.span.leave_lane();
        }
        if over && polled.polls == 1 && polled.items.is_none() {
            return polled.end_at_once();
        }
        let mut now = 0;
        if let Some(watch) = &mut polled.watch {
            now = stopwatch::now();
            watch.add(self.from, now);
            mark::polled(&polled.span, self.from, now);
        }
        if over && polled.span.is_recording() {
            polled.end(now);
        }
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.polled.span.unwound();
        self.count(true);
    }
}
