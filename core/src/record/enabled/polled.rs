//! The span of something that is polled: a future or a stream.

use super::{scope, Span};
use crate::clock::stopwatch::{self, Measured, Stopwatch};

/// A span that is current during each poll, and ends with what is polled. Whatever thread polls, there is one at a time.
#[derive(Debug)]
pub(crate) struct Polled {
    span: Span,
    /// Runs while the span is open; `None` if nobody wants to know.
    watch: Option<Stopwatch>,
    polls: u64,
    /// Of a stream.
    items: Option<u64>,
}

/// Ends the span if the poll panics.
struct Poll<'a> {
    polled: &'a mut Polled,
    since: Option<u64>,
    returned: bool,
}

impl Polled {
    pub(crate) fn future(span: Span) -> Self {
        // Other threads may poll it and write to it: its end waits for what they have written.
        let _ = span.context();
        let watch = span.is_recording().then(Stopwatch::start);
        Self { span, watch, polls: 0, items: None }
    }

    #[cfg(feature = "stream")]
    pub(crate) fn stream(span: Span) -> Self {
        Self { items: Some(0), ..Self::future(span) }
    }

    pub(crate) fn untimed(&mut self) {
        self.watch = None;
    }

    #[inline]
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Runs one poll with the span current.
    #[inline]
    pub(crate) fn poll<R>(&mut self, poll: impl FnOnce() -> R) -> R {
        let (cx, since) = (self.span.cx, self.watch.as_ref().map(|_| stopwatch::tick()));
        let mut this = Poll { polled: self, since, returned: false };
        let scope = scope::enter(cx);
        let result = poll();
        drop(scope);
        this.returned = true;
        result
    }

    /// One more item came out of a stream.
    #[cfg(feature = "stream")]
    #[inline]
    pub(crate) fn count_item(&mut self) {
        self.items = self.items.map(|n| n + 1);
    }

    /// It is done: ends the span. What is polled further keeps the context.
    #[inline]
    pub(crate) fn complete(&mut self) {
        if self.span.is_recording() {
            self.end();
        }
    }

    /// It is dropped, by `drop_it`, to whose destructors the span is current.
    pub(crate) fn dropped(&mut self, drop_it: impl FnOnce()) {
        if self.span.is_recording() {
            self.span.set("heirloom.cancelled", true);
        }
        let scope = scope::enter(self.span.cx);
        drop_it();
        drop(scope);
        self.complete();
    }

    fn end(&mut self) {
        let over = Span::not_recorded(self.span.cx);
        let span = std::mem::replace(&mut self.span, over);
        if let Some(Measured { inside_ns, outside_ns }) = self.watch.take().map(|watch| watch.measured()) {
            span.set("heirloom.busy_ns", inside_ns).set("heirloom.idle_ns", outside_ns);
        }
        span.set("heirloom.polls", self.polls);
        if let Some(items) = self.items {
            span.set("heirloom.items", items);
        }
    }
}

impl Drop for Poll<'_> {
    #[inline]
    fn drop(&mut self) {
        self.polled.polls += 1;
        if let (Some(watch), Some(since)) = (&mut self.polled.watch, self.since) {
            watch.add_since(since);
        }
        if !self.returned {
            self.polled.complete();
        }
    }
}
