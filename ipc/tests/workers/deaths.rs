//! Workers that die.

use crate::support::{
    echo, is_alive, is_program, output_of, pid, pool, program, run, signal, wait_until, Killed, Task, LONG,
};
use heirloom_core::Context;
use heirloom_ipc::workers::{Death, JobError};
use nix::sys::signal::SIGKILL;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CX: Context = Context::INERT;

fn death(error: JobError<Task>, task: &Task) -> Death {
    match error {
        JobError::WorkerDied { death, job } if job.as_ref() == Some(task) => *death,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_death_says_exit_code_or_signal_and_the_worker_is_started_again() {
    let pool = pool(1).start().unwrap();
    for (task, code, signals) in [
        (Task::Exit(3), Some(3), vec![]),
        (Task::Exit(0), Some(0), vec![]),
        (Task::Abort, None, vec![6]),
        (Task::Overflow, None, vec![6, 11]),
        (Task::KilledAfter(String::from("last words")), None, vec![9]),
    ] {
        let before = pid(&pool);
        let death = death(run(&pool, task.clone()).unwrap_err(), &task);
        let exit = death.exit.unwrap();
        assert_eq!((death.pid, exit.code()), (before, code), "{death}");
        assert!(exit.signal().map_or(signals.is_empty(), |signal| signals.contains(&signal)), "{death}");
        assert!(!matches!(task, Task::KilledAfter(_)) || death.stderr_tail.contains("last words"), "{death}");
        assert_ne!(pid(&pool), before);
    }
}

#[test]
fn a_worker_that_is_killed_while_idle_is_replaced() {
    let pool = pool(1).start().unwrap();
    let before = pid(&pool);
    signal(before, SIGKILL);
    // The job may have been sent already when the death is noticed.
    wait_until("a new worker", || run(&pool, Task::Pid).is_ok_and(|pid| pid != before.to_string()));
}

#[test]
fn jobs_behind_the_one_that_killed_its_worker_are_done_by_others() {
    let pool = pool(1).in_flight(64).start().unwrap();
    assert!(pool.map(CX, (0..200).map(|_| echo("warm"))).all(|reply| reply.is_ok()), "so that many are in flight");
    let jobs = (0..60).map(|n| if n == 20 { Task::Exit(1) } else { echo(&n.to_string()) });
    for (n, reply) in pool.map(CX, jobs).enumerate() {
        match (n, reply) {
            (20, Err(JobError::WorkerDied { .. })) => {}
            (n, reply) => assert_eq!(reply.unwrap(), n.to_string()),
        }
    }
}

#[test]
fn a_job_is_tried_again_on_another_worker_if_asked() {
    let pool = pool(2).retries(1).start().unwrap();
    let file = std::env::temp_dir().join(format!("heirloom-die-once-{}", std::process::id()));
    drop(std::fs::remove_file(&file));
    let task = Task::DieOnce(file.to_str().unwrap().to_owned());
    let second = run(&pool, task).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(is_alive(second.parse().unwrap()));
    // A job that kills each worker fails in the end.
    death(run(&pool, Task::Abort).unwrap_err(), &Task::Abort);
}

#[test]
fn no_job_is_lost_or_mixed_up_while_workers_are_killed_all_the_time() {
    const JOBS: usize = 20_000;
    let pool = pool(3).retries(1_000).restarts(1_000_000, Duration::from_millis(1)).start().unwrap();
    let text = |n: usize| format!("{n} {}", "x".repeat(n % 97 * 1_000));
    let jobs = (0..JOBS).map(|n| if n % 50 == 0 { Task::Pid } else { echo(&text(n)) });
    let mut kills = 0;
    for (n, reply) in pool.map(CX, jobs).enumerate() {
        let reply = reply.unwrap();
        if n % 50 == 0 {
            let pid = nix::unistd::Pid::from_raw(reply.parse().unwrap());
            // It may be dead already; its id is not another process's so soon.
            kills += usize::from(nix::sys::signal::kill(pid, SIGKILL).is_ok());
        } else {
            assert!(reply == text(n), "{n}: {} bytes, {:?}", reply.len(), reply.get(..20));
        }
    }
    // On a busy machine many have ended by themselves before.
    assert!(kills > 5, "{kills}");
}

#[test]
fn workers_that_die_too_often_leave_jobs_with_a_clear_error() {
    let pool = pool(2).restarts(1, Duration::from_secs(60)).start().unwrap();
    let jobs: Vec<_> = (0..40).map(|n| pool.submit(CX, Task::Exit(n)).unwrap()).collect();
    let errors: Vec<String> = jobs.into_iter().map(|job| job.wait(LONG).unwrap_err().to_string()).collect();
    let lost =
        errors.iter().filter(|error| error.contains("no worker is left") && error.contains("exit status")).count();
    assert_eq!(lost, 36, "two workers, two lives each: {errors:#?}");
    let error = run(&pool, echo("late")).unwrap_err();
    assert!(matches!(error, JobError::NoWorkers { .. }), "{error}");
}

/// 5 ms, and twice as long after each further death.
#[test]
fn a_worker_is_started_again_after_a_pause_that_doubles() {
    const RESTARTS: u32 = 8;
    let pool = pool(1).restarts(RESTARTS, Duration::from_secs(600)).start().unwrap();
    let started = Instant::now();
    for n in 0..=RESTARTS as i32 {
        death(run(&pool, Task::Exit(n)).unwrap_err(), &Task::Exit(n));
    }
    let pauses: u64 = (0..RESTARTS).map(|n| 5 << n).sum();
    assert!(started.elapsed() >= Duration::from_millis(pauses), "{:?}", started.elapsed());
}

#[test]
fn a_worker_that_dies_is_not_missed_while_its_grandchild_lives() {
    let pool = pool(1).start().unwrap();
    let orphan: u32 = run(&pool, Task::Orphan).unwrap().parse().unwrap();
    let started = Instant::now();
    death(run(&pool, Task::Exit(5)).unwrap_err(), &Task::Exit(5));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(pool.shutdown(LONG).is_clean() && started.elapsed() < Duration::from_secs(10));
    signal(orphan, SIGKILL);
}

#[test]
fn what_a_worker_says_on_stderr_comes_through_and_never_holds_it_up() {
    let pool = pool(1).start().unwrap();
    assert_eq!(run(&pool, Task::Stderr(400_000)).unwrap(), "400000");
    let task = Task::KilledAfter(String::from("x"));
    let death = death(run(&pool, task.clone()).unwrap_err(), &task);
    assert!(death.stderr_tail.len() == 4096 && death.stderr_tail.ends_with("e\nx\n"), "{}", death.stderr_tail);

    let text = output_of(&mut program("deaths::program_whose_worker_speaks"));
    assert!(text.contains("heard through two processes"), "{text}");
}

#[test]
fn program_whose_worker_speaks() {
    if !is_program() {
        return;
    }
    let pool = pool(1).start().unwrap();
    run(&pool, Task::KilledAfter(String::from("heard through two processes"))).unwrap_err();
}

#[test]
fn workers_of_a_dead_parent_end_whatever_they_do() {
    let mut parent = program("deaths::program_that_is_killed").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let parent = Killed(parent);
    let words = lines.map(Result::unwrap).find(|line| line.contains("workers:")).unwrap();
    let pids: Vec<u32> = words.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(pids.len() == 3 && pids.iter().all(|pid| is_alive(*pid)), "{words}");
    drop(parent);
    let killed = Instant::now();
    wait_until("they are gone", || pids.iter().all(|pid| !is_alive(*pid)));
    assert!(killed.elapsed() < Duration::from_secs(2), "{:?}", killed.elapsed());
}

#[test]
fn program_that_is_killed() {
    if !is_program() {
        return;
    }
    let pools: Vec<_> = (0..3).map(|_| pool(1).start().unwrap()).collect();
    let pids: Vec<String> = pools.iter().map(|pool| pid(pool).to_string()).collect();
    let _busy = pools[0].submit(CX, Task::Spin).unwrap();
    let _asleep = pools[1].submit(CX, Task::Sleep(100_000)).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    println!("workers: {}", pids.join(" "));
    std::thread::sleep(LONG);
}
