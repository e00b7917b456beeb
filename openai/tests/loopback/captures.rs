//! Inputs and outputs, which are captured only if asked.

use crate::support::server::Server;
use crate::support::{block_on, client, everything, plain_client, question, text, KEY};
use async_openai::types::chat::CreateChatCompletionRequest;
use async_openai::types::completions::CreateCompletionRequestArgs;
use async_openai::types::embeddings::CreateEmbeddingRequestArgs;
use async_openai::types::responses::CreateResponseArgs;
use futures_util::StreamExt as _;
use heirloom_core::testing::Testing;
use heirloom_core::{testing, Capture, Settings};
use heirloom_openai::TracedCalls as _;
use serde_json::{json, Value};

const INPUT: &str = "input.value";
const OUTPUT: &str = "output.value";

fn captured(t: &Testing, name: &str, key: &str) -> Value {
    let text = text(&t.span(name), key).unwrap_or_else(|| panic!("{name} has no {key}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn stream(server: &Server, request: CreateChatCompletionRequest) {
    block_on(async {
        let client = client(server).capture(true);
        let mut stream = client.chat().create_stream(request).await.expect("a stream");
        while let Some(Ok(_)) = stream.next().await {}
    });
}

#[test]
fn the_messages_of_a_chat_are_captured() {
    let server = Server::start();
    testing::run(|t| {
        block_on(client(&server).capture(true).chat().create(question("m-small"))).unwrap();
        let input = captured(t, "chat m-small", INPUT);
        assert_eq!(input, json!([{ "role": "user", "content": "What is 6 x 7?" }]));
        let output = captured(t, "chat m-small", OUTPUT);
        assert_eq!(output, json!({ "role": "assistant", "content": "42" }));
        assert!(!everything(&t.spans()).contains(KEY));
    });
}

#[test]
fn nothing_is_captured_unless_asked() {
    let server = Server::start();
    testing::run(|t| {
        block_on(client(&server).chat().create(question("m-1"))).unwrap();
        block_on(client(&server).capture(true).chat().capture(false).create(question("m-2"))).unwrap();
        let plain = plain_client(&server);
        block_on(plain.chat().traced(t.tracer().context()).create(question("m-3"))).unwrap();
        let spans = t.spans();
        assert_eq!(spans.len(), 3);
        assert!(!everything(&spans).contains("6 x 7"));
    });
}

#[test]
fn a_group_captures_if_asked() {
    let server = Server::start();
    testing::run(|t| {
        let plain = plain_client(&server);
        block_on(plain.chat().traced(t.tracer().context()).capture(true).create(question("m-two"))).unwrap();
        let output = captured(t, "chat m-two", OUTPUT);
        assert_eq!((output[0]["content"].as_str(), output[1]["content"].as_str()), (Some("42"), Some("6 x 7")));
    });
}

#[test]
fn the_output_of_a_stream_is_what_came_in_all_its_chunks() {
    let server = Server::start();
    testing::run(|t| {
        ["m-small", "m-two", "m-tools"].iter().for_each(|model| stream(&server, question(model)));
        assert_eq!(captured(t, "chat m-small", OUTPUT), json!({ "role": "assistant", "content": "42" }));
        let two = captured(t, "chat m-two", OUTPUT);
        assert_eq!((two[0]["content"].as_str(), two[1]["content"].as_str()), (Some("42"), Some("6 x 7")));
        let function = json!({ "name": "multiply", "arguments": "{\"a\":6,\"b\":7}" });
        let calls = json!([{ "id": "call_1", "type": "function", "function": function }]);
        assert_eq!(captured(t, "chat m-tools", OUTPUT), json!({ "role": "assistant", "tool_calls": calls }));
    });
}

#[test]
fn the_output_of_a_broken_or_dropped_stream_is_what_came_until_then() {
    let server = Server::start();
    testing::run(|t| {
        stream(&server, question("m-cut"));
        assert_eq!(captured(t, "chat m-cut", OUTPUT), json!({ "role": "assistant", "content": "4" }));
        block_on(async {
            let client = client(&server).capture(true);
            let mut stream = client.chat().create_stream(question("m-open")).await.unwrap();
            for _ in 0..2 {
                stream.next().await.unwrap().unwrap();
            }
        });
        assert_eq!(captured(t, "chat m-open", OUTPUT), json!({ "role": "assistant", "content": "4" }));
    });
}

#[test]
fn a_response_is_captured_with_its_instructions() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server).capture(true);
        let mut request = CreateResponseArgs::default();
        request.input("What is 6 x 7?");
        let plain = request.model("m-1").build().unwrap();
        let instructed = request.model("m-2").instructions("Be brief.").build().unwrap();
        block_on(client.responses().create(plain)).unwrap();
        block_on(async {
            let mut stream = client.responses().create_stream(instructed).await.unwrap();
            while stream.next().await.is_some() {}
        });
        assert_eq!(captured(t, "chat m-1", INPUT), json!("What is 6 x 7?"));
        let both = json!({ "instructions": "Be brief.", "input": "What is 6 x 7?" });
        assert_eq!(captured(t, "chat m-2", INPUT), both);
        for name in ["chat m-1", "chat m-2"] {
            assert_eq!(captured(t, name, OUTPUT)[0]["content"][0]["text"], "42");
        }
    });
}

#[test]
fn prompts_texts_and_inputs_are_captured_but_no_vector() {
    let server = Server::start();
    testing::run(|t| {
        let client = client(&server).capture(true);
        let mut prompt = CreateCompletionRequestArgs::default();
        let prompt = prompt.model("m-small").prompt("6 x 7 =").build().unwrap();
        let mut input = CreateEmbeddingRequestArgs::default();
        let input = input.model("e-small").input("some text").build().unwrap();
        block_on(client.completions().create(prompt.clone())).unwrap();
        block_on(client.embeddings().create(input)).unwrap();
        assert_eq!(captured(t, "text_completion m-small", INPUT), json!("6 x 7 ="));
        assert_eq!(captured(t, "text_completion m-small", OUTPUT), json!("42"));
        assert_eq!(captured(t, "embeddings e-small", INPUT), json!("some text"));
        assert_eq!(text(&t.span("embeddings e-small"), OUTPUT), None);
    });
    testing::run(|t| {
        let client = client(&server).capture(true);
        let mut request = CreateCompletionRequestArgs::default();
        let request = request.model("m-small").prompt("6 x 7 =").build().unwrap();
        block_on(async {
            let mut stream = client.completions().create_stream(request).await.unwrap();
            while stream.next().await.is_some() {}
        });
        assert_eq!(captured(t, "text_completion m-small", OUTPUT), json!("42"));
    });
}

#[test]
fn capture_follows_the_settings_of_the_tracer() {
    let server = Server::start();
    let mask = |_: &str, json: &mut String| *json = json.replace("42", "(a number)");
    let masked = Capture::default().deny("content").mask(mask);
    testing::run_with(
        |b| b.capture(Capture::default().enabled(false)),
        |t| {
            block_on(client(&server).capture(true).chat().create(question("m-off"))).unwrap();
            stream(&server, question("m-off-stream"));
            let spans = t.spans();
            assert_eq!(spans.len(), 2);
            assert!(spans.iter().all(|span| text(span, INPUT).is_none() && text(span, OUTPUT).is_none()), "{spans:?}");
        },
    );
    testing::run_with(
        |b| b.capture(masked),
        |t| {
            let mut prompt = CreateCompletionRequestArgs::default();
            let prompt = prompt.model("m-small").prompt("6 x 7 =").build().unwrap();
            block_on(client(&server).capture(true).completions().create(prompt)).unwrap();
            stream(&server, question("m-small"));
            assert_eq!(captured(t, "text_completion m-small", OUTPUT), json!("(a number)"));
            assert_eq!(captured(t, "chat m-small", OUTPUT)["content"], "<redacted>");
            assert_eq!(captured(t, "chat m-small", INPUT)[0]["content"], "<redacted>");
        },
    );
}

#[test]
fn the_environment_switches_capture_off() {
    let server = Server::start();
    let (settings, _) = Settings::from_variables("test", |name| (name == "HEIRLOOM_CAPTURE").then(|| "false".into()));
    testing::run_with(
        |b| b.capture(settings.capture.clone()),
        |t| {
            block_on(client(&server).capture(true).chat().create(question("m-small"))).unwrap();
            assert_eq!(text(&t.span("chat m-small"), INPUT), None);
        },
    );
}
