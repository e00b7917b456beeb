//! What a traced call costs beside a plain one of `async-openai`.
//!
//! ```sh
//! cargo run --release -p heirloom-openai --features middleware --example cost
//! ```
//!
//! The first tables are without a network: both clients build each request, and get a canned reply that they parse. So the
//! difference is the tracing alone. The last table is over HTTP to a server in this process. The variants take turns, and the
//! collector is drained between the blocks. The flush that drains it isn't timed: what the collector and the exporter do after a
//! block is not in the figures.

#[expect(unreachable_pub, reason = "shared with the tests")]
#[path = "../tests/support/server.rs"]
mod server;

use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt as _;
use heirloom_core::export::{Delivery, ExportError, Exporter};
use heirloom_core::{builder, Tracer};
use heirloom_openai::Client;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

const ROUNDS: usize = 31;
/// Calls in a block: few enough for the default ring.
const BLOCK: u32 = 200;
/// Chunks of a stream that have text.
const CHUNKS: usize = 50;

type Error = Box<dyn std::error::Error>;

/// Takes the spans and does nothing with them.
struct Nothing;

impl Exporter for Nothing {
    fn export(&mut self, _: &Delivery) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Builds the request, and answers always the same.
#[derive(Clone)]
struct Canned(&'static str);

impl tower::Service<HttpRequestFactory> for Canned {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let body = self.0;
        Box::pin(async move {
            request.build().await?;
            Ok(http::Response::new(reqwest::Body::from(body)).into())
        })
    }
}

fn reply() -> &'static str {
    let usage = r#"{"prompt_tokens":12,"completion_tokens":40,"total_tokens":52,"prompt_tokens_details":{"cached_tokens":5},"completion_tokens_details":{"reasoning_tokens":30}}"#;
    let choice = r#"{"index":0,"message":{"role":"assistant","content":"42"},"finish_reason":"stop"}"#;
    let head = r#""id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m-small-2026""#;
    Box::leak(format!("{{{head},\"choices\":[{choice}],\"usage\":{usage}}}").into_boxed_str())
}

fn stream_reply() -> &'static str {
    let head = r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m-small-2026""#;
    let event = |delta: &str, reason: &str| {
        format!(r#"data: {{{head},"choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}"#) + "\n\n"
    };
    let chunks = event(r#"{"content":"some text"}"#, "null").repeat(CHUNKS);
    Box::leak(format!("{chunks}{}data: [DONE]\n\n", event("{}", "\"stop\"")).into_boxed_str())
}

fn request() -> Result<CreateChatCompletionRequest, OpenAIError> {
    let message = ChatCompletionRequestUserMessageArgs::default().content("What is 6 x 7?").build()?;
    let mut request = CreateChatCompletionRequestArgs::default();
    request.model("m-small").temperature(0.5).max_completion_tokens(100_u32).messages([message.into()]).build()
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), OpenAIError>> + 'a>>;

/// One way to call.
struct Variant<'a> {
    name: &'static str,
    /// Runs one call.
    call: Box<dyn Fn() -> Running<'a> + 'a>,
}

impl<'a> Variant<'a> {
    fn new<F: Future<Output = Result<(), OpenAIError>> + 'a>(name: &'static str, call: impl Fn() -> F + 'a) -> Self {
        Self { name, call: Box::new(move || Box::pin(call())) }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the variants in turns; prints a row for each.
fn compare(
    title: &str,
    runtime: &tokio::runtime::Runtime,
    tracer: &Tracer,
    variants: &[Variant<'_>],
) -> Result<(), Error> {
    let mut took = vec![Vec::new(); variants.len()];
    for round in 0..=ROUNDS {
        for (variant, took) in variants.iter().zip(&mut took) {
            let begin = Instant::now();
            runtime.block_on(async {
                for _ in 0..BLOCK {
                    (variant.call)().await?;
                }
                Ok::<(), OpenAIError>(())
            })?;
            let us = begin.elapsed().as_secs_f64() * 1e6 / f64::from(BLOCK);
            tracer.flush(Duration::from_secs(10))?;
            // The first round warms up.
            if round > 0 {
                took.push(us);
            }
        }
    }
    println!("| {title} | us | beside the plain client, us | times |\n|---|---|---|---|");
    for (variant, took_us) in variants.iter().zip(&took) {
        let more = median(took_us.iter().zip(&took[0]).map(|(us, plain)| us - plain).collect());
        let times = median(took_us.iter().zip(&took[0]).map(|(us, plain)| us / plain).collect());
        let least = took_us.iter().copied().fold(f64::INFINITY, f64::min);
        let most = took_us.iter().copied().fold(0.0, f64::max);
        let middle = median(took_us.clone());
        println!("| {} | {middle:.2} [{least:.2}-{most:.2}] | {more:.2} | {times:.3} |", variant.name);
    }
    println!();
    Ok(())
}

type Plain = async_openai::Client<OpenAIConfig>;

async fn plain_call(client: &Plain) -> Result<(), OpenAIError> {
    client.chat().create(request()?).await.map(drop)
}

async fn call(client: &Client<OpenAIConfig>) -> Result<(), OpenAIError> {
    client.chat().create(request()?).await.map(drop)
}

async fn plain_stream(client: &Plain) -> Result<(), OpenAIError> {
    let mut stream = client.chat().create_stream(request()?).await?;
    while stream.next().await.transpose()?.is_some() {}
    Ok(())
}

async fn stream(client: &Client<OpenAIConfig>) -> Result<(), OpenAIError> {
    let mut stream = client.chat().create_stream(request()?).await?;
    while stream.next().await.transpose()?.is_some() {}
    Ok(())
}

fn main() -> Result<(), Error> {
    let guard = builder("cost").exporter(Nothing).init()?;
    let tracer = guard.tracer();
    let root = tracer.root("root");
    let _scope = root.enter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = OpenAIConfig::new().with_api_base("http://127.0.0.1:9/v1").with_api_key("sk-key");

    let plain = Plain::with_config(config.clone()).with_http_service(Canned(reply()));
    let traced = Client::from(plain.clone());
    let captured = traced.clone().capture(true);
    let counted = Client::with_config(config.clone()).with_http_service(Canned(reply()));
    let variants = [
        Variant::new("the plain client", || plain_call(&plain)),
        Variant::new("traced", || call(&traced)),
        Variant::new("traced, input and output captured", || call(&captured)),
        Variant::new("traced, attempts counted (feature `middleware`)", || call(&counted)),
    ];
    compare("a chat completion, in process", &runtime, tracer, &variants)?;

    let plain = Plain::with_config(config).with_http_service(Canned(stream_reply()));
    let traced = Client::from(plain.clone());
    let captured = traced.clone().capture(true);
    let variants = [
        Variant::new("the plain client", || plain_stream(&plain)),
        Variant::new("traced", || stream(&traced)),
        Variant::new("traced, input and output captured", || stream(&captured)),
    ];
    compare("a stream of 51 chunks, in process", &runtime, tracer, &variants)?;

    let server = server::Server::start();
    let config = OpenAIConfig::new().with_api_base(server.url()).with_api_key("sk-key");
    let plain = Plain::with_config(config);
    let traced = Client::from(plain.clone());
    let variants = [Variant::new("the plain client", || plain_call(&plain)), Variant::new("traced", || call(&traced))];
    compare("a chat completion, HTTP over loopback", &runtime, tracer, &variants)?;
    Ok(())
}
