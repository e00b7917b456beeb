//! How pools end.

use crate::support::{echo, is_alive, pid, pool, run, signal, wait_until, Task, LONG};
use heirloom_core::Context;
use heirloom_harness::{this_thread, watch};
use heirloom_ipc::workers::{JobError, SubmitError, WaitError};
use nix::sys::signal::SIGSTOP;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const CX: Context = Context::INERT;

#[test]
fn a_shutdown_lets_running_and_queued_jobs_finish() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).in_flight(1).start().unwrap();
    let jobs: Vec<_> = (0..6).map(|_| pool.submit(CX, Task::Sleep(50)).unwrap()).collect();
    let report = pool.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
    assert!(jobs.into_iter().all(|job| job.try_wait().is_ok()));
    assert!(matches!(pool.submit(CX, echo("late")), Err(SubmitError::ShutDown(job)) if job == echo("late")));
    assert!(pool.shutdown(LONG).is_clean(), "a second time there is nothing to do");
}

#[test]
fn a_shutdown_replaces_workers_that_die_while_jobs_are_left() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).in_flight(1).start().unwrap();
    let jobs: Vec<_> = [Task::Sleep(100), Task::Abort, echo("after")].map(|job| pool.submit(CX, job).unwrap()).into();
    assert!(pool.shutdown(LONG).is_clean());
    let results: Vec<bool> = jobs.into_iter().map(|job| job.try_wait().is_ok()).collect();
    assert_eq!(results, [true, false, true]);
}

#[test]
fn at_the_deadline_what_is_not_done_fails_and_what_is_still_there_is_killed() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).in_flight(1).start().unwrap();
    let pids = [pid(&pool)];
    let jobs: Vec<_> = (0..2).map(|_| pool.submit(CX, Task::Spin).unwrap()).collect();
    let queued = pool.submit(CX, echo("queued")).unwrap();
    let started = Instant::now();
    let report = pool.shutdown(Duration::from_millis(200));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(report.not_done == 3 && report.killed.len() == 2 && report.gone, "{report:?}");
    for job in jobs {
        assert!(matches!(job.try_wait(), Err(WaitError::Failed(JobError::ShutDown { job: Some(Task::Spin) }))));
    }
    assert!(matches!(queued.try_wait(), Err(WaitError::Failed(JobError::ShutDown { job: Some(Task::Echo(_)) }))));
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn a_frozen_worker_does_not_hold_up_the_end() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let worker = pid(&pool);
    signal(worker, SIGSTOP);
    // More than its sockets take.
    let jobs: Vec<_> = (0..3).map(|_| pool.submit(CX, Task::Echo("x".repeat(2_000_000))).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    let report = pool.shutdown(Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(report.not_done == 3 && report.killed == [worker] && report.gone, "{report:?}");
    drop(jobs);
}

#[test]
fn dropping_a_pool_whose_workers_hang_takes_little_more_than_a_second() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).in_flight(1).start().unwrap();
    let jobs = [Task::Spin, Task::Freeze].map(|job| pool.submit(CX, job).unwrap());
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    drop(pool);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(jobs.into_iter().all(|job| job.try_wait().is_err()));
}

#[test]
fn a_kill_ends_everything_now() {
    let _watch = watch(2 * LONG);
    let pool = pool(2).start().unwrap();
    let job = pool.submit(CX, Task::Sleep(60_000)).unwrap();
    let worker = {
        wait_until("it runs", || pool.try_submit(CX, Task::Pid).is_ok());
        run(&pool, Task::Pid).unwrap().parse().unwrap()
    };
    let started = Instant::now();
    let report = pool.kill();
    assert!(report.gone && report.killed.len() == 2, "{report:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!is_alive(worker) && job.try_wait().is_err());
}

#[test]
fn an_interrupt_from_the_terminal_is_not_for_workers() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let worker = pid(&pool);
    let group = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().split(' ').nth(2).unwrap().to_owned()
    };
    assert_ne!(group(worker), group(std::process::id()));
}

#[test]
fn a_submitter_that_waits_for_room_is_told_of_the_end() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).queue(1).in_flight(1).start().unwrap();
    let _busy = pool.submit(CX, Task::Sleep(60_000)).unwrap();
    std::thread::scope(|threads| {
        let ((says, said), pool) = (channel(), &pool);
        let waits = threads.spawn(move || {
            says.send(this_thread()).unwrap();
            (0..3).map(|_| pool.submit(CX, Task::Sleep(60_000))).find_map(Result::err)
        });
        let submitter = said.recv().unwrap();
        wait_until("the queue is full", || format!("{pool:?}").contains("queued: 1"));
        submitter.until_asleep();
        pool.kill();
        assert!(matches!(waits.join().unwrap(), Some(SubmitError::ShutDown(_))));
    });
}

#[test]
fn pools_and_handles_go_to_other_threads() {
    let _watch = watch(2 * LONG);
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let pool = pool(1).start().unwrap();
    is_send_and_sync(&pool);
    let job = pool.submit(CX, echo("hello")).unwrap();
    is_send_and_sync(&job);
    assert!(format!("{pool:?} {job:?}").contains("worker: \"task\""));
    assert_eq!(std::thread::spawn(move || job.wait(LONG)).join().unwrap().unwrap(), "hello");
}

#[test]
fn clones_share_one_pool_which_ends_with_the_last_of_them() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let worker = pid(&pool);
    let clones: Vec<_> = (0..4).map(|_| pool.clone()).collect();
    drop(pool);
    let threads = clones.into_iter().map(|pool| std::thread::spawn(move || (run(&pool, Task::Pid).unwrap(), pool)));
    let threads: Vec<_> = threads.collect();
    let mut clones: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(clones.iter().all(|(pid, _)| *pid == worker.to_string()));
    let (_, last) = clones.pop().unwrap();
    drop(clones);
    assert!(is_alive(worker));
    let job = last.submit(CX, Task::Sleep(100)).unwrap();
    drop(last);
    assert!(!is_alive(worker), "dropping the last one waits for the end");
    assert_eq!(job.try_wait().unwrap(), "100", "within its grace the pool does what it has");
}

#[test]
fn a_shutdown_of_one_clone_ends_the_pool_for_all() {
    let _watch = watch(2 * LONG);
    let pool = pool(1).start().unwrap();
    let other = pool.clone();
    assert!(pool.shutdown(LONG).is_clean());
    assert!(matches!(other.submit(CX, echo("late")), Err(SubmitError::ShutDown(_))));
}
