//! `#[observe(input, output)]`: what goes in and comes out, as JSON.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "capture", feature = "record", not(loom)))]

#[path = "support/observed.rs"]
mod observed;

use heirloom_core::testing::{run, run_with};
use heirloom_core::{observe, Capture};
use observed::{attribute as captured, block_on};

#[derive(Debug)]
struct Opaque(u32);

#[observe(input, output)]
fn all(text: &str, numbers: Vec<u32>, _ignored: (), flag: bool) -> Vec<u32> {
    if flag {
        return Vec::new();
    }
    numbers.into_iter().chain([text.len() as u32]).collect()
}

#[observe(input(b, debug(opaque)), output(debug))]
fn some(a: u32, b: u32, opaque: Opaque) -> Opaque {
    Opaque(a + b + opaque.0)
}

#[observe(input(n), output, err)]
fn fallible(n: u32) -> Result<String, String> {
    if n == 0 {
        Err("zero")?;
    }
    Ok(n.to_string())
}

#[test]
fn all_arguments_and_the_result_are_captured() {
    run(|t| {
        assert_eq!(all("four", vec![1, 2], (), false), [1, 2, 4]);
        let input = r#"{"text":"four","numbers":[1,2],"_ignored":null,"flag":false}"#;
        assert_eq!(captured(t, "all", "input.value").as_deref(), Some(input));
        assert_eq!(captured(t, "all", "output.value").as_deref(), Some("[1,2,4]"));
    });
}

#[test]
fn the_result_of_an_early_return_is_captured() {
    run(|t| {
        assert!(all("", vec![1], (), true).is_empty());
        assert_eq!(captured(t, "all", "output.value").as_deref(), Some("[]"));
    });
}

#[test]
fn what_serde_does_not_know_is_captured_by_debug() {
    run(|t| {
        assert_eq!(some(1, 2, Opaque(3)).0, 6);
        assert_eq!(captured(t, "some", "input.value").as_deref(), Some(r#"{"b":2,"opaque":"Opaque(3)"}"#));
        assert_eq!(captured(t, "some", "output.value").as_deref(), Some(r#""Opaque(6)""#));
    });
}

#[test]
fn of_a_result_the_ok_is_captured() {
    run(|t| {
        assert!(fallible(5).is_ok());
        assert_eq!(captured(t, "fallible", "output.value").as_deref(), Some(r#""5""#));
    });
    run(|t| {
        assert!(fallible(0).is_err());
        assert_eq!(captured(t, "fallible", "input.value").as_deref(), Some(r#"{"n":0}"#));
        assert_eq!(captured(t, "fallible", "output.value"), None);
    });
}

#[test]
fn methods_and_futures_are_captured() {
    struct Model;
    #[async_trait::async_trait]
    trait Answer {
        async fn answer(&self, question: String) -> Result<String, String>;
    }
    #[async_trait::async_trait]
    impl Answer for Model {
        #[observe(input, output)]
        async fn answer(&self, question: String) -> Result<String, String> {
            Ok(think(&question).await + "!")
        }
    }
    #[observe(input, output)]
    async fn think(question: &str) -> String {
        tokio::task::yield_now().await;
        question.to_owned()
    }
    run(|t| {
        assert_eq!(block_on(Model.answer("why".to_owned())).unwrap(), "why!");
        assert_eq!(captured(t, "answer", "input.value").as_deref(), Some(r#"{"question":"why"}"#));
        assert_eq!(captured(t, "answer", "output.value").as_deref(), Some(r#""why!""#));
        assert_eq!(captured(t, "think", "output.value").as_deref(), Some(r#""why""#));
    });
}

#[test]
fn nothing_is_captured_where_capture_is_off() {
    run_with(
        |b| b.capture(Capture::default().enabled(false)),
        |t| {
            assert!(fallible(5).is_ok());
            assert!(t.span("fallible").attributes.is_empty());
        },
    );
}
