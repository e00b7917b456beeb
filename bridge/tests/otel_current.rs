//! One stack of current spans for Heirloom and OpenTelemetry.

use heirloom_bridge::{otel, HeirloomTracerProvider};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, root, span, Context};
use opentelemetry::trace::{mark_span_as_active, FutureExt, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::KeyValue;

type Tracing = <HeirloomTracerProvider as TracerProvider>::Tracer;

fn run(test: impl FnOnce(&Testing, Tracing)) {
    testing::run(|t| {
        test(t, HeirloomTracerProvider::new().tracer("their crate"));
        t.assert_complete();
    });
}

#[test]
fn spans_of_both_worlds_nest_in_each_other() {
    run(|t, tracer| {
        in_root("ours", |ours| {
            tracer.in_span("theirs", |_| {
                span("ours within").in_span("deeper", |_| tracer.in_span("theirs within", |_| drop(span("deepest"))));
            });
            assert_eq!(Context::current(), ours.context());
        });
        t.assert_tree("ours\n  theirs\n    ours within\n      deeper\n        theirs within\n          deepest");
    });
}

#[test]
fn contexts_detached_in_every_order_leave_nothing_behind() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        run(|_, tracer| {
            in_root("ours", |ours| {
                let mut guards = ["a", "b", "c"].map(|name| Some(mark_span_as_active(tracer.start(name))));
                for which in order {
                    guards[which] = None;
                    let theirs = opentelemetry::Context::current();
                    let expected = if theirs.has_active_span() { otel::context(&theirs) } else { ours.context() };
                    assert_eq!(Context::current(), expected, "{order:?} after {which}");
                }
            });
            assert_eq!(Context::try_current(), None);
        });
    }
}

#[test]
fn a_context_with_another_value_and_the_same_span_keeps_it_current() {
    run(|t, tracer| {
        tracer.in_span("theirs", |cx| {
            let _guard = cx.with_value(KeyValue::new("a", 1)).attach();
            drop(span("ours"));
        });
        t.assert_tree("theirs\n  ours");
    });
}

#[test]
fn our_scope_restores_what_was_before_whatever_was_attached_inside() {
    run(|t, tracer| {
        let leaked = in_root("ours", |_| mark_span_as_active(tracer.start("theirs")));
        assert_eq!(Context::try_current(), None);
        drop(leaked);
        assert_eq!(Context::try_current(), None);
        t.assert_tree("ours\n  theirs");
    });
}

#[test]
fn a_future_with_their_context_is_current_whenever_it_is_polled() {
    run(|t, tracer| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let ours = root("ours");
        let theirs = tracer.start_with_context("theirs", &otel::to_otel(&ours));
        let within = async {
            drop(span("before the pause"));
            tokio::task::yield_now().await;
            drop(span("after the pause"));
        };
        let task = runtime.spawn(within.with_context(opentelemetry::Context::new().with_span(theirs)));
        runtime.block_on(task).expect("the task");
        drop(ours);
        t.assert_tree("ours\n  theirs\n    before the pause\n    after the pause");
    });
}
