//! [`Call`]: the span of one call, from the request to the last byte of the answer.

use crate::failure::Failure;
use crate::server::Server;
use heirloom_core::future::FutureExt as _;
use heirloom_core::llm::{keys, Observation as _, ObservationType};
use heirloom_core::{Context, Span, SpanKind};
use std::future::Future;
use std::time::Instant;

/// The settings of a traced call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The parent; `None` is the context that is current when the call's future is first polled.
    pub(crate) parent: Option<Context>,
    /// Whether inputs and outputs are captured.
    pub(crate) capture: bool,
    /// The server of the requests, if it is known.
    pub(crate) server: Option<Server>,
}

/// One of OpenAI's operations, in OpenTelemetry's terms.
pub(crate) struct Api {
    /// `gen_ai.operation.name`.
    pub(crate) operation: &'static str,
    /// `openai.api.type`, if there is one.
    pub(crate) api_type: Option<&'static str>,
    pub(crate) observation: ObservationType,
}

/// A request.
pub(crate) trait Request {
    const API: Api;
    /// The model, if the request names one.
    fn model(&self) -> Option<&str>;
    /// Sets the parameters of the model.
    fn set_parameters(&self, span: &Span);
    /// Captures the input.
    fn capture_input(&self, span: &Span);
}

/// An answer in one piece.
pub(crate) trait Response {
    /// Sets model, id, finish reasons and usage. Notes a failure that the answer reports.
    fn set_result(&self, call: &mut Call);
    /// Captures the output.
    fn capture_output(&self, span: &Span);
}

/// The span of a call that isn't over. If it is dropped before the call is complete, the call was cancelled.
#[derive(Debug)]
pub(crate) struct Call {
    span: Span,
    /// The time of the request, for a stream.
    issued: Option<Instant>,
    /// Whether the call is complete or has failed.
    over: bool,
}

impl Call {
    /// Starts the span and sets the request's attributes. `None` if it isn't recorded.
    pub(crate) fn begin<Q: Request>(options: &Options, request: &Q, stream: bool) -> Option<Self> {
        let parent = options.parent.unwrap_or_else(Context::current);
        let span = parent.build(Q::API.operation).kind(SpanKind::Client).start();
        if !span.is_recording() {
            return None;
        }
        span.set(keys::OBSERVATION_TYPE, Q::API.observation.name());
        span.set(keys::OPERATION, Q::API.operation).set("gen_ai.provider.name", "openai");
        if let Some(api_type) = Q::API.api_type {
            span.set("openai.api.type", api_type);
        }
        if let Some(model) = request.model() {
            span.rename([Q::API.operation, " ", model].concat()).model(model);
        }
        if stream {
            span.set("gen_ai.request.stream", true);
        }
        if let Some(server) = &options.server {
            server.set(&span);
        }
        request.set_parameters(&span);
        if options.capture {
            request.capture_input(&span);
        }
        Some(Self { span, issued: stream.then(Instant::now), over: false })
    }

    /// Sends the request. The span's context is current during each poll.
    pub(crate) async fn send<F: Future>(&self, sending: F) -> F::Output {
        let sending = sending.in_context(&self.span);
        #[cfg(not(feature = "middleware"))]
        let output = sending.await;
        #[cfg(feature = "middleware")]
        let (output, attempts) = crate::attempts::counted(sending).await;
        #[cfg(feature = "middleware")]
        if attempts > 1 {
            self.span.set("http.request.resend_count", attempts - 1);
        }
        output
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The first chunk of a stream came.
    pub(crate) fn first_chunk(&self) {
        if let Some(issued) = self.issued {
            self.span.set("gen_ai.response.time_to_first_chunk", issued.elapsed().as_secs_f64());
        }
    }

    /// The first chunk with a part of the answer came.
    pub(crate) fn first_token(&self) {
        self.span.completion_start_now();
    }

    pub(crate) fn fail(&mut self, failure: &Failure<'_>) {
        failure.set(&self.span);
        self.over = true;
    }

    /// Whether it failed or is complete.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    pub(crate) fn complete(&mut self) {
        self.over = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A panic ends the span as an error. It isn't a cancellation.
        if !self.over && !std::thread::panicking() {
            self.span.set("heirloom.cancelled", true);
        }
    }
}
