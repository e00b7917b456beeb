//! Calls that are answered in one piece.

use crate::support::server::Server;
use crate::support::{block_on, client, integer, question, text, KEY};
use async_openai::traits::RequestOptionsBuilder as _;
use async_openai::types::chat::{ReasoningEffort, ResponseFormat};
use async_openai::types::completions::CreateCompletionRequestArgs;
use async_openai::types::embeddings::{CreateEmbeddingRequestArgs, EncodingFormat};
use async_openai::types::responses::{CreateResponseArgs, Reasoning};
use heirloom_core::export::SpanData;
use heirloom_core::{testing, SpanKind, Status};

/// The attributes that are there, in this order: key and text.
fn attributes<'k>(span: &SpanData, keys: &[&'k str]) -> Vec<(&'k str, String)> {
    keys.iter().filter_map(|key| text(span, key).map(|value| (*key, value))).collect()
}

fn assert_attributes(span: &SpanData, expected: &[(&str, &str)]) {
    let keys: Vec<&str> = expected.iter().map(|(key, _)| *key).collect();
    let expected: Vec<(&str, String)> = expected.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    assert_eq!(attributes(span, &keys), expected);
}

const USAGE: [(&str, &str); 5] = [
    ("gen_ai.usage.input_tokens", "12"),
    ("gen_ai.usage.output_tokens", "40"),
    ("gen_ai.usage.total_tokens", "52"),
    ("gen_ai.usage.cache_read.input_tokens", "5"),
    ("gen_ai.usage.reasoning.output_tokens", "30"),
];

#[test]
fn a_chat_completion_is_a_generation_below_the_current_context() {
    let server = Server::start();
    testing::run(|t| {
        let mut request = question("m-small");
        request.temperature = Some(0.5);
        request.max_completion_tokens = Some(100);
        request.reasoning_effort = Some(ReasoningEffort::Low);
        request.response_format = Some(ResponseFormat::JsonObject);
        let answer = t.tracer().in_root("turn", |_| block_on(client(&server).chat().create(request))).unwrap();
        assert_eq!(answer.choices[0].message.content.as_deref(), Some("42"));
        t.assert_tree("turn\n  chat m-small");
        let span = t.span("chat m-small");
        assert_eq!((span.kind, &span.status), (SpanKind::Client, &Status::Unset));
        assert_attributes(
            &span,
            &[
                ("heirloom.observation.type", "generation"),
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.provider.name", "openai"),
                ("openai.api.type", "chat_completions"),
                ("gen_ai.request.model", "m-small"),
                ("gen_ai.request.temperature", "0.5"),
                ("gen_ai.request.max_tokens", "100"),
                ("gen_ai.request.reasoning_effort", "low"),
                ("gen_ai.output.type", "json"),
                ("server.address", "127.0.0.1"),
                ("gen_ai.response.model", "m-small-2026"),
                ("gen_ai.response.id", "chatcmpl-1"),
                ("gen_ai.response.finish_reasons", "[stop]"),
                ("openai.response.service_tier", "default"),
            ],
        );
        assert_attributes(&span, &USAGE);
        for absent in ["heirloom.cancelled", "error.type", "gen_ai.request.stream", "input.value", "output.value"] {
            assert_eq!(text(&span, absent), None, "{absent}");
        }
        t.assert_complete();
    });
}

#[test]
fn each_choice_has_its_finish_reason() {
    let server = Server::start();
    testing::run(|t| {
        block_on(client(&server).chat().create(question("m-two"))).unwrap();
        assert_eq!(text(&t.span("chat m-two"), "gen_ai.response.finish_reasons").as_deref(), Some("[stop, length]"));
    });
}

#[test]
fn a_response_is_a_generation() {
    let server = Server::start();
    testing::run(|t| {
        let reasoning = Reasoning { effort: Some(ReasoningEffort::High), ..Reasoning::default() };
        let request = CreateResponseArgs::default()
            .model("m-small")
            .input("What is 6 x 7?")
            .max_output_tokens(100_u32)
            .reasoning(reasoning)
            .build()
            .unwrap();
        let answer = block_on(client(&server).responses().create(request)).unwrap();
        assert_eq!(answer.output_text().as_deref(), Some("42"));
        let span = t.span("chat m-small");
        assert_attributes(
            &span,
            &[
                ("heirloom.observation.type", "generation"),
                ("openai.api.type", "responses"),
                ("gen_ai.request.max_tokens", "100"),
                ("gen_ai.request.reasoning_effort", "high"),
                ("gen_ai.response.id", "resp_1"),
                ("gen_ai.response.model", "m-small-2026"),
                ("gen_ai.response.finish_reasons", "[completed]"),
            ],
        );
        assert_attributes(&span, &USAGE);
    });
}

#[test]
fn a_response_that_reports_its_failure_is_an_error() {
    let server = Server::start();
    testing::run(|t| {
        let request = CreateResponseArgs::default().model("m-failed").input("What is 6 x 7?").build().unwrap();
        block_on(client(&server).responses().create(request)).unwrap();
        let span = t.span("chat m-failed");
        assert!(matches!(span.status, Status::Error(_)), "{:?}", span.status);
        assert_eq!(text(&span, "error.type").as_deref(), Some("server_error"));
    });
}

#[test]
fn a_legacy_completion_is_a_generation() {
    let server = Server::start();
    testing::run(|t| {
        let mut request = CreateCompletionRequestArgs::default();
        let request = request.model("m-small").prompt("6 x 7 =").max_tokens(5_u32).stop(["\n", "."]).build().unwrap();
        let answer = block_on(client(&server).completions().create(request)).unwrap();
        assert_eq!(answer.choices[0].text, "42");
        let span = t.span("text_completion m-small");
        assert_attributes(
            &span,
            &[
                ("heirloom.observation.type", "generation"),
                ("gen_ai.operation.name", "text_completion"),
                ("gen_ai.request.max_tokens", "5"),
                ("gen_ai.request.stop_sequences", "[\n, .]"),
                ("gen_ai.response.finish_reasons", "[stop]"),
            ],
        );
        assert_attributes(&span, &USAGE);
    });
}

#[test]
fn embeddings_are_an_embedding_with_usage_and_dimension() {
    let server = Server::start();
    testing::run(|t| {
        let mut request = CreateEmbeddingRequestArgs::default();
        let floats = request.model("e-small").input("some text").dimensions(2_u32).build().unwrap();
        let base64 = request.model("e-base64").encoding_format(EncodingFormat::Base64).build().unwrap();
        let client = client(&server);
        let answer = block_on(client.embeddings().create(floats)).unwrap();
        assert_eq!(answer.data[0].embedding, [1.0, 2.0]);
        let answer = block_on(client.embeddings().create_base64(base64)).unwrap();
        assert_eq!(Vec::<f32>::from(answer.data[0].embedding.clone()), [1.0, 2.0]);
        let span = t.span("embeddings e-small");
        assert_attributes(
            &span,
            &[
                ("heirloom.observation.type", "embedding"),
                ("gen_ai.operation.name", "embeddings"),
                ("gen_ai.request.dimensions", "2"),
                ("gen_ai.embeddings.dimension.count", "2"),
                ("gen_ai.usage.input_tokens", "7"),
                ("gen_ai.response.model", "e-small-2026"),
            ],
        );
        let span = t.span("embeddings e-base64");
        assert_attributes(
            &span,
            &[("gen_ai.request.encoding_formats", "[base64]"), ("gen_ai.usage.input_tokens", "7")],
        );
    });
}

#[test]
fn what_calls_no_model_makes_no_span_and_options_reach_the_server() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server);
        let chat = client.chat().header("x-request-id", "id-1").unwrap();
        assert_eq!(block_on(chat.list()).unwrap().data.len(), 0);
        block_on(chat.create(question("m-small"))).unwrap();
        t.assert_tree("chat m-small");
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|request| request.headers.contains("x-request-id: id-1")));
        assert!(seen[1].headers.contains(KEY), "the server gets the key as ever");
        assert_eq!(seen[1].body, serde_json::to_value(question("m-small")).unwrap(), "the request is as it was");
    });
}

#[test]
fn a_call_that_is_dropped_says_that_it_was_cancelled() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server);
        block_on(async {
            let chat = client.chat();
            let timeout = std::time::Duration::from_millis(50);
            tokio::time::timeout(timeout, chat.create(question("m-slow"))).await.unwrap_err();
        });
        let span = t.span("chat m-slow");
        assert_eq!((text(&span, "heirloom.cancelled").as_deref(), &span.status), (Some("true"), &Status::Unset));
        t.assert_complete();
    });
}

#[test]
fn a_call_that_is_never_awaited_makes_no_span() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server);
        let chat = client.chat();
        drop(chat.create(question("m-small")));
        assert_eq!((t.spans().len(), server.seen().len()), (0, 0));
    });
}

#[test]
fn the_port_is_that_of_the_base_url() {
    let server = Server::start();
    testing::run(|t| {
        block_on(client(&server).chat().create(question("m-small"))).unwrap();
        let port = integer(&t.span("chat m-small"), "server.port").unwrap();
        assert!(server.url().contains(&format!(":{port}/")));
    });
}
