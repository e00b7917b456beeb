//! Spans of LLM frameworks become observations.

mod support;

use heirloom_bridge::HeirloomLayer;
use heirloom_core::llm::keys;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{Capture, Value};
use support::run;
use tracing::field::Empty;
use tracing::info_span;
use tracing_subscriber::prelude::*;

#[test]
fn a_chat_span_is_a_generation_with_usage_as_integers() {
    run(|t| {
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.input.messages = r#"[{"role":"user"}]"#,
        );
        chat.record("gen_ai.usage.input_tokens", "12").record("gen_ai.usage.output_tokens", 7_u64);
        drop(chat);
        let chat = t.span("chat");
        let expected: [(_, Value<'_>); 5] = [
            (keys::OBSERVATION_TYPE, "generation".into()),
            (keys::OPERATION, "chat".into()),
            (keys::INPUT_TOKENS, 12.into()),
            (keys::OUTPUT_TOKENS, 7.into()),
            ("gen_ai.input.messages", r#"[{"role":"user"}]"#.into()),
        ];
        for (key, value) in expected {
            assert_eq!(chat.attribute(key), Some(&value), "{key}");
        }
    });
}

#[test]
fn usage_on_an_agent_is_not_counted_again() {
    run(|t| {
        // The usage stands before the operation: the order of fields doesn't matter.
        drop(info_span!("agent", gen_ai.usage.input_tokens = 12, gen_ai.operation.name = "invoke_agent"));
        let agent = t.span("agent");
        assert_eq!(agent.attribute(keys::OBSERVATION_TYPE), Some(&"agent".into()));
        assert_eq!(agent.attribute(keys::INPUT_TOKENS), None);
        assert_eq!(agent.attribute("heirloom.aggregate.gen_ai.usage.input_tokens"), Some(&Value::I64(12)));
    });
}

#[test]
fn an_operation_that_is_recorded_later_counts() {
    run(|t| {
        let tool = info_span!("tool", gen_ai.operation.name = Empty);
        tool.record("gen_ai.operation.name", "execute_tool");
        drop(tool);
        assert_eq!(t.span("tool").attribute(keys::OBSERVATION_TYPE), Some(&"tool".into()));
    });
}

/// Runs a test whose tracer has these rules for captured values.
fn run_with(capture: Capture, test: impl FnOnce(&Testing)) {
    testing::run_with(
        |builder| builder.capture(capture),
        |t| {
            let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new());
            tracing::subscriber::with_default(subscriber, || test(t));
        },
    );
}

fn chat() {
    drop(info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.usage.input_tokens = 12,
        gen_ai.input.messages = r#"[{"api_key":"k","text":"hello"}]"#,
        gen_ai.prompt = "hello",
    ));
}

#[test]
fn secrets_in_messages_and_under_denied_keys_are_redacted() {
    run(|t| {
        chat();
        info_span!("login", password = "hunter2", user = "u1").in_scope(|| tracing::info!(token = %"abc", "refused"));
        let messages = r#"[{"api_key":"<redacted>","text":"hello"}]"#;
        assert_eq!(t.span("chat").attribute("gen_ai.input.messages"), Some(&messages.into()));
        assert_eq!(t.span("chat").attribute("gen_ai.prompt"), Some(&"hello".into()));
        let login = t.span("login");
        assert_eq!(login.attribute("password"), Some(&"<redacted>".into()));
        assert_eq!(login.attribute("user"), Some(&"u1".into()));
        assert!(login.events[0].2.contains(&("token".to_owned(), "<redacted>".into())));
    });
}

/// An event outside of tracing's spans is Heirloom's current span's.
#[test]
fn secrets_in_events_of_heirlooms_own_current_span_are_redacted() {
    run(|t| {
        let events =
            || tracing::info!(token = %"abc", user = "u1", gen_ai.input.messages = r#"[{"api_key":"k"}]"#, "asked");
        heirloom_core::in_root("ours", |_| events());
        let [event] = &t.span("ours").events[..] else { panic!("{:?}", t.spans()) };
        assert!(event.2.contains(&("token".to_owned(), "<redacted>".into())), "{event:?}");
        assert!(event.2.contains(&("user".to_owned(), "u1".into())), "{event:?}");
        assert!(
            event.2.contains(&("gen_ai.input.messages".to_owned(), r#"[{"api_key":"<redacted>"}]"#.into())),
            "{event:?}"
        );
    });
}

#[test]
fn content_is_masked_and_capped_and_can_be_switched_off() {
    let mask = |_: &str, text: &mut String| *text = text.replace("hello", "***");
    run_with(Capture::default().mask(mask), |t| {
        chat();
        assert_eq!(t.span("chat").attribute("gen_ai.prompt"), Some(&"***".into()));
    });
    run_with(Capture::default().enabled(false), |t| {
        chat();
        let chat = t.span("chat");
        assert_eq!((chat.attribute("gen_ai.prompt"), chat.attribute("gen_ai.input.messages")), (None, None));
        assert_eq!(chat.attribute(keys::INPUT_TOKENS), Some(&Value::I64(12)));
    });
    run_with(Capture::default().max_bytes(64), |t| {
        drop(info_span!("chat", gen_ai.completion = "x".repeat(1000)));
        let text = t.span("chat").attribute("gen_ai.completion").and_then(Value::as_str).map(str::len);
        assert_eq!(text, Some(64));
    });
}

#[test]
fn content_in_events_is_under_the_same_rules() {
    let say = || {
        let events = || tracing::info!(gen_ai.prompt = "hello", gen_ai.input.messages = r#"[{"token":"t"}]"#, "asked");
        info_span!("chat", input.value = r#"{"password":"hunter2"}"#).in_scope(events);
    };
    run(|t| {
        say();
        let chat = t.span("chat");
        assert_eq!(chat.attribute("input.value"), Some(&r#"{"password":"<redacted>"}"#.into()));
        let messages = r#"[{"token":"<redacted>"}]"#;
        assert!(chat.events[0].2.contains(&("gen_ai.input.messages".to_owned(), messages.into())));
        assert!(chat.events[0].2.contains(&("gen_ai.prompt".to_owned(), "hello".into())));
    });
    run_with(Capture::default().enabled(false), |t| {
        say();
        let chat = t.span("chat");
        assert_eq!(chat.attribute("input.value"), None);
        let keys: Vec<&str> = chat.events[0].2.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["level", "target"]);
    });
}
