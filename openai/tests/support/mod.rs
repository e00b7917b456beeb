//! A client for the loopback server, and what to ask of the spans.

pub mod server;

use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use heirloom_core::export::SpanData;
use heirloom_core::Value;
use heirloom_openai::Client;
use server::Server;
use std::future::Future;

/// The API key that must not be in any span.
pub const KEY: &str = "sk-proj-abcdefghijklmnop";

pub fn config(server: &Server) -> OpenAIConfig {
    OpenAIConfig::new().with_api_base(server.url()).with_api_key(KEY)
}

/// Keeps no connection for later: a test may use a client in several runtimes, one after the other.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("an HTTP client")
}

pub fn plain_client(server: &Server) -> async_openai::Client<OpenAIConfig> {
    async_openai::Client::build(http_client(), config(server))
}

pub fn client(server: &Server) -> Client<OpenAIConfig> {
    Client::with_config(config(server)).with_http_client(http_client())
}

/// Runs a future, on one thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// A question to a model.
pub fn question(model: &str) -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessageArgs::default().content("What is 6 x 7?").build().expect("a message");
    let mut request = CreateChatCompletionRequestArgs::default();
    request.model(model).messages([message.into()]).build().expect("a request")
}

pub fn text(span: &SpanData, key: &str) -> Option<String> {
    span.attribute(key).map(ToString::to_string)
}

pub fn integer(span: &SpanData, key: &str) -> Option<i64> {
    span.attribute(key).and_then(Value::as_i64)
}

/// All that is recorded of the spans, as one text.
pub fn everything(spans: &[SpanData]) -> String {
    format!("{spans:#?}")
}
