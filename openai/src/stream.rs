//! [`Observed`]: a stream of chunks that keeps the span of its call open.

use crate::call::Call;
use crate::failure::Failure;
use async_openai::error::OpenAIError;
use async_openai::types::stream::StreamResponse;
use futures_core::Stream;
use heirloom_core::llm::{Level, Observation as _};
use heirloom_core::Span;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One item of a stream.
pub(crate) trait Chunk: Sized + Send + 'static {
    type Seen: Seen<Self>;
}

/// The state of a stream.
pub(crate) trait Seen<T>: Send + Unpin + 'static {
    /// `capture`: whether the output is captured.
    fn new(capture: bool) -> Self;
    /// Notes one chunk. Returns whether it has a part of the answer. Sets model and id if it is the first.
    fn see(&mut self, chunk: &T, call: &mut Call, is_first: bool) -> bool;
    /// Whether the server has reported that the answer is complete.
    fn is_complete(&self) -> bool;
    /// Sets usage, finish reasons and output, as far as they are known. Called once, last.
    fn set_result(&mut self, span: &Span);
}

/// Yields the chunks unchanged. The span ends with the stream.
pub(crate) struct Observed<T: Chunk> {
    chunks: StreamResponse<T>,
    /// `None` once the stream has ended.
    call: Option<Call>,
    seen: T::Seen,
    any_chunk: bool,
    any_token: bool,
}

impl<T: Chunk> Observed<T> {
    pub(crate) fn new(chunks: StreamResponse<T>, call: Call, capture: bool) -> Self {
        Self { chunks, call: Some(call), seen: T::Seen::new(capture), any_chunk: false, any_token: false }
    }

    fn note(&mut self, item: Option<&Result<T, OpenAIError>>) {
        let Some(call) = &mut self.call else { return };
        match item {
            Some(Ok(chunk)) => {
                let is_first = !std::mem::replace(&mut self.any_chunk, true);
                if is_first {
                    call.first_chunk();
                }
                if self.seen.see(chunk, call, is_first) && !std::mem::replace(&mut self.any_token, true) {
                    call.first_token();
                }
            }
            Some(Err(error)) => call.fail(&Failure::of(error)),
            None => self.end(),
        }
    }

    /// The server has nothing more to send.
    fn end(&mut self) {
        let Some(mut call) = self.call.take() else { return };
        self.seen.set_result(call.span());
        if !self.seen.is_complete() && !call.is_over() {
            call.span().level(Level::Warning).status_message("the stream ended before the answer was complete");
        }
        call.complete();
    }
}

impl<T: Chunk> Stream for Observed<T> {
    type Item = Result<T, OpenAIError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let scope = this.call.as_ref().map(|call| call.span().enter());
        let poll = this.chunks.as_mut().poll_next(task);
        drop(scope);
        if let Poll::Ready(item) = &poll {
            this.note(item.as_ref());
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.chunks.size_hint()
    }
}

impl<T: Chunk> Drop for Observed<T> {
    /// Records the chunks received so far. The call was cancelled, unless the answer is complete.
    fn drop(&mut self) {
        let Some(mut call) = self.call.take() else { return };
        self.seen.set_result(call.span());
        if self.seen.is_complete() {
            call.complete();
        }
    }
}
