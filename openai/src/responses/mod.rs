//! The Responses API.

mod stream;

use crate::attribute::{self, set_name};
use crate::call::{self, Api, Call, Request};
use crate::failure::Failure;
use crate::send;
use crate::traced::Traced;
use crate::usage;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::responses::{
    ConversationParam, CreateResponse, InputParam, Response, ResponseStream, Status, TextResponseFormatConfiguration,
};
use async_openai::Responses;
use heirloom_core::llm::{Observation as _, ObservationType};
use heirloom_core::Span;
use serde::Serialize;

impl<C: Config> Traced<Responses<'_, C>> {
    /// As [`Responses::create`], in a span.
    ///
    /// # Errors
    /// As [`Responses::create`].
    pub async fn create(&self, request: CreateResponse) -> Result<Response, OpenAIError> {
        send::create(&self.options, request, |request| self.group.create(request)).await
    }

    /// As [`Responses::create_stream`], in a span that ends with the stream.
    ///
    /// # Errors
    /// As [`Responses::create_stream`].
    pub async fn create_stream(&self, request: CreateResponse) -> Result<ResponseStream, OpenAIError> {
        send::create_stream(&self.options, request, |request| self.group.create_stream(request)).await
    }
}

impl Request for CreateResponse {
    const API: Api = Api { operation: "chat", api_type: Some("responses"), observation: ObservationType::Generation };

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn set_parameters(&self, span: &Span) {
        span.set("gen_ai.request.temperature", self.temperature);
        span.set("gen_ai.request.top_p", self.top_p);
        span.set("gen_ai.request.max_tokens", self.max_output_tokens);
        let effort = self.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_ref());
        set_name(span, "gen_ai.request.reasoning_effort", effort);
        set_name(span, "openai.request.service_tier", self.service_tier.as_ref());
        let conversation = self.conversation.as_ref().map(|conversation| match conversation {
            ConversationParam::ConversationID(id) => id,
            ConversationParam::Object(conversation) => &conversation.id,
        });
        span.set("gen_ai.conversation.id", conversation);
        span.set("gen_ai.output.type", self.text.as_ref().map(|text| output_type(&text.format)));
    }

    /// The input; with `instructions`, an object of both.
    fn capture_input(&self, span: &Span) {
        match &self.instructions {
            None => span.input(&self.input),
            Some(instructions) => span.input(&Instructed { instructions, input: &self.input }),
        };
    }
}

#[derive(Serialize)]
struct Instructed<'a> {
    instructions: &'a str,
    input: &'a InputParam,
}

fn output_type(format: &TextResponseFormatConfiguration) -> &'static str {
    match format {
        TextResponseFormatConfiguration::Text => "text",
        TextResponseFormatConfiguration::JsonObject | TextResponseFormatConfiguration::JsonSchema(_) => "json",
    }
}

impl call::Response for Response {
    fn set_result(&self, call: &mut Call) {
        set_identity(self, call.span());
        set_end(self, call);
    }

    fn capture_output(&self, span: &Span) {
        span.output(&self.output);
    }
}

/// Sets the attributes that are known when the response is created.
fn set_identity(response: &Response, span: &Span) {
    span.response_model(&response.model).set("gen_ai.response.id", &response.id);
}

/// Sets the attributes that are known when the response has ended.
fn set_end(response: &Response, call: &mut Call) {
    let span = call.span();
    set_name(span, "openai.response.service_tier", response.service_tier.as_ref());
    attribute::set_finish_reasons(span, finish_reason(response).into_iter());
    if let Some(tokens) = &response.usage {
        usage::set_of_response(span, tokens);
    }
    if response.status == Status::Failed {
        let code = response.error.as_ref().and_then(|error| attribute::name(&error.code));
        call.fail(&Failure::reported(code.as_deref()));
    }
}

/// The reason why the answer is incomplete, else its status. `None` while the model works.
fn finish_reason(response: &Response) -> Option<String> {
    match (&response.status, &response.incomplete_details) {
        (Status::Queued | Status::InProgress, _) => None,
        (Status::Incomplete, Some(details)) => Some(details.reason.clone()),
        (status, _) => attribute::name(status),
    }
}
