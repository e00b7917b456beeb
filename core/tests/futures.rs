//! Futures and streams with a span or a context, polled by hand: what is current, what the span says at its end.
#![cfg(all(feature = "record", feature = "stream"))]
#![allow(clippy::unwrap_used, clippy::incompatible_msrv, missing_docs)]

use futures_core::Stream;
use heirloom_core::export::{MarkData, SpanData};
use heirloom_core::future::{FutureExt as _, InContext, InSpan};
use heirloom_core::mark::MarkKind;
use heirloom_core::stream::{self, StreamExt as _};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, Context, Span, SpanId, Status, TraceId, Value};
use std::future::{pending, poll_fn, ready, Future};
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};
use std::pin::{pin, Pin};
use std::sync::mpsc::{channel, Sender};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

fn next<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut TaskContext::from_waker(Waker::noop()))
}

/// Pending once for each of `n`, then ready.
fn after(mut n: u32) -> impl Future<Output = ()> {
    poll_fn(move |_| match n.checked_sub(1) {
        Some(less) => {
            n = less;
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
}

/// Tells what is current when it is dropped.
struct Tell<'a>(&'a mut Context);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        *self.0 = Context::current();
        in_span("destructor", |_| ());
    }
}

fn number(span: &SpanData, key: &str) -> Option<u64> {
    match span.attribute(key) {
        Some(Value::I64(value)) => Some(*value as u64),
        None => None,
        other => panic!("{key} is {other:?}"),
    }
}

fn is_cancelled(span: &SpanData) -> bool {
    match span.attribute("heirloom.cancelled") {
        Some(Value::Bool(true)) => true,
        None => false,
        other => panic!("heirloom.cancelled is {other:?}"),
    }
}

fn leak_scopes() {
    std::mem::forget(Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), true).enter());
}

/// Runs with a root that is current, as a test's own code would have one.
fn run(test: impl FnOnce(&Testing, &Span)) {
    testing::run(|t| {
        in_root("root", |root| {
            test(t, root);
            assert_eq!(Context::current(), root.context(), "something else was left current");
        });
        t.assert_complete();
    });
}

#[test]
fn a_span_is_current_in_each_poll_and_not_between() {
    run(|t, root| {
        let work = async {
            for _ in 0..3 {
                in_span("step", |_| ());
                after(1).await;
            }
        };
        let mut work = pin!(work.in_span(root.span("work")));
        for _ in 0..3 {
            assert!(poll(work.as_mut()).is_pending());
            assert_eq!(Context::current(), root.context());
        }
        assert!(poll(work).is_ready());
        t.assert_tree_sorted("work\n  step\n  step\n  step");
    });
}

#[test]
fn two_futures_of_one_thread_do_not_see_each_other() {
    run(|t, root| {
        let work = |name: &'static str| {
            async move {
                for _ in 0..3 {
                    in_span(name, |_| ());
                    after(1).await;
                }
            }
            .in_span(root.span(name.to_uppercase()))
        };
        let (mut a, mut b) = (pin!(work("a")), pin!(work("b")));
        while poll(a.as_mut()).is_pending() | poll(b.as_mut()).is_pending() {}
        t.assert_tree_sorted("A\n  a\n  a\n  a\nB\n  b\n  b\n  b");
    });
}

#[test]
fn a_future_that_completes_ends_its_span_and_is_not_cancelled() {
    run(|t, root| {
        let mut work = pin!(after(2).in_span(root.span("work")));
        while poll(work.as_mut()).is_pending() {}
        let span = t.span("work");
        assert!(!is_cancelled(&span) && span.status == Status::Unset);
        assert_eq!((number(&span, "heirloom.polls"), number(&span, "heirloom.items")), (Some(3), None));
        assert!(!work.span().is_recording());
    });
}

#[test]
fn a_dropped_future_is_cancelled_and_no_error() {
    run(|t, root| {
        let mut started = Box::pin(pending::<()>().in_span(root.span("started")));
        assert!(poll(started.as_mut()).is_pending());
        drop(started);
        drop(pending::<()>().in_span(root.span("never polled")));
        for (name, polls) in [("started", 1), ("never polled", 0)] {
            let span = t.span(name);
            assert!(is_cancelled(&span) && span.status == Status::Unset && !span.incomplete, "{span:?}");
            assert_eq!(number(&span, "heirloom.polls"), Some(polls));
        }
    });
}

#[test]
fn destructors_run_in_the_span() {
    run(|t, root| {
        let (mut seen, mut before) = (Context::INERT, Context::INERT);
        let work = root.span("work");
        let cx = work.context();
        let tell = Tell(&mut seen);
        let mut future = Box::pin(
            async {
                let _tell = tell;
                pending::<()>().await
            }
            .in_span(work),
        );
        assert!(poll(future.as_mut()).is_pending());
        drop(future);
        assert_eq!(seen, cx);
        // What it had captured, too, if it never ran.
        let tell = Tell(&mut before);
        drop(async move { drop(tell) }.in_context(root.context()));
        assert_eq!(before, root.context());
        t.assert_tree_sorted("destructor\nwork\n  destructor");
    });
}

#[test]
fn a_panic_closes_the_span_as_an_error_and_passes_through() {
    run(|t, root| {
        let fails = async {
            leak_scopes();
            after(1).await;
            panic_any(42_u8)
        };
        let mut fails = Box::pin(fails.in_span(root.span("fails")));
        assert!(poll::<InSpan<_>>(fails.as_mut()).is_pending());
        let panic = catch_unwind(AssertUnwindSafe(|| poll(fails.as_mut()))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&42_u8));
        // Before the future is dropped, which may be much later.
        let span = t.span("fails");
        assert!(matches!(span.status, Status::Error(_)) && !is_cancelled(&span), "{span:?}");
        assert_eq!(number(&span, "heirloom.polls"), Some(2));
        drop(fails);
    });
}

/// The end doesn't say that it waits, unless somebody was given the context, or another thread polled.
#[test]
fn what_was_written_by_a_context_from_within_is_never_late() {
    run(|t, root| {
        let (send, receive) = channel::<(Context, Sender<()>)>();
        let other = std::thread::spawn({
            let tracer = t.tracer().clone();
            move || {
                let _scope = tracer.enter();
                for (cx, done) in receive {
                    cx.update().set("by", "other");
                    done.send(()).unwrap();
                }
            }
        });
        for _ in 0..2000 {
            let work = async {
                let (done, wait) = channel();
                send.send((Context::current(), done)).unwrap();
                wait.recv().unwrap();
            };
            assert!(poll(pin!(work.in_span(root.span("work")))).is_ready());
        }
        drop(send);
        other.join().unwrap();
        let works = t.spans().into_iter().filter(|span| span.name == "work");
        assert_eq!(works.filter(|span| span.attribute("by").is_some()).count(), 2000);
        assert_eq!(t.tracer().ledger().late, 0);
    });
}

#[test]
fn a_future_that_is_polled_by_many_threads_keeps_its_span() {
    run(|t, root| {
        let work = async {
            for _ in 0..4 {
                in_span("step", |_| ());
                after(1).await;
            }
        };
        let mut work = Box::pin(work.in_span(root.span("work")));
        for _ in 0..4 {
            let polled = std::thread::spawn(move || {
                assert!(poll(work.as_mut()).is_pending());
                assert_eq!(Context::try_current(), None);
                work
            });
            work = polled.join().unwrap();
        }
        std::thread::spawn(move || assert!(poll(work.as_mut()).is_ready())).join().unwrap();
        t.assert_tree_sorted("work\n  step\n  step\n  step\n  step");
        assert_eq!(number(&t.span("work"), "heirloom.polls"), Some(5));
    });
}

#[test]
fn busy_is_the_sum_of_the_polls_and_idle_the_rest() {
    const MS: u64 = 1_000_000;
    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {}
    }
    run(|t, root| {
        let mut polls = 0;
        let spins = poll_fn(|_| {
            spin(Duration::from_millis(4));
            polls += 1;
            if polls == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let start = Instant::now();
        let mut spins = pin!(spins.in_span(root.span("spins")));
        while poll(spins.as_mut()).is_pending() {
            spin(Duration::from_millis(6));
        }
        let all = start.elapsed().as_nanos() as u64;
        let span = t.span("spins");
        let (busy, idle) = (number(&span, "heirloom.busy_ns").unwrap(), number(&span, "heirloom.idle_ns").unwrap());
        let near = |ns: u64, ms: u64| ns + MS / 10 >= ms * MS;
        assert!(near(busy, 12) && near(idle, 12) && busy + idle <= all, "{busy} busy, {idle} idle, of {all}");
    });
}

#[test]
fn an_untimed_future_is_only_counted() {
    run(|t, root| {
        let mut work = pin!(after(1).in_span(root.span("work")).untimed());
        while poll(work.as_mut()).is_pending() {}
        let span = t.span("work");
        assert_eq!(number(&span, "heirloom.polls"), Some(2));
        assert_eq!((number(&span, "heirloom.busy_ns"), number(&span, "heirloom.idle_ns")), (None, None));
    });
}

#[test]
fn a_future_that_is_over_at_its_first_poll_says_nothing_of_its_polls() {
    run(|t, root| {
        assert!(poll(pin!(after(0).in_span(root.span("ready")))).is_ready());
        let fails = poll_fn(|_| -> Poll<()> { panic_any(42_u8) });
        let mut fails = Box::pin(fails.in_span(root.span("fails")));
        assert!(catch_unwind(AssertUnwindSafe(|| poll(fails.as_mut()))).is_err());
        assert!(t.span("ready").attributes.is_empty());
        let keys: Vec<_> = t.span("fails").attributes.into_iter().map(|(key, _)| key).collect();
        assert!(!keys.is_empty() && keys.iter().all(|key| !key.starts_with("heirloom.")), "{keys:?}");
    });
}

#[test]
fn a_future_is_polled_after_its_end_as_the_inner_one_is() {
    run(|t, root| {
        let mut polls = 0;
        let fused = poll_fn(|_| {
            polls += 1;
            Poll::Ready(polls)
        });
        let mut fused = pin!(fused.in_span(root.span("work")));
        assert_eq!((poll(fused.as_mut()), poll(fused.as_mut())), (Poll::Ready(1), Poll::Ready(2)));
        assert!(t.span("work").attributes.is_empty());
    });
}

#[test]
fn what_is_set_on_a_futures_span_meanwhile_is_recorded() {
    run(|t, root| {
        let mut work = pin!(after(1).in_span(root.span("work")));
        work.span().set("before", 1);
        assert!(poll(work.as_mut()).is_pending());
        work.span().set("meanwhile", 2);
        assert!(poll(work.as_mut()).is_ready());
        work.span().set("after", 3);
        let span = t.span("work");
        let set = ["before", "meanwhile", "after"].map(|key| number(&span, key));
        assert_eq!(set, [Some(1), Some(2), None]);
    });
}

#[test]
fn a_context_is_current_in_each_poll_and_makes_no_span() {
    run(|t, root| {
        let elsewhere = root.span("elsewhere");
        let work = async {
            leak_scopes();
            after(1).await;
            in_span("inside", |_| ());
        };
        let mut work = pin!(work.in_context(&elsewhere));
        assert!(poll(work.as_mut()).is_pending());
        assert_eq!(Context::current(), root.context());
        assert!(poll(work).is_ready());
        drop(elsewhere);
        t.assert_tree_sorted("elsewhere\n  inside");
    });
}

#[test]
fn a_future_below_an_unsampled_parent_is_not_recorded() {
    run(|t, _| {
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
        let work = async {
            assert!(!Context::current().is_sampled() && Context::current().is_valid());
            in_span("inside", |_| ());
        };
        assert!(poll(pin!(work.in_span(remote.span("work")))).is_ready());
        drop(pending::<()>().in_span(remote.span("dropped")));
        assert!(t.spans().is_empty());
    });
}

#[test]
fn an_adapter_is_send_if_the_future_is() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&ready(1).in_span(Context::INERT.span("work")));
    is_send(&ready(1).in_context(Context::INERT));
    fn is_unpin<T: Unpin>() {}
    is_unpin::<InSpan<std::future::Ready<()>>>();
    is_unpin::<InContext<std::future::Ready<()>>>();
    is_unpin::<stream::InSpan<Count>>();
}

/// A stream of the numbers below this one, each after a `Pending`, with a span for each.
struct Count {
    next: u32,
    end: u32,
    waited: bool,
}

impl Count {
    fn to(end: u32) -> Self {
        Self { next: 0, end, waited: false }
    }
}

impl Stream for Count {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<u32>> {
        self.waited = !self.waited;
        if self.waited {
            return Poll::Pending;
        }
        if self.next == self.end {
            return Poll::Ready(None);
        }
        in_span("item", |_| ());
        self.next += 1;
        Poll::Ready(Some(self.next - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize;
        (left, Some(left))
    }
}

#[test]
fn a_streams_span_lives_until_its_end_and_counts_the_items() {
    run(|t, root| {
        let mut items = pin!(Count::to(3).in_span(root.span("items")));
        assert_eq!(items.size_hint(), (3, Some(3)));
        let mut seen = Vec::new();
        loop {
            match next(items.as_mut()) {
                Poll::Ready(Some(item)) => seen.push(item),
                Poll::Ready(None) => break,
                Poll::Pending => assert_eq!(Context::current(), root.context()),
            }
        }
        assert_eq!(seen, [0, 1, 2]);
        let span = t.span("items");
        assert_eq!((number(&span, "heirloom.items"), number(&span, "heirloom.polls")), (Some(3), Some(8)));
        assert!(!is_cancelled(&span) && number(&span, "heirloom.busy_ns").is_some());
        t.assert_tree_sorted("items\n  item\n  item\n  item");
    });
}

#[test]
fn a_stream_that_is_dropped_before_its_end_is_cancelled() {
    run(|t, root| {
        let mut items = Box::pin(Count::to(3).in_span(root.span("items")).untimed());
        assert!(next(items.as_mut()).is_pending());
        assert_eq!(next(items.as_mut()), Poll::Ready(Some(0)));
        drop(items);
        let span = t.span("items");
        assert!(is_cancelled(&span) && number(&span, "heirloom.busy_ns").is_none());
        assert_eq!(number(&span, "heirloom.items"), Some(1));
    });
}

#[test]
fn a_streams_context_is_current_in_each_poll() {
    run(|t, root| {
        let elsewhere = root.span("elsewhere");
        let mut items = pin!(Count::to(1).in_context(&elsewhere));
        while next(items.as_mut()) != Poll::Ready(None) {}
        drop(elsewhere);
        t.assert_tree_sorted("elsewhere\n  item");
    });
}

#[test]
fn each_timed_poll_is_recorded_with_its_time_and_they_add_up_to_the_busy_time() {
    testing::run(|t| {
        in_root("main", |root| {
            let mut slow = after(3);
            let slow = poll_fn(move |task| {
                std::hint::black_box((0..20_000_u64).fold(0, |sum, n| sum ^ (n * n)));
                Pin::new(&mut slow).poll(task)
            });
            let mut work = pin!(slow.in_span(root.span("work")));
            while poll(work.as_mut()).is_pending() {}
            let mut once = pin!(ready(()).in_span(root.span("once")));
            assert!(poll(once.as_mut()).is_ready());
            let mut untimed = pin!(after(2).in_span(root.span("untimed")).untimed());
            while poll(untimed.as_mut()).is_pending() {}
        });
        let work = t.span("work");
        let polls: Vec<_> = t.marks().into_iter().filter(|mark| mark.kind == MarkKind::Poll).collect();
        assert_eq!(polls.len(), 4, "a future that is ready at its first poll, and one without timed polls, have none");
        assert!(polls.iter().all(|poll| poll.span == Some(work.span_id) && poll.lane == work.lane));
        // Both are converted from the same readings, by clocks that differ by some millionths.
        let (sum, busy) = (polls.iter().map(|poll| poll.length_ns).sum::<u64>(), number(&work, "heirloom.busy_ns"));
        let busy = busy.unwrap();
        assert!(sum.abs_diff(busy) <= busy / 50 + 8, "{sum} {busy}");
        let inside = |poll: &MarkData| poll.time_ns >= work.start_ns && poll.time_ns + poll.length_ns <= work.end_ns;
        assert!(
            polls.iter().all(inside) && polls.windows(2).all(|pair| pair[0].time_ns <= pair[1].time_ns),
            "{polls:?}"
        );
    });
}
