//! A span that a filter rejects isn't recorded; its children attach to the nearest recorded ancestor.

use heirloom_bridge::HeirloomLayer;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context};
use tracing::{debug_span, info_span, Span};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Keeps every span alive, as a layer that prints them does.
struct Everything;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Everything {}

/// Our layer sees spans of the level INFO, or DEBUG under the target `chosen`; another layer sees all.
fn run(test: impl FnOnce(&Testing)) {
    testing::run(|t| {
        let which = Targets::new().with_default(LevelFilter::INFO).with_target("chosen", LevelFilter::DEBUG);
        let subscriber = tracing_subscriber::registry().with(HeirloomLayer::new().with_filter(which)).with(Everything);
        tracing::subscriber::with_default(subscriber, || test(t));
        t.assert_complete();
    });
}

#[test]
fn a_filter_chooses_by_target_and_level() {
    run(|t| {
        drop(debug_span!("out"));
        drop(debug_span!(target: "chosen", "debug"));
        drop(info_span!("info"));
        t.assert_tree("debug\ninfo");
    });
}

#[test]
fn children_of_what_is_kept_out_attach_to_the_nearest_ancestor_that_is_not() {
    run(|t| {
        info_span!("kept").in_scope(|| {
            debug_span!("out").in_scope(|| debug_span!("out too").in_scope(|| drop(info_span!("child"))));
        });
        t.assert_tree("kept\n  child");
    });
}

#[test]
fn the_same_holds_for_an_explicit_parent_that_is_not_entered() {
    run(|t| {
        let kept = info_span!("kept");
        let out = debug_span!(parent: &kept, "out");
        assert!(!out.is_disabled(), "another layer wants it");
        drop(info_span!(parent: &out, "explicit"));
        out.in_scope(|| drop(info_span!("contextual")));
        assert_eq!(Context::from(&out), Context::from(&kept));
        drop((out, kept));
        t.assert_tree("kept\n  explicit\n  contextual");
    });
}

#[test]
fn a_foreign_parent_that_is_kept_out_does_not_lose_our_trace() {
    run(|t| {
        in_root("ours", |_| {
            debug_span!("foreign").in_scope(|| {
                drop(info_span!(parent: Span::current(), "invoke_agent"));
                drop(info_span!(parent: &debug_span!("another"), "chat"));
            });
        });
        t.assert_tree("ours\n  invoke_agent\n  chat");
    });
}

#[test]
fn two_subscribers_on_one_thread_do_not_mix_up_their_spans() {
    run(|t| {
        let outer = info_span!("outer");
        let _outer = outer.enter();
        let other = tracing_subscriber::registry().with(HeirloomLayer::new());
        tracing::subscriber::with_default(other, || info_span!("inner").in_scope(|| drop(info_span!("innermost"))));
        drop(info_span!("after"));
        drop(_outer);
        drop(outer);
        t.assert_tree("outer\n  inner\n    innermost\n  after");
    });
}
