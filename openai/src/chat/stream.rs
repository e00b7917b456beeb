//! The state of a stream of chat chunks.

use super::message::Messages;
use crate::attribute::{self, set_name};
use crate::call::Call;
use crate::stream::{Chunk, Seen};
use crate::usage;
use async_openai::types::chat::{
    ChatCompletionStreamResponseDelta, CompletionUsage, CreateChatCompletionStreamResponse, FinishReason,
};
use heirloom_core::llm::Observation as _;
use heirloom_core::Span;

impl Chunk for CreateChatCompletionStreamResponse {
    type Seen = SeenChat;
}

#[derive(Debug)]
pub(crate) struct SeenChat {
    /// The choices that have started, each with its finish reason.
    choices: Vec<(u32, Option<FinishReason>)>,
    /// The last usage: with `include_usage` it is that of the whole answer.
    usage: Option<CompletionUsage>,
    /// `None` if the output isn't captured.
    messages: Option<Messages>,
}

impl Seen<CreateChatCompletionStreamResponse> for SeenChat {
    fn new(capture: bool) -> Self {
        Self { choices: Vec::new(), usage: None, messages: capture.then(Messages::new) }
    }

    fn see(&mut self, chunk: &CreateChatCompletionStreamResponse, call: &mut Call, is_first: bool) -> bool {
        if is_first {
            call.span().response_model(&chunk.model).set("gen_ai.response.id", &chunk.id);
            set_name(call.span(), "openai.response.service_tier", chunk.service_tier.as_ref());
        }
        if let Some(usage) = &chunk.usage {
            self.usage = Some(usage.clone());
        }
        for choice in &chunk.choices {
            self.note_choice(choice.index, choice.finish_reason);
            if let Some(messages) = &mut self.messages {
                messages.append(choice);
            }
        }
        chunk.choices.iter().any(|choice| has_token(&choice.delta))
    }

    fn is_complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|(_, reason)| reason.is_some())
    }

    fn set_result(&mut self, span: &Span) {
        attribute::set_finish_reasons(
            span,
            self.choices.iter().filter_map(|(_, reason)| attribute::name(reason.as_ref()?)),
        );
        if let Some(tokens) = &self.usage {
            usage::set(span, tokens);
        }
        if let Some(messages) = self.messages.take().filter(|messages| !messages.is_empty()) {
            span.output(&messages);
        }
    }
}

impl SeenChat {
    fn note_choice(&mut self, index: u32, reason: Option<FinishReason>) {
        match self.choices.iter_mut().find(|(known, _)| *known == index) {
            Some((_, known)) => *known = reason.or(*known),
            None => self.choices.push((index, reason)),
        }
    }
}

/// Whether a chunk has a part of the answer. The first one often has only the role.
fn has_token(delta: &ChatCompletionStreamResponseDelta) -> bool {
    let has_text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    #[expect(deprecated, reason = "older models and compatible servers answer with it")]
    let function_call = delta.function_call.is_some();
    has_text(&delta.content) || has_text(&delta.refusal) || delta.tool_calls.is_some() || function_call
}
