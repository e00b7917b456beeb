//! One stack of current spans for tracing and Heirloom, in any order of exits.

mod support;

use heirloom_core::{in_root, root, span, Context};
use support::run;
use tracing::info_span;

#[test]
fn what_is_inside_stays_current_when_what_is_outside_is_left_first() {
    run(|t| {
        in_root("ours", |ours| {
            let (a, b) = (info_span!("a"), info_span!("b"));
            let outer = a.enter();
            let inner = b.enter();
            drop(outer);
            drop(span("within b"));
            drop(inner);
            assert_eq!(Context::current(), ours.context());
            drop(span("within ours"));
        });
        t.assert_tree("ours\n  a\n  b\n    within b\n  within ours");
    });
}

#[test]
fn our_scope_restores_what_was_before_whatever_was_entered_inside() {
    run(|t| {
        let leaked = info_span!("leaked");
        in_root("ours", |ours| {
            let scope = ours.in_span("inner", |inner| {
                assert_eq!(Context::current(), inner.context());
                leaked.enter()
            });
            assert_eq!(Context::current(), ours.context());
            drop(span("within ours"));
            drop(scope);
            assert_eq!(Context::current(), ours.context());
        });
        assert_eq!(Context::try_current(), None);
        drop(leaked);
        t.assert_tree_sorted("leaked\nours\n  inner\n  within ours");
    });
}

#[test]
fn leaving_their_span_ends_scopes_of_ours_that_were_forgotten_inside() {
    run(|t| {
        let ours = root("ours");
        let forgotten = info_span!("theirs").in_scope(|| ours.enter());
        assert_eq!(Context::try_current(), None);
        drop(forgotten);
        assert_eq!(Context::try_current(), None);
        drop(ours);
        t.assert_tree_sorted("ours\ntheirs");
    });
}

#[test]
fn scopes_left_in_every_order_leave_nothing_behind() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        run(|t| {
            in_root("ours", |ours| {
                let spans = [info_span!("a"), info_span!("b"), info_span!("c")];
                let mut scopes = [0, 1, 2].map(|n| Some(spans[n].enter()));
                for (left, which) in order.into_iter().enumerate() {
                    scopes[which] = None;
                    let innermost = (0..3).rev().find(|n| scopes[*n].is_some());
                    let expected = innermost.map_or(ours.context(), |n| Context::from(&spans[n]));
                    assert_eq!(Context::current(), expected, "{order:?} after {left}");
                }
            });
            t.assert_tree("ours\n  a\n  b\n  c");
        });
    }
}

#[test]
fn a_span_entered_again_inside_itself_does_not_become_current_again() {
    run(|t| {
        let theirs = info_span!("theirs");
        theirs.in_scope(|| {
            span("ours").in_span("inner", |inner| {
                theirs.in_scope(|| {
                    assert_eq!(Context::current(), inner.context());
                    drop(info_span!("chat"));
                });
                assert_eq!(Context::current(), inner.context());
            });
        });
        drop(theirs);
        t.assert_tree("theirs\n  ours\n    inner\n      chat");
    });
}

#[test]
fn a_panic_inside_leaves_nothing_current() {
    run(|t| {
        let caught = std::panic::catch_unwind(|| info_span!("theirs").in_scope(|| panic!("inside")));
        assert!(caught.is_err());
        assert_eq!(Context::try_current(), None);
        t.assert_tree("theirs");
    });
}
