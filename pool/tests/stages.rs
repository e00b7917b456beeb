//! Stages: all that rayon runs for an item, or for a leaf, runs in its span.
#![cfg(all(feature = "rayon", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::export::SpanData;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, Context, SpanId, Status, TraceId, Value};
use heirloom_pool::prelude::*;
use heirloom_pool::rayon::{Items, Leaves};
use rayon::prelude::*;
use std::collections::HashMap;
use std::panic::{catch_unwind, panic_any, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many items a stage has here.
const ITEMS: u32 = 60;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Short leaves, so that several threads have some.
fn base() -> impl IndexedParallelIterator<Item = u32> + Clone {
    (0..ITEMS).into_par_iter().with_max_len(4)
}

fn items(cx: Context) -> Items<impl IndexedParallelIterator<Item = u32> + Clone> {
    base().traced(cx).items("item")
}

fn leaves(cx: Context) -> Leaves<impl IndexedParallelIterator<Item = u32> + Clone> {
    base().traced(cx).leaves("leaf")
}

/// The body of a downstream closure: a span below the current context. Always true.
fn inside(n: u32) -> bool {
    in_span("inside", |span| span.set("n", n).is_recording())
}

fn named(t: &Testing, name: &str) -> Vec<SpanData> {
    t.spans().into_iter().filter(|span| span.name == name).collect()
}

fn number(span: &SpanData, key: &str) -> u32 {
    span.attribute(key).and_then(Value::as_i64).unwrap() as u32
}

fn failed(t: &Testing, name: &str) -> usize {
    named(t, name).iter().filter(|span| matches!(span.status, Status::Error(_))).count()
}

/// The numbers that closures worked on, by the span in which they did.
fn worked_on(t: &Testing) -> HashMap<Option<SpanId>, Vec<u32>> {
    let mut numbers: HashMap<_, Vec<_>> = HashMap::new();
    for span in named(t, "inside") {
        numbers.entry(span.parent_span_id).or_default().push(number(&span, "n"));
    }
    numbers
}

/// In which traces the closures of a later `reduce` run.
fn reduced(traces: impl ParallelIterator<Item = TraceId>) -> TraceId {
    traces
        .map(|_| Context::current().trace_id())
        .reduce(|| Context::current().trace_id(), |_, _| Context::current().trace_id())
}

#[test]
fn closures_after_one_step_have_no_context_and_those_after_a_stage_have_one_of_its_trace() {
    testing::run(|_| {
        let trace = in_root("root", |root| {
            let cx = root.context();
            let after_map = pool(1).install(|| reduced(base().traced(cx).map("item", move |_, _| cx.trace_id())));
            assert_eq!(after_map, TraceId::INVALID);
            let after_items = pool(1).install(|| reduced(items(cx).map(move |_| cx.trace_id())));
            (cx.trace_id(), after_items)
        });
        assert_eq!(trace.0, trace.1);
    });
}

/// Each item has one span, which is a child of the root, and in which `times` closures worked on that item.
fn assert_each_item_has_its_own(t: &Testing, times: usize) {
    let root = named(t, "root").remove(0).span_id;
    let mut numbers = worked_on(t);
    let mut of_items = Vec::new();
    for item in named(t, "item") {
        assert_eq!(item.parent_span_id, Some(root));
        let own = numbers.remove(&Some(item.span_id)).expect("a closure ran in the item's span");
        assert!(own.len() == times && own.iter().all(|n| *n == own[0]), "{own:?}");
        of_items.push(own[0]);
    }
    of_items.sort_unstable();
    assert_eq!(of_items, (0..ITEMS).collect::<Vec<_>>());
    assert_eq!(numbers, HashMap::new(), "closures that ran in other spans");
    t.assert_complete();
}

/// Runs the closure in a pool of four threads below "root". Nothing is current in the pool.
fn traced(run: impl FnOnce(Context) + Send, check: impl FnOnce(&Testing)) {
    testing::run(|t| {
        in_root("root", |root| {
            let cx = root.context();
            pool(4).install(|| run(cx));
        });
        check(t);
    });
}

macro_rules! downstream {
    ($($name:ident, $times:expr, |$stage:ident| $run:expr;)*) => {
        mod in_the_span_of_its_item {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let run = |$stage: Items<_>| { let _ = $run; };
                    traced(|cx| run(items(cx)), |t| assert_each_item_has_its_own(t, $times));
                }
            )*
        }

        /// The same in one leaf after the other: every closure runs in the span of some leaf.
        mod in_the_span_of_its_leaf {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let run = |$stage: Leaves<_>| { let _ = $run; };
                    traced(|cx| run(leaves(cx)), |t| assert_each_leaf_has_its_own(t, $times));
                }
            )*
        }
    };
}

downstream! {
    map, 1, |stage| stage.map(inside).count();
    filter, 1, |stage| stage.filter(|n| inside(*n)).count();
    filter_map, 1, |stage| stage.filter_map(|n| inside(n).then_some(n)).count();
    inspect, 1, |stage| stage.inspect(|n| _ = inside(*n)).count();
    update, 1, |stage| stage.update(|n| _ = inside(*n)).count();
    map_with, 1, |stage| stage.map_with(0, |_, n| inside(n)).count();
    map_init, 1, |stage| stage.map_init(|| 0, |_, n| inside(n)).count();
    for_each, 1, |stage| stage.for_each(|n| _ = inside(n));
    for_each_with, 1, |stage| stage.for_each_with(0, |_, n| _ = inside(n));
    for_each_init, 1, |stage| stage.for_each_init(|| 0, |_, n| _ = inside(n));
    try_for_each, 1, |stage| stage.try_for_each(|n| inside(n).then_some(()));
    try_for_each_with, 1, |stage| stage.try_for_each_with(0, |_, n| inside(n).then_some(()));
    fold, 1, |stage| stage.fold(|| 0, |sum, n| sum + u32::from(inside(n))).sum::<u32>();
    fold_with, 1, |stage| stage.fold_with(0, |sum, n| sum + u32::from(inside(n))).sum::<u32>();
    try_fold, 1, |stage| stage.try_fold(|| 0, |sum, n| inside(n).then_some(sum + n)).count();
    flat_map_iter, 3, |stage| stage.flat_map_iter(|n| [n; 3].into_iter().inspect(|n| _ = inside(*n))).count();
    flatten_iter, 2, |stage| stage.map(|n| [n; 2]).flatten_iter().map(inside).count();
    the_closure_of_flat_map, 1, |stage| stage.flat_map(|n| {
        inside(n);
        [n]
    }).count();
    find_any, 1, |stage| stage.find_any(|n| !inside(*n));
    find_map_first, 1, |stage| stage.find_map_first(|n| (!inside(n)).then_some(n));
    all, 1, |stage| stage.all(inside);
    take_any_while, 1, |stage| stage.take_any_while(|n| inside(*n)).count();
    skip_any_while, 1, |stage| stage.skip_any_while(|n| inside(*n)).count();
    partition, 1, |stage| stage.partition::<Vec<_>, Vec<_>, _>(|n| inside(*n));
    max_by_key, 1, |stage| stage.max_by_key(|n| inside(*n));
    several_one_after_the_other, 3, |stage| {
        stage.filter(|n| inside(*n)).map(|n| inside(n).then_some(n)).while_some().for_each(|n| _ = inside(n))
    };
    position_any, 1, |stage| stage.map(inside).position_any(|was| !was);
    collect_into_vec, 1, |stage| {
        let mut kept = Vec::new();
        stage.map(inside).collect_into_vec(&mut kept);
        assert_eq!(kept.len(), ITEMS as usize);
    };
    lengths_of_leaves_that_are_set_afterwards, 1, |stage| stage.with_min_len(2).with_max_len(3).map(inside).count();
    // Adaptors that pull: the span is open until the next item is pulled.
    enumerate, 1, |stage| stage.enumerate().for_each(|(at, n)| assert!(at as u32 == n && inside(n)));
    zip, 1, |stage| stage.zip(0..ITEMS).for_each(|(n, m)| assert!(n == m && inside(n)));
    zip_of_what_was_mapped, 2, |stage| stage.map(|n| {
        inside(n);
        n
    }).zip(0..ITEMS).for_each(|(n, m)| assert!(n == m && inside(n)));
    rev, 1, |stage| stage.rev().map(inside).count();
    skip_and_take_nothing, 1, |stage| stage.skip(0).take(ITEMS as usize).map(inside).count();
    chain, 1, |stage| stage.chain(rayon::iter::empty()).map(inside).count();
}

/// Leaves are children of the root; each closure ran in a leaf, and each item in one only.
fn assert_each_leaf_has_its_own(t: &Testing, times: usize) {
    let root = named(t, "root").remove(0).span_id;
    let mut numbers = worked_on(t);
    let mut of_leaves = Vec::new();
    for leaf in named(t, "leaf") {
        assert_eq!(leaf.parent_span_id, Some(root));
        let own = numbers.remove(&Some(leaf.span_id)).expect("a closure ran in the leaf's span");
        assert_eq!(own.len(), times * number(&leaf, "heirloom.items") as usize);
        assert!(leaf.attribute("heirloom.busy_ns").is_some());
        of_leaves.extend(own);
    }
    of_leaves.sort_unstable();
    assert_eq!(of_leaves, (0..ITEMS).flat_map(|n| vec![n; times]).collect::<Vec<_>>());
    assert_eq!(numbers, HashMap::new(), "closures that ran in other spans");
    t.assert_complete();
}

#[test]
fn what_is_indexed_stays_indexed() {
    let expected: Vec<u32> = (0..ITEMS).collect();
    let check = |kept: &dyn Fn() -> Vec<u32>| assert_eq!(kept(), expected);
    for cx in [Context::INERT, Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false)] {
        check(&|| items(cx).collect());
        check(&|| leaves(cx).collect());
        let mut kept = Vec::new();
        items(cx).collect_into_vec(&mut kept);
        assert_eq!(kept, expected);
        assert_eq!((items(cx).len(), leaves(cx).len()), (60, 60));
        assert_eq!((items(cx).opt_len(), leaves(cx).filter(|_| true).opt_len()), (Some(60), None));
        assert!(items(cx).zip(leaves(cx)).all(|(left, right)| left == right));
        assert_eq!(items(cx).chunks(25).map(|chunk| chunk.len()).collect::<Vec<_>>(), [25, 25, 10]);
        assert_eq!(leaves(cx).rev().skip(10).step_by(20).collect::<Vec<_>>(), [49, 29, 9]);
        assert_eq!(items(cx).interleave(leaves(cx)).take(4).collect::<Vec<_>>(), [0, 0, 1, 1]);
        assert_eq!(items(cx).positions(|n| n % 25 == 0).collect::<Vec<_>>(), [0, 25, 50]);
    }
}

#[test]
fn the_adaptors_that_pull_before_a_stage_leave_it_as_it_is() {
    testing::run(|t| {
        in_root("root", |root| {
            let pairs = base().zip(base().rev()).enumerate().with_min_len(2).traced(root).items("item");
            pairs.filter(|(_, (n, m))| n + m == ITEMS - 1).for_each(|(_, (n, _))| _ = inside(n));
        });
        assert_each_item_has_its_own(t, 1);
    });
}

#[test]
fn after_chunks_only_the_gathering_is_in_the_span() {
    traced(
        |cx| {
            let chunks = items(cx).map(|n| (n, inside(n))).chunks(7);
            let used = chunks.map(|chunk| {
                assert_eq!(Context::current(), Context::INERT);
                chunk.len()
            });
            assert_eq!(used.sum::<usize>(), ITEMS as usize);
        },
        |t| assert_each_item_has_its_own(t, 1),
    );
}

#[test]
fn a_leaf_is_a_run_of_items_pushed_or_pulled() {
    traced(
        |cx| {
            let long = || (0..ITEMS).into_par_iter().with_min_len(10).traced(cx).leaves("leaf");
            assert_eq!(long().filter(|_| true).count() + long().enumerate().count(), 2 * ITEMS as usize);
        },
        |t| {
            let lengths: Vec<u32> = named(t, "leaf").iter().map(|leaf| number(leaf, "heirloom.items")).collect();
            assert!(lengths.iter().all(|length| (10..=ITEMS).contains(length)), "{lengths:?}");
            assert_eq!(lengths.iter().sum::<u32>(), 2 * ITEMS);
            t.assert_complete();
        },
    );
}

#[test]
fn each_chunk_is_a_leaf() {
    traced(
        |cx| assert_eq!(leaves(cx).chunks(25).count(), 3),
        |t| {
            let mut lengths: Vec<u32> = named(t, "leaf").iter().map(|leaf| number(leaf, "heirloom.items")).collect();
            lengths.sort_unstable();
            assert_eq!(lengths, [10, 25, 25]);
            t.assert_complete();
        },
    );
}

#[test]
fn of_two_stages_in_a_zip_the_right_one_is_current() {
    traced(
        |cx| items(cx).zip(base().traced(cx).items("right")).for_each(|(n, _)| _ = inside(n)),
        |t| {
            let right = named(t, "right");
            assert_eq!((named(t, "item").len(), right.len()), (ITEMS as usize, ITEMS as usize));
            let of_right = worked_on(t);
            assert!(right.iter().all(|item| of_right[&Some(item.span_id)].len() == 1));
            t.assert_complete();
        },
    );
}

#[test]
fn the_other_side_of_an_interleave_runs_in_the_span_of_the_last_item() {
    traced(
        |cx| {
            // A leaf that is stolen is split again. Without the shortest length there could be leaves of one item.
            let both = items(cx).interleave(base().map(|n| n + ITEMS)).with_min_len(8);
            let seen: HashMap<u32, Context> = both.map(|n| (n, Context::current())).collect();
            // At the beginning of a leaf there was no item before. There are at most 15 leaves.
            let of_others = (0..ITEMS).map(|n| (seen[&(n + ITEMS)], seen[&n]));
            let with_span: Vec<_> = of_others.filter(|(other, _)| *other != Context::INERT).collect();
            assert!(with_span.len() >= (ITEMS - 15) as usize, "{} of {ITEMS} have a span", with_span.len());
            assert!(with_span.iter().all(|(other, item)| other == item));
        },
        |t| {
            assert_eq!(named(t, "item").len(), ITEMS as usize);
            t.assert_complete();
        },
    );
}

#[test]
fn items_that_are_stepped_over_have_no_span() {
    traced(
        |cx| assert_eq!(items(cx).step_by(10).count(), 6),
        |t| {
            assert_eq!(named(t, "item").len(), 6);
            t.assert_complete();
        },
    );
}

#[test]
fn inner_iterators_of_flat_map_are_traced_by_a_stage_of_their_own() {
    traced(
        |cx| {
            let inner = |n| (0..3_u32).into_par_iter().map(move |m| 3 * n + m);
            let all = items(cx).flat_map(|n| inner(n).traced(Context::current()).items("inner"));
            all.for_each(|n| _ = inside(n));
        },
        |t| {
            let items: Vec<_> = named(t, "item").iter().map(|item| Some(item.span_id)).collect();
            let (inner, numbers) = (named(t, "inner"), worked_on(t));
            assert_eq!((inner.len(), numbers.len()), (3 * ITEMS as usize, 3 * ITEMS as usize));
            assert!(inner.iter().all(|inner| items.contains(&inner.parent_span_id)));
            assert!(inner.iter().all(|inner| numbers.contains_key(&Some(inner.span_id))));
            t.assert_complete();
        },
    );
}

#[test]
fn what_follows_a_fold_is_in_the_span_of_the_leaf_and_below_the_parent_of_an_items_stage() {
    traced(
        |cx| {
            leaves(cx)
                .fold(|| 0, |sum, n| sum + n)
                .for_each(|sum| _ = in_span("of a leaf", |span| span.set("sum", sum).is_recording()));
            items(cx).fold(|| 0, |sum, n| sum + n).for_each(|_| assert_eq!(Context::current(), cx));
        },
        |t| {
            let leaves: Vec<_> = named(t, "leaf").iter().map(|leaf| Some(leaf.span_id)).collect();
            let sums = named(t, "of a leaf");
            assert_eq!(sums.len(), leaves.len());
            assert!(sums.iter().all(|sum| leaves.contains(&sum.parent_span_id)));
            assert_eq!(sums.iter().map(|sum| number(sum, "sum")).sum::<u32>(), (0..ITEMS).sum());
            t.assert_complete();
        },
    );
}

/// Every thread takes part, and but for the first each has no current context when it starts.
#[test]
fn accumulators_and_reductions_are_below_the_stages_parent() {
    let below = |what: &'static str| in_span(what, |_| ());
    let start = || {
        below("start");
        0
    };
    let join = |a: u32, b: u32| {
        below("join");
        a + b
    };
    let slow = || base().with_max_len(1).inspect(|_| std::thread::sleep(Duration::from_micros(200)));
    traced(
        |cx| {
            let sum = slow().traced(cx).items("item").fold(start, |sum, n| sum + n).reduce(|| 0, join);
            assert_eq!(sum, (0..ITEMS).sum());
            let sum = slow().traced(cx).leaves("leaf").fold(start, |sum, n| sum + n).reduce(|| 0, join);
            assert_eq!(sum, (0..ITEMS).sum());
        },
        |t| {
            let root = Some(t.span("root").span_id);
            let leaves: Vec<_> = named(t, "leaf").iter().map(|span| Some(span.span_id)).collect();
            let (starts, joins) = (named(t, "start"), named(t, "join"));
            assert_eq!(starts.len(), 2 * ITEMS as usize);
            assert!(starts.iter().all(|span| span.parent_span_id == root));
            // One below each leaf, after the `fold`; the others join two leaves.
            assert!(joins.iter().all(|span| span.parent_span_id == root || leaves.contains(&span.parent_span_id)));
            assert!(joins.iter().filter(|span| span.parent_span_id == root).count() > 2 * (ITEMS as usize - 1));
            t.assert_complete();
        },
    );
}

#[test]
fn what_stands_before_a_stage_sees_nothing_of_it() {
    let before = |n: &u32| {
        assert_eq!(Context::current(), Context::INERT);
        *n < ITEMS
    };
    traced(
        |cx| {
            let unindexed = || base().filter(before).traced(cx);
            assert_eq!(unindexed().items("item").count() + unindexed().leaves("leaf").count(), 120);
            let pulled = || base().inspect(|n| assert!(before(n))).traced(cx);
            assert_eq!(pulled().items("item").enumerate().count() + pulled().leaves("leaf").enumerate().count(), 120);
        },
        |t| {
            assert_eq!(named(t, "item").len(), 120);
            assert_eq!(named(t, "leaf").iter().map(|leaf| number(leaf, "heirloom.items")).sum::<u32>(), 120);
            t.assert_complete();
        },
    );
}

/// Fails at one item, in four ways to run a stage. Of the spans, as many as said have failed.
fn fails(stage: impl Fn(Context, &(dyn Fn(u32) + Sync)) + Sync, name: &str) {
    testing::run(|t| {
        in_root("root", |root| {
            let at = |n| {
                if n == 42 {
                    panic_any(n)
                }
            };
            let caught = pool(2).install(|| catch_unwind(AssertUnwindSafe(|| stage(root.context(), &at))));
            assert_eq!(caught.unwrap_err().downcast_ref(), Some(&42_u32));
            assert_eq!(Context::current(), root.context());
        });
        assert_eq!(failed(t, name), 1);
        t.assert_complete();
    });
}

#[test]
fn a_panic_downstream_closes_the_span_as_an_error_and_passes_unchanged() {
    fails(|cx, at| items(cx).filter(|_| true).for_each(at), "item");
    fails(|cx, at| items(cx).enumerate().for_each(|(_, n)| at(n)), "item");
    fails(|cx, at| leaves(cx).filter(|_| true).for_each(at), "leaf");
    fails(|cx, at| leaves(cx).enumerate().for_each(|(_, n)| at(n)), "leaf");
}

/// A destructor that works in a pool while its thread panics.
#[test]
fn stages_of_a_destructor_during_a_panic_are_no_errors() {
    struct Works(Context);
    impl Drop for Works {
        fn drop(&mut self) {
            items(self.0).for_each(|_| ());
            leaves(self.0).for_each(|_| ());
        }
    }
    testing::run(|t| {
        in_root("root", |root| {
            let works = || {
                let _works = Works(root.context());
                panic_any(1_u8)
            };
            // One thread, so that the one that panics does the work.
            pool(1).install(|| catch_unwind(AssertUnwindSafe(works))).unwrap_err();
        });
        assert!(!named(t, "item").is_empty() && !named(t, "leaf").is_empty());
        assert_eq!((failed(t, "item"), failed(t, "leaf")), (0, 0));
        t.assert_complete();
    });
}

#[test]
fn a_pool_thread_is_as_it_was_after_a_panic() {
    testing::run(|_| {
        in_root("root", |root| {
            let pool = pool(1);
            for _ in 0..2 {
                let failing = || pool.install(|| items(root.context()).enumerate().for_each(|_| panic_any(1_u8)));
                catch_unwind(AssertUnwindSafe(failing)).unwrap_err();
                assert_eq!(pool.install(Context::current), Context::INERT);
            }
        });
    });
}

#[test]
fn an_early_exit_stops_as_early_as_untraced_and_leaves_no_span_open() {
    testing::run(|t| {
        in_root("root", |root| {
            let many = || (0..1_000_000_u32).into_par_iter().traced(root);
            assert_eq!(many().items("item").find_any(|n| *n == 3), Some(3));
            let ran = AtomicUsize::new(0);
            let failing = |n| {
                ran.fetch_add(1, Ordering::Relaxed);
                if n == 3 {
                    Err(n)
                } else {
                    Ok(())
                }
            };
            assert_eq!(many().items("item").enumerate().map(|(_, n)| n).try_for_each(failing), Err(3));
            assert!(ran.into_inner() < 1_000_000);
            assert!(many().leaves("leaf").any(|n| n == 3));
            // The leaves of one thread, one after the other: the first item is enough.
            pool(1).install(|| {
                let single = || (0..100).into_par_iter().with_max_len(1).traced(root);
                assert!(single().items("first").find_any(|_| true).is_some());
                assert!(single().leaves("first leaf").find_any(|_| true).is_some());
                assert!(single().items("unindexed").filter(|_| true).find_any(|_| true).is_some());
                // Within one leaf, too.
                let long = || (0..100).into_par_iter().with_min_len(100).traced(root);
                assert!(long().items("of many").find_any(|_| true).is_some());
                assert!(long().leaves("of one").find_any(|_| true).is_some());
            });
        });
        assert!(named(t, "item").len() < 2_000_000);
        let once = ["first", "first leaf", "unindexed", "of many", "of one"];
        assert_eq!(once.map(|name| named(t, name).len()), [1; 5]);
        assert_eq!(number(&named(t, "of one")[0], "heirloom.items"), 1);
        let root = named(t, "root").remove(0);
        assert!(t.spans().iter().all(|span| span.end_ns <= root.end_ns));
        t.assert_balanced();
    });
}

#[test]
fn a_stage_without_items_has_no_spans() {
    traced(
        |cx| {
            let none = || base().filter(|_| false).traced(cx);
            assert_eq!(none().items("item").count() + none().leaves("leaf").count(), 0);
            drop((items(cx), leaves(cx)));
            assert_eq!(leaves(cx).take(0).count(), 0);
        },
        |t| t.assert_tree("root"),
    );
}

#[test]
fn the_items_of_a_parallel_bridge_have_their_spans() {
    traced(
        |cx| (0..ITEMS).par_bridge().traced(cx).items("item").map(inside).for_each(|was| assert!(was)),
        |t| assert_each_item_has_its_own(t, 1),
    );
}

#[test]
fn below_an_unsampled_parent_there_are_no_spans() {
    testing::run(|t| {
        let remote = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(7), false);
        let below = |n| assert!(!inside(n) && !Context::current().is_sampled());
        remote.in_span("not sampled", |parent| {
            let cx = parent.context();
            items(cx).for_each(below);
            items(cx).enumerate().for_each(|(_, n)| below(n));
            leaves(cx).for_each(below);
            leaves(cx).enumerate().for_each(|(_, n)| below(n));
        });
        assert!(t.spans().is_empty());
        t.assert_balanced();
    });
}
