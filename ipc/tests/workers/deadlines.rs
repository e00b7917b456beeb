//! Deadlines of jobs.

use crate::support::{echo, pid, pool, run, Task, LONG};
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, Status};
use heirloom_harness::watch;
use heirloom_ipc::workers::{JobError, SubmitError, WaitError};
use std::time::{Duration, Instant};

const CX: Context = Context::INERT;
const SOON: Duration = Duration::from_millis(50);

fn exceeded(error: WaitError<Task, String>, task: &Task) {
    match error {
        WaitError::Failed(error @ JobError::DeadlineExceeded { .. }) => {
            assert!(error.is_deadline() && error.to_string().contains("within its deadline of 50ms"), "{error}");
            assert_eq!(error.into_job().as_ref(), Some(task));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_that_outlives_its_deadline_fails_and_its_worker_is_replaced() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).restarts(0, LONG).start().unwrap();
    for _ in 0..3 {
        let before = pid(&pool);
        let started = Instant::now();
        let job = pool.job(CX, Task::Spin).deadline(SOON).submit().unwrap();
        exceeded(job.wait(LONG).unwrap_err(), &Task::Spin);
        assert!(started.elapsed() >= SOON && started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_ne!(pid(&pool), before, "the next job runs in another process, although no restart is allowed");
    }
    let report = pool.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn a_worker_that_answers_within_the_grace_stays() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let before = pid(&pool);
    let job = pool.job(CX, Task::Sleep(100)).deadline(SOON).submit().unwrap();
    exceeded(job.wait(LONG).unwrap_err(), &Task::Sleep(100));
    assert_eq!(pid(&pool), before);
}

#[test]
fn a_job_that_is_done_in_time_has_its_reply_and_no_trace_of_its_deadline() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).start().unwrap();
    let before = [pid(&pool)];
    let replies = pool.map(CX, (0..200).map(|n| echo(&n.to_string()))).deadline(LONG);
    assert!(replies.enumerate().all(|(n, reply)| reply.unwrap() == n.to_string()));
    assert!(before.iter().all(|pid| crate::support::is_alive(*pid)));
}

#[test]
fn a_job_that_expires_before_it_is_begun_never_runs() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).in_flight(8).start().unwrap();
    let file = std::env::temp_dir().join(format!("heirloom-never-runs-{}", std::process::id()));
    let task = Task::DieOnce(file.to_str().unwrap().to_owned());
    // So quick that the pool sends jobs ahead: the late one waits in the worker, or in the queue.
    assert!(pool.map(CX, (0..100).map(|_| echo("warm"))).all(|reply| reply.is_ok()));
    let busy = pool.submit(CX, Task::Sleep(300)).unwrap();
    let late = pool.job(CX, task.clone()).deadline(SOON).submit().unwrap();
    let after = pool.submit(CX, echo("after")).unwrap();
    exceeded(late.wait(LONG).unwrap_err(), &task);
    assert!(!busy.is_finished(), "it fails when its time is up, not when the worker looks at it");
    assert_eq!(busy.wait(LONG).unwrap(), "300", "what runs before it is left alone");
    assert_eq!(after.wait(LONG).unwrap(), "after");
    assert!(!file.exists());
}

#[test]
fn a_job_whose_time_is_up_before_there_is_room_is_not_taken() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).queue(1).in_flight(1).start().unwrap();
    let _busy = pool.submit(CX, Task::Sleep(60_000)).unwrap();
    // It waits until the worker has taken the first one. From then on it fills the queue, and has no deadline that empties it.
    let _queued = pool.submit(CX, echo("queued")).unwrap();
    let submitted = pool.job(CX, echo("late")).deadline(Duration::from_millis(500)).submit();
    assert!(matches!(&submitted, Err(SubmitError::Full(job)) if *job == echo("late")), "{submitted:?}");
    pool.kill();
}

#[test]
fn an_expired_job_is_not_tried_again() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).retries(5).start().unwrap();
    let job = pool.job(CX, Task::Spin).deadline(SOON).submit().unwrap();
    exceeded(job.wait(LONG).unwrap_err(), &Task::Spin);
    assert!(run(&pool, echo("after")).is_ok());
    assert!(format!("{pool:?}").contains("queued: 0, in_flight: 0"), "{pool:?}");
}

fn aborted(t: &Testing, name: &str) -> Status {
    let spans = t.spans().into_iter().filter(|span| span.name == name && span.aborted);
    let [span] = &spans.collect::<Vec<_>>()[..] else { panic!("{name}: {:#?}", t.spans()) };
    span.status.clone()
}

#[test]
fn the_spans_of_a_job_that_outlives_its_deadline_are_aborted_with_this_cause() {
    let _watch = watch(2 * LONG);
    testing::run(|t| {
        in_root("main", |root| {
            let pool = pool(1).start().unwrap();
            let job = pool.job(root, Task::SpinInSpan).deadline(SOON).submit().unwrap();
            exceeded(job.wait(LONG).unwrap_err(), &Task::SpinInSpan);
            pool.submit(root, echo("after")).unwrap().wait(LONG).unwrap();
        });
        for name in ["task", "inside"] {
            let status = aborted(t, name);
            assert!(matches!(&status, Status::Error(why) if why.contains("deadline had passed")), "{name}: {status:?}");
        }
        t.assert_balanced();
        assert_eq!(t.tracer().ledger().aborted, 2);
    });
}
