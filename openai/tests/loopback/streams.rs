//! Calls that are answered by a stream.

use crate::support::server::Server;
use crate::support::{block_on, client, everything, integer, question, text, KEY};
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionResponseStream, ChatCompletionStreamOptions, CreateChatCompletionRequest,
};
use async_openai::types::completions::CreateCompletionRequestArgs;
use async_openai::types::responses::CreateResponseArgs;
use async_openai::types::stream::StreamResponse;
use futures_util::StreamExt as _;
use heirloom_core::export::SpanData;
use heirloom_core::{testing, Context, Status, Value};

fn with_usage(model: &str) -> CreateChatCompletionRequest {
    let options = ChatCompletionStreamOptions { include_usage: Some(true), include_obfuscation: None };
    CreateChatCompletionRequest { stream_options: Some(options), ..question(model) }
}

async fn all<T>(mut stream: StreamResponse<T>) -> Result<Vec<T>, OpenAIError> {
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        items.push(item?);
    }
    Ok(items)
}

fn chat(server: &Server, request: CreateChatCompletionRequest) -> Result<usize, OpenAIError> {
    block_on(async { Ok(all(client(server).chat().create_stream(request).await?).await?.len()) })
}

fn seconds(span: &SpanData, key: &str) -> Option<f64> {
    match span.attribute(key) {
        Some(Value::F64(seconds)) => Some(*seconds),
        _ => None,
    }
}

#[test]
fn the_span_lasts_until_the_stream_ends_and_has_the_time_to_the_first_token() {
    let server = Server::start();
    testing::run(|t| {
        block_on(async {
            let client = client(&server);
            let mut stream: ChatCompletionResponseStream =
                client.chat().create_stream(question("m-small")).await.unwrap();
            assert!(stream.next().await.is_some());
            assert_eq!(t.spans().len(), 0, "the span is open while the stream is");
            while stream.next().await.is_some() {}
            assert!(stream.next().await.is_none(), "the end stays the end");
            assert_eq!(t.spans().len(), 1, "the span ended with the stream, which is still there");
        });
        let span = t.span("chat m-small");
        let first = seconds(&span, "gen_ai.response.time_to_first_chunk").unwrap();
        #[allow(clippy::cast_precision_loss, reason = "a test takes seconds")]
        let whole = (span.end_ns - span.start_ns) as f64 / 1e9;
        assert!(first > 0.0 && first <= whole, "{first} of {whole}");
        assert!(text(&span, "gen_ai.response.completion_start_time").is_some());
        assert_eq!(text(&span, "gen_ai.request.stream").as_deref(), Some("true"));
        assert_eq!(text(&span, "gen_ai.response.finish_reasons").as_deref(), Some("[stop]"));
        assert_eq!(text(&span, "gen_ai.response.model").as_deref(), Some("m-small-2026"));
        assert_eq!(text(&span, "gen_ai.response.id").as_deref(), Some("chatcmpl-1"));
        for absent in ["gen_ai.usage.input_tokens", "heirloom.cancelled", "output.value", "heirloom.level"] {
            assert_eq!(text(&span, absent), None, "{absent}");
        }
        assert_eq!(span.status, Status::Unset);
    });
}

#[test]
fn usage_comes_from_the_last_chunk() {
    let server = Server::start();
    testing::run(|t| {
        assert_eq!(chat(&server, with_usage("m-small")).unwrap(), 5);
        let span = t.span("chat m-small");
        let counts = ["input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens"]
            .map(|name| integer(&span, &format!("gen_ai.usage.{name}")));
        assert_eq!(counts, [Some(12), Some(40), Some(5), Some(30)]);
    });
}

#[test]
fn a_stream_that_breaks_is_an_error_and_no_cancellation() {
    let server = Server::start();
    testing::run(|t| {
        let error = chat(&server, with_usage("m-cut")).unwrap_err();
        assert!(matches!(error, OpenAIError::StreamError(_)), "{error:?}");
        let span = t.span("chat m-cut");
        assert_eq!(text(&span, "error.type").as_deref(), Some("stream_error"));
        assert!(matches!(span.status, Status::Error(_)));
        assert_eq!(text(&span, "heirloom.cancelled"), None);
        assert_eq!(text(&span, "gen_ai.response.id").as_deref(), Some("chatcmpl-1"), "what came is kept");
        t.assert_complete();
    });
}

#[test]
fn an_error_that_a_stream_reports_has_its_type_and_no_message() {
    let server = Server::start();
    testing::run(|t| {
        let error = chat(&server, question("m-error")).unwrap_err();
        assert!(error.to_string().contains(KEY), "the caller gets the server's message as it is");
        assert_eq!(text(&t.span("chat m-error"), "error.type").as_deref(), Some("server_error"));
        assert!(!everything(&t.spans()).contains(KEY), "the key was recorded");
    });
}

#[test]
fn a_stream_that_ends_before_the_answer_does_is_a_warning() {
    let server = Server::start();
    testing::run(|t| {
        chat(&server, with_usage("m-short")).unwrap();
        let span = t.span("chat m-short");
        assert_eq!(text(&span, "heirloom.level").as_deref(), Some("WARNING"));
        assert_eq!((text(&span, "heirloom.cancelled"), &span.status), (None, &Status::Unset));
    });
}

#[test]
fn a_stream_that_is_dropped_says_that_it_was_cancelled() {
    let server = Server::start();
    testing::run(|t| {
        block_on(async {
            let client = client(&server);
            let mut stream = client.chat().create_stream(question("m-open")).await.unwrap();
            assert!(stream.next().await.unwrap().is_ok());
            drop(stream);
        });
        let span = t.span("chat m-open");
        assert_eq!((text(&span, "heirloom.cancelled").as_deref(), &span.status), (Some("true"), &Status::Unset));
        assert_eq!(text(&span, "gen_ai.response.model").as_deref(), Some("m-small-2026"));
        t.assert_complete();
    });
}

#[test]
fn a_stream_that_is_dropped_after_the_whole_answer_is_no_cancellation() {
    let server = Server::start();
    testing::run(|t| {
        block_on(async {
            let client = client(&server);
            let mut stream = client.chat().create_stream(question("m-small")).await.unwrap();
            while let Some(chunk) = stream.next().await {
                if chunk.unwrap().choices[0].finish_reason.is_some() {
                    break;
                }
            }
        });
        let span = t.span("chat m-small");
        assert_eq!(text(&span, "heirloom.cancelled"), None);
        assert_eq!(text(&span, "gen_ai.response.finish_reasons").as_deref(), Some("[stop]"));
    });
}

#[test]
fn a_stream_of_responses_has_its_result_from_the_last_event() {
    let server = Server::start();
    testing::run(|t| {
        let request = CreateResponseArgs::default().model("m-small").input("What is 6 x 7?").build().unwrap();
        let events =
            block_on(async { all(client(&server).responses().create_stream(request).await.unwrap()).await }).unwrap();
        assert_eq!(events.len(), 4);
        let span = t.span("chat m-small");
        assert_eq!(text(&span, "gen_ai.response.id").as_deref(), Some("resp_1"));
        assert_eq!(text(&span, "gen_ai.response.finish_reasons").as_deref(), Some("[completed]"));
        assert_eq!(integer(&span, "gen_ai.usage.reasoning.output_tokens"), Some(30));
        assert!(seconds(&span, "gen_ai.response.time_to_first_chunk").is_some());
        assert!(text(&span, "gen_ai.response.completion_start_time").is_some());
    });
}

#[test]
fn a_stream_of_responses_tells_failure_limit_and_early_end_apart() {
    let server = Server::start();
    testing::run(|t| {
        for model in ["m-failed", "m-limited", "m-short", "m-cut"] {
            let request = CreateResponseArgs::default().model(model).input("What is 6 x 7?").build().unwrap();
            let outcome = block_on(async { all(client(&server).responses().create_stream(request).await?).await });
            assert_eq!(outcome.is_err(), model == "m-cut");
        }
        let of = |model, key| text(&t.span(&format!("chat {model}")), key);
        assert_eq!(of("m-failed", "error.type").as_deref(), Some("server_error"));
        assert_eq!(of("m-limited", "gen_ai.response.finish_reasons").as_deref(), Some("[max_output_tokens]"));
        assert_eq!(of("m-short", "heirloom.level").as_deref(), Some("WARNING"));
        assert_eq!(of("m-cut", "error.type").as_deref(), Some("stream_error"));
        for model in ["m-failed", "m-limited", "m-short", "m-cut"] {
            assert_eq!(of(model, "heirloom.cancelled"), None, "{model}");
        }
    });
}

#[test]
fn a_stream_of_a_legacy_completion_is_a_generation() {
    let server = Server::start();
    testing::run(|t| {
        let request = CreateCompletionRequestArgs::default().model("m-small").prompt("6 x 7 =").build().unwrap();
        let chunks =
            block_on(async { all(client(&server).completions().create_stream(request).await.unwrap()).await }).unwrap();
        assert_eq!(chunks.iter().map(|chunk| chunk.choices[0].text.as_str()).collect::<String>(), "42");
        let span = t.span("text_completion m-small");
        assert_eq!(text(&span, "gen_ai.response.finish_reasons").as_deref(), Some("[stop]"));
        assert_eq!(integer(&span, "gen_ai.usage.output_tokens"), Some(40));
        assert!(text(&span, "gen_ai.response.completion_start_time").is_some());
    });
}

#[test]
fn between_polls_of_a_stream_its_span_is_not_the_current_context() {
    let server = Server::start();
    testing::run(|t| {
        let root = t.tracer().root("turn");
        let scope = root.enter();
        block_on(async {
            let client = client(&server);
            let mut stream = client.chat().create_stream(question("m-small")).await.unwrap();
            while stream.next().await.is_some() {
                assert_eq!(Context::current().span_id(), root.context().span_id());
                Context::current().span("show").end();
            }
        });
        drop(scope);
        root.end();
        t.assert_tree("turn\n  chat m-small\n  show\n  show\n  show\n  show");
    });
}
