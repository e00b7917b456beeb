//! `#[observe]` on functions that run on one thread from the call to the return.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "record"))]

use heirloom_core::export::SpanData;
use heirloom_core::testing::{run, Testing};
use heirloom_core::{in_root, observe, root, Context, SpanKind, Status, Value};
use std::fmt::Display;
use std::num::ParseIntError;

fn text<'a>(span: &'a SpanData, key: &str) -> Option<&'a str> {
    span.attribute(key).and_then(|value| value.as_str())
}

#[track_caller]
fn assert_failed(t: &Testing, name: &str, error_type: &str, description: &str) {
    let span = t.span(name);
    assert_eq!(span.status, Status::Error(description.to_owned()));
    assert_eq!(text(&span, "error.type"), Some(error_type));
}

mod parents {
    use super::*;

    #[observe]
    fn outer() {
        inner();
        inner();
    }

    #[observe]
    fn inner() {}

    #[test]
    fn a_call_is_a_child_of_what_is_current() {
        run(|t| {
            in_root("root", |_| outer());
            t.assert_tree("root\n  outer\n    inner\n    inner");
            t.assert_complete();
        });
    }

    #[test]
    fn a_call_under_nothing_is_a_root() {
        run(|t| {
            outer();
            assert_eq!(Context::try_current().map(|cx| cx.is_valid()), None);
            t.assert_tree("outer\n  inner\n  inner");
        });
    }

    #[test]
    fn the_span_is_current_in_the_body_and_no_longer() {
        #[observe]
        fn current() -> Context {
            Context::current()
        }
        run(|t| {
            in_root("root", |root| {
                let inside = current();
                assert_eq!(inside.span_id(), t.span("current").span_id);
                assert_eq!(Context::current(), root.context());
            });
        });
    }

    #[test]
    fn recursion_nests() {
        #[observe]
        fn fall(depth: u32) -> u32 {
            if depth == 0 {
                return 0;
            }
            1 + fall(depth - 1)
        }
        run(|t| {
            assert_eq!(fall(3), 3);
            t.assert_tree("fall\n  fall\n    fall\n      fall");
        });
    }

    #[test]
    fn a_parent_that_is_given_wins_over_what_is_current() {
        #[observe(parent = cx)]
        fn job(cx: Context, _n: u32) {}
        #[observe(parent = span)]
        fn borrowed(span: &heirloom_core::Span) {}
        run(|t| {
            let given = root("given");
            in_root("current", |_| {
                job(given.context(), 1);
                borrowed(&given);
            });
            drop(given);
            t.assert_tree_sorted("current\ngiven\n  borrowed\n  job");
        });
    }

    #[test]
    fn jobs_of_rayon_have_the_parent_that_they_are_given() {
        use rayon::prelude::*;
        #[observe(parent = cx)]
        fn item(cx: Context, n: u64) -> u64 {
            let _child = heirloom_core::span("child");
            n * 2
        }
        run(|t| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            let sum: u64 = in_root("root", |root| {
                let cx = root.context();
                pool.install(|| (0..100_u64).into_par_iter().map(|n| item(cx, n)).sum())
            });
            assert_eq!(sum, 9900);
            t.assert_tree_sorted(&format!("root\n{}", "  item\n    child\n".repeat(100)));
            t.assert_complete();
        });
    }

    #[test]
    fn a_root_begins_a_trace_of_its_own() {
        #[observe(root, kind = "server")]
        fn request() {
            inner();
        }
        run(|t| {
            in_root("outer", |_| request());
            t.assert_tree_sorted("outer\nrequest\n  inner");
            assert_ne!(t.span("request").trace_id, t.span("outer").trace_id);
            assert_eq!(t.span("request").kind, SpanKind::Server);
        });
    }
}

mod settings {
    use super::*;

    #[test]
    fn a_name_can_be_given_as_text_or_as_a_constant() {
        const NAME: &str = "from a constant";
        #[observe(name = "load user")]
        fn load() {}
        #[observe(name = NAME)]
        fn constant() {}
        #[observe(name = format!("shard {n}"))]
        fn dynamic(n: u32) {}
        #[observe]
        fn r#match() {}
        run(|t| {
            in_root("root", |_| {
                load();
                constant();
                dynamic(7);
                r#match();
            });
            t.assert_tree_sorted("root\n  from a constant\n  load user\n  match\n  shard 7");
        });
    }

    #[test]
    fn a_kind_is_set() {
        #[observe(kind = "client")]
        fn fetch() {}
        run(|t| {
            fetch();
            assert_eq!(t.span("fetch").kind, SpanKind::Client);
        });
    }

    #[test]
    fn fields_are_arguments_expressions_and_dotted_keys() {
        #[observe(fields(user, bytes = body.len(), "http.method" = "GET", retry = true, none = None::<u8>, tags))]
        fn send(user: String, body: &[u8], tags: Vec<&str>) -> (String, usize) {
            (user, body.len() + tags.len()) // still its own
        }
        run(|t| {
            assert_eq!(send("ada".to_owned(), b"four", vec!["a", "b"]), ("ada".to_owned(), 6));
            let span = t.span("send");
            assert_eq!(text(&span, "user"), Some("ada"));
            assert_eq!(span.attribute("bytes"), Some(&Value::I64(4)));
            assert_eq!(text(&span, "http.method"), Some("GET"));
            assert_eq!(span.attribute("retry"), Some(&Value::Bool(true)));
            assert_eq!(span.attribute("tags"), Some(&Value::Strs(vec!["a".into(), "b".into()])));
            assert_eq!(span.attributes.len(), 5, "what is `None` is not set");
        });
    }

    #[test]
    fn fields_of_what_is_not_recorded_are_not_evaluated() {
        fn never() -> u32 {
            panic!("nobody wants to know")
        }
        #[observe(fields(costly = never()))]
        fn quiet() -> u32 {
            1
        }
        heirloom_core::testing::run_with(
            |b| b.sampler(heirloom_core::Sampler::AlwaysOff),
            |t| {
                assert_eq!(quiet(), 1);
                t.assert_tree("");
            },
        );
    }

    #[cfg(feature = "llm")]
    #[test]
    fn a_type_and_a_level_of_observation_are_recorded() {
        use heirloom_core::llm::keys;
        #[observe(generation, level = "warning")]
        fn answer() {}
        #[observe(tool)]
        fn look_up() {}
        run(|t| {
            answer();
            look_up();
            assert_eq!(text(&t.span("answer"), keys::OBSERVATION_TYPE), Some("generation"));
            assert_eq!(text(&t.span("answer"), keys::LEVEL), Some("WARNING"));
            assert_eq!(text(&t.span("look_up"), keys::OBSERVATION_TYPE), Some("tool"));
        });
    }

    #[test]
    fn the_crate_can_have_another_name() {
        use ::heirloom_core as tracing_kit;
        #[observe(crate = tracing_kit)]
        fn renamed() {}
        run(|t| {
            renamed();
            t.assert_tree("renamed");
        });
    }
}

mod outcomes {
    use super::*;

    #[observe]
    fn parse(text: &str) -> Result<u32, ParseIntError> {
        let number: u32 = text.trim().parse()?;
        if number == 7 {
            return Ok(70);
        }
        Ok(number)
    }

    #[observe(err)]
    fn parse_loudly(text: &str) -> Result<u32, Box<dyn std::error::Error>> {
        Ok(text.parse::<u32>()?)
    }

    #[test]
    fn what_a_function_returns_comes_out_of_it_early_or_late() {
        run(|t| {
            assert_eq!((parse("1"), parse("7").unwrap()), (Ok(1), 70));
            let spans = t.spans();
            assert_eq!(spans.len(), 2);
            assert!(spans.iter().all(|span| span.status == Status::Unset && span.attributes.is_empty()), "{spans:?}");
        });
    }

    #[test]
    fn an_err_says_of_what_type_it_is_and_no_more() {
        run(|t| {
            assert!(parse("secret").is_err());
            assert_failed(t, "parse", "core::num::error::ParseIntError", "");
        });
    }

    #[test]
    fn the_text_of_an_err_is_recorded_if_it_is_asked_for() {
        run(|t| {
            assert!(parse_loudly("x").is_err());
            assert_failed(
                t,
                "parse_loudly",
                "alloc::boxed::Box<dyn core::error::Error>",
                "invalid digit found in string",
            );
        });
    }

    #[test]
    fn err_looks_at_results_that_have_another_name() {
        type Answer = Result<(), String>;
        #[observe(err)]
        fn answer() -> Answer {
            Err("no".to_owned())
        }
        run(|t| {
            assert!(answer().is_err());
            assert_failed(t, "answer", "alloc::string::String", "no");
        });
    }

    #[test]
    fn the_text_of_what_is_not_recorded_is_not_made() {
        struct Silent;
        impl Display for Silent {
            fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                panic!("nobody wants to know")
            }
        }
        #[observe(err)]
        fn fail() -> Result<(), Silent> {
            Err(Silent)
        }
        let _no_tracer = Context::INERT.enter();
        assert!(fail().is_err());
    }

    #[test]
    fn a_panic_passes_through_and_closes_the_span_as_an_error() {
        #[observe]
        fn plain(n: u32) {
            assert!(n == 0, "as it should");
        }
        #[observe(err)]
        fn fallible(n: u32) -> Result<u32, String> {
            plain(n);
            Ok(n)
        }
        run(|t| {
            in_root("root", |_| {
                let panic = std::panic::catch_unwind(|| fallible(1)).unwrap_err();
                assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it should"));
            });
            t.assert_tree("root\n  fallible\n    plain");
            for name in ["plain", "fallible"] {
                assert!(matches!(t.span(name).status, Status::Error(_)));
                assert_eq!(text(&t.span(name), "error.type"), Some("panic"));
            }
            assert_eq!(t.span("root").status, Status::Unset);
        });
    }
}
