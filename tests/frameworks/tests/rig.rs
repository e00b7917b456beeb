//! An agent of `rig` with tools, against a server with OpenAI's protocol.

mod support;

use heirloom_core::export::SpanData;
use heirloom_core::future::FutureExt as _;
use heirloom_core::llm::keys;
use heirloom_core::testing::Testing;
use heirloom_core::{root, span, Value};
use rig::agent::tool::{Tool, ToolContext, ToolExecutionError};
use rig::providers::openai::{OpenAIConfig, Route};
use rig::{Agent, AgentBuilder};
use std::future::IntoFuture;
use support::openai::{self, USAGE};
use support::{block_on, run};
use tracing::{info_span, Instrument};
use tracing_subscriber::filter::{LevelFilter, Targets};

struct Add;

#[derive(serde::Deserialize)]
struct Terms {
    a: i64,
    b: i64,
}

impl Tool for Add {
    const NAME: &'static str = "add";
    type Args = Terms;
    type Output = i64;
    type Error = ToolExecutionError;

    fn description(&self) -> String {
        "Adds two numbers".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        let number = serde_json::json!({ "type": "integer" });
        serde_json::json!({ "type": "object", "properties": { "a": number, "b": number }, "required": ["a", "b"] })
    }

    async fn call(&self, _: &mut ToolContext, terms: Terms) -> Result<i64, ToolExecutionError> {
        span("sum").set("terms", 2); // code of ours inside a tool
        Ok(terms.a + terms.b)
    }
}

fn agent() -> Agent {
    let config = OpenAIConfig::new("not a key").with_base_url(openai::start()).with_route(Route::Chat);
    let builder = AgentBuilder::new(config.client().completion("test-model")).name("adder");
    builder.preamble("You add.").default_max_turns(3).record_content_telemetry(true).tool(Add).build()
}

/// The targets that `rig` uses.
fn rigs() -> Targets {
    Targets::new().with_target("rig", LevelFilter::INFO).with_target("rig_agent", LevelFilter::INFO)
}

async fn ask(agent: &Agent) -> String {
    agent.prompt("2 + 3, and 4 + 5?").into_future().await.expect("an answer").output().to_owned()
}

fn spans_named(t: &Testing, name: &str) -> Vec<SpanData> {
    t.spans().into_iter().filter(|span| span.name == name).collect()
}

fn number(span: &SpanData, key: &str) -> i64 {
    span.attribute(key).and_then(Value::as_i64).unwrap_or(0)
}

#[test]
fn an_agent_is_one_trace_under_ours_with_generations_and_tools() {
    run(rigs(), |t| {
        let ours = root("ours");
        assert_eq!(block_on(ask(&agent()).in_context(&ours)), "5 and 9");
        drop(ours);
        t.assert_tree(
            "ours\n  invoke_agent\n    chat\n    execute_tool\n      sum\n    execute_tool\n      sum\n    chat",
        );
        let kind = |name| spans_named(t, name)[0].attribute(keys::OBSERVATION_TYPE).cloned();
        assert_eq!(kind("invoke_agent"), Some("agent".into()));
        assert_eq!(kind("chat"), Some("generation".into()));
        assert_eq!(kind("execute_tool"), Some("tool".into()));
        let chats = spans_named(t, "chat");
        for (chat, (input, output)) in chats.iter().zip(USAGE) {
            assert_eq!((number(chat, keys::INPUT_TOKENS), number(chat, keys::OUTPUT_TOKENS)), (input, output));
            assert_eq!(chat.attribute(keys::REQUEST_MODEL), Some(&"test-model".into()));
            assert_eq!(chat.attribute(keys::RESPONSE_MODEL), Some(&"test-model-2026".into()));
        }
        let messages = chats[0].attribute("gen_ai.input.messages").and_then(Value::as_str);
        assert!(messages.is_some_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok()), "{messages:?}");
        let tool = &spans_named(t, "execute_tool")[0];
        assert_eq!(tool.attribute("gen_ai.tool.call.result"), Some(&"5".into()));
    });
}

#[test]
fn usage_that_stands_on_the_agent_too_is_counted_once() {
    run(rigs(), |t| {
        block_on(ask(&agent()));
        let all = t.spans();
        let total: i64 = all.iter().map(|span| number(span, keys::INPUT_TOKENS)).sum();
        assert_eq!(total, USAGE[0].0 + USAGE[1].0);
        let agent = &spans_named(t, "invoke_agent")[0];
        assert_eq!(number(agent, "heirloom.aggregate.gen_ai.usage.input_tokens"), total, "{agent:?}");
    });
}

#[test]
fn a_chat_that_is_an_explicit_root_for_want_of_a_parent_falls_under_ours() {
    let only_chats = Targets::new().with_target("rig::agent_chat", LevelFilter::INFO);
    run(only_chats, |t| {
        let ours = root("ours");
        block_on(ask(&agent()).in_context(&ours));
        drop(ours);
        t.assert_tree("ours\n  chat\n  sum\n  sum\n  chat");
    });
}

#[test]
fn our_agent_span_is_not_lost_under_a_foreign_span_that_rig_takes_for_its_own() {
    run(rigs().with_default(LevelFilter::INFO).with_target("hyper", LevelFilter::OFF), |t| {
        let foreign = info_span!("foreign");
        let work = async {
            let ours = span("our agent");
            ask(&agent()).in_context(&ours).await
        };
        block_on(work.instrument(foreign));
        t.assert_tree(
            "foreign\n  our agent\n    chat\n    execute_tool\n      sum\n    execute_tool\n      sum\n    chat",
        );
    });
}
