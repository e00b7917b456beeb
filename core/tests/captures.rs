//! Captured values under a tracer's rules, and the vocabulary of LLM workloads.

use heirloom_core::llm::{Observation, ObservationType, Usage};
use heirloom_core::{capture, root, testing, Capture, Context, SetError};
use serde_json::json;

fn text(t: &testing::Testing, span: &str, key: &str) -> Option<String> {
    t.span(span).attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.to_string())
}

#[test]
fn a_value_is_in_the_record_whole_and_a_long_one_is_cut_and_says_from_how_much() {
    testing::run(|t| {
        let long: Vec<u32> = (0..100_000).collect();
        root("short").input(&json!({ "a": [1, null] })).output("text");
        root("long").input(&long);
        assert_eq!(text(t, "short", "input.value").as_deref(), Some(r#"{"a":[1,null]}"#));
        assert_eq!(text(t, "short", "output.value").as_deref(), Some(r#""text""#));
        let json = text(t, "long", "input.value").expect("it is cut, not lost");
        let numbers: Vec<u32> = serde_json::from_str(&json).expect("cut JSON is JSON");
        assert!(json.len() <= 64 << 10 && json.len() > (64 << 10) - 16, "{}", json.len());
        assert_eq!(numbers, long[..numbers.len()]);
        assert_eq!(t.tracer().ledger().truncated, 1);
        t.assert_balanced();
    });
}

#[test]
fn the_rules_are_the_tracers() {
    let masked = Capture::default().max_bytes(100).mask(|key, json| *json = format!("{{\"{key}\":{}}}", json.len()));
    testing::run_with(
        |builder| builder.capture(masked),
        |t| {
            root("masked").input(&"x".repeat(1000)).metadata("m", &1);
            assert_eq!(text(t, "masked", "input.value").as_deref(), Some(r#"{"input.value":100}"#));
            assert_eq!(text(t, "masked", "heirloom.metadata.m").as_deref(), Some(r#"{"heirloom.metadata.m":1}"#));
        },
    );
    testing::run_with(
        |builder| builder.capture(Capture::default().enabled(false)),
        |t| {
            let span = root("off");
            assert_eq!(capture::record(&span, "input.value", &1), Err(SetError::CaptureOff));
            span.output(&1).model("m");
            drop(span);
            let keys: Vec<String> = t.span("off").attributes.into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, ["gen_ai.request.model"]);
        },
    );
}

#[test]
fn a_value_whose_serialize_traces_and_captures_is_whole() {
    struct Nested;
    impl serde::Serialize for Nested {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Context::current().in_span("inside", |span| _ = span.output(&[1, 2]));
            serializer.serialize_str("outside")
        }
    }
    testing::run(|t| {
        root("outer").input(&Nested);
        assert_eq!(text(t, "outer", "input.value").as_deref(), Some(r#""outside""#));
        assert_eq!(text(t, "inside", "output.value").as_deref(), Some("[1,2]"));
        t.assert_balanced();
    });
}

#[test]
fn a_value_that_finds_no_room_is_counted_on_its_span() {
    testing::run_with(
        |builder| testing::small_shards(builder, 1024),
        |t| {
            let span = root("small");
            assert_eq!(capture::record(&span, "a", &"x".repeat(250)), Ok(()));
            let errors = (0..20).filter(|_| capture::record(&span, "b", &"x".repeat(250)).is_err()).count();
            drop(span);
            assert!(t.tracer().flush(std::time::Duration::from_secs(5)).is_ok());
            assert_eq!(t.span("small").dropped as usize, errors);
        },
    );
}

#[test]
fn arguments_are_one_object_by_their_names() {
    testing::run(|t| {
        let span = root("call");
        let not_serialise = std::time::Duration::from_millis(5);
        let arguments: [(&str, &dyn capture::Captured); 3] =
            [("n", &1), ("password", &"hunter2"), ("wait", &capture::debug(&not_serialise))];
        assert_eq!(capture::arguments(&span, "input.value", &arguments), Ok(()));
        drop(span);
        let expected = r#"{"n":1,"password":"<redacted>","wait":"5ms"}"#;
        assert_eq!(text(t, "call", "input.value").as_deref(), Some(expected));
    });
}

#[test]
fn an_observation_has_its_type_and_the_names_that_opentelemetry_has() {
    testing::run(|t| {
        let turn = root("turn");
        turn.observation_type(ObservationType::Agent);
        turn.generation("answer").model("m-large").model_parameter("temperature", 0.5).prompt("greeting", 3).in_scope(
            |answer| {
                answer.usage(Usage::new(12, 40).total(60).detail("cache_read", 5));
                answer.cost_usd(0.5).cost_detail("input", 0.25).completion_start_now();
                Context::current().update().output("hi").status_message("fine");
            },
        );
        let embedding = turn.observation(ObservationType::Embedding, "embed").start();
        embedding.usage(Usage::input(7));
        drop((embedding, turn));
        let expected = [
            ("heirloom.observation.type", "generation"),
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "m-large"),
            ("gen_ai.request.temperature", "0.5"),
            ("gen_ai.prompt.name", "greeting"),
            ("gen_ai.prompt.version", "3"),
            ("gen_ai.usage.input_tokens", "12"),
            ("gen_ai.usage.output_tokens", "40"),
            ("gen_ai.usage.total_tokens", "60"),
            ("gen_ai.usage.cache_read", "5"),
            ("gen_ai.usage.cost", "0.5"),
            ("gen_ai.usage.cost.input", "0.25"),
            ("output.value", "\"hi\""),
            ("heirloom.status_message", "fine"),
        ];
        for (key, value) in expected {
            assert_eq!(text(t, "answer", key).as_deref(), Some(value), "{key}");
        }
        let first_token = text(t, "answer", "gen_ai.response.completion_start_time").expect("it was set");
        assert!(first_token.len() == 27 && first_token.ends_with('Z'), "{first_token}");
        assert_eq!(text(t, "turn", "gen_ai.operation.name").as_deref(), Some("invoke_agent"));
        assert_eq!(text(t, "embed", "gen_ai.usage.output_tokens"), None);
        t.assert_balanced();
    });
}
