//! What the adapters for rayon and threads record beside spans: fan-outs and joins, strands, waits, places in pools.
#![cfg(all(feature = "rayon", feature = "crossbeam", feature = "record"))]
#![allow(clippy::unwrap_used)]

use heirloom_core::export::{MarkData, SpanData};
use heirloom_core::mark::{FanKind, MarkKind, StageKind, WaitCause};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, in_span, root, Context, Span};
use heirloom_pool::prelude::*;
use heirloom_pool::{background, rayon as traced, threads};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn threads_of(n: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(n).build().unwrap()
}

/// Marks come with the spans that end after them.
fn marks(t: &Testing, kind: MarkKind) -> Vec<MarkData> {
    root("the end").end();
    t.marks().into_iter().filter(|mark| mark.kind == kind).collect()
}

fn waits(t: &Testing, cause: WaitCause) -> Vec<MarkData> {
    marks(t, MarkKind::Wait).into_iter().filter(|mark| mark.a == cause as u64).collect()
}

fn named(t: &Testing, name: &str) -> Vec<SpanData> {
    t.spans().into_iter().filter(|span| span.name == name).collect()
}

/// The fan-outs, each with its join; checks that every one ends once, after its beginning.
fn fans(t: &Testing) -> Vec<(MarkData, MarkData)> {
    let joins = marks(t, MarkKind::Join);
    let with_join = |fan: MarkData| {
        let own: Vec<&MarkData> = joins.iter().filter(|join| join.a == fan.a).collect();
        let [join] = own[..] else { panic!("{fan:#?}\n{joins:#?}") };
        assert!(join.time_ns >= fan.time_ns && join.span == fan.span);
        (fan, join.clone())
    };
    marks(t, MarkKind::Fan).into_iter().map(with_join).collect()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::yield_now();
    }
}

/// Every form of a traced iterator, with its number of spans named `item`; below two of them, each call has a leaf per item.
type Call = (&'static str, fn(&Span));
const ITERATORS: &[Call] = &[
    ("map", |cx| drop((0..4).into_par_iter().traced(cx).map("item", |_, n| n).collect::<Vec<_>>())),
    ("for_each", |cx| (0..4).into_par_iter().traced(cx).for_each("item", |_, _: i32| ())),
    ("filter_map", |cx| assert_eq!((0..4).into_par_iter().traced(cx).filter_map("item", |_, n| Some(n)).count(), 4)),
    ("flat_map_iter", |cx| assert_eq!((0..4).into_par_iter().traced(cx).flat_map_iter("item", |_, n| [n]).count(), 4)),
    ("try_for_each", |cx| {
        assert_eq!((0..4).into_par_iter().traced(cx).try_for_each("item", |_, _: i32| Some(())), Some(()))
    }),
    ("items", |cx| assert_eq!((0..4).into_par_iter().traced(cx).items("item").map(|n| n).sum::<i32>(), 6)),
    ("items, not indexed", |cx| {
        assert_eq!((0..4).into_par_iter().filter(|_| true).traced(cx).items("item").count(), 4);
    }),
    ("items, pulled", |cx| assert_eq!((0..4).into_par_iter().traced(cx).items("item").zip(0..4).count(), 4)),
    ("leaves", |cx| {
        assert_eq!((0..4).into_par_iter().with_max_len(1).traced(cx).leaves("item").map(|n| n).sum::<i32>(), 6);
    }),
    ("leaves, pulled", |cx| {
        assert_eq!((0..4).into_par_iter().with_max_len(1).traced(cx).leaves("item").zip(0..4).count(), 4);
    }),
    ("per_leaf", |cx| (0..4).into_par_iter().with_max_len(1).traced(cx).per_leaf().for_each("item", |_: i32| ())),
    ("per_leaf, pulled", |cx| {
        let leaves = (0..4).into_par_iter().with_max_len(1).traced(cx).per_leaf();
        assert_eq!(leaves.map("item", |n| n).zip(0..4).count(), 4);
    }),
    ("summary", |cx| (0..4).into_par_iter().with_max_len(1).traced(cx).summary().for_each("item", |_: i32| ())),
];

#[test]
fn each_call_of_an_iterator_is_one_fan_out_and_its_items_have_its_id() {
    for (name, call) in ITERATORS {
        for outside in [true, false] {
            testing::run(|t| {
                in_root("main", |main| match outside {
                    true => call(main),
                    false => threads_of(2).install(|| call(main)),
                });
                let (main, fans) = (t.span("main"), fans(t));
                let [(fan, join)] = &fans[..] else { panic!("{name}: {fans:#?}") };
                let blocks = if outside { 256 } else { 0 };
                assert_eq!((fan.span, fan.b), (Some(main.span_id), FanKind::Iterator as u64 + blocks), "{name}");
                assert_eq!(fan.lane, join.lane, "{name}");
                let items = named(t, "item");
                assert_eq!(items.len(), 4, "{name}");
                for item in items {
                    assert_eq!((item.fan_out, item.parent_span_id), (Some(fan.a), Some(main.span_id)), "{name}");
                    assert!(item.start_ns >= fan.time_ns && item.end_ns <= join.time_ns, "{name}");
                }
                t.assert_complete();
            });
        }
    }
}

#[test]
fn two_fan_outs_with_a_join_between_them_under_one_parent_are_two() {
    for (name, call) in ITERATORS {
        testing::run(|t| {
            in_root("main", |main| (0..2).for_each(|_| call(main)));
            let fans = fans(t);
            let [(first, join), (second, _)] = &fans[..] else { panic!("{name}: {fans:#?}") };
            assert!(first.a != second.a && join.time_ns <= second.time_ns, "{name}");
            for (fan, _) in &fans {
                assert_eq!(named(t, "item").iter().filter(|item| item.fan_out == Some(fan.a)).count(), 4, "{name}");
            }
        });
    }
}

#[test]
fn an_iterator_that_is_never_consumed_records_no_item_and_a_clone_is_a_fan_out_when_it_is_consumed() {
    testing::run(|t| {
        in_root("main", |main| {
            drop((0..4).into_par_iter().traced(main).map("item", |_, n| n));
            let stage = (0..4).into_par_iter().traced(main).items("item");
            let clone = stage.clone();
            assert_eq!(fans(t).len(), 1);
            assert_eq!(stage.count() + clone.count(), 8);
        });
        let ids: BTreeSet<u64> = fans(t).iter().map(|(fan, _)| fan.a).collect();
        assert_eq!((ids.len(), named(t, "item").len()), (3, 8));
    });
}

#[test]
fn a_panic_of_an_item_ends_the_fan_out() {
    testing::run(|t| {
        in_root("main", |main| {
            let items = (0..4).into_par_iter().traced(main).map("item", |_, n: i32| assert_ne!(n, 2));
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| items.count())).is_err());
        });
        assert_eq!(fans(t).len(), 1);
    });
}

#[test]
fn every_leaf_says_how_many_items_it_had() {
    for (name, call) in ITERATORS.iter().filter(|(name, _)| name.contains("lea") || *name == "summary") {
        testing::run(|t| {
            in_root("main", call);
            let items = |span: &SpanData| span.attribute("heirloom.items").and_then(|items| items.as_i64());
            assert!(named(t, "item").iter().all(|leaf| items(leaf) == Some(1)), "{name}");
        });
    }
}

#[test]
fn the_halves_of_a_join_are_strands_and_only_a_stolen_one_records_its_times() {
    testing::run(|t| {
        let pool = threads_of(2);
        let (left, right) = (AtomicBool::new(false), AtomicBool::new(false));
        // Each half waits until the other one runs: so the second one is stolen.
        let meet = |mine: &AtomicBool, other: &AtomicBool| {
            mine.store(true, Ordering::SeqCst);
            until("the other half", || other.load(Ordering::SeqCst));
        };
        in_root("main", |main| {
            pool.install(|| {
                traced::join(
                    main,
                    || in_span("left", |_| meet(&left, &right)),
                    || in_span("right", |_| meet(&right, &left)),
                );
            });
            threads_of(1).install(|| {
                traced::join_context(main, |_| in_span("both", |_| ()), |half| in_span("both", |_| half.migrated()));
            });
        });
        let fans = fans(t);
        let [(first, join), (second, _)] = &fans[..] else { panic!("{fans:#?}") };
        assert!(fans.iter().all(|(fan, _)| fan.b == FanKind::Join as u64), "{fans:#?}");
        for (name, fan) in [("left", first.a), ("right", first.a), ("both", second.a)] {
            assert!(named(t, name).iter().all(|span| span.fan_out == Some(fan)), "{name}");
        }
        let strands = marks(t, MarkKind::Strand);
        let [stolen] = &strands[..] else { panic!("{strands:#?}") };
        let right = t.span("right");
        assert_eq!((stolen.a, stolen.span, &stolen.lane), (first.a, Some(t.span("main").span_id), &right.lane));
        assert!(stolen.time_ns <= right.start_ns && stolen.time_ns + stolen.length_ns >= right.end_ns);
        assert!(stolen.time_ns + stolen.length_ns <= join.time_ns);
    });
}

#[test]
fn both_halves_of_a_join_from_outside_the_pool_ran_elsewhere() {
    testing::run(|t| {
        let pool = threads_of(1);
        in_root("main", |main| pool.traced(main).join(|| in_span("half", |_| ()), || in_span("half", |_| ())));
        let fans = fans(t);
        assert_eq!(fans[0].0.b, FanKind::Join as u64 + 256);
        let strands = marks(t, MarkKind::Strand);
        assert_eq!(strands.len(), 2);
        assert!(strands.iter().all(|strand| strand.lane != t.span("main").lane && strand.a == fans[0].0.a));
    });
}

#[test]
fn the_jobs_of_a_scope_and_the_jobs_that_they_start_belong_to_its_fan_out() {
    type Case = (&'static str, u64, fn(&Span));
    let scopes: [Case; 4] = [
        ("scope", 256, |cx| {
            traced::scope(cx, |s| s.spawn("job", |s, _| s.spawn("inner", |_, _| ())));
        }),
        ("scope_fifo", 256, |cx| {
            traced::scope_fifo(cx, |s| s.spawn_fifo("job", |s, _| s.spawn_fifo("inner", |_, _| ())));
        }),
        ("in_place_scope", 0, |cx| {
            traced::in_place_scope(cx, |s| s.spawn("job", |s, _| s.spawn("inner", |_, _| ())));
        }),
        ("in_place_scope_fifo", 0, |cx| {
            traced::in_place_scope_fifo(cx, |s| s.spawn_fifo("job", |s, _| s.spawn_fifo("inner", |_, _| ())));
        }),
    ];
    for (name, blocks, call) in scopes {
        testing::run(|t| {
            in_root("main", call);
            let fans = fans(t);
            let [(fan, join)] = &fans[..] else { panic!("{name}: {fans:#?}") };
            assert_eq!(fan.b, FanKind::Scope as u64 + blocks, "{name}");
            let (job, inner) = (t.span("job"), t.span("inner"));
            assert_eq!((job.fan_out, inner.fan_out), (Some(fan.a), Some(fan.a)), "{name}");
            assert_eq!(inner.parent_span_id, Some(job.span_id), "{name}");
            assert!(join.time_ns >= inner.end_ns, "{name}");
        });
    }
}

#[test]
fn a_broadcast_is_a_fan_out() {
    testing::run(|t| {
        let pool = threads_of(3);
        in_root("main", |main| drop(pool.traced(main).broadcast("each", |_, on| on.index())));
        let fans = fans(t);
        assert_eq!(fans[0].0.b, FanKind::Broadcast as u64 + 256);
        assert_eq!(named(t, "each").iter().filter(|span| span.fan_out == Some(fans[0].0.a)).count(), 3);
    });
}

#[test]
fn each_thread_of_a_pool_says_its_place_once() {
    testing::run(|t| {
        let (first, second) = (threads_of(2), threads_of(2));
        in_root("main", |main| {
            for pool in [&first, &second, &first] {
                pool.traced(main).broadcast("each", |_, _| ());
            }
        });
        let places = marks(t, MarkKind::Pool);
        let of: BTreeSet<_> = places.iter().map(|place| (place.b, place.a, place.c, &*place.text)).collect();
        assert_eq!((places.len(), of.len()), (4, 4), "{places:#?}");
        let pools: BTreeSet<u64> = places.iter().map(|place| place.b).collect();
        assert_eq!(pools.len(), 2);
        for pool in pools {
            assert!(of.contains(&(pool, 0, 2, "rayon")) && of.contains(&(pool, 1, 2, "rayon")));
        }
    });
}

#[test]
fn a_thread_outside_of_the_pool_waits_for_install_and_one_inside_does_not() {
    testing::run(|t| {
        let pool = threads_of(1);
        in_root("main", |main| {
            let nap = || thread::sleep(Duration::from_millis(10));
            traced::install(&pool, main, "outer", |outer| pool.traced(outer).install("inner", |_| nap()));
        });
        let waits = waits(t, WaitCause::Install);
        let [wait] = &waits[..] else { panic!("{waits:#?}") };
        let main = t.span("main");
        assert_eq!((wait.span, &wait.lane), (Some(main.span_id), &main.lane));
        assert!(wait.length_ns >= 10_000_000);
    });
}

#[test]
fn a_submitted_job_says_when_it_was_submitted() {
    testing::run(|t| {
        let pool = threads_of(1);
        let (go, gone) = mpsc::channel::<()>();
        let (busy, is_busy) = mpsc::channel();
        in_root("main", |main| {
            pool.spawn(move || {
                busy.send(()).unwrap();
                gone.recv().unwrap();
            });
            is_busy.recv_timeout(LONG).unwrap();
            let (done, jobs) = mpsc::channel();
            let each = [(); 4].map(|()| done.clone());
            let [a, b, c, d] = each;
            pool.traced(main).spawn("job", move |_| a.send(()).unwrap());
            pool.traced(main).spawn_fifo("job", move |_| b.send(()).unwrap());
            pool.traced(main).spawn_broadcast("job", move |_, _| c.send(()).unwrap());
            pool.spawn(heirloom_pool::carry_in_span(main, "job", move |_| d.send(()).unwrap()));
            let background = main.background("job").child().on_pool(&pool, |_| ());
            thread::sleep(Duration::from_millis(10));
            go.send(()).unwrap();
            (0..4).for_each(|_| jobs.recv_timeout(LONG).unwrap());
            background.wait(LONG).unwrap();
            threads::spawn(main, "thread", |_| ()).join().unwrap();
            threads::scope(main, |s| s.spawn("thread", |_| ()).join().unwrap());
            heirloom_pool::crossbeam::scope(main, |s| s.spawn("thread", |_, _| ()).join().unwrap()).unwrap();
        });
        let stages = marks(t, MarkKind::Stage);
        let submitted = |span: &SpanData| {
            let mut of = stages.iter().filter(|stage| stage.span == Some(span.span_id));
            let stage = of.next().unwrap();
            assert!(of.next().is_none() && stage.a == StageKind::Submitted as u64);
            stage.time_ns
        };
        assert_eq!((named(t, "job").len(), named(t, "thread").len()), (5, 3));
        assert!(named(t, "job").iter().all(|job| job.start_ns - submitted(job) >= 10_000_000));
        assert!(named(t, "thread").iter().all(|thread| thread.start_ns >= submitted(thread)));
    });
}

#[test]
fn a_wait_for_a_thread_names_its_span_in_every_form() {
    testing::run(|t| {
        let nap = || thread::sleep(Duration::from_millis(10));
        let builder = threads::Builder::new;
        in_root("main", |main| {
            threads::spawn(main, "spawn", move |_| nap()).join().unwrap();
            builder().spawn(main, "builder", move |_| nap()).unwrap().join().unwrap();
            threads::scope(main, |s| s.spawn("scoped", move |_| nap()).join().unwrap());
            threads::scope(main, |s| {
                builder().spawn_scoped(s, "scoped builder", move |_| nap()).unwrap().join().unwrap()
            });
            heirloom_pool::crossbeam::scope(main, |s| s.spawn("crossbeam", move |_, _| nap()).join().unwrap()).unwrap();
            let panics = threads::spawn(main, "panics", move |_| {
                nap();
                std::panic::panic_any(1);
            });
            panics.join().unwrap_err();
            // No span is the thread's.
            threads::spawn(Context::INERT, "not recorded", move |_| nap()).join().unwrap();
        });
        let mut waits = waits(t, WaitCause::Thread);
        waits.sort_by_key(|wait| wait.time_ns);
        let named: Vec<String> = waits
            .iter()
            .map(|wait| {
                t.spans().into_iter().find(|span| span.span_id.to_u64() == wait.d).map_or_else(String::new, |s| s.name)
            })
            .collect();
        assert_eq!(named, ["spawn", "builder", "scoped", "scoped builder", "crossbeam", "panics", ""]);
    });
}

#[test]
fn what_a_thread_waits_for_is_recorded_with_its_cause() {
    testing::run(|t| {
        let nap = || thread::sleep(Duration::from_millis(100));
        in_root("main", |main| {
            threads::spawn(main, "thread", move |_| nap()).join().unwrap();
            threads::scope(main, |s| drop(s.spawn("scoped", move |_| nap())));
            heirloom_pool::crossbeam::scope(main, |s| drop(s.spawn("crossbeam", move |_, _| nap()))).unwrap();
            traced::in_place_scope(main, |s| s.spawn("job", move |_, _| nap()));
            main.background("background").on_thread(move |_| nap()).wait(LONG).unwrap();
            main.background("for all").on_thread(move |_| nap());
            background::wait_all(LONG);
        });
        let main = t.span("main");
        for (cause, times) in [(WaitCause::Thread, 1), (WaitCause::Scope, 3), (WaitCause::Job, 2)] {
            let waits = waits(t, cause);
            assert_eq!(waits.len(), times, "{cause:?}: {waits:#?}");
            for wait in waits {
                assert_eq!((wait.span, &wait.lane), (Some(main.span_id), &main.lane), "{cause:?}");
                assert!(wait.length_ns >= 5_000_000, "{cause:?}: {wait:#?}");
            }
        }
        let scopes: Vec<u64> = fans(t).iter().map(|(fan, _)| fan.b).collect();
        assert_eq!(scopes, [FanKind::Scope as u64; 3]);
        for name in ["scoped", "crossbeam", "job"] {
            assert!(t.span(name).fan_out.is_some(), "{name}");
        }
    });
}

#[test]
fn nothing_is_recorded_where_nothing_waits() {
    testing::run(|t| {
        let pool = threads_of(1);
        in_root("main", |main| {
            pool.install(|| pool.traced(main).install("inside", |_| ()));
            let job = main.background("job").on_thread(|_| ());
            until("the job", || job.is_finished());
            job.wait(LONG).unwrap();
        });
        // A call of the system between two readings of the clock may take longer on a busy machine: nothing but that.
        assert!(marks(t, MarkKind::Wait).iter().all(|wait| wait.a == WaitCause::Job as u64), "{:#?}", t.marks());
    });
}
