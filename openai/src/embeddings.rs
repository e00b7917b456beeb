//! Embeddings.

use crate::call::{Api, Call, Request, Response};
use crate::send;
use crate::traced::Traced;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::types::embeddings::{
    CreateBase64EmbeddingResponse, CreateEmbeddingRequest, CreateEmbeddingResponse, EmbeddingUsage, EncodingFormat,
};
use async_openai::Embeddings;
use heirloom_core::llm::{keys, Observation as _, ObservationType};
use heirloom_core::{Span, Value};

impl<C: Config> Traced<Embeddings<'_, C>> {
    /// As [`Embeddings::create`], in a span. The vectors are never captured, only the length of one.
    ///
    /// # Errors
    /// As [`Embeddings::create`].
    pub async fn create(&self, request: CreateEmbeddingRequest) -> Result<CreateEmbeddingResponse, OpenAIError> {
        send::create(&self.options, request, |request| self.group.create(request)).await
    }

    /// As [`Embeddings::create_base64`], in a span. The vectors are never captured.
    ///
    /// # Errors
    /// As [`Embeddings::create_base64`].
    pub async fn create_base64(
        &self,
        request: CreateEmbeddingRequest,
    ) -> Result<CreateBase64EmbeddingResponse, OpenAIError> {
        send::create(&self.options, request, |request| self.group.create_base64(request)).await
    }
}

impl Request for CreateEmbeddingRequest {
    const API: Api = Api { operation: "embeddings", api_type: None, observation: ObservationType::Embedding };

    fn model(&self) -> Option<&str> {
        Some(&self.model)
    }

    fn set_parameters(&self, span: &Span) {
        span.set("gen_ai.request.dimensions", self.dimensions);
        let format = self.encoding_format.as_ref().map(|format| match format {
            EncodingFormat::Float => "float",
            EncodingFormat::Base64 => "base64",
        });
        span.set("gen_ai.request.encoding_formats", format.map(|format| Value::Strs(vec![format.into()])));
    }

    fn capture_input(&self, span: &Span) {
        span.input(&self.input);
    }
}

fn set_result(span: &Span, model: &str, usage: &EmbeddingUsage) {
    span.response_model(model);
    span.set(keys::INPUT_TOKENS, usage.prompt_tokens).set(keys::TOTAL_TOKENS, usage.total_tokens);
}

impl Response for CreateEmbeddingResponse {
    fn set_result(&self, call: &mut Call) {
        set_result(call.span(), &self.model, &self.usage);
        let numbers = self.data.first().map(|first| first.embedding.len());
        call.span().set("gen_ai.embeddings.dimension.count", numbers);
    }

    fn capture_output(&self, _span: &Span) {}
}

impl Response for CreateBase64EmbeddingResponse {
    fn set_result(&self, call: &mut Call) {
        set_result(call.span(), &self.model, &self.usage);
    }

    fn capture_output(&self, _span: &Span) {}
}
