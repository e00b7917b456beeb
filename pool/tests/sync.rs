//! What locks and channels record: who waited for whom, how long locks were held, and how often.
#![cfg(all(feature = "sync", feature = "record"))]
#![allow(clippy::unwrap_used)]

#[path = "sync/select.rs"]
mod select;

use heirloom_core::export::MarkData;
use heirloom_core::mark::{LockKind, MarkKind, WaitCause};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, root, Context, Span, SpanId};
use heirloom_harness::{this_thread, ThisThread};
use heirloom_pool::sync::{
    bounded_named, unbounded, unbounded_named, Condvar, Mutex, MutexGuard, RwLock, RwLockUpgradableReadGuard,
    RwLockWriteGuard,
};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(5);
/// What a wait for a nap takes at least.
const NAP_NS: u64 = 1_000_000;

/// A nap behind the moment at which another thread is blocked.
fn nap_beside(waiter: &ThisThread) {
    waiter.until_asleep();
    thread::sleep(NAP);
}

/// Marks come with the spans that end after them.
fn marks(t: &Testing, kind: MarkKind) -> Vec<MarkData> {
    root("the end").end();
    t.marks().into_iter().filter(|mark| mark.kind == kind).collect()
}

fn id(t: &Testing, span: &str) -> u64 {
    t.span(span).span_id.to_u64()
}

/// The number of the only lock with this name. Two threads may both record the name, if they use the lock at the same time.
fn lock(t: &Testing, name: &str, kind: LockKind) -> u64 {
    let names = marks(t, MarkKind::LockName);
    let mut named: Vec<_> = names.iter().filter(|mark| &*mark.text == name).map(|mark| (mark.a, mark.b)).collect();
    named.dedup();
    let [(of_kind, number)] = named[..] else { panic!("{name}: {names:#?}") };
    assert_eq!(of_kind, kind as u64);
    number
}

/// The long waits for a lock: cause, waiting span, holder, releaser. Checks that each took a nap.
fn waits(t: &Testing, lock: u64) -> Vec<(u64, Option<SpanId>, u64, u64)> {
    let long = marks(t, MarkKind::Wait).into_iter().filter(|wait| wait.b == lock && wait.length_ns >= NAP_NS);
    long.map(|wait| (wait.a, wait.span, wait.c, wait.d)).collect()
}

/// Sums of the totals of a lock: short waits, their nanoseconds, acquisitions, hand-offs.
fn totals(t: &Testing, lock: u64) -> (u64, u64, u64, u64) {
    let of = marks(t, MarkKind::LockTotals).into_iter().filter(|mark| mark.b == lock);
    of.fold((0, 0, 0, 0), |sum, mark| (sum.0 + mark.a, sum.1 + mark.length_ns, sum.2 + mark.c, sum.3 + mark.d))
}

/// Runs `hold` in the span "holder" on another thread, and `wait` in the span "waiter" on this one as soon as `hold` says that it
/// holds the lock. `hold` goes on a nap after that one is blocked.
fn one_waits_for_the_other(hold: impl FnOnce(&dyn Fn()) + Send, wait: impl FnOnce(&Span)) {
    in_root("main", |main| {
        let cx = main.context();
        let (holds, held) = mpsc::channel();
        let (waits, waited_for) = mpsc::channel();
        thread::scope(|s| {
            s.spawn(move || {
                cx.in_span("holder", |_| {
                    hold(&|| {
                        holds.send(()).unwrap();
                        nap_beside(&waited_for.recv().unwrap());
                    });
                });
            });
            held.recv().unwrap();
            main.in_span("waiter", |waiter| {
                waits.send(this_thread()).unwrap();
                wait(waiter);
            });
        });
    });
}

#[test]
fn a_wait_for_a_mutex_names_the_lock_the_holder_and_the_releaser() {
    testing::run(|t| {
        let cache = Mutex::named("cache", 0);
        one_waits_for_the_other(
            |nap| {
                let _held = cache.lock();
                nap();
            },
            |_| *cache.lock() += 1,
        );
        let lock = lock(t, "cache", LockKind::Mutex);
        let (holder, waiter) = (id(t, "holder"), t.span("waiter").span_id);
        assert_eq!(waits(t, lock), [(WaitCause::Mutex as u64, Some(waiter), holder, holder)]);
        drop(cache);
        let (short, _, acquisitions, hand_offs) = totals(t, lock);
        assert_eq!((short, acquisitions, hand_offs), (0, 2, 1));
        // The hold began before anything waited for it: its first part is unknown.
        let holds = marks(t, MarkKind::Hold);
        let [hold] = &holds[..] else { panic!("{holds:#?}") };
        assert_eq!((hold.a, hold.b, hold.span), (1, lock, Some(t.span("holder").span_id)));
        assert!(hold.length_ns >= NAP_NS);
        t.assert_complete();
    });
}

#[test]
fn a_lock_without_a_name_is_named_by_its_file_and_line() {
    testing::run(|t| {
        let (mutex, line) = (Mutex::new(()), line!());
        one_waits_for_the_other(
            |nap| {
                let _held = mutex.lock();
                nap();
            },
            |_| drop(mutex.lock()),
        );
        let names = marks(t, MarkKind::LockName);
        let file = file!().replace('\\', "/");
        assert!(names.iter().any(|name| name.text.ends_with(&format!("{file}:{line}"))), "{names:#?}");
    });
}

#[test]
fn readers_and_writers_wait_with_their_own_causes() {
    type Hold = fn(&RwLock<u8>, &dyn Fn());
    let held_by_writer: Hold = |lock, nap| {
        let _held = lock.write();
        nap();
    };
    let held_by_reader: Hold = |lock, nap| {
        let _held = lock.read();
        nap();
    };
    type Wait = fn(&RwLock<u8>);
    let cases: [(&str, Hold, Wait, WaitCause); 6] = [
        ("read", held_by_writer, |lock| drop(lock.read()), WaitCause::Read),
        ("write", held_by_reader, |lock| drop(lock.write()), WaitCause::Write),
        ("recursive", held_by_writer, |lock| drop(lock.read_recursive()), WaitCause::Read),
        ("upgradable", held_by_writer, |lock| drop(lock.upgradable_read()), WaitCause::Read),
        (
            "upgrade",
            held_by_reader,
            |lock| drop(RwLockUpgradableReadGuard::upgrade(lock.upgradable_read())),
            WaitCause::Write,
        ),
        ("timed", held_by_writer, |lock| drop(lock.try_write_for(Duration::from_secs(60)).unwrap()), WaitCause::Write),
    ];
    for (name, hold, wait, cause) in cases {
        testing::run(|t| {
            let rw = RwLock::named("rw", 0_u8);
            one_waits_for_the_other(|nap| hold(&rw, nap), |_| wait(&rw));
            let lock = lock(t, "rw", LockKind::RwLock);
            let (holder, waiter) = (id(t, "holder"), t.span("waiter").span_id);
            let found = waits(t, lock);
            let [(found, span, _, releaser)] = found[..] else { panic!("{name}: {found:?}") };
            assert_eq!((found, span, releaser), (cause as u64, Some(waiter), holder), "{name}");
            let contended = marks(t, MarkKind::Hold).into_iter().filter(|hold| hold.a == 1 && hold.length_ns >= NAP_NS);
            let spans: Vec<_> = contended.map(|hold| hold.span.map(SpanId::to_u64)).collect();
            assert_eq!(spans, [Some(holder)], "{name}");
        });
    }
}

#[test]
fn a_wait_that_times_out_has_a_holder_and_no_releaser() {
    testing::run(|t| {
        let mutex = Mutex::named("held", ());
        in_root("holder", |holder| {
            let _held = mutex.lock();
            let cx = holder.context();
            thread::scope(|s| {
                s.spawn(|| cx.in_span("waiter", |_| assert!(mutex.try_lock_for(NAP).is_none())));
            });
        });
        let lock = lock(t, "held", LockKind::Mutex);
        let waiter = t.span("waiter").span_id;
        assert_eq!(waits(t, lock), [(WaitCause::Mutex as u64, Some(waiter), id(t, "holder"), 0)]);
        assert_eq!(totals(t, lock).3, 0, "no hand-off");
    });
}

#[test]
fn a_wait_for_a_notification_names_the_condition_variable_and_the_notifier_and_is_no_hold() {
    testing::run(|t| {
        let (ready, changed) = (Mutex::named("ready", false), Condvar::named("changed"));
        in_root("main", |main| {
            let cx = main.context();
            let (waits, waited_for) = mpsc::channel();
            thread::scope(|s| {
                s.spawn(|| {
                    cx.in_span("waiter", |_| {
                        let mut ready = ready.lock();
                        waits.send(this_thread()).unwrap();
                        changed.wait_while(&mut ready, |ready| !*ready);
                    });
                });
                cx.in_span("notifier", |_| {
                    nap_beside(&waited_for.recv().unwrap());
                    *ready.lock() = true;
                    changed.notify_all();
                });
            });
        });
        let lock = lock(t, "changed", LockKind::Condvar);
        let waiter = t.span("waiter").span_id;
        assert_eq!(waits(t, lock), [(WaitCause::Condvar as u64, Some(waiter), 0, id(t, "notifier"))]);
        assert!(marks(t, MarkKind::Hold).iter().all(|hold| hold.length_ns < NAP_NS), "it didn't hold the mutex");
    });
}

#[test]
fn one_uncontended_hold_in_64_is_timed_and_all_acquisitions_are_counted() {
    testing::run(|t| {
        let mutex = Mutex::named("alone", 0_u64);
        in_root("main", |_| (0..640).for_each(|_| *mutex.lock() += 1));
        drop(mutex);
        let lock = lock(t, "alone", LockKind::Mutex);
        let holds = marks(t, MarkKind::Hold);
        assert_eq!(holds.len(), 10);
        assert!(holds.iter().all(|hold| (hold.a, hold.b, hold.span) == (0, lock, Some(t.span("main").span_id))));
        assert_eq!(totals(t, lock), (0, 0, 640, 0));
        assert!(marks(t, MarkKind::Wait).is_empty());
    });
}

#[test]
fn a_lock_that_nothing_waits_for_records_nothing() {
    testing::run(|t| {
        in_root("main", |_| {
            for n in 0..100 {
                let (mutex, rw) = (Mutex::new(n), RwLock::new(n));
                *mutex.lock() += 1;
                *rw.write() += 1;
                assert_eq!((*rw.read(), mutex.try_lock().map(|guard| *guard)), (n + 1, Some(n + 1)));
            }
        });
        root("the end").end();
        assert_eq!(t.marks(), []);
    });
}

#[test]
fn short_waits_are_summed_and_not_recorded_one_by_one() {
    testing::run(|t| {
        let mutex = Mutex::named("busy", 0_u64);
        let threads = 4;
        in_root("main", |main| {
            let cx = main.context();
            thread::scope(|s| {
                for _ in 0..threads {
                    s.spawn(|| cx.in_span("counter", |_| (0..1_000).for_each(|_| *mutex.lock() += 1)));
                }
            });
        });
        assert_eq!(*mutex.lock(), threads * 1_000);
        drop(mutex);
        let lock = lock(t, "busy", LockKind::Mutex);
        let (short, short_ns, acquisitions, hand_offs) = totals(t, lock);
        let long = marks(t, MarkKind::Wait).into_iter().filter(|wait| wait.b == lock);
        let long: Vec<u64> = long.map(|wait| wait.length_ns).collect();
        assert!(long.iter().all(|ns| *ns > 1000), "{long:?}");
        assert!(short_ns <= short * 1001, "{short} {short_ns}");
        assert_eq!(acquisitions, threads * 1_000 + 1);
        assert_eq!(hand_offs, short + long.len() as u64);
    });
}

#[test]
fn the_end_of_a_wait_for_a_message_is_its_sender_and_the_message_has_its_context() {
    testing::run(|t| {
        let (sender, receiver) = unbounded_named("jobs");
        in_root("main", |main| {
            let (cx, receives) = (main.context(), this_thread());
            thread::scope(|s| {
                s.spawn(move || {
                    cx.in_span("sender", |_| {
                        nap_beside(&receives);
                        sender.send(7).unwrap();
                    });
                });
                main.in_span("receiver", |_| {
                    let (message, sent_by) = receiver.recv_with_context().unwrap();
                    sent_by.in_span("job", |_| assert_eq!(message, 7));
                });
            });
        });
        let lock = lock(t, "jobs", LockKind::Channel);
        let receiver = t.span("receiver").span_id;
        assert_eq!(waits(t, lock), [(WaitCause::Empty as u64, Some(receiver), 0, id(t, "sender"))]);
        assert_eq!(t.span("job").parent_span_id, Some(t.span("sender").span_id));
    });
}

#[test]
fn the_end_of_a_wait_for_room_is_the_span_that_took_a_message() {
    testing::run(|t| {
        let (sender, receiver) = bounded_named("queue", 1);
        in_root("main", |main| {
            let (cx, sends) = (main.context(), this_thread());
            thread::scope(|s| {
                s.spawn(move || {
                    cx.in_span("consumer", |_| {
                        nap_beside(&sends);
                        assert_eq!(receiver.iter().sum::<i32>(), 3);
                    });
                });
                main.in_span("producer", |_| [1, 2].into_iter().for_each(|n| sender.send(n).unwrap()));
                drop(sender);
            });
        });
        let lock = lock(t, "queue", LockKind::Channel);
        let producer = t.span("producer").span_id;
        let full: Vec<_> = waits(t, lock).into_iter().filter(|wait| wait.0 == WaitCause::Full as u64).collect();
        assert_eq!(full, [(WaitCause::Full as u64, Some(producer), 0, id(t, "consumer"))]);
    });
}

#[test]
fn every_way_to_receive_has_the_senders_context() {
    testing::run(|_| {
        let (sender, receiver) = unbounded();
        in_root("main", |main| {
            let cx = main.context();
            (0..4).for_each(|n| sender.send(n).unwrap());
            let long = Duration::from_secs(60);
            assert_eq!(receiver.recv_with_context(), Ok((0, cx)));
            assert_eq!(receiver.try_recv_with_context(), Ok((1, cx)));
            assert_eq!(receiver.recv_timeout_with_context(long), Ok((2, cx)));
            assert_eq!(receiver.recv_deadline_with_context(Instant::now() + long), Ok((3, cx)));
        });
        sender.send(4).unwrap();
        let (_, nothing) = receiver.recv_with_context().unwrap();
        assert!(!nothing.is_valid());
    });
}

#[test]
fn everything_works_without_a_tracer() {
    let (mutex, rw, changed) = (Mutex::new(0), RwLock::new(0), Condvar::new());
    let (sender, receiver) = unbounded();
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| (0..1000).for_each(|_| *mutex.lock() += 1));
            s.spawn(|| (0..1000).for_each(|_| *rw.write() += 1));
        }
        s.spawn(|| {
            let mut count = mutex.lock();
            while *count < 2000 {
                changed.wait_for(&mut count, Duration::from_millis(1));
            }
            MutexGuard::unlock_fair(count);
            sender.send(Context::current()).unwrap();
        });
        assert!(!receiver.recv().unwrap().is_valid());
    });
    assert_eq!(*RwLockWriteGuard::downgrade(rw.write()), 2000);
}
