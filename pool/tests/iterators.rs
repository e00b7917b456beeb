//! Traced parallel iterators: which spans there are, per item and per leaf.
#![cfg(all(feature = "rayon", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, Context, Status, Value};
use heirloom_pool::prelude::*;
use rayon::prelude::*;
use std::collections::HashSet;
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn named(t: &Testing, name: &str) -> Vec<SpanData> {
    t.spans().into_iter().filter(|span| span.name == name).collect()
}

fn attribute<'s>(span: &'s SpanData, key: &str) -> &'s Value<'static> {
    &span.attributes.iter().find(|(k, _)| k == key).unwrap().1
}

fn integer(span: &SpanData, key: &str) -> i64 {
    attribute(span, key).as_i64().unwrap()
}

fn sum(span: &SpanData, key: &str) -> i64 {
    let Value::I64s(counts) = attribute(span, key) else { panic!("not an array of integers") };
    counts.iter().sum()
}

#[test]
fn each_item_has_a_span_below_the_given_parent() {
    testing::run(|t| {
        in_root("root", |root| {
            let names = |cx: Context, name: &'static str| {
                (0..3).into_par_iter().traced(cx).map(name, |_, _| in_span("inside", |_| ())).count()
            };
            assert_eq!(names(root.context(), "item"), 3);
        });
        t.assert_tree_sorted("root\n  item\n    inside\n  item\n    inside\n  item\n    inside");
        t.assert_balanced();
    });
}

#[test]
fn nested_iterators_in_nested_pools_nest_their_spans() {
    testing::run(|t| {
        let inner = pool(2);
        in_root("root", |root| {
            pool(2).install(|| {
                (0..4).into_par_iter().traced(root).for_each("outer", |outer, _| {
                    inner.install(|| (0..2).into_par_iter().traced(outer).for_each("inner", |_, _| ()));
                });
            });
        });
        let outer = "\n  outer\n    inner\n    inner";
        t.assert_tree_sorted(&format!("root{}", outer.repeat(4)));
    });
}

#[test]
fn the_span_of_a_flat_map_is_current_while_its_items_are_made_and_not_while_they_are_used() {
    testing::run(|t| {
        in_root("root", |root| {
            let items = vec!["item"].into_par_iter().traced(root).flat_map_iter("parse", |span, item| {
                let span = span.context();
                (0..2).map(move |n| {
                    assert_eq!(Context::current(), span);
                    (item, n, span)
                })
            });
            items.for_each(|(_, _, span)| assert_ne!(Context::current(), span));
        });
        t.assert_tree_sorted("root\n  parse");
        t.assert_balanced();
    });
}

#[test]
fn every_item_is_in_exactly_one_leaf() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(4).install(|| {
                let items = (0..10_000).into_par_iter().with_max_len(100).traced(root);
                assert_eq!(items.summary().map("leaf", |n| n).sum::<i32>(), 49_995_000);
            });
        });
        let leaves = named(t, "leaf");
        assert!(leaves.len() >= 100);
        assert_eq!(leaves.iter().map(|leaf| integer(leaf, "heirloom.items")).sum::<i64>(), 10_000);
        for leaf in leaves {
            let items = integer(&leaf, "heirloom.items");
            assert!((1..=100).contains(&items));
            assert_eq!(sum(&leaf, "heirloom.duration_histogram"), items);
        }
        t.assert_balanced();
    });
}

#[test]
fn a_leaf_is_not_split_below_the_minimum_length() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(4).install(|| {
                let items = (0..1000).into_par_iter().with_min_len(250).traced(root).summary();
                let mut collected = Vec::new();
                items.map("leaf", |n| n).collect_into_vec(&mut collected);
                assert_eq!(collected.len(), 1000);
            });
        });
        let leaves = named(t, "leaf");
        assert!((2..=4).contains(&leaves.len()));
        assert!(leaves.iter().all(|leaf| integer(leaf, "heirloom.items") >= 250));
    });
}

#[test]
fn the_lengths_of_leaves_hold_where_items_are_pulled() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(4).install(|| {
                let long = || (0..1000).into_par_iter().with_min_len(250).traced(root).summary().map("long", |n| n);
                assert_eq!(long().zip(0..1000).count(), 1000);
                let short = || (0..1000).into_par_iter().with_max_len(50).traced(root).summary().map("short", |n| n);
                assert_eq!(short().zip(0..1000).filter(|(left, right)| left == right).count(), 1000);
            });
        });
        let (long, short) = (named(t, "long"), named(t, "short"));
        assert!((2..=4).contains(&long.len()) && short.len() >= 20);
        assert!(long.iter().all(|leaf| integer(leaf, "heirloom.items") >= 250));
        assert!(short.iter().all(|leaf| integer(leaf, "heirloom.items") <= 50));
    });
}

#[test]
fn once_the_consumer_is_full_no_leaf_is_opened() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(1).install(|| {
                let items = || (0..100).into_par_iter().with_max_len(1).traced(root);
                assert!(items().per_leaf().map("indexed", |n| n).find_any(|_| true).is_some());
                let unindexed = items().per_leaf().filter_map("unindexed", Some);
                assert!(unindexed.find_any(|_| true).is_some());
            });
        });
        assert_eq!((named(t, "indexed").len(), named(t, "unindexed").len()), (1, 1));
    });
}

#[test]
fn both_sides_of_a_zip_have_leaves() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(2).install(|| {
                let side = |name| (0..1000).into_par_iter().traced(root).summary().map(name, |n: i32| n);
                assert!(side("left").zip(side("right")).all(|(left, right)| left == right));
            });
        });
        for side in ["left", "right"] {
            let leaves = named(t, side);
            assert_eq!(leaves.iter().map(|leaf| integer(leaf, "heirloom.items")).sum::<i64>(), 1000);
        }
        t.assert_balanced();
    });
}

#[test]
fn adaptors_that_pull_keep_order_and_leaves() {
    testing::run(|t| {
        in_root("root", |root| {
            let squares = || (0..100_usize).into_par_iter().traced(root).summary().map("leaf", |n| n * n);
            let expected: Vec<usize> = (0..100).map(|n| n * n).collect();
            assert_eq!(squares().chain(squares()).collect::<Vec<_>>(), [&expected[..], &expected[..]].concat());
            assert_eq!(squares().interleave(squares()).take(4).collect::<Vec<_>>(), [0, 0, 1, 1]);
            assert_eq!(squares().rev().step_by(50).collect::<Vec<_>>(), [99 * 99, 49 * 49]);
            assert_eq!(squares().enumerate().find_first(|(_, n)| *n >= 16), Some((4, 16)));
            assert_eq!(squares().len(), 100);
        });
        t.assert_balanced();
        let leaves = named(t, "leaf");
        assert!(leaves.len() >= 8);
        assert!(leaves.iter().all(|leaf| integer(leaf, "heirloom.items") > 0));
    });
}

#[test]
fn items_that_are_taken_from_the_back_are_counted() {
    testing::run(|t| {
        in_root("root", |root| {
            let items = || (0..100_i32).into_par_iter().traced(root);
            assert_eq!(items().summary().map("summary", |n| n).rev().max(), Some(99));
            assert_eq!(items().leaves("leaves").rev().map(|n| n).max(), Some(99));
            assert_eq!(items().per_leaf().map("per leaf", |n| n).rev().max(), Some(99));
        });
        for name in ["summary", "leaves"] {
            let leaves = named(t, name);
            assert_eq!(leaves.iter().map(|leaf| integer(leaf, "heirloom.items")).sum::<i64>(), 100, "{name}");
        }
        assert!(!named(t, "per leaf").is_empty());
        t.assert_balanced();
    });
}

#[test]
fn each_chunk_is_a_leaf() {
    testing::run(|t| {
        in_root("root", |root| {
            let items = (0..100).into_par_iter().traced(root).per_leaf().map("leaf", |n| n);
            assert_eq!(items.chunks(30).map(|chunk| chunk.len()).collect::<Vec<_>>(), [30, 30, 30, 10]);
        });
        assert_eq!(named(t, "leaf").len(), 4);
    });
}

#[test]
fn without_items_there_is_no_leaf() {
    testing::run(|t| {
        in_root("root", |root| {
            let nothing: [u8; 0] = [];
            assert_eq!(nothing.par_iter().traced(root).per_leaf().map("leaf", |n| *n).max(), None);
            drop([1].par_iter().traced(root).per_leaf().map("leaf", |n| *n));
            assert_eq!([1].par_iter().filter(|_| false).traced(root).summary().map("leaf", |n| *n).max(), None);
        });
        t.assert_tree("root");
    });
}

#[test]
fn items_without_size_have_leaves_too() {
    testing::run(|t| {
        in_root("root", |root| {
            assert_eq!(vec![(); 50].into_par_iter().traced(root).summary().map("leaf", |unit| unit).count(), 50);
        });
        assert_eq!(named(t, "leaf").iter().map(|leaf| integer(leaf, "heirloom.items")).sum::<i64>(), 50);
    });
}

#[test]
fn what_is_current_is_left_alone_in_a_leaf() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(1).install(|| {
                let before = Context::current();
                let items = (0..100).into_par_iter().traced(root).per_leaf();
                items.for_each("leaf", |_| assert_eq!(Context::current(), before));
                assert_eq!(Context::current(), before);
            });
        });
        t.assert_balanced();
    });
}

#[test]
fn a_panic_closes_its_leaf_as_an_error_and_passes_unchanged() {
    testing::run(|t| {
        in_root("root", |root| {
            let failing = || {
                let items = (0..100_u8).into_par_iter().with_max_len(10).traced(root).per_leaf();
                items.for_each("leaf", |n| {
                    if n == 42 {
                        panic_any(n)
                    }
                });
            };
            let caught = catch_unwind(AssertUnwindSafe(failing));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u8));
        });
        let failed = named(t, "leaf").into_iter().filter(|leaf| matches!(leaf.status, Status::Error(_))).count();
        assert_eq!(failed, 1);
        t.assert_balanced();
    });
}

#[test]
fn an_early_exit_closes_every_leaf() {
    testing::run(|t| {
        in_root("root", |root| {
            let items = || (0..1_000_000).into_par_iter().traced(root);
            assert!(items().per_leaf().map("leaf", |n| n).find_any(|n| *n == 3).is_some());
            assert_eq!(items().summary().try_for_each("leaf", |n| if n == 3 { Err(n) } else { Ok(()) }), Err(3));
        });
        t.assert_balanced();
        let leaves = named(t, "leaf");
        assert!(leaves.len() >= 2, "one of each iterator: {leaves:?}");
        let root = named(t, "root").remove(0);
        assert!(leaves.iter().all(|leaf| leaf.end_ns <= root.end_ns && leaf.parent_span_id == Some(root.span_id)));
    });
}

#[test]
fn an_unsampled_parent_has_no_leaves() {
    testing::run(|t| {
        use heirloom_core::{SpanId, TraceId};
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
        remote.in_span("not sampled", |parent| {
            assert_eq!((0..100).into_par_iter().traced(parent).summary().map("leaf", |n| n).count(), 100);
        });
        assert!(t.spans().is_empty());
        t.assert_balanced();
    });
}

#[test]
fn the_busy_time_of_a_thread_is_at_most_the_time_it_had() {
    testing::run(|t| {
        in_root("root", |root| {
            pool(1).install(|| {
                let inside = || (0..100).into_par_iter().traced(root).per_leaf().map("inner", |n: u64| n).sum::<u64>();
                let outer = (0..10).into_par_iter().with_max_len(5).traced(root).per_leaf();
                outer.for_each("outer", |_| assert_eq!(inside(), 4950));
            });
        });
        let root = named(t, "root").remove(0);
        let leaves = || t.spans().into_iter().filter(|span| span.name != "root");
        assert_eq!(leaves().map(|leaf| leaf.lane.thread_id).collect::<HashSet<_>>().len(), 1);
        let busy_ns: i64 = leaves().map(|leaf| integer(&leaf, "heirloom.busy_ns")).sum();
        let durations_ns: u64 = leaves().map(|leaf| leaf.end_ns - leaf.start_ns).sum();
        let root_ns = root.end_ns - root.start_ns;
        assert!(busy_ns > 0 && busy_ns as u64 <= root_ns, "{busy_ns} of {root_ns}");
        assert!(durations_ns > busy_ns as u64, "the inner leaves are within the outer ones");
    });
}
