//! A thread that waits is made to steal: the parent by handle stays right, and the current context is as documented.
//!
//! The steal is forced, not hoped for. In a pool of two threads, one half of a join runs on each. The second half
//! submits a job and then keeps its thread busy until that job is over: only the first thread can run it, and it does so
//! while it waits, before its own half is over.
#![cfg(all(feature = "rayon", feature = "record"))]
#![allow(missing_docs, clippy::unwrap_used)]

use heirloom_core::testing;
use heirloom_core::{in_root, in_span, Context, Span};
use heirloom_pool::prelude::*;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// Set by one thread, awaited by another that stays busy: it neither sleeps nor takes part in the pool.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn wait(&self) {
        let started = Instant::now();
        while !self.0.load(Ordering::SeqCst) {
            assert!(started.elapsed() < LONG, "the other thread didn't come");
            std::thread::yield_now();
        }
    }
}

/// What the stolen job saw.
#[derive(Clone, Copy, Debug)]
struct Seen {
    current: Context,
    thread: ThreadId,
}

impl Seen {
    fn here() -> Self {
        Self { current: Context::current(), thread: std::thread::current().id() }
    }
}

/// Runs a plain join below the span "waiter". Its second half calls `submit` with a function that the job must call;
/// that job is stolen by the thread that waits. Returns the waiter's context and thread, and what the job saw.
fn steal(root: &Span, submit: impl FnOnce(Box<dyn FnOnce() + Send>) + Send) -> (Seen, Seen) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (second_began, over) = (leak(Flag::default()), leak(Flag::default()));
    let (tell, told) = std::sync::mpsc::channel();
    let job = Box::new(move || {
        tell.send(Seen::here()).unwrap();
        over.set();
    });
    let waiter = pool.install(|| {
        root.in_span("waiter", |_| {
            let first = || {
                second_began.wait();
                Seen::here()
            };
            let second = || {
                second_began.set();
                submit(job);
                over.wait();
            };
            rayon::join(first, second).0
        })
    });
    let seen = told.recv().unwrap();
    assert_eq!(seen.thread, waiter.thread, "the waiting thread was to steal the job");
    (waiter, seen)
}

/// A job that outlives every borrow may still use it.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn in_a_plain_job_the_waiters_span_is_current_and_a_handle_is_right_all_the_same() {
    testing::run(|t| {
        in_root("root", |root| {
            let parent = root.context();
            let (waiter, seen) = steal(root, |job| {
                rayon::spawn(move || {
                    parent.in_span("by handle", |_| ());
                    in_span("by current", |_| ());
                    job();
                });
            });
            assert_eq!(seen.current, waiter.current);
        });
        t.assert_tree_sorted("root\n  by handle\n  waiter\n    by current");
    });
}

#[test]
fn in_a_job_of_the_spawn_twin_its_own_span_is_current() {
    testing::run(|t| {
        in_root("root", |root| {
            let (waiter, seen) = steal(root, |job| {
                heirloom_pool::rayon::spawn(root, "job", move |_| {
                    in_span("inside", |_| ());
                    job();
                });
            });
            assert_ne!(seen.current, waiter.current);
        });
        t.assert_tree_sorted("root\n  job\n    inside\n  waiter");
    });
}

#[test]
fn in_a_half_of_the_join_twin_the_given_context_is_current() {
    testing::run(|t| {
        in_root("root", |root| {
            let (waiter, seen) = steal(root, |job| {
                // The half is stolen: this thread is busy in the other one until it is over.
                let over = Flag::default();
                let busy = || over.wait();
                let stolen = || {
                    job();
                    over.set();
                };
                heirloom_pool::rayon::join(root, busy, stolen);
            });
            assert_ne!(seen.current, waiter.current);
            assert_eq!(seen.current, root.context());
        });
        t.assert_tree_sorted("root\n  waiter");
    });
}

#[test]
fn a_stolen_item_has_its_own_span_and_the_waiter_gets_its_own_back() {
    testing::run(|t| {
        in_root("root", |root| {
            let (waiter, seen) = steal(root, |job| {
                let parent = root.context();
                rayon::spawn(move || {
                    let items = vec![job].into_par_iter().traced(parent);
                    items.for_each("item", |_, job| {
                        in_span("inside", |_| ());
                        job();
                    });
                });
            });
            assert_ne!(seen.current, waiter.current);
            assert_ne!(waiter.current, root.context());
        });
        t.assert_tree_sorted("root\n  item\n    inside\n  waiter");
        t.assert_balanced();
    });
}

#[test]
fn a_stolen_leaf_is_below_its_own_parent_and_not_in_the_busy_time_of_the_waiting_leaf() {
    const STOLEN: Duration = Duration::from_millis(20);
    testing::run(|t| {
        in_root("root", |root| {
            let parent = root.context();
            let stolen = move |job: Box<dyn FnOnce() + Send>| {
                vec![job].into_par_iter().traced(parent).per_leaf().for_each("stolen", |job| {
                    let started = Instant::now();
                    while started.elapsed() < STOLEN {}
                    job();
                });
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            let (began, over) = (leak(Flag::default()), leak(Flag::default()));
            pool.install(|| {
                [()].par_iter().traced(root).per_leaf().for_each("waiting", |()| {
                    rayon::join(
                        || began.wait(),
                        || {
                            began.set();
                            rayon::spawn(move || stolen(Box::new(|| over.set())));
                            over.wait();
                        },
                    );
                });
            });
        });
        t.assert_tree_sorted("root\n  stolen\n  waiting");
        let span = |name| t.spans().into_iter().find(|span| span.name == name).unwrap();
        let (stolen, waiting) = (span("stolen"), span("waiting"));
        assert_eq!(stolen.lane.thread_id, waiting.lane.thread_id);
        let busy = waiting.attributes.iter().find(|(key, _)| key == "heirloom.busy_ns").unwrap();
        let busy_ns = busy.1.as_i64().unwrap() as u64;
        let duration_ns = waiting.end_ns - waiting.start_ns;
        assert!(busy_ns + STOLEN.as_nanos() as u64 / 2 <= duration_ns, "{busy_ns} of {duration_ns}");
    });
}

/// The same with stages: the waiting thread is in an item (or leaf) of one and steals one of another. `run` makes a
/// stage of the items below a context, with a name, and runs the closure downstream of it.
fn steal_in_a_stage(run: fn(Vec<Job>, Context, &'static str)) {
    testing::run(|t| {
        in_root("root", |root| {
            let parent = root.context();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            let (began, over) = (leak(Flag::default()), leak(Flag::default()));
            let (tell, told) = std::sync::mpsc::channel();
            pool.install(|| {
                let waiting: Job = Box::new(move || {
                    let (before, told_by) = (Seen::here(), tell.clone());
                    let stolen: Job = Box::new(move || {
                        in_span("inside", |_| ());
                        told_by.send(Seen::here()).unwrap();
                        over.set();
                    });
                    rayon::join(
                        || began.wait(),
                        || {
                            began.set();
                            rayon::spawn(move || run(vec![stolen], parent, "stolen"));
                            over.wait();
                        },
                    );
                    assert_eq!(Context::current(), before.current);
                    in_span("afterwards", |_| ());
                    tell.send(before).unwrap();
                });
                run(vec![waiting], parent, "waiting");
            });
            let (stolen, waiting) = (told.recv().unwrap(), told.recv().unwrap());
            assert_eq!(stolen.thread, waiting.thread, "the waiting thread was to steal the job");
            assert_ne!(stolen.current, waiting.current);
        });
        t.assert_tree_sorted("root\n  stolen\n    inside\n  waiting\n    afterwards");
        t.assert_balanced();
    });
}

type Job = Box<dyn FnOnce() + Send>;

#[test]
fn an_item_that_is_stolen_while_another_stages_item_waits_has_its_own_span() {
    steal_in_a_stage(|jobs, cx, name| {
        jobs.into_par_iter().traced(cx).items(name).filter(|_| true).for_each(|job| job());
    });
}

#[test]
fn an_item_that_is_pulled_and_stolen_has_its_own_span() {
    steal_in_a_stage(|jobs, cx, name| {
        jobs.into_par_iter().traced(cx).items(name).enumerate().for_each(|(_, job)| job());
    });
}

#[test]
fn a_leaf_that_is_stolen_while_another_stages_leaf_waits_has_its_own_span() {
    steal_in_a_stage(|jobs, cx, name| {
        jobs.into_par_iter().traced(cx).leaves(name).filter(|_| true).for_each(|job| job());
    });
}

#[test]
fn the_time_of_a_stolen_leaf_is_not_in_the_busy_time_of_the_waiting_one() {
    const STOLEN: Duration = Duration::from_millis(20);
    testing::run(|t| {
        in_root("root", |root| {
            let parent = root.context();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            let (began, over) = (leak(Flag::default()), leak(Flag::default()));
            pool.install(|| {
                [()].par_iter().traced(root).leaves("waiting").for_each(|()| {
                    rayon::join(
                        || began.wait(),
                        || {
                            began.set();
                            rayon::spawn(move || {
                                [()].par_iter().traced(parent).leaves("stolen").for_each(|()| {
                                    let started = Instant::now();
                                    while started.elapsed() < STOLEN {}
                                    over.set();
                                });
                            });
                            over.wait();
                        },
                    );
                });
            });
        });
        let span = |name| t.spans().into_iter().find(|span| span.name == name).unwrap();
        let waiting = span("waiting");
        assert_eq!(span("stolen").lane.thread_id, waiting.lane.thread_id);
        let busy_ns = waiting.attribute("heirloom.busy_ns").unwrap().as_i64().unwrap() as u64;
        let duration_ns = waiting.end_ns - waiting.start_ns;
        assert!(busy_ns + STOLEN.as_nanos() as u64 / 2 <= duration_ns, "{busy_ns} of {duration_ns}");
    });
}
