//! What a selection records: for how long it waited, for which channel, and who ended that.

use super::{id, lock, marks, nap_beside, waits, NAP, NAP_NS};
use heirloom_core::export::MarkData;
use heirloom_core::mark::{LockKind, MarkKind, WaitCause};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context};
use heirloom_harness::this_thread;
use heirloom_pool::sync::{after, bounded_named, never, select, unbounded_named, Select};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const EMPTY: u64 = WaitCause::Empty as u64;
const FULL: u64 = WaitCause::Full as u64;
const LONG: Duration = Duration::from_secs(60);

/// Runs `wait` in the span "waiter" on this thread, and a nap after that is blocked, `other` in the span "other" on another one.
fn beside(other: impl FnOnce() + Send, wait: impl FnOnce()) {
    in_root("main", |main| {
        let cx = main.context();
        let (begins, begun) = mpsc::channel();
        thread::scope(|s| {
            s.spawn(move || {
                cx.in_span("other", |_| {
                    nap_beside(&begun.recv().unwrap());
                    other();
                });
            });
            main.in_span("waiter", |_| {
                begins.send(this_thread()).unwrap();
                wait();
            });
        });
    });
}

/// The waits of at least a nap that have no channel.
fn waits_for_none(t: &Testing) -> Vec<MarkData> {
    let waits = marks(t, MarkKind::Wait).into_iter();
    waits.filter(|wait| wait.b == 0 && [EMPTY, FULL].contains(&wait.a) && wait.length_ns >= NAP_NS).collect()
}

#[test]
fn the_wait_of_select_is_for_the_channel_whose_message_came_and_the_message_has_its_context() {
    testing::run(|t| {
        let ((_idle, pages), (jobs, queue), (results, _done)) =
            (unbounded_named::<u8>("pages"), unbounded_named("jobs"), bounded_named("results", 0));
        beside(
            || jobs.send(7).unwrap(),
            || {
                select! {
                    recv(pages) -> _ => panic!("nothing was sent"),
                    send(results, 'r') -> _ => panic!("nothing receives"),
                    recv_with_context(queue) -> job => {
                        let (job, sender) = job.unwrap();
                        sender.in_span("job", |_| assert_eq!(job, 7));
                    }
                }
            },
        );
        let jobs = lock(t, "jobs", LockKind::Channel);
        let waiter = t.span("waiter").span_id;
        assert_eq!(waits(t, jobs), [(EMPTY, Some(waiter), 0, id(t, "other"))]);
        assert_eq!(t.span("job").parent_span_id, Some(t.span("other").span_id));
        assert_eq!(
            marks(t, MarkKind::Wait).iter().filter(|wait| wait.length_ns >= NAP_NS).count(),
            1,
            "one wait for three channels"
        );
    });
}

#[test]
fn the_wait_of_select_for_room_names_the_span_that_took_a_message() {
    testing::run(|t| {
        let (results, done) = bounded_named("results", 1);
        let (_jobs, queue) = unbounded_named::<u8>("jobs");
        results.send(1).unwrap();
        beside(
            || assert_eq!(done.recv(), Ok(1)),
            || {
                select! {
                    recv(queue) -> _ => panic!("nothing was sent"),
                    send(results, 2) -> sent => sent.unwrap(),
                }
            },
        );
        assert_eq!(done.recv(), Ok(2));
        let results = lock(t, "results", LockKind::Channel);
        assert_eq!(waits(t, results), [(FULL, Some(t.span("waiter").span_id), 0, id(t, "other"))]);
    });
}

#[test]
fn the_wait_of_a_receiver_ends_with_the_span_whose_select_sent_the_message() {
    testing::run(|t| {
        let (jobs, queue) = bounded_named("jobs", 0);
        beside(
            || {
                select! {
                    send(jobs, 7) -> sent => sent.unwrap(),
                    default(LONG) => panic!("there is a receiver"),
                }
            },
            || assert_eq!(queue.recv(), Ok(7)),
        );
        let jobs = lock(t, "jobs", LockKind::Channel);
        assert_eq!(waits(t, jobs), [(EMPTY, Some(t.span("waiter").span_id), 0, id(t, "other"))]);
    });
}

#[test]
fn a_select_that_times_out_waited_for_its_only_channel_or_for_none() {
    testing::run(|t| {
        let ((_first, one), (_second, other)) = (unbounded_named::<u8>("one"), unbounded_named::<u8>("other"));
        in_root("main", |_| {
            select! {
                recv(one) -> _ => panic!("nothing was sent"),
                default(NAP) => {}
            }
            select! {
                recv(one) -> _ => panic!("nothing was sent"),
                recv(other) -> _ => panic!("nothing was sent"),
                default(NAP) => {}
            }
        });
        let main = t.span("main").span_id;
        let one = lock(t, "one", LockKind::Channel);
        assert_eq!(waits(t, one), [(EMPTY, Some(main), 0, 0)]);
        let none = waits_for_none(t);
        assert_eq!(none.iter().map(|wait| (wait.a, wait.span, wait.d)).collect::<Vec<_>>(), [(EMPTY, Some(main), 0)]);
    });
}

#[test]
fn a_plain_channel_among_the_arms_ends_a_wait_without_a_channel() {
    testing::run(|t| {
        let (_jobs, queue) = unbounded_named::<u8>("jobs");
        in_root("main", |_| {
            select! {
                recv(queue) -> _ => panic!("nothing was sent"),
                recv_with_context(after(NAP)) -> late => assert_eq!(late.unwrap().1, Context::INERT),
            }
        });
        assert_eq!(waits_for_none(t).len(), 1);
    });
}

#[test]
fn a_channel_that_closes_ends_the_wait_and_no_span_did() {
    testing::run(|t| {
        let (jobs, queue) = unbounded_named::<u8>("jobs");
        beside(
            || drop(jobs),
            || {
                select! {
                    recv(queue) -> job => assert!(job.is_err()),
                    recv(never::<u8>()) -> _ => panic!("never"),
                }
            },
        );
        let jobs = lock(t, "jobs", LockKind::Channel);
        assert_eq!(waits(t, jobs), [(EMPTY, Some(t.span("waiter").span_id), 0, 0)]);
    });
}

#[test]
fn an_operation_that_is_ready_records_nothing() {
    testing::run(|t| {
        let (jobs, queue) = bounded_named("jobs", 1);
        in_root("main", |_| {
            for n in 0..100 {
                select! { send(jobs, n) -> sent => sent.unwrap() }
                select! {
                    recv(queue) -> job => assert_eq!(job, Ok(n)),
                    default(LONG) => panic!("there is a job"),
                }
                select! { recv(queue) -> _ => panic!("taken"), default => {} }
            }
        });
        assert_eq!(marks(t, MarkKind::Wait), []);
    });
}

#[test]
fn every_way_to_wait_with_a_list_of_operations_is_recorded() {
    type Wait = fn(&mut Select<'_>) -> bool;
    let ways: [(&str, Wait); 3] = [
        ("ready", |select| select.ready() == 1),
        ("ready_timeout", |select| select.ready_timeout(LONG) == Ok(1)),
        ("ready_deadline", |select| select.ready_deadline(Instant::now() + LONG) == Ok(1)),
    ];
    for (way, wait) in ways {
        testing::run(|t| {
            let ((_idle, pages), (jobs, queue)) = (unbounded_named::<u8>("pages"), unbounded_named("jobs"));
            beside(
                || jobs.send(7).unwrap(),
                || {
                    let mut select = Select::new();
                    select.recv(&pages);
                    select.recv(&queue);
                    assert!(wait(&mut select), "{way}");
                    let operation = select.select();
                    assert_eq!((operation.index(), operation.recv(&queue)), (1, Ok(7)), "{way}");
                },
            );
            let jobs = lock(t, "jobs", LockKind::Channel);
            assert_eq!(waits(t, jobs), [(EMPTY, Some(t.span("waiter").span_id), 0, 0)], "{way}");
        });
    }
    testing::run(|t| {
        let ((_first, one), (_second, other)) = (unbounded_named::<u8>("one"), unbounded_named::<u8>("other"));
        in_root("main", |_| {
            let mut select = Select::new();
            select.recv(&one);
            select.recv(&other);
            assert!(select.ready_timeout(NAP).is_err() && select.try_ready().is_err());
        });
        assert_eq!(waits_for_none(t).len(), 1);
    });
    testing::run(|t| {
        let ((_idle, pages), (jobs, queue)) = (unbounded_named::<u8>("pages"), unbounded_named("jobs"));
        beside(
            || jobs.send(7).unwrap(),
            || {
                let mut select = Select::new_biased();
                let page = select.recv(&pages);
                select.recv(&queue);
                select.remove(page);
                let operation = select.select_timeout(LONG).unwrap();
                assert_eq!(operation.recv_with_context(&queue).unwrap().0, 7);
            },
        );
        let jobs = lock(t, "jobs", LockKind::Channel);
        assert_eq!(waits(t, jobs), [(EMPTY, Some(t.span("waiter").span_id), 0, id(t, "other"))]);
    });
}
