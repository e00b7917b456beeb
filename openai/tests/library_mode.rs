//! Without the feature `record`, calls and streams are `async-openai`'s.
//!
//! ```sh
//! cargo test -p heirloom-openai --no-default-features --test library_mode
//! ```
#![cfg(not(feature = "record"))]

#[allow(unreachable_pub, dead_code, reason = "shared with other tests")]
#[path = "support/server.rs"]
mod server;

use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt as _;
use heirloom_core::Context;
use heirloom_openai::{Client, TracedCalls as _};

fn question(model: &str) -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessageArgs::default().content("What is 6 x 7?").build().expect("a message");
    let mut request = CreateChatCompletionRequestArgs::default();
    request.model(model).messages([message.into()]).build().expect("a request")
}

#[test]
fn calls_streams_and_errors_pass_straight_through() {
    let server = server::Server::start();
    let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
    let client = Client::with_config(config.clone()).capture(true);
    let plain = async_openai::Client::with_config(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let traced = plain.chat().traced(Context::current());
        for group in [client.chat(), traced] {
            let answer = group.create(question("m-small")).await.expect("an answer");
            assert_eq!(answer.choices[0].message.content.as_deref(), Some("42"));
            let chunks = group.create_stream(question("m-small")).await.expect("a stream").count().await;
            assert_eq!(chunks, 4);
            let error = group.create(question("m-401")).await.expect_err("a wrong key");
            assert!(error.to_string().contains("invalid_api_key"));
        }
        assert_eq!(server.seen().len(), 6, "each request was sent once");
        assert_eq!(server.seen()[0].body, serde_json::to_value(question("m-small")).expect("JSON"));
    });
}
