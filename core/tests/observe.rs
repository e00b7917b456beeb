//! `#[observe]` on functions that run on one thread from the call to the return.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "record"))]

use heirloom_core::export::SpanData;
use heirloom_core::testing::{run, Testing};
use heirloom_core::{in_root, observe, root, Context, SpanKind, Status, Value};
use std::fmt::{Debug, Display};
use std::num::ParseIntError;

fn value<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value<'static>> {
    span.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn text<'a>(span: &'a SpanData, key: &str) -> Option<&'a str> {
    value(span, key).and_then(|value| value.as_str())
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
            assert_eq!(value(&span, "bytes"), Some(&Value::I64(4)));
            assert_eq!(text(&span, "http.method"), Some("GET"));
            assert_eq!(value(&span, "retry"), Some(&Value::Bool(true)));
            assert_eq!(value(&span, "tags"), Some(&Value::Strs(vec!["a".into(), "b".into()])));
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
            assert!(t.spans().iter().all(|span| span.status == Status::Unset && span.attributes.is_empty()));
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

/// Mostly: that they compile.
mod forms {
    use super::*;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Store {
        texts: BTreeMap<u32, String>,
    }

    impl Store {
        #[observe(fields(id))]
        fn get(&self, id: u32) -> Option<&str> {
            self.texts.get(&id).map(String::as_str)
        }

        #[observe(err)]
        fn get_mut(&mut self, id: u32) -> Result<&mut String, String> {
            let missing = format!("no {id}");
            self.texts.get_mut(&id).ok_or(missing)
        }

        #[observe]
        fn or_insert<'a>(&'a mut self, id: u32, text: &str) -> Result<&'a mut String, ParseIntError> {
            Ok(self.texts.entry(id).or_insert_with(|| text.to_owned()))
        }

        #[observe]
        fn into_texts(mut self) -> Result<Vec<String>, ()> {
            self.texts.remove(&0);
            Ok(self.texts.into_values().collect())
        }

        #[allow(clippy::boxed_local)]
        #[observe(fields(len = self.texts.len()))]
        fn boxed(self: Box<Self>) -> usize {
            self.texts.len()
        }

        #[observe]
        fn ids(&self) -> Result<impl Iterator<Item = u32> + '_, ParseIntError> {
            let least: u32 = "1".parse()?;
            Ok(self.texts.keys().copied().filter(move |id| *id >= least))
        }
    }

    #[test]
    fn methods_lend_what_they_lent_before() {
        run(|t| {
            let mut store = Store::default();
            in_root("root", |_| {
                store.or_insert(1, "one").unwrap().push('!');
                store.get_mut(1).unwrap().push('?');
                assert!(store.get_mut(2).is_err());
                assert_eq!(store.get(1), Some("one!?"));
                assert_eq!(store.ids().unwrap().collect::<Vec<_>>(), [1]);
                assert_eq!(Box::new(Store::default()).boxed(), 0);
                assert_eq!(store.into_texts(), Ok(vec!["one!?".to_owned()]));
            });
            t.assert_tree("root\n  or_insert\n  get_mut\n  get_mut\n  get\n  ids\n  boxed\n  into_texts");
        });
    }

    #[observe]
    fn largest<'a, T, const N: usize>(items: &'a [T; N], floor: &'a T) -> Result<&'a T, String>
    where
        T: Ord + Debug,
    {
        items.iter().filter(|item| *item > floor).max().ok_or_else(|| format!("none in {N}"))
    }

    #[observe]
    fn count(items: impl IntoIterator<Item = impl Display>, mut from: usize) -> usize {
        for item in items {
            from += item.to_string().len();
        }
        from
    }

    #[observe]
    fn evens(up_to: u32) -> impl Iterator<Item = u32> + Clone {
        (0..up_to).filter(|n| n % 2 == 0)
    }

    #[observe]
    fn dynamic(left: bool) -> Box<dyn Fn(u32) -> u32> {
        if left {
            return Box::new(|n| n);
        }
        Box::new(|n| n + 1)
    }

    #[observe]
    fn fallible_dynamic(left: bool) -> Result<Box<dyn Debug>, String> {
        if left {
            return Ok(Box::new(1));
        }
        Ok(Box::new("text"))
    }

    #[observe]
    fn patterns((a, b): (u32, u32), [first, ..]: [u32; 3], _: u32, _unused: u32) -> u32 {
        a + b + first
    }

    #[allow(unsafe_code, unsafe_op_in_unsafe_fn)]
    #[observe(fields(null = at.is_null()))]
    unsafe fn read(at: *const u32) -> Result<u32, ()> {
        Ok(at.read())
    }

    #[observe]
    fn borrows_in_the_tail(cell: &RefCell<Vec<u32>>) -> usize {
        cell.borrow().len()
    }

    #[observe]
    fn items_in_the_body() -> u32 {
        #![allow(clippy::items_after_statements)]
        use std::ops::Add as _;
        const ONE: u32 = 1;
        fn two() -> u32 {
            2
        }
        ONE.add(two())
    }

    #[observe]
    fn exits(code: Option<u32>) -> ! {
        panic!("{code:?}")
    }

    #[test]
    #[allow(unsafe_code)]
    fn signatures_of_every_form_compile_and_run() {
        run(|t| {
            in_root("root", |_| {
                assert_eq!(largest(&[1, 3, 2], &0), Ok(&3));
                assert_eq!(count([1, 22], 1), 4);
                assert_eq!(evens(5).collect::<Vec<_>>(), [0, 2, 4]);
                assert_eq!((dynamic(true)(1), dynamic(false)(1)), (1, 2));
                assert_eq!(format!("{:?}", fallible_dynamic(true).unwrap()), "1");
                assert_eq!(patterns((1, 2), [3, 4, 5], 0, 0), 6);
                // SAFETY: the pointer is of a reference.
                assert_eq!(unsafe { read(&5) }, Ok(5));
                assert_eq!(borrows_in_the_tail(&RefCell::new(vec![1])), 1);
                assert_eq!(items_in_the_body(), 3);
                assert!(std::panic::catch_unwind(|| exits(None)).is_err());
            });
            assert_eq!(t.spans().len(), 12);
            t.assert_complete();
        });
    }

    #[test]
    fn provided_methods_and_implementations_are_observed() {
        trait Shape {
            #[observe]
            fn area(&self) -> f64 {
                self.side() * self.side()
            }
            fn side(&self) -> f64;
        }
        struct Square(f64);
        impl Shape for Square {
            #[observe(fields(side = self.0))]
            fn side(&self) -> f64 {
                self.0
            }
        }
        run(|t| {
            assert!((Square(2.0).area() - 4.0).abs() < f64::EPSILON);
            t.assert_tree("area\n  side\n  side");
            assert_eq!(value(t.spans().iter().find(|s| s.name == "side").unwrap(), "side"), Some(&Value::F64(2.0)));
        });
    }

    macro_rules! generated {
        ($name:ident, $ty:ty, $value:expr) => {
            #[observe]
            fn $name() -> $ty {
                $value
            }
        };
    }
    generated!(from_a_macro, Result<u32, String>, Ok(1));

    #[test]
    fn functions_that_macros_write_are_observed() {
        run(|t| {
            drop(from_a_macro());
            t.assert_tree("from_a_macro");
        });
    }
}
