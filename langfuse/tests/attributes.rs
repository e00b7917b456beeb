//! Recorded attributes arrive as Langfuse's contract requires.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::llm::{keys, ObservationType};
use heirloom_core::{Context, Settings, Span, SpanId, SpanKind, Status, TraceId};
use heirloom_receiver::{Received, Receiver};
use serde_json::json;
use support::{assert_delivered, builder, config, tracer};

/// Records one root span, and returns the span that the receiver got.
#[track_caller]
fn sent(record: impl FnOnce(&Span)) -> Received {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("observation", record);
    assert_delivered(&receiver, guard, 1);
    receiver.span("observation")
}

#[test]
fn a_span_without_a_type_is_a_span() {
    let span = sent(|span| {
        span.set("bytes", 12).set("names", &["a", "b"][..]);
    });
    assert_eq!(span.text("langfuse.observation.type"), Some("span"));
    assert_eq!(span.int("bytes"), Some(12), "other attributes are passed on as they are");
    assert_eq!(span.texts("names"), Some(vec!["a", "b"]));
    assert_eq!((span.status, span.get("langfuse.observation.level")), (0, None));
    assert!(span.int("thread.id").is_some() && span.int("process.pid").is_some());
}

#[test]
fn each_type_of_observation_has_its_name() {
    for kind in ObservationType::ALL {
        let span = sent(|span| {
            span.set(keys::OBSERVATION_TYPE, kind.name());
        });
        assert_eq!(span.text("langfuse.observation.type"), Some(kind.name()));
        assert_eq!(span.get(keys::OBSERVATION_TYPE), None);
    }
}

#[test]
fn an_event_has_no_length() {
    let span = sent(|span| {
        span.set(keys::OBSERVATION_TYPE, "event");
        std::thread::yield_now();
    });
    assert_eq!(span.start_ns, span.end_ns);
}

#[test]
fn a_generation_has_model_usage_and_cost() {
    let span = sent(|span| {
        span.set(keys::OBSERVATION_TYPE, "generation")
            .set(keys::REQUEST_MODEL, "m")
            .set(keys::RESPONSE_MODEL, "m-2026");
        span.set("gen_ai.request.temperature", 0.5).set("gen_ai.request.max_tokens", 64);
        span.set("gen_ai.request.stop_sequences", &["x"][..]);
        span.set(keys::INPUT_TOKENS, 7).set(keys::OUTPUT_TOKENS, 5).set("gen_ai.usage.cache_read", 3);
        span.set(keys::COST, 0.25).set("gen_ai.usage.cost.input", 0.125);
        span.set(keys::COMPLETION_START_TIME, "2026-01-01T00:00:00.5Z");
        span.set(keys::PROMPT_NAME, "greet").set(keys::PROMPT_VERSION, 4);
    });
    let of = |name: &str| span.json(&format!("langfuse.observation.{name}")).unwrap_or_default();
    assert_eq!(
        span.text("langfuse.observation.model.name"),
        Some("m-2026"),
        "the response's model determines the price"
    );
    assert_eq!(span.text(keys::REQUEST_MODEL), Some("m"));
    let parameters = json!({ "temperature": 0.5, "max_tokens": 64, "stop_sequences": "[\"x\"]" });
    assert_eq!(of("model.parameters"), parameters);
    assert_eq!(of("usage_details"), json!({ "input": 4, "output": 5, "total": 12, "cache_read": 3 }));
    assert_eq!(of("cost_details"), json!({ "total": 0.25, "input": 0.125 }));
    assert_eq!(of("completion_start_time"), json!("2026-01-01T00:00:00.5Z"));
    assert_eq!(span.text("langfuse.observation.prompt.name"), Some("greet"));
    assert_eq!(span.int("langfuse.observation.prompt.version"), Some(4));
    assert!(!span.attributes.iter().any(|(key, _)| key.starts_with(keys::USAGE)), "said once: {:?}", span.attributes);
}

/// The usage of a generation with these counts.
#[track_caller]
fn usage_of(counts: &[(&'static str, i64)]) -> (serde_json::Value, Received) {
    let span = sent(|span| {
        span.set(keys::OBSERVATION_TYPE, "generation");
        counts.iter().for_each(|(key, count)| _ = span.set(*key, *count));
    });
    let usage = span.json("langfuse.observation.usage_details").unwrap();
    let parts = usage.as_object().unwrap().iter().filter(|(name, _)| *name != "total");
    let sum: i64 = parts.map(|(_, count)| count.as_i64().unwrap()).sum();
    assert!(usage.get("total").is_none_or(|total| *total == json!(sum)), "a total is the sum: {usage}");
    (usage, span)
}

#[test]
fn cached_tokens_are_counted_once() {
    for [read, written] in [
        ["cache_read.input_tokens", "cache_creation.input_tokens"],
        ["cache_read", "cache_creation"],
        ["cache_read_input_tokens", "cache_creation_input_tokens"],
        ["input_cached_tokens", "input_cache_creation"],
    ] {
        let span = sent(|span| {
            span.set(keys::OBSERVATION_TYPE, "generation");
            span.set(keys::INPUT_TOKENS, 13_675).set(keys::OUTPUT_TOKENS, 120).set(keys::TOTAL_TOKENS, 13_795);
            span.set(format!("gen_ai.usage.{read}"), 9_216).set(format!("gen_ai.usage.{written}"), 1_000);
        });
        let usage = span.json("langfuse.observation.usage_details").unwrap();
        let expected = json!({ "input": 3_459, "output": 120, read: 9_216, written: 1_000, "total": 13_795 });
        assert_eq!(usage, expected);
    }
}

#[test]
fn tokens_of_reasoning_are_counted_once() {
    let counts = [(keys::INPUT_TOKENS, 10), (keys::OUTPUT_TOKENS, 500), ("gen_ai.usage.reasoning.output_tokens", 400)];
    let (usage, _) = usage_of(&counts);
    assert_eq!(usage, json!({ "input": 10, "output": 100, "reasoning.output_tokens": 400, "total": 510 }));
}

/// As OpenAI reports an answer in text and sound: by medium, and by cache.
#[test]
fn counts_that_overlap_are_metadata() {
    let counts = [
        (keys::INPUT_TOKENS, 100),
        (keys::OUTPUT_TOKENS, 50),
        (keys::TOTAL_TOKENS, 150),
        ("gen_ai.usage.cache_read.input_tokens", 60),
        ("gen_ai.usage.text.input_tokens", 70),
        ("gen_ai.usage.audio.input_tokens", 30),
        ("gen_ai.usage.audio.output_tokens", 40),
        ("gen_ai.usage.rejected_prediction", 5),
    ];
    let (usage, span) = usage_of(&counts);
    assert_eq!(usage, json!({ "input": 40, "output": 50, "cache_read.input_tokens": 60, "total": 150 }));
    let metadata = |name: &str| span.text(&format!("langfuse.observation.metadata.gen_ai.usage.{name}"));
    assert_eq!((metadata("audio.input_tokens"), metadata("text.input_tokens")), (Some("30"), Some("70")));
    assert_eq!((metadata("audio.output_tokens"), metadata("rejected_prediction")), (Some("40"), Some("5")));
    assert!(!span.attributes.iter().any(|(key, _)| key.starts_with(keys::USAGE)), "{:?}", span.attributes);
}

/// Some crates record Anthropic's counts as they come.
#[test]
fn an_input_without_its_cached_tokens_is_sent_as_it_is() {
    let (usage, _) = usage_of(&[(keys::INPUT_TOKENS, 3_459), ("gen_ai.usage.cache_read", 9_216)]);
    assert_eq!(usage, json!({ "input": 3_459, "cache_read": 9_216 }));
    let (usage, _) = usage_of(&[(keys::INPUT_TOKENS, 60), (keys::OUTPUT_TOKENS, 1), ("gen_ai.usage.cache_read", 60)]);
    assert_eq!(usage, json!({ "input": 0, "output": 1, "cache_read": 60, "total": 61 }));
}

#[test]
fn a_total_that_is_not_the_sum_is_not_sent() {
    let span = sent(|span| {
        span.set(keys::OBSERVATION_TYPE, "embedding").set(keys::INPUT_TOKENS, 7).set(keys::OUTPUT_TOKENS, 0);
        span.set(keys::TOTAL_TOKENS, 9).set(keys::COST, f64::NAN).set(keys::PROMPT_VERSION, 4);
    });
    let usage = span.json("langfuse.observation.usage_details").unwrap();
    assert_eq!(usage, json!({ "input": 7, "output": 0 }));
    assert_eq!(span.text("langfuse.observation.metadata.gen_ai.usage.total_tokens"), Some("9"), "nothing is lost");
    assert_eq!(span.get("langfuse.observation.cost_details"), None, "a cost that is no number is none");
    assert_eq!(span.int(keys::PROMPT_VERSION), Some(4), "a version without a name is passed on");
}

#[test]
fn texts_are_sent_as_texts() {
    for (recorded, expected) in [
        (r#""Wie geht's, \"ü\"?\n""#, "Wie geht's, \"ü\"?\n"),
        ("plain", "plain"),
        ("[INFO] plain", "[INFO] plain"),
        (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        (r#""""#, ""),
        (r#"["a", 9007199254740993]"#, r#"["a", "9007199254740993"]"#),
        ("12", "12"),
        ("true", "true"),
    ] {
        let span = sent(|span| _ = span.set(keys::INPUT, recorded).set("gen_ai.completion", recorded));
        assert_eq!(span.text("langfuse.observation.input"), Some(expected));
        assert_eq!(span.text("langfuse.observation.output"), Some(expected), "another library's");
    }
}

#[test]
fn nothing_is_sent_for_none() {
    let span = sent(|span| {
        span.set(keys::INPUT, "null").set(keys::OUTPUT, " null\n").set("heirloom.metadata.a", "null");
        span.set("heirloom.metadata.b", "[null]");
    });
    let of = |name: &str| span.text(&format!("langfuse.observation.{name}"));
    assert_eq!([of("input"), of("output"), of("metadata.a"), of("metadata.b")], [None, None, None, Some("[null]")]);
    let foreign =
        sent(|span| _ = span.set("gen_ai.output.messages", "null").set(keys::INPUT, "null").set("input", "x"));
    assert_eq!(foreign.text("langfuse.observation.output"), None);
    assert_eq!(foreign.text("langfuse.observation.input"), Some("x"), "the next best");
}

#[test]
fn one_span_says_that_the_trace_is_public() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("root", |root| {
        root.trace_update().public(true);
        root.in_span("child", |child| child.in_span("grandchild", |_| ()));
    });
    let left = guard.tracer().in_root("early", |root| root.span("left"));
    guard.tracer().flush(support::LONG).unwrap();
    left.trace_update().public(true);
    left.in_span("late child", |_| ());
    left.end();
    guard.tracer().in_root("on its child", |root| root.in_span("inner", |span| _ = span.set(keys::PUBLIC, true)));
    assert!(guard.finish().is_complete());
    receiver.assert_contract();
    let said = receiver.with_spans(|spans| {
        let said = spans.iter().filter(|span| span.bool("langfuse.trace.public").is_some());
        said.map(|span| span.name.clone()).collect::<Vec<_>>()
    });
    assert_eq!(
        (said.len(), said.contains(&"root".to_owned()), said.contains(&"on its child".to_owned())),
        (3, true, true)
    );
    assert!(said.iter().any(|name| name == "late child" || name == "left"), "{said:?}");
}

#[test]
fn an_environment_in_upper_case_is_lowered() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver).environment("Production"));
    guard.tracer().in_root("configured", |_| ());
    guard.tracer().in_root("own", |span| _ = span.set(keys::ENVIRONMENT, "EU-West"));
    assert_delivered(&receiver, guard, 2);
    let of = |name| receiver.span(name).text("langfuse.environment").map(str::to_owned);
    assert_eq!((of("configured").as_deref(), of("own").as_deref()), (Some("production"), Some("eu-west")));
    assert_eq!(receiver.span("own").resource("langfuse.environment"), Some("production"));
}

#[test]
fn spans_of_other_crates_are_recognised_by_their_operation() {
    let types = [
        ("chat", "generation"),
        ("text_completion", "generation"),
        ("generate_content", "generation"),
        ("embeddings", "embedding"),
        ("execute_tool", "tool"),
        ("invoke_agent", "agent"),
        ("retrieval", "retriever"),
        ("something_new", "span"),
    ];
    for (operation, kind) in types {
        let span = sent(|span| {
            span.set(keys::OPERATION, operation).set("gen_ai.provider.name", "p");
        });
        assert_eq!(span.text("langfuse.observation.type"), Some(kind), "{operation}");
        assert_eq!(span.text("gen_ai.provider.name"), Some("p"));
        assert_eq!(span.text(keys::OPERATION), Some(operation));
    }
    let old = sent(|span| {
        span.set(keys::REQUEST_MODEL, "m").set(keys::INPUT_TOKENS, 1);
    });
    assert_eq!(old.text("langfuse.observation.type"), Some("generation"), "a model and what was used");
    let explicit = sent(|span| {
        span.set(keys::OPERATION, "chat").set(keys::OBSERVATION_TYPE, "chain");
    });
    assert_eq!(explicit.text("langfuse.observation.type"), Some("chain"));
}

#[test]
fn usage_counts_on_the_generation_alone() {
    let span = sent(|span| {
        span.set(keys::OPERATION, "invoke_agent").set(keys::INPUT_TOKENS, 7).set(keys::COST, 0.5);
        span.set(keys::REQUEST_MODEL, "m").set(keys::PROMPT_NAME, "greet");
    });
    assert_eq!(span.get("langfuse.observation.usage_details"), None);
    assert_eq!(span.get(keys::INPUT_TOKENS), None, "the server would count it again");
    assert_eq!(span.text("langfuse.observation.metadata.gen_ai.usage.input_tokens"), Some("7"));
    assert_eq!(span.text("langfuse.observation.metadata.gen_ai.usage.cost"), Some("0.5"));
    assert_eq!(span.text("langfuse.observation.metadata.gen_ai.request.model"), Some("\"m\""));
    assert_eq!(span.text("langfuse.observation.metadata.gen_ai.prompt.name"), Some("\"greet\""));
}

#[test]
fn input_output_and_metadata_are_json() {
    let span = sent(|span| {
        span.set(keys::INPUT, r#"{"q":"wie gehts, ü?","id":9007199254740993}"#).set(keys::OUTPUT, "plain [text");
        span.set("heirloom.metadata.tenant", "acme").set("heirloom.metadata.list", "[1,2]");
        span.set("heirloom.metadata.big", i64::MAX).set("heirloom.metadata.nan", f64::NAN);
        span.set("heirloom.metadata.on", true).set("heirloom.metadata.all", &[1_i64, 2][..]);
    });
    let text = |name: &str| span.text(&format!("langfuse.observation.{name}")).unwrap();
    assert_eq!(text("input"), r#"{"q":"wie gehts, ü?","id":"9007199254740993"}"#);
    assert_eq!(text("output"), "plain [text");
    assert_eq!((text("metadata.tenant"), text("metadata.list")), ("\"acme\"", "[1,2]"));
    assert_eq!((text("metadata.big"), text("metadata.nan")), ("\"9223372036854775807\"", "\"NaN\""));
    assert_eq!((text("metadata.on"), text("metadata.all")), ("true", "[1,2]"));
}

#[test]
fn messages_of_other_crates_are_input_and_output() {
    let foreign = sent(|span| {
        span.set(keys::OPERATION, "chat").set("gen_ai.input.messages", "[{\"role\":\"user\"}]");
        span.set("gen_ai.output.messages", "[]");
    });
    assert_eq!(foreign.text("langfuse.observation.input"), Some("[{\"role\":\"user\"}]"));
    assert_eq!(foreign.text("langfuse.observation.output"), Some("[]"));
    assert_eq!(foreign.get("gen_ai.input.messages"), None);
    let both = sent(|span| {
        span.set("gen_ai.input.messages", "[1]").set(keys::INPUT, "[2]");
    });
    assert_eq!(both.text("langfuse.observation.input"), Some("[2]"));
    assert_eq!(both.text("gen_ai.input.messages"), Some("[1]"));
}

/// The order of the calls doesn't matter.
#[test]
fn of_several_foreign_inputs_the_best_known_is_one_and_the_rest_stays() {
    let tool = sent(|span| {
        span.set("output", "raw").set("gen_ai.completion", "[4]").set("gen_ai.completion.0.content", "c");
        span.set("gen_ai.system_instructions", "[1]").set("input", "[2]").set("gen_ai.tool.call.arguments", "[3]");
        span.set("gen_ai.prompt.0.content", "p");
    });
    let input_and_output = |span: &Received| {
        ["input", "output"].map(|name| span.text(&format!("langfuse.observation.{name}")).map(str::to_owned))
    };
    assert_eq!(input_and_output(&tool), [Some("[3]".to_owned()), Some("[4]".to_owned())]);
    let stay = ["output", "gen_ai.system_instructions", "input", "gen_ai.prompt.0.content"];
    assert_eq!(stay.map(|key| tool.text(key)), [Some("raw"), Some("[1]"), Some("[2]"), Some("p")]);
    assert_eq!((tool.get("gen_ai.tool.call.arguments"), tool.get("gen_ai.completion")), (None, None));
    let numbered = sent(|span| _ = span.set("gen_ai.prompt.0.role", "user").set("llm.output_messages.0.role", "ai"));
    assert_eq!(input_and_output(&numbered), [None, None]);
}

#[test]
fn what_is_said_of_the_trace_arrives() {
    let span = sent(|span| {
        span.set(keys::TRACE_NAME, "order").set(keys::USER, "u-17").set(keys::SESSION, "s-4").set(keys::PUBLIC, true);
        span.set(keys::TAGS, &["a", "b"][..]).set("heirloom.trace.metadata.tenant", "acme");
        span.set("heirloom.trace.metadata.text", "42").set("heirloom.trace.metadata.number", 42);
        span.set(keys::ENVIRONMENT, "beta").set(keys::RELEASE, "1.2").set(keys::VERSION, "7");
    });
    assert_eq!(span.text("langfuse.trace.name"), Some("order"));
    assert_eq!((span.text("user.id"), span.text("session.id")), (Some("u-17"), Some("s-4")));
    assert_eq!(span.bool("langfuse.trace.public"), Some(true));
    assert_eq!(span.texts("langfuse.trace.tags"), Some(vec!["a", "b"]));
    let metadata = ["tenant", "text", "number"].map(|key| span.text(&format!("langfuse.trace.metadata.{key}")));
    assert_eq!(metadata, [Some("\"acme\""), Some("\"42\""), Some("42")]);
    assert_eq!((span.text("langfuse.environment"), span.text("langfuse.release")), (Some("beta"), Some("1.2")));
    assert_eq!(span.text("langfuse.version"), Some("7"));
}

#[test]
fn what_langfuse_would_not_take_is_left_out_and_named() {
    let long = "ü".repeat(201);
    let span = sent(|span| {
        span.set(keys::USER, &long).set(keys::SESSION, "").set(keys::TAGS, &["a", &long][..]);
        span.set("heirloom.trace.metadata.tenant", "x".repeat(199)).set(keys::TRACE_NAME, &long);
        span.set(keys::ENVIRONMENT, "Pro duction").set(keys::LEVEL, "LOUD").set(keys::OBSERVATION_TYPE, "thought");
    });
    assert_eq!((span.get("user.id"), span.get("session.id")), (None, None));
    assert_eq!(span.texts("langfuse.trace.tags"), Some(vec!["a"]));
    assert_eq!(span.text("langfuse.trace.name"), Some("ü".repeat(200).as_str()));
    let named = span.texts("heirloom.left_out").unwrap();
    assert_eq!(named, ["user.id=201", "heirloom.trace.tags=201", "heirloom.trace.metadata.tenant=201"]);
    assert_eq!(span.texts("heirloom.truncated"), Some(vec!["heirloom.trace.name=402"]));
    assert_eq!(span.text(keys::ENVIRONMENT), Some("Pro duction"), "passed on as it is");
    assert_eq!((span.text(keys::LEVEL), span.text(keys::OBSERVATION_TYPE)), (Some("LOUD"), Some("thought")));
    assert_eq!(span.text("langfuse.observation.type"), Some("span"));
}

#[test]
fn an_error_has_a_level_a_message_and_a_status() {
    let span = sent(|span| {
        span.error("no such file");
    });
    assert_eq!(span.text("langfuse.observation.level"), Some("ERROR"));
    assert_eq!(span.text("langfuse.observation.status_message"), Some("no such file"));
    assert_eq!((span.status, span.status_message.as_str()), (2, "no such file"));
    let told = sent(|span| {
        span.set(keys::LEVEL, "ERROR").set(keys::STATUS_MESSAGE, "too slow");
    });
    assert_eq!((told.status, told.status_message.as_str()), (2, "too slow"));
    let mild = sent(|span| {
        span.error("no").set(keys::LEVEL, "WARNING").set(keys::STATUS_MESSAGE, "well");
    });
    assert_eq!(mild.text("langfuse.observation.level"), Some("WARNING"), "the recorded level takes precedence");
    assert_eq!(mild.text("langfuse.observation.status_message"), Some("well"));
}

#[test]
fn success_is_no_status() {
    let span = sent(|span| {
        span.set_status(Status::Ok);
    });
    assert_eq!((span.status, span.get("langfuse.observation.level")), (0, None));
}

#[test]
fn an_attribute_with_a_name_of_langfuses_own_is_sent_once() {
    let span = sent(|span| {
        span.set("langfuse.observation.input", "2").set(keys::INPUT, "1").set("langfuse.trace.name", "own");
    });
    assert_eq!(span.text("langfuse.observation.input"), Some("1"));
    assert_eq!(span.text("langfuse.trace.name"), Some("own"));
}

#[test]
fn a_panic_arrives_as_its_event_and_an_error() {
    let span = sent(|span| {
        span.event_with("exception", &[("exception.type", "panic".into()), ("exception.message", "boom".into())]);
        span.error("boom");
    });
    let (name, _, attributes) = &span.events[0];
    assert_eq!((name.as_str(), attributes.len()), ("exception", 2));
}

#[test]
fn a_span_that_is_still_open_at_the_end_is_a_warning() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    let open = guard.tracer().root("open");
    drop(guard.finish());
    drop(open);
    let span = receiver.span("open");
    assert_eq!(span.text("langfuse.observation.level"), Some("WARNING"));
    assert_eq!(span.text("langfuse.observation.status_message"), Some("still open when the tracer finished"));
    assert_eq!((span.bool("heirloom.incomplete"), span.status), (Some(true), 0));
    receiver.assert_contract();
}

#[test]
fn the_topmost_span_of_the_process_says_so_and_no_other() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("root", |root| root.in_span("child", |_| ()));
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let remote = guard.tracer().extract(header, None).unwrap();
    remote.in_span("callee", |_| ());
    assert_delivered(&receiver, guard, 3);
    let marked = |name| receiver.span(name).bool("langfuse.internal.is_app_root");
    assert_eq!((marked("root"), marked("child"), marked("callee")), (Some(true), None, Some(true)));
    let callee = receiver.span("callee");
    assert_eq!(callee.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(callee.parent_span_id.as_deref(), Some("b7ad6b7169203331"));
    assert_eq!(receiver.span("child").parent_span_id, Some(receiver.span("root").span_id));
}

#[test]
fn a_span_under_explicit_ids_is_a_root_in_langfuse_and_no_other_span_says_so() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    let explicit = guard.tracer().bind(Context::from_ids(TraceId::from_seed("order"), SpanId::from_seed("cart"), true));
    explicit.in_span("explicit", |span| span.in_span("its child", |_| ()));
    let header = explicit.traceparent().unwrap().to_string();
    guard.tracer().extract(&header, None).unwrap().in_span("from a header", |_| ());
    guard.tracer().in_root("open", |open| {
        let cx = open.context();
        let by_ids = guard.tracer().bind(Context::from_ids(cx.trace_id(), cx.span_id(), true));
        by_ids.in_span("its parent is sent too", |_| ());
    });
    assert_delivered(&receiver, guard, 5);
    let marked = receiver.with_spans(|spans| {
        let says_so = spans.iter().filter(|span| span.get("langfuse.internal.as_root").is_some());
        says_so.map(|span| span.name.clone()).collect::<Vec<_>>()
    });
    assert_eq!(marked, ["explicit"]);
    let span = receiver.span("explicit");
    assert_eq!(span.bool("langfuse.internal.as_root"), Some(true));
    assert_eq!(span.bool("langfuse.internal.is_app_root"), Some(true));
    assert_eq!(span.parent_span_id, Some(SpanId::from_seed("cart").to_string()), "the parent is sent as it is");
}

#[test]
fn a_span_and_a_link_are_sent_with_their_tracestates() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    guard.tracer().extract(caller, Some("caller=1")).unwrap().in_span("linking", |span| {
        span.link(guard.tracer().extract(other, Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).unwrap());
        span.link(Context::from_ids(TraceId::from_u128(1), SpanId::from_u64(2), true));
    });
    assert_delivered(&receiver, guard, 1);
    let span = receiver.span("linking");
    assert_eq!(span.tracestate, "caller=1");
    let links: Vec<_> = span.links.iter().map(|(trace, span, state)| [trace.as_str(), span, state]).collect();
    let plain = ["00000000000000000000000000000001", "0000000000000002", ""];
    let stated = [&other[3..35], &other[36..52], "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"];
    assert_eq!(links, [stated, plain]);
}

#[test]
fn what_a_span_must_have_is_never_the_attribute_that_is_dropped() {
    let receiver = Receiver::start();
    let settings = {
        let mut settings = Settings::default();
        settings.limits.attributes_per_span = 400;
        settings
    };
    let config = config(&receiver);
    let guard = heirloom_core::builder("x").settings(settings).exporter(config.exporter().unwrap()).start().unwrap();
    guard.tracer().in_root("observation", |span| {
        (0..90).for_each(|n| {
            span.set(format!("other{n}"), n);
        });
        (0..100).for_each(|n| {
            span.set(format!("heirloom.metadata.m{n}"), n);
        });
        span.set(keys::INPUT, "1").set(keys::USER, "u").set(keys::LEVEL, "DEBUG").set(keys::OBSERVATION_TYPE, "tool");
    });
    assert!(guard.finish().is_complete());
    let span = receiver.span("observation");
    // 194 were recorded. Type and level don't count, nor what the exporter adds.
    assert_eq!(span.dropped_attributes, 192 - 128);
    assert!(span.int("thread.id").is_some() && span.int("process.pid").is_some());
    assert_eq!((span.text("user.id"), span.text("langfuse.observation.level")), (Some("u"), Some("DEBUG")));
    let of_metadata = |(key, _): &&(String, _)| key.starts_with("langfuse.observation.metadata.");
    assert_eq!(span.attributes.iter().filter(of_metadata).count(), 100, "metadata comes before the rest");
    receiver.assert_contract();
}

#[test]
fn a_span_is_internal_and_what_it_was_is_an_attribute() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver));
    guard.tracer().in_root("root", |root| {
        root.build("served").kind(SpanKind::Server).start().end();
    });
    assert_delivered(&receiver, guard, 2);
    assert_eq!(receiver.span("served").text("span.kind"), Some("server"));
}

#[test]
fn environment_and_release_come_from_the_client_or_the_resource() {
    let receiver = Receiver::start();
    let guard = tracer(&config(&receiver).environment("staging").release("1.2.3"));
    guard.tracer().in_root("configured", |_| ());
    drop(guard.finish());
    let mut settings = Settings::default();
    settings.resource = [(keys::ENVIRONMENT, "beta"), (keys::RELEASE, "9")].map(|(k, v)| (k.into(), v.into())).to_vec();
    let guard = builder(&config(&receiver)).settings(settings).start().unwrap();
    guard.tracer().in_root("resource", |_| ());
    drop(guard.finish());
    let of = |name| {
        let span = receiver.span(name);
        ["langfuse.environment", "langfuse.release"].map(|key| {
            assert_eq!(span.resource(key), span.text(key), "on the resource, and on every span");
            span.text(key).unwrap_or_default().to_owned()
        })
    };
    assert_eq!(of("configured"), ["staging", "1.2.3"]);
    assert_eq!(of("resource"), ["beta", "9"]);
    let span = receiver.span("configured");
    assert_eq!(span.resource("service.name"), Some("shop"));
    assert_eq!(
        (span.origin.scope.as_str(), span.origin.scope_version.as_str()),
        ("langfuse-sdk", env!("CARGO_PKG_VERSION"))
    );
    receiver.assert_contract();
}

#[test]
fn all_128_attributes_arrive_beside_those_of_thread_process_and_scope() {
    let span = sent(|span| {
        span.set("otel.scope.name", "their crate").set("otel.scope.version", "1.2");
        (0..128).for_each(|n| _ = span.set(format!("key {n}"), n));
    });
    assert!((0..128).all(|n| span.int(&format!("key {n}")) == Some(n)), "{:?}", span.attributes);
    assert!(span.int("thread.id").is_some() && span.int("process.pid").is_some());
    assert_eq!((span.text("otel.scope.name"), span.text("otel.scope.version")), (Some("their crate"), Some("1.2")));
    assert_eq!(span.bool("langfuse.internal.is_app_root"), Some(true));
    assert_eq!((span.dropped_attributes, span.origin.scope.as_str()), (0, "langfuse-sdk"));
}

#[test]
fn a_response_s_model_is_the_model_where_no_request_s_is_known() {
    let span = sent(|span| {
        span.set(keys::RESPONSE_MODEL, "m-2026").set(keys::INPUT_TOKENS, 7);
    });
    assert_eq!(span.text("langfuse.observation.type"), Some("generation"));
    assert_eq!(span.text("langfuse.observation.model.name"), Some("m-2026"));
    assert!(span.get(keys::REQUEST_MODEL).is_none() && span.get(keys::RESPONSE_MODEL).is_none());
}

#[test]
fn usage_under_its_old_names_is_usage() {
    let span = sent(|span| {
        span.set(keys::OBSERVATION_TYPE, "generation");
        span.set("gen_ai.usage.prompt_tokens", 7).set("gen_ai.usage.completion_tokens", 5);
    });
    let usage = span.json("langfuse.observation.usage_details").unwrap();
    assert_eq!(usage, json!({ "input": 7, "output": 5, "total": 12 }));
    assert!(!span.attributes.iter().any(|(key, _)| key.starts_with(keys::USAGE)), "said once: {:?}", span.attributes);
}
