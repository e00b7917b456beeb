//! Captured values under a tracer's rules, and the vocabulary of LLM workloads.
#![cfg(feature = "llm")]

use heirloom_core::llm::{Observation, ObservationType, Usage};
use heirloom_core::{capture, root, testing, Capture, Context, SetError};
use serde_json::json;

fn text(t: &testing::Testing, span: &str, key: &str) -> Option<String> {
    t.span(span).attribute(key).map(ToString::to_string)
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
fn a_value_of_exactly_the_limit_is_whole_and_one_more_byte_is_too_much() {
    for (last, kept, truncated) in [(9, 50, 0), (10, 49, 1)] {
        testing::run_with(
            // Fifty numbers of a digit, commas and brackets.
            |builder| builder.capture(Capture::default().max_bytes(101)),
            |t| {
                let numbers: Vec<u32> = std::iter::repeat_n(9, 49).chain([last]).collect();
                root("span").input(&numbers);
                let json = text(t, "span", "input.value").unwrap_or_default();
                let found: Vec<u32> = serde_json::from_str(&json).unwrap_or_default();
                assert_eq!((found.len(), t.tracer().ledger().truncated), (kept, truncated), "{json}");
                assert_eq!(found, numbers[..kept]);
            },
        );
    }
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

#[test]
fn a_time_that_has_no_date_is_not_recorded_and_does_not_panic() {
    use std::time::{Duration, SystemTime};
    testing::run(|t| {
        let epoch = SystemTime::UNIX_EPOCH;
        let times = [epoch - Duration::from_nanos(1), epoch + Duration::from_secs(253_402_300_800), epoch];
        times.into_iter().for_each(|at| _ = root("answer").completion_start(at));
        let starts: Vec<String> =
            t.spans().iter().flat_map(|span| &span.attributes).map(|(_, value)| value.to_string()).collect();
        assert_eq!(starts, ["1970-01-01T00:00:00.000000Z"]);
    });
}

#[test]
fn a_denied_key_hides_its_value_wherever_the_key_stands() {
    testing::run(|t| {
        let span = root("login");
        span.metadata("api_key", &"hunter2").metadata("token", &json!({ "a": "hunter2" }));
        assert_eq!(capture::record(&span, "password", &"hunter2"), Ok(()));
        assert_eq!(capture::arguments(&span, "client_secret", &[("a", &"hunter2")]), Ok(()));
        span.input(&json!({ "token\n": "hunter2", "pass\"word": "hunter2", "api\tkey": ["hunter2"] }));
        drop(span);
        let values: Vec<String> =
            t.span("login").attributes.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            values[..4].join(" "),
            [
                r#"heirloom.metadata.api_key="<redacted>""#,
                r#"heirloom.metadata.token="<redacted>""#,
                r#"password="<redacted>""#,
                r#"client_secret="<redacted>""#,
            ]
            .join(" ")
        );
        assert!(!values[4].contains("hunter2"), "{}", values[4]);
    });
}

#[test]
fn what_is_denied_is_not_followed_without_end() {
    struct Endless;
    impl serde::Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq([Endless])
        }
    }
    testing::run(|t| {
        let span = root("login");
        assert_eq!(capture::arguments(&span, "input.value", &[("user", &"u1"), ("token", &Endless)]), Ok(()));
        drop(span);
        let json: serde_json::Value =
            serde_json::from_str(&text(t, "login", "input.value").expect("captured")).expect("JSON");
        assert_eq!(json, json!({ "user": "u1", "token": "<redacted>" }));
    });
}

#[test]
fn a_value_that_its_mask_made_longer_than_the_tracers_limit_stays_json() {
    let mut settings = heirloom_core::Settings::default();
    settings.limits.attribute_value_bytes = 100;
    settings.export_delay = std::time::Duration::from_millis(1);
    let doubled = Capture::default().mask(|_, json| *json = format!("[{json},{json}]"));
    testing::run_with(
        |builder| builder.settings(settings).capture(doubled),
        |t| {
            root("masked").input(&"x".repeat(60));
            let json = text(t, "masked", "input.value").expect("captured");
            assert!(serde_json::from_str::<String>(&json).is_ok_and(|text| text.contains("not captured")), "{json}");
        },
    );
}

#[test]
fn json_is_valid_even_of_a_value_that_goes_on_after_it_was_stopped() {
    struct Stubborn;
    impl serde::Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(None)?;
            for text in ["x".repeat(200).as_str(), "y", "z"] {
                let _ = seq.serialize_element(text);
            }
            seq.end()
        }
    }
    testing::run_with(
        |builder| builder.capture(Capture::default().max_bytes(64)),
        |t| {
            root("stubborn").input(&Stubborn);
            let json = text(t, "stubborn", "input.value").expect("captured");
            assert!(serde_json::from_str::<Vec<String>>(&json).is_ok_and(|texts| texts.len() == 1), "{json}");
        },
    );
}

#[test]
fn where_attributes_are_very_short_what_is_kept_is_json_or_nothing() {
    for limit in 0..=50 {
        let mut settings = heirloom_core::Settings::default();
        settings.limits.attribute_value_bytes = limit;
        testing::run_with(
            |builder| builder.settings(settings),
            |t| {
                let span = root("short");
                let nested = json!({ "a": [1, "two", { "password": "hunter2" }], "b": "three \u{1}" });
                for (key, value) in [("input", &nested), ("password", &nested), ("list", &json!(["x", "y"]))] {
                    capture::record(&span, key, value).expect("there is room");
                }
                let no_key = std::collections::HashMap::from([((1, 2), 3)]);
                capture::record(&span, "fails", &no_key).expect("there is room");
                drop(span);
                for key in ["input", "password", "list", "fails"] {
                    let json = text(t, "short", key).expect("it is there");
                    let is_json = serde_json::from_str::<serde_json::Value>(&json).is_ok();
                    assert!(json.len() <= limit && (is_json || json.is_empty()), "{limit}: {json}");
                    assert!(!json.contains("hunter2"), "{limit}: {json}");
                }
            },
        );
    }
}
