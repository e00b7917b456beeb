//! `#[observe]` on functions that are futures, return futures, or return streams.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "record", not(loom)))]

#[path = "support/observed.rs"]
mod observed;

use heirloom_core::testing::run;
use heirloom_core::{in_root, observe, Context, Status};
use observed::{again, assert_failed, attribute, block_on};
use std::future::Future;
use std::num::ParseIntError;
use std::pin::{pin, Pin};
use std::task::Poll;

mod async_fns {
    use super::*;

    #[observe]
    async fn outer(times: u32) -> u32 {
        let mut sum = 0;
        for n in 0..times {
            sum += inner(n).await;
            again().await;
        }
        sum
    }

    #[observe(fields(n))]
    async fn inner(n: u32) -> u32 {
        again().await;
        let _child = heirloom_core::span("child");
        n
    }

    #[test]
    fn futures_nest_as_they_await() {
        run(|t| {
            assert_eq!(in_root("root", |_| block_on(outer(2))), 1);
            t.assert_tree("root\n  outer\n    inner\n      child\n    inner\n      child");
            t.assert_complete();
        });
    }

    #[test]
    fn futures_that_run_at_once_do_not_see_each_other() {
        run(|t| {
            in_root("root", |_| {
                block_on(async {
                    let (a, b) = tokio::join!(outer(1), outer(1));
                    assert_eq!(a + b, 0);
                });
            });
            let one = "  outer\n    inner\n      child\n";
            t.assert_tree(&format!("root\n{one}{one}"));
        });
    }

    #[test]
    fn a_future_that_is_never_polled_has_no_span() {
        run(|t| {
            drop(outer(1));
            t.assert_tree("");
        });
    }

    #[test]
    fn the_parent_is_what_is_current_when_it_is_polled_first() {
        run(|t| {
            let made = in_root("made here", |_| inner(1));
            in_root("polled here", |_| block_on(made));
            t.assert_tree_sorted("made here\npolled here\n  inner\n    child");
        });
    }

    #[test]
    fn a_future_that_is_dropped_is_cancelled() {
        run(|t| {
            in_root("root", |_| {
                let mut polled = Box::pin(outer(1));
                let mut task = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
                assert!(polled.as_mut().poll(&mut task).is_pending());
                drop(polled);
            });
            t.assert_tree("root\n  outer\n    inner");
            assert_eq!(attribute(t, "outer", "heirloom.cancelled").as_deref(), Some("true"));
            t.assert_complete();
        });
    }

    #[test]
    fn a_task_that_moves_between_threads_keeps_its_span() {
        #[observe(parent = parent)]
        async fn task(parent: Context) -> usize {
            let mut threads = std::collections::HashSet::new();
            for _ in 0..50 {
                threads.insert(std::thread::current().id());
                let before = Context::current();
                again().await;
                assert_eq!(Context::current(), before);
                step().await;
            }
            threads.len()
        }
        #[observe]
        async fn step() {
            again().await;
        }
        run(|t| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
            in_root("root", |root| {
                let cx = root.context();
                runtime.block_on(async {
                    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(task(cx))).collect();
                    for task in tasks {
                        assert!(task.await.unwrap() >= 1);
                    }
                });
            });
            drop(runtime);
            t.assert_tree_sorted(&format!("root\n{}", format!("  task\n{}", "    step\n".repeat(50)).repeat(8)));
            t.assert_complete();
        });
    }

    #[observe(timed)]
    async fn timed(times: u32) -> Result<(), ParseIntError> {
        for _ in 0..times {
            again().await;
        }
        Ok(())
    }

    #[test]
    fn a_future_is_only_counted_unless_it_is_to_be_timed() {
        run(|t| {
            block_on(inner(0));
            block_on(timed(1)).unwrap();
            let say =
                |span| ["heirloom.polls", "heirloom.busy_ns", "heirloom.idle_ns"].map(|key| attribute(t, span, key));
            assert_eq!(say("inner"), [Some("2".to_owned()), None, None]);
            let [polls, busy, idle] = say("timed");
            assert!(polls.as_deref() == Some("2") && busy.is_some() && idle.is_some());
        });
    }

    #[test]
    fn a_future_that_is_ready_at_once_says_nothing_of_its_polls() {
        #[observe]
        async fn now() {}
        run(|t| {
            block_on(now());
            block_on(timed(0)).unwrap();
            let spans = t.spans();
            assert_eq!(spans.len(), 2);
            assert!(spans.iter().all(|span| span.attributes.is_empty()), "{spans:?}");
        });
    }

    #[test]
    fn recursion_in_a_box_nests() {
        #[observe]
        async fn fall(depth: u32) -> u32 {
            match depth {
                0 => 0,
                _ => 1 + Box::pin(fall(depth - 1)).await,
            }
        }
        run(|t| {
            assert_eq!(block_on(fall(2)), 2);
            t.assert_tree("fall\n  fall\n    fall");
        });
    }

    #[test]
    fn a_panic_passes_through_and_closes_the_span_as_an_error() {
        #[observe]
        async fn explode() -> Result<(), String> {
            again().await;
            panic!("as it should")
        }
        run(|t| {
            let panic = std::panic::catch_unwind(|| block_on(explode())).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it should"));
            assert!(matches!(t.span("explode").status, Status::Error(_)));
            assert_eq!(attribute(t, "explode", "error.type").as_deref(), Some("panic"));
        });
    }
}

mod outcomes {
    use super::*;

    #[observe]
    async fn parse(text: &str) -> Result<u32, ParseIntError> {
        again().await;
        let number: u32 = text.parse()?;
        if number == 7 {
            return Ok(70);
        }
        Ok(number)
    }

    #[observe(err)]
    async fn parse_loudly(text: &str) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
        Ok(parse(text).await?)
    }

    #[test]
    fn early_returns_and_question_marks_end_the_future_and_not_the_program() {
        run(|t| {
            assert_eq!(block_on(parse("7")), Ok(70));
            assert_eq!(block_on(parse("8")), Ok(8));
            let spans = t.spans();
            assert_eq!(spans.len(), 2);
            assert!(spans.iter().all(|span| span.status == Status::Unset), "{spans:?}");
        });
    }

    #[test]
    fn an_err_says_of_what_type_it_is_and_its_text_if_asked() {
        run(|t| {
            assert!(block_on(parse_loudly("x")).is_err());
            t.assert_tree("parse_loudly\n  parse");
            assert_failed(t, "parse", "core::num::error::ParseIntError", "");
            let error_type = "alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>";
            assert_failed(t, "parse_loudly", error_type, "invalid digit found in string");
        });
    }
}

mod returned {
    use super::*;
    use futures_util::future::{BoxFuture, FutureExt as _};

    #[observe(fields(n))]
    fn block(n: u32) -> impl Future<Output = Result<u32, ParseIntError>> + Send {
        let text = n.to_string();
        async move {
            again().await;
            let number: u32 = text.parse()?;
            Ok(number)
        }
    }

    #[observe]
    fn in_a_box<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<u32, ParseIntError>> + Send + 'a>> {
        Box::pin(async move {
            again().await;
            let number = text.parse()?;
            Ok(number)
        })
    }

    #[observe]
    fn boxed(text: &str) -> BoxFuture<'_, usize> {
        async move { text.len() }.boxed()
    }

    #[test]
    fn an_async_block_at_the_end_is_observed_as_an_async_fn() {
        run(|t| {
            drop(block(1));
            assert_eq!(t.spans().len(), 0, "its span begins when it is polled first");
            assert_eq!(block_on(block(5)), Ok(5));
            assert!(block_on(in_a_box("x")).is_err());
            assert_eq!(block_on(boxed("four")), 4);
            t.assert_tree("block\nin_a_box\nboxed");
            assert_failed(t, "in_a_box", "core::num::error::ParseIntError", "");
        });
    }

    #[observe(err)]
    fn elsewhere(text: &str) -> Pin<Box<dyn Future<Output = Result<u32, ParseIntError>> + '_>> {
        let _made = heirloom_core::span("made");
        if text.is_empty() {
            return Box::pin(std::future::ready(Ok(0)));
        }
        super::outcomes_of(text)
    }

    #[observe]
    fn forwarded(text: &str) -> impl Future<Output = usize> + '_ {
        let text = text.trim();
        lengths(text)
    }

    async fn lengths(text: &str) -> usize {
        again().await;
        let _child = heirloom_core::span("child");
        text.len()
    }

    #[test]
    fn a_future_from_elsewhere_has_its_span_from_the_call_on() {
        run(|t| {
            assert_eq!(block_on(elsewhere("")), Ok(0));
            assert_eq!(block_on(forwarded(" four ")), 4);
            t.assert_tree("elsewhere\n  made\nforwarded\n  child");
        });
        run(|t| {
            assert!(block_on(elsewhere("x")).is_err());
            assert_failed(t, "elsewhere", "core::num::error::ParseIntError", "invalid digit found in string");
        });
        run(|t| {
            drop(elsewhere("never polled"));
            assert_eq!(attribute(t, "elsewhere", "heirloom.cancelled").as_deref(), Some("true"));
        });
    }
}

fn outcomes_of(text: &str) -> Pin<Box<dyn Future<Output = Result<u32, ParseIntError>> + '_>> {
    Box::pin(async move { text.parse() })
}

#[cfg(feature = "stream")]
mod streams {
    use super::*;
    use futures_core::Stream;
    use futures_util::stream::{self, BoxStream, StreamExt as _};

    #[observe(stream, fields(up_to))]
    fn numbers(up_to: u32) -> impl Stream<Item = u32> {
        stream::iter(0..up_to).then(|n| async move {
            again().await;
            let _item = heirloom_core::span("item");
            n
        })
    }

    #[observe(stream, timed)]
    fn boxed(text: &str) -> BoxStream<'_, char> {
        let _made = heirloom_core::span("made");
        stream::iter(text.chars()).boxed()
    }

    #[observe(stream)]
    fn pinned(empty: bool) -> Pin<Box<dyn Stream<Item = u32> + Send>> {
        if empty {
            return Box::pin(stream::empty());
        }
        Box::pin(stream::iter([1]))
    }

    #[test]
    fn a_streams_span_is_open_from_the_call_to_its_last_item() {
        run(|t| {
            in_root("root", |_| {
                assert_eq!(block_on(numbers(2).collect::<Vec<_>>()), [0, 1]);
                assert_eq!(block_on(boxed("ab").count()), 2);
                assert_eq!(block_on(pinned(false).chain(pinned(true)).count()), 1);
            });
            t.assert_tree("root\n  numbers\n    item\n    item\n  boxed\n    made\n  pinned\n  pinned");
            assert_eq!(attribute(t, "numbers", "heirloom.items").as_deref(), Some("2"));
            assert_eq!(attribute(t, "numbers", "heirloom.busy_ns"), None);
            assert!(attribute(t, "boxed", "heirloom.busy_ns").is_some());
            t.assert_complete();
        });
    }

    #[test]
    fn a_stream_that_is_dropped_is_cancelled() {
        run(|t| {
            block_on(async {
                let mut polled = pin!(numbers(9));
                assert_eq!(polled.next().await, Some(0));
            });
            assert_eq!(attribute(t, "numbers", "heirloom.cancelled").as_deref(), Some("true"));
        });
    }
}

mod other_attributes {
    use super::*;

    #[tokio::test]
    #[observe]
    async fn tests_of_tokio_are_observed_below() {
        again().await;
    }

    #[observe]
    #[tokio::test]
    async fn tests_of_tokio_are_observed_above() {
        again().await;
    }

    #[test]
    fn a_poll_that_is_pending_leaves_nothing_current() {
        #[observe]
        async fn wait() {
            std::future::poll_fn(|_| Poll::<()>::Pending).await;
        }
        run(|_| {
            let before = Context::current();
            let mut task = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
            let mut waiting = pin!(wait());
            assert!(waiting.as_mut().poll(&mut task).is_pending());
            assert_eq!(Context::current(), before);
        });
    }
}
