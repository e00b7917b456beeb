//! Values set by the methods of observations and traces arrive as Langfuse's contract requires.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::llm::{Level, Observation as _, ObservationType, Usage};
use heirloom_receiver::Receiver;
use serde_json::json;
use std::collections::BTreeMap;
use support::{assert_delivered, config, tracer};

#[test]
fn a_generation_below_an_agent_arrives_with_all_that_was_said() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("agent", |agent| {
        agent.observation_type(ObservationType::Agent).usage(Usage::new(12, 2));
        agent.trace_update().name("question").user("u-17").session("s-4").tags(["a", "b"]).public(true);
        let answer = agent.generation("answer").model("m").model_parameter("temperature", 0.5).prompt("ask", 3).start();
        answer.input(&BTreeMap::from([("question", "wie gehts, ü?")])).output("gut").metadata("tenant", "acme");
        answer.usage(Usage::new(12, 2).detail("cache_read", 5)).cost_usd(0.25).cost_detail("input", 0.125);
        answer.completion_start_now().level(Level::Warning).status_message("slow").version("7");
    });
    assert_delivered(&receiver, guard, 2);
    let span = receiver.span("answer");
    let of = |name: &str| span.json(&format!("langfuse.observation.{name}")).unwrap_or_default();
    assert_eq!(span.text("langfuse.observation.type"), Some("generation"));
    assert_eq!(of("input"), json!({ "question": "wie gehts, ü?" }));
    assert_eq!(span.text("langfuse.observation.output"), Some("gut"));
    assert_eq!(of("metadata.tenant"), json!("acme"));
    assert_eq!(span.text("langfuse.observation.model.name"), Some("m"));
    assert_eq!(of("model.parameters"), json!({ "temperature": 0.5 }));
    assert_eq!(of("usage_details"), json!({ "input": 7, "output": 2, "total": 14, "cache_read": 5 }));
    assert_eq!(of("cost_details"), json!({ "total": 0.25, "input": 0.125 }));
    assert!(of("completion_start_time").as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(span.int("langfuse.observation.prompt.version"), Some(3));
    assert_eq!(span.text("langfuse.observation.level"), Some("WARNING"));
    assert_eq!(span.text("langfuse.observation.status_message"), Some("slow"));
    for name in ["answer", "agent"] {
        let span = receiver.span(name);
        assert_eq!((span.text("user.id"), span.text("session.id")), (Some("u-17"), Some("s-4")), "{name}");
        assert_eq!(span.texts("langfuse.trace.tags"), Some(vec!["a", "b"]), "{name}");
        assert_eq!(span.text("langfuse.trace.name"), Some("question"), "{name}");
    }
    assert_eq!(
        (receiver.span("agent").bool("langfuse.trace.public"), span.get("langfuse.trace.public")),
        (Some(true), None)
    );
    assert_eq!(receiver.span("agent").get("langfuse.observation.usage_details"), None, "counted once");
}

#[test]
fn a_value_that_was_cut_is_json_and_named() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("root", |root| {
        root.input(&vec!["x".repeat(1000); 100]);
    });
    assert_eq!(guard.finish().ledger().truncated, 1);
    receiver.assert_contract();
    let span = receiver.span("root");
    assert!(span.json("langfuse.observation.input").unwrap().as_array().is_some_and(|items| items.len() > 50));
    assert!(span.texts("heirloom.truncated").unwrap()[0].starts_with("input.value="));
}

#[test]
fn a_text_is_sent_without_quotes_and_a_none_not_at_all() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("root", |root| {
        root.input("say \"hi\"").output(&None::<u32>).metadata("none", &None::<&str>).metadata("some", &Some("x"));
    });
    assert_delivered(&receiver, guard, 1);
    let span = receiver.span("root");
    let of = |name: &str| span.text(&format!("langfuse.observation.{name}"));
    assert_eq!([of("input"), of("output"), of("metadata.none")], [Some("say \"hi\""), None, None]);
    assert_eq!(of("metadata.some"), Some("\"x\""));
}
