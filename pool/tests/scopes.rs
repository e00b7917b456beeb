//! Scopes: what their bodies see as current, and below which span a job's own jobs go.
#![cfg(all(feature = "rayon", feature = "crossbeam", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::testing;
use heirloom_core::{in_root, in_span, Context};
use heirloom_pool::prelude::*;
use heirloom_pool::{crossbeam, rayon, threads};

const TREE: &str = "root\n  body\n  outer\n    inner";

/// Runs the body with a parent that differs from the current context.
fn below_root(body: impl FnOnce(&heirloom_core::Span)) {
    testing::run(|t| {
        let root = heirloom_core::root("root");
        body(&root);
        drop(root);
        t.assert_tree_sorted(TREE);
        t.assert_balanced();
    });
}

#[test]
fn scoped_threads_go_below_the_scopes_parent_or_another() {
    below_root(|root| {
        threads::scope(root, |s| {
            in_span("body", |_| ());
            s.spawn("outer", move |span| s.under(span).spawn("inner", |_| ()).join().unwrap());
        });
    });
}

#[test]
fn a_builders_scoped_thread_goes_below_the_scopes_parent() {
    below_root(|root| {
        threads::scope(root, |s| {
            in_span("body", |_| ());
            let outer = threads::Builder::new().spawn_scoped(s, "outer", |span| {
                let inner = threads::Builder::new().spawn(span, "inner", |_| ()).unwrap();
                inner.join().unwrap();
            });
            outer.unwrap().join().unwrap();
        });
    });
}

#[test]
fn the_threads_of_a_crossbeam_thread_go_below_its_span() {
    below_root(|root| {
        let scope = crossbeam::scope(root, |s| {
            in_span("body", |_| ());
            s.spawn("outer", |s, _| s.spawn("inner", |_, _| ()).join().unwrap());
        });
        scope.unwrap();
    });
}

#[test]
fn the_jobs_of_a_rayon_job_go_below_its_span() {
    below_root(|root| {
        rayon::scope(root, |s| {
            in_span("body", |_| ());
            s.spawn("outer", |s, _| s.spawn("inner", |_, _| ()));
        });
    });
}

#[test]
fn the_jobs_of_a_job_in_every_kind_of_rayon_scope_go_below_its_span() {
    below_root(|root| {
        rayon::scope_fifo(root, |s| {
            in_span("body", |_| ());
            s.spawn_fifo("outer", |s, _| s.spawn_fifo("inner", |_, _| ()));
        });
    });
    below_root(|root| {
        rayon::in_place_scope(root, |s| {
            in_span("body", |_| ());
            s.spawn("outer", |s, _| s.spawn("inner", |_, _| ()));
        });
    });
    below_root(|root| {
        rayon::in_place_scope_fifo(root, |s| {
            in_span("body", |_| ());
            s.spawn_fifo("outer", |s, _| s.spawn_fifo("inner", |_, _| ()));
        });
    });
}

#[test]
fn a_broadcast_has_a_span_on_every_thread() {
    testing::run(|t| {
        let pool = ::rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        in_root("root", |root| {
            let pool = pool.traced(root);
            let indices = pool.broadcast("each", |span, on| {
                assert_eq!(Context::current(), span.context());
                on.index()
            });
            assert_eq!(indices, [0, 1, 2]);
            pool.scope(|s| s.spawn_broadcast("each", |s, _, _| s.spawn("job", |_, _| ())));
        });
        t.assert_tree_sorted(&format!("root{}{}", "\n  each".repeat(3), "\n  each\n    job".repeat(3)));
        let each: Vec<_> = t.spans().into_iter().filter(|span| span.name == "each").collect();
        assert_eq!(each.iter().map(|span| span.lane.thread_id).collect::<std::collections::HashSet<_>>().len(), 3);
        t.assert_balanced();
    });
}

#[test]
fn both_halves_of_a_join_see_the_given_parent() {
    testing::run(|t| {
        in_root("root", |root| {
            in_span("not the parent", |_| {
                rayon::join(root, || in_span("left", |_| ()), || in_span("right", |_| ()));
            });
        });
        t.assert_tree_sorted("root\n  left\n  not the parent\n  right");
    });
}
