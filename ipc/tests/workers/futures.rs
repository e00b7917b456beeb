//! Pools in executors: nothing blocks a thread that polls, and a future that is dropped loses nothing.

use crate::support::{echo, is_alive, pid, pool, Task, LONG};
use heirloom_core::Context;
use heirloom_harness::watch;
use heirloom_ipc::workers::{JobError, JobHandle, Pool, SubmitError};
use std::future::Future;
use std::pin::{pin, Pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::time::{Duration, Instant};

const CX: Context = Context::INERT;

/// Wakes a thread.
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park_timeout(LONG),
        }
    }
}

#[test]
fn a_handle_is_a_future_of_any_runtime() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let replies = block_on(async {
        let (slow, quick) = (pool.submit(CX, Task::Sleep(50)).unwrap(), pool.submit(CX, echo("quick")).unwrap());
        (slow.await.unwrap(), quick.await.unwrap())
    });
    assert_eq!(replies, (String::from("50"), String::from("quick")));
}

/// A pool whose only worker and whose queue of one are taken, and the handles of what takes them.
fn full() -> (Pool<Task, String>, Vec<JobHandle<Task, String>>) {
    let pool = pool(1).queue(1).in_flight(1).start().unwrap();
    let mut jobs = Vec::new();
    // The worker may take the second one from the queue only once it has the first.
    while jobs.len() < 2 {
        match pool.try_submit(CX, Task::Sleep(300)) {
            Ok(job) => jobs.push(job),
            Err(SubmitError::Full(_)) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
    while format!("{pool:?}").contains("queued: 0") {
        jobs.extend(pool.try_submit(CX, Task::Sleep(300)));
    }
    (pool, jobs)
}

/// Polls once.
fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
}

#[test]
fn an_executor_of_one_thread_goes_on_while_a_full_queue_is_waited_for() {
    let _watch = watch(2 * LONG);
    let (pool, jobs) = full();
    let mut submits = pin!(pool.submit_async(CX, echo("late")));
    let (mut ticks, mut longest) = (0, Duration::ZERO);
    // The executor: this thread, which polls two tasks by turns. The other task counts.
    let mut late = block_on(std::future::poll_fn(|cx| {
        let started = Instant::now();
        let submitted = submits.as_mut().poll(cx);
        longest = longest.max(started.elapsed());
        ticks += 1;
        if submitted.is_pending() {
            std::thread::sleep(Duration::from_millis(1));
            cx.waker().wake_by_ref();
        }
        submitted
    }))
    .unwrap();
    assert!(ticks > 20 && longest < Duration::from_millis(150), "{ticks} ticks, at most {longest:?} for a poll");
    assert_eq!(block_on(late.wait_async()).unwrap(), "late");
    assert!(jobs.into_iter().all(|job| job.try_wait().is_ok()));
}

#[test]
fn a_submission_that_is_dropped_while_it_waits_is_not_submitted_and_takes_no_place() {
    let _watch = watch(2 * LONG);
    let (pool, jobs) = full();
    for _ in 0..100 {
        let mut dropped = pin!(pool.submit_async(CX, Task::Exit(1)));
        assert!(poll(&mut dropped).is_pending());
    }
    let mut unpolled = pool.submit_async(CX, Task::Exit(1));
    let _ = &mut unpolled;
    drop(unpolled);
    let reply = block_on(async { pool.submit_async(CX, echo("next")).await.unwrap().await });
    assert_eq!(reply.unwrap(), "next", "no worker died of what was dropped");
    assert!(jobs.into_iter().all(|job| job.try_wait().is_ok()));
    assert!(format!("{pool:?}").contains("queued: 0, in_flight: 0"), "{pool:?}");
}

#[test]
fn many_tasks_that_wait_for_room_are_all_served() {
    let _watch = watch(2 * LONG);
    const TASKS: usize = 200;
    let pool = pool(2).queue(1).start().unwrap();
    let mut waiting: Vec<_> = (0..TASKS)
        .map(|n| {
            let submits = pool.submit_async(CX, echo(&n.to_string()));
            Box::pin(async move { submits.await.unwrap().await.unwrap() })
        })
        .collect();
    let mut replies = vec![None; TASKS];
    block_on(std::future::poll_fn(|cx| {
        for (task, reply) in waiting.iter_mut().zip(&mut replies).filter(|(_, reply)| reply.is_none()) {
            if let Poll::Ready(text) = task.as_mut().poll(cx) {
                *reply = Some(text);
            }
        }
        if replies.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }));
    assert!(replies.into_iter().enumerate().all(|(n, reply)| reply == Some(n.to_string())));
}

#[test]
fn a_submission_that_waits_too_long_gives_the_job_back_on_any_executor() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).queue(1).in_flight(1).submit_timeout(Duration::from_millis(50)).start().unwrap();
    let _busy = pool.submit(CX, Task::Sleep(60_000)).unwrap();
    let full = block_on(async {
        loop {
            if let Err(error) = pool.submit_async(CX, echo("late")).await {
                return error;
            }
        }
    });
    assert!(matches!(full, SubmitError::Full(job) if job == echo("late")));
    pool.kill();
    let over = block_on(pool.submit_async(CX, echo("later"))).unwrap_err();
    assert!(matches!(over, SubmitError::ShutDown(job) if job == echo("later")));
}

#[test]
fn a_wait_that_is_dropped_leaves_the_reply_to_the_next_one() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let mut job = pool.submit(CX, Task::Sleep(50)).unwrap();
    for _ in 0..10 {
        let mut dropped = pin!(job.wait_async());
        assert!(poll(&mut dropped).is_pending());
    }
    assert_eq!(block_on(job.wait_async()).unwrap(), "50");
    let again = block_on(job.wait_async()).unwrap_err();
    assert!(again.to_string().contains("a handle returns it once"), "{again}");
    let again = job.wait(LONG).unwrap_err();
    assert!(again.to_string().contains("a handle returns it once"), "{again}");
}

#[test]
fn a_panicking_waker_costs_no_other_submitter_its_turn() {
    let _watch = watch(2 * LONG);
    struct Panics(AtomicBool);
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
            panic!("on purpose");
        }
    }
    let (pool, _jobs) = full();
    let panics = Arc::new(Panics(AtomicBool::new(false)));
    let mut first = pin!(pool.submit_async(CX, echo("first")));
    let waker = Waker::from(Arc::clone(&panics));
    assert!(first.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    let worker = pid(&pool);
    assert!(panics.0.load(Ordering::SeqCst) && is_alive(worker));
    block_on(async { first.await.unwrap().await }).unwrap();
}

#[test]
fn a_pool_is_started_and_shut_down_on_any_executor() {
    let _watch = watch(2 * LONG);
    let report = block_on(async {
        let pool = pool(1).start_async().await.unwrap();
        let job = pool.submit_async(CX, echo("hello")).await.unwrap();
        assert_eq!(job.await.unwrap(), "hello");
        let lost = pool.submit_async(CX, Task::Abort).await.unwrap().await.unwrap_err();
        assert!(matches!(lost, JobError::WorkerDied { .. }));
        pool.shutdown_async(LONG).await
    });
    assert!(report.is_clean(), "{report:?}");
    let refused = block_on(pool(1).executable("/nowhere/worker").start_async()).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/worker"), "{refused}");
}

#[test]
fn futures_of_a_pool_go_to_other_threads() {
    let _watch = watch(2 * LONG);
    fn is_send<T: Send + 'static>(_: &T) {}
    let pool = pool(1).start().unwrap();
    is_send(&pool.submit_async(CX, echo("x")));
    is_send(&pool.shutdown_async(LONG));
    is_send(&pool.job(CX, echo("x")));
}
