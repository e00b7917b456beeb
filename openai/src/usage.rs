//! Counts of tokens, under OpenTelemetry's names. OpenAI's counts include each other as OpenTelemetry's do
//! ([`Usage`](heirloom_core::llm::Usage)), so they are recorded as they are.

use async_openai::types::chat::CompletionUsage;
use async_openai::types::responses::ResponseUsage;
use heirloom_core::llm::keys;
use heirloom_core::Span;

const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
const CACHE_CREATION: &str = "gen_ai.usage.cache_creation.input_tokens";
const REASONING: &str = "gen_ai.usage.reasoning.output_tokens";

/// Sets a count that the server may leave out.
fn set_if_known(span: &Span, key: &'static str, count: Option<impl Into<i64>>) {
    if let Some(count) = count {
        span.set(key, count.into());
    }
}

/// Sets the usage of a chat completion or a legacy completion.
pub(crate) fn set(span: &Span, usage: &CompletionUsage) {
    span.set(keys::INPUT_TOKENS, usage.prompt_tokens).set(keys::OUTPUT_TOKENS, usage.completion_tokens);
    span.set(keys::TOTAL_TOKENS, usage.total_tokens);
    if let Some(details) = &usage.prompt_tokens_details {
        set_if_known(span, CACHE_READ, details.cached_tokens);
        set_if_known(span, CACHE_CREATION, details.cache_write_tokens);
        set_if_known(span, "gen_ai.usage.audio.input_tokens", details.audio_tokens);
        set_if_known(span, "gen_ai.usage.text.input_tokens", details.text_tokens);
        set_if_known(span, "gen_ai.usage.image.input_tokens", details.image_tokens);
    }
    if let Some(details) = &usage.completion_tokens_details {
        set_if_known(span, REASONING, details.reasoning_tokens);
        set_if_known(span, "gen_ai.usage.audio.output_tokens", details.audio_tokens);
        set_if_known(span, "gen_ai.usage.text.output_tokens", details.text_tokens);
        set_if_known(span, "gen_ai.usage.accepted_prediction", details.accepted_prediction_tokens);
        set_if_known(span, "gen_ai.usage.rejected_prediction", details.rejected_prediction_tokens);
    }
}

/// Sets the usage of a response of the Responses API.
pub(crate) fn set_of_response(span: &Span, usage: &ResponseUsage) {
    span.set(keys::INPUT_TOKENS, usage.input_tokens).set(keys::OUTPUT_TOKENS, usage.output_tokens);
    span.set(keys::TOTAL_TOKENS, usage.total_tokens).set(CACHE_READ, usage.input_tokens_details.cached_tokens);
    set_if_known(span, CACHE_CREATION, usage.input_tokens_details.cache_write_tokens);
    span.set(REASONING, usage.output_tokens_details.reasoning_tokens);
}
