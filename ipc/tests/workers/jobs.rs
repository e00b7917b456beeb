//! Jobs and their results.

use crate::support::{echo, pid, pool, run, Refuses, Task, LONG, REFUSES, WORDS};
use heirloom_core::Context;
use heirloom_harness::watch;
use heirloom_ipc::workers::{JobError, Pool, SubmitError, WaitError, Worker};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CX: Context = Context::INERT;

#[test]
fn results_come_in_order_or_as_they_are_completed() {
    let _watch = watch(2 * LONG);
    let pool = pool(3).queue(8).start().unwrap();
    let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let ordered: Vec<String> = pool.map(CX, texts.iter().map(|text| echo(text))).map(Result::unwrap).collect();
    assert_eq!(ordered, texts);
    let jobs = [Task::Sleep(400), Task::Sleep(1), echo("b")];
    let mut completed: Vec<usize> = pool.map_as_completed(CX, jobs).map(|(index, _)| index).collect();
    assert_eq!(completed.pop(), Some(0), "the slow one comes last");
    completed.sort_unstable();
    assert_eq!(completed, [1, 2]);
}

#[test]
fn all_workers_work() {
    let _watch = watch(2 * LONG);
    let pool = pool(3).start().unwrap();
    let directory = std::env::temp_dir().join(format!("heirloom-all-work-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    // Each of the three jobs ends only when all three run: a worker that ran two of them would wait for itself.
    let jobs = (0..3).map(|_| Task::Meet(directory.to_str().unwrap().to_owned(), 3));
    let pids: BTreeSet<String> = pool.map(CX, jobs).map(Result::unwrap).collect();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(pids.len(), 3, "{pids:?}");
}

#[test]
fn a_long_job_does_not_hold_up_what_others_could_do() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).start().unwrap();
    let slow = pool.submit(CX, Task::Sleep(10_000)).unwrap();
    assert!(pool.map(CX, (0..100).map(|_| echo("quick"))).all(|reply| reply.is_ok()));
    assert!(!slow.is_finished());
    pool.kill();
}

#[test]
fn a_job_that_panics_is_an_error_with_message_and_job() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let before = pid(&pool);
    match run(&pool, Task::Panic(String::from("on purpose"))) {
        Err(JobError::Panicked { message, job }) => {
            assert_eq!((message.as_str(), job), ("on purpose", Some(Task::Panic(String::from("on purpose")))));
        }
        other => panic!("{other:?}"),
    }
    let error = run(&pool, Task::PanicWithNumber).unwrap_err();
    assert_eq!(error.to_string(), "the job panicked: a panic without a text message");
    assert_eq!(pid(&pool), before, "the worker goes on");
}

#[test]
fn a_wait_that_times_out_gives_the_handle_back() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let job = pool.submit(CX, Task::Sleep(300)).unwrap();
    let Err(WaitError::TimedOut(job)) = job.try_wait() else { panic!("it can't be done yet") };
    let Err(WaitError::TimedOut(job)) = job.wait(Duration::from_millis(1)) else { panic!("it can't be done yet") };
    assert_eq!(job.wait(LONG).unwrap(), "300");
}

#[test]
fn a_full_queue_gives_the_job_back_at_once_or_at_the_deadline() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).queue(1).in_flight(1).submit_timeout(Duration::from_millis(50)).start().unwrap();
    let running = pool.submit(CX, Task::Sleep(1_000)).unwrap();
    let mut queued = pool.submit(CX, echo("queued"));
    while queued.is_ok() {
        queued = pool.try_submit(CX, echo("surplus"));
    }
    assert!(matches!(queued, Err(SubmitError::Full(Task::Echo(text))) if text == "surplus"));
    let started = Instant::now();
    let error = pool.submit(CX, echo("late")).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(error.into_job(), echo("late"));
    assert!(running.wait(LONG).is_ok());
}

#[test]
fn a_map_with_more_jobs_than_the_queue_holds_shares_it_with_others() {
    let _watch = watch(2 * LONG);
    let pool = Arc::new(pool(2).queue(2).start().unwrap());
    let maps: Vec<_> = (0..4)
        .map(|_| {
            let pool = Arc::clone(&pool);
            std::thread::spawn(move || {
                pool.map(CX, (0..300).map(|n| echo(&n.to_string()))).filter(Result::is_ok).count()
            })
        })
        .collect();
    assert!(maps.into_iter().all(|map| map.join().unwrap() == 300));
}

#[test]
fn a_job_or_reply_over_the_limit_is_an_error_with_both_sizes() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).message_bytes(1_000_000).start().unwrap();
    let before = pid(&pool);
    let error = pool.submit(CX, Task::Echo("x".repeat(1_000_001))).unwrap_err();
    assert!(error.to_string().contains("1000007 bytes, more than the limit of 1000000"), "{error}");
    let error = run(&pool, Task::Reply(2_000_000)).unwrap_err();
    assert!(error.to_string().contains("the reply has 2000005 bytes, more than the limit of 1000000"), "{error}");
    assert_eq!(error.into_job(), Some(Task::Reply(2_000_000)));
    // Exactly at the limit: a byte for the kind of the task, and five for the text's length.
    assert_eq!(run(&pool, Task::Echo("x".repeat(999_994))).unwrap().len(), 999_994);
    let error = pool.submit(CX, Task::Echo("x".repeat(999_995))).unwrap_err();
    assert!(error.to_string().contains("1000001 bytes, more than"), "{error}");
    // Just below, in both directions, many packets each.
    assert_eq!(run(&pool, Task::Echo("x".repeat(999_990))).unwrap().len(), 999_990);
    assert_eq!(pid(&pool), before, "the worker goes on");
}

#[test]
fn what_can_not_be_serialised_is_an_error_with_serdes_message() {
    let _watch = watch(2 * LONG);
    static TAKES: Worker<Refuses, ()> = Worker::new("takes", |_, _| ());
    let pool = TAKES.pool().workers(1).test_entry("heirloom_worker").start();
    assert!(pool.unwrap_err().to_string().contains("expected \"takes\""));

    let pool: Pool<bool, Refuses> = REFUSES.pool().workers(1).test_entry("heirloom_worker").start().unwrap();
    let error = pool.submit(CX, true).unwrap().wait(LONG).unwrap_err();
    assert_eq!(error.to_string(), "the reply can't be serialised: it refuses");
    assert!(!pool.submit(CX, false).unwrap().wait(LONG).unwrap().0, "the worker goes on");
}

#[test]
fn pools_of_several_workers_of_one_program_live_side_by_side() {
    let _watch = watch(2 * LONG);
    let (tasks, words) = (pool(1).start().unwrap(), WORDS.pool().workers(1).test_entry("heirloom_worker").start());
    let words = words.unwrap().submit(CX, String::from("a b")).unwrap().wait(LONG).unwrap();
    assert_eq!((run(&tasks, echo("c")).unwrap().as_str(), words), ("c", vec![String::from("a"), String::from("b")]));
}

#[test]
fn a_pool_takes_jobs_from_many_threads() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).queue(16).start().unwrap();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let pool = &pool;
            threads.spawn(move || {
                for n in 0..200 {
                    let text = format!("{thread}/{n}");
                    assert_eq!(run(pool, echo(&text)).unwrap(), text);
                }
            });
        }
    });
}
