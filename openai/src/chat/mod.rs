//! Chat completions.

mod message;
mod stream;

use crate::attribute::{self, set_name, set_stop};
use crate::call::{Api, Call, Request, Response};
use crate::send;
use crate::traced::Traced;
use crate::usage;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionResponseMessage, ChatCompletionResponseStream, CreateChatCompletionRequest,
    CreateChatCompletionResponse, ResponseFormat,
};
use async_openai::Chat;
use heirloom_core::llm::{Observation as _, ObservationType};
use heirloom_core::Span;

impl<C: Config> Traced<Chat<'_, C>> {
    /// As [`Chat::create`], in a span.
    ///
    /// # Errors
    /// As [`Chat::create`].
    pub async fn create(
        &self,
        request: CreateChatCompletionRequest,
    ) -> Result<CreateChatCompletionResponse, OpenAIError> {
        send::create(&self.options, request, |request| self.group.create(request)).await
    }

    /// As [`Chat::create_stream`], in a span that ends with the stream.
    ///
    /// Usage is known only if the request asks for it (`stream_options.include_usage`).
    ///
    /// # Errors
    /// As [`Chat::create_stream`].
    pub async fn create_stream(
        &self,
        request: CreateChatCompletionRequest,
    ) -> Result<ChatCompletionResponseStream, OpenAIError> {
        send::create_stream(&self.options, request, |request| self.group.create_stream(request)).await
    }
}

impl Request for CreateChatCompletionRequest {
    const API: Api =
        Api { operation: "chat", api_type: Some("chat_completions"), observation: ObservationType::Generation };

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn set_parameters(&self, span: &Span) {
        span.set("gen_ai.request.temperature", self.temperature);
        span.set("gen_ai.request.top_p", self.top_p);
        span.set("gen_ai.request.frequency_penalty", self.frequency_penalty);
        span.set("gen_ai.request.presence_penalty", self.presence_penalty);
        #[expect(deprecated, reason = "older models and compatible servers take it")]
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        span.set("gen_ai.request.max_tokens", max_tokens);
        #[expect(deprecated, reason = "servers take it")]
        span.set("gen_ai.request.seed", self.seed);
        span.set("gen_ai.request.choice.count", self.n);
        set_stop(span, self.stop.as_ref());
        set_name(span, "gen_ai.request.reasoning_effort", self.reasoning_effort.as_ref());
        set_name(span, "openai.request.service_tier", self.service_tier.as_ref());
        span.set("gen_ai.output.type", self.response_format.as_ref().map(output_type));
    }

    fn capture_input(&self, span: &Span) {
        span.input(&self.messages);
    }
}

fn output_type(format: &ResponseFormat) -> &'static str {
    match format {
        ResponseFormat::Text => "text",
        ResponseFormat::JsonObject | ResponseFormat::JsonSchema { .. } => "json",
    }
}

impl Response for CreateChatCompletionResponse {
    fn set_result(&self, call: &mut Call) {
        let span = call.span();
        span.response_model(&self.model).set("gen_ai.response.id", &self.id);
        set_name(span, "openai.response.service_tier", self.service_tier.as_ref());
        let reasons = self.choices.iter().filter_map(|choice| attribute::name(choice.finish_reason.as_ref()?));
        attribute::set_finish_reasons(span, reasons);
        if let Some(tokens) = &self.usage {
            usage::set(span, tokens);
        }
    }

    /// The message; a list of them if there are several choices.
    fn capture_output(&self, span: &Span) {
        match &self.choices[..] {
            [only] => span.output(&only.message),
            choices => {
                let messages: Vec<&ChatCompletionResponseMessage> = choices.iter().map(|c| &c.message).collect();
                span.output(&messages)
            }
        };
    }
}
