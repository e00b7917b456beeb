//! Sends requests, each in its span.

use crate::call::{Call, Options, Request, Response};
use crate::failure::Failure;
use crate::stream::{Chunk, Observed};
use async_openai::error::OpenAIError;
use async_openai::types::stream::StreamResponse;
use std::future::Future;

/// Calls for an answer in one piece.
pub(crate) async fn create<Q: Request, A: Response, F: Future<Output = Result<A, OpenAIError>>>(
    options: &Options,
    request: Q,
    send: impl FnOnce(Q) -> F,
) -> Result<A, OpenAIError> {
    let Some(mut call) = Call::begin(options, &request, false) else { return send(request).await };
    let result = call.send(send(request)).await;
    match &result {
        Ok(answer) => {
            answer.set_result(&mut call);
            if options.capture {
                answer.capture_output(call.span());
            }
        }
        Err(error) => call.fail(&Failure::of(error)),
    }
    call.complete();
    result
}

/// Calls for a stream of chunks, which keeps the span open until it ends.
pub(crate) async fn create_stream<Q: Request, T: Chunk, F: Future<Output = Result<StreamResponse<T>, OpenAIError>>>(
    options: &Options,
    request: Q,
    send: impl FnOnce(Q) -> F,
) -> Result<StreamResponse<T>, OpenAIError> {
    let Some(mut call) = Call::begin(options, &request, true) else { return send(request).await };
    match call.send(send(request)).await {
        Ok(chunks) => Ok(Box::pin(Observed::new(chunks, call, options.capture))),
        Err(error) => {
            call.fail(&Failure::of(&error));
            Err(error)
        }
    }
}
