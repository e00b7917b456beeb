//! Legacy completions.

use crate::attribute::{self, set_stop};
use crate::call::{Api, Call, Request, Response};
use crate::kept::Room;
use crate::send;
use crate::stream::{Chunk, Seen};
use crate::traced::Traced;
use crate::usage;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{CompletionFinishReason, CompletionUsage};
use async_openai::types::completions::{CompletionResponseStream, CreateCompletionRequest, CreateCompletionResponse};
use async_openai::Completions;
use heirloom_core::llm::{Observation as _, ObservationType};
use heirloom_core::Span;

impl<C: Config> Traced<Completions<'_, C>> {
    /// As [`Completions::create`], in a span.
    ///
    /// # Errors
    /// As [`Completions::create`].
    pub async fn create(&self, request: CreateCompletionRequest) -> Result<CreateCompletionResponse, OpenAIError> {
        send::create(&self.options, request, |request| self.group.create(request)).await
    }

    /// As [`Completions::create_stream`], in a span that ends with the stream.
    ///
    /// # Errors
    /// As [`Completions::create_stream`].
    pub async fn create_stream(
        &self,
        request: CreateCompletionRequest,
    ) -> Result<CompletionResponseStream, OpenAIError> {
        send::create_stream(&self.options, request, |request| self.group.create_stream(request)).await
    }
}

impl Request for CreateCompletionRequest {
    const API: Api = Api { operation: "text_completion", api_type: None, observation: ObservationType::Generation };

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn set_parameters(&self, span: &Span) {
        span.set("gen_ai.request.temperature", self.temperature);
        span.set("gen_ai.request.top_p", self.top_p);
        span.set("gen_ai.request.frequency_penalty", self.frequency_penalty);
        span.set("gen_ai.request.presence_penalty", self.presence_penalty);
        span.set("gen_ai.request.max_tokens", self.max_tokens);
        span.set("gen_ai.request.seed", self.seed);
        span.set("gen_ai.request.choice.count", self.n);
        set_stop(span, self.stop.as_ref());
    }

    fn capture_input(&self, span: &Span) {
        span.input(&self.prompt);
    }
}

impl Response for CreateCompletionResponse {
    fn set_result(&self, call: &mut Call) {
        let span = call.span();
        span.response_model(&self.model).set("gen_ai.response.id", &self.id);
        let reasons = self.choices.iter().filter_map(|choice| attribute::name(choice.finish_reason.as_ref()?));
        attribute::set_finish_reasons(span, reasons);
        if let Some(tokens) = &self.usage {
            usage::set(span, tokens);
        }
    }

    fn capture_output(&self, span: &Span) {
        output(span, self.choices.iter().map(|choice| choice.text.as_str()));
    }
}

/// Captures the text; a list of them if there are several choices.
fn output<'a>(span: &Span, texts: impl Iterator<Item = &'a str>) {
    match &texts.collect::<Vec<_>>()[..] {
        [only] => span.output(only),
        texts => span.output(texts),
    };
}

impl Chunk for CreateCompletionResponse {
    type Seen = SeenCompletion;
}

#[derive(Debug)]
pub(crate) struct SeenCompletion {
    choices: Vec<Choice>,
    usage: Option<CompletionUsage>,
    /// `None` if the output isn't captured.
    room: Option<Room>,
}

/// A choice that has started.
#[derive(Debug)]
struct Choice {
    index: u32,
    reason: Option<CompletionFinishReason>,
    text: String,
}

impl SeenCompletion {
    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, reason: None, text: String::new() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }
}

impl Seen<CreateCompletionResponse> for SeenCompletion {
    fn new(capture: bool) -> Self {
        Self { choices: Vec::new(), usage: None, room: capture.then(Room::new) }
    }

    fn see(&mut self, chunk: &CreateCompletionResponse, call: &mut Call, is_first: bool) -> bool {
        if is_first {
            call.span().response_model(&chunk.model).set("gen_ai.response.id", &chunk.id);
        }
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        for part in &chunk.choices {
            let mut room = self.room.take();
            let choice = self.choice(part.index);
            choice.reason = part.finish_reason.or(choice.reason);
            if let Some(room) = &mut room {
                room.append(&mut choice.text, &part.text);
            }
            self.room = room;
        }
        chunk.choices.iter().any(|part| !part.text.is_empty())
    }

    fn is_complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.reason.is_some())
    }

    fn set_result(&mut self, span: &Span) {
        let reasons = self.choices.iter().filter_map(|choice| attribute::name(choice.reason.as_ref()?));
        attribute::set_finish_reasons(span, reasons);
        if let Some(tokens) = &self.usage {
            usage::set(span, tokens);
        }
        if self.room.is_some() && !self.choices.is_empty() {
            output(span, self.choices.iter().map(|choice| choice.text.as_str()));
        }
    }
}
