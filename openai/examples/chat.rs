//! Two questions, an embedding and a stream, against a loopback server that speaks OpenAI's protocol; prints the trace.
//!
//! ```sh
//! cargo run -p heirloom-openai --example chat
//! ```
//!
//! Against OpenAI, leave the server out, use `Client::new()`, and give `async-openai` its default features, which have TLS.

#[expect(unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/support/server.rs"]
mod server;

use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, ChatCompletionStreamOptions, CreateChatCompletionRequestArgs,
};
use async_openai::types::embeddings::CreateEmbeddingRequestArgs;
use async_openai::types::responses::CreateResponseArgs;
use futures_util::StreamExt as _;
use heirloom_core::export::Memory;
use heirloom_core::future::FutureExt as _;
use heirloom_core::tree::{render, TreeOptions};
use heirloom_openai::Client;

type Error = Box<dyn std::error::Error>;

async fn turn(client: &Client<OpenAIConfig>) -> Result<(), Error> {
    let input = CreateEmbeddingRequestArgs::default().model("e-small").input("6 x 7").build()?;
    client.embeddings().create(input).await?;

    let request = CreateResponseArgs::default().model("m-large").input("What is 6 x 7?").build()?;
    println!("answer: {}", client.responses().create(request).await?.output_text().unwrap_or_default());

    let message = ChatCompletionRequestUserMessageArgs::default().content("And in words?").build()?;
    let request = CreateChatCompletionRequestArgs::default()
        .model("m-small")
        .messages([message.into()])
        .stream_options(ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None })
        .build()?;
    let mut stream = client.chat().create_stream(request).await?;
    while let Some(chunk) = stream.next().await {
        chunk?.choices.iter().filter_map(|choice| choice.delta.content.as_ref()).for_each(|text| print!("{text}"));
    }
    println!();
    Ok(())
}

fn main() -> Result<(), Error> {
    let memory = Memory::new();
    let guard = heirloom_core::builder("chat").exporter(memory.clone()).init()?;
    let server = server::Server::start();
    let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
    let client = Client::with_config(config).capture(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(turn(&client).in_span(heirloom_core::root("turn")))?;
    let report = guard.finish();
    println!("{}{report}", render(&memory.spans(), &TreeOptions::default()));
    for span in memory.spans() {
        let known = |key| span.attribute(key).map(|value| format!("{key}={value}"));
        let facts = ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.response.time_to_first_chunk"];
        println!("{}: {}", span.name, facts.into_iter().filter_map(known).collect::<Vec<_>>().join(" "));
    }
    Ok(())
}
