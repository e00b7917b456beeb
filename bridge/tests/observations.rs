//! Spans of LLM frameworks become observations.

mod support;

use heirloom_core::llm::keys;
use heirloom_core::Value;
use support::run;
use tracing::field::Empty;
use tracing::info_span;

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
        // The usage stands before the operation, so that the order of fields has no say.
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
