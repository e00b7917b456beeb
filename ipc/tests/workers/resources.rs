//! Nothing is left behind.

use crate::support::{echo, is_program, output_of, pool, program, run, wait_until, Killed, Task, TASK};
use std::fs::read_dir;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn two_hundred_pools_leave_nothing_behind() {
    let directory = std::env::temp_dir().join(format!("heirloom-cycles-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut cycles = program("resources::program_of_many_cycles");
    cycles.env("TMPDIR", &directory);
    output_of(&mut cycles);
    let left = read_dir(&directory).unwrap().count();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(left, 0, "temporary files");
}

#[test]
fn a_parent_that_is_killed_while_its_worker_starts_leaves_no_file_behind() {
    let directory = std::env::temp_dir().join(format!("heirloom-killed-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut starting = program("resources::program_that_starts_a_pool");
    let mut starting = Killed(starting.env("TMPDIR", &directory).stdout(Stdio::piped()).spawn().unwrap());
    let pid = starting.0.id();
    // Its worker never connects.
    wait_until("its worker runs", || !children_of(pid).is_empty());
    starting.0.kill().unwrap();
    starting.0.wait().unwrap();
    let left = read_dir(&directory).unwrap().count();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(left, 0, "files in the directory for temporary files");
}

#[test]
fn program_that_starts_a_pool() {
    if !is_program() {
        return;
    }
    // It ends when its stdin is closed.
    drop(TASK.pool().executable("/bin/cat").workers(1).start());
}

fn children_of(process: u32) -> String {
    let tasks = read_dir(format!("/proc/{process}/task")).unwrap().flatten();
    tasks.map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default()).collect()
}

#[test]
fn a_pool_is_not_held_up_by_a_stderr_that_nobody_reads() {
    let mut unread = program("resources::program_with_much_to_say");
    let mut unread = Killed(unread.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    wait_until("it ends", || unread.0.try_wait().unwrap().is_some());
    assert!(unread.0.wait().unwrap().success());
    let mut said = String::new();
    unread.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn program_with_much_to_say() {
    if !is_program() {
        return;
    }
    let pool = pool(1).start().unwrap();
    assert_eq!(run(&pool, Task::Stderr(1_000_000)).unwrap(), "1000000");
    let started = Instant::now();
    assert!(pool.shutdown(Duration::from_secs(20)).is_clean());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_directory_for_temporary_files_that_does_not_do_is_an_error() {
    for (directory, expected) in
        [("/nowhere".to_owned(), "No such file"), ("/tmp/".to_owned() + &"x".repeat(100), "TMPDIR")]
    {
        let mut program = program("resources::program_without_temporary_files");
        output_of(program.env("TMPDIR", directory).env("EXPECTED", expected));
    }
}

#[test]
fn program_without_temporary_files() {
    if !is_program() {
        return;
    }
    let error = pool(1).start().unwrap_err().to_string();
    assert!(error.contains(&std::env::var("EXPECTED").unwrap()), "{error}");
}

#[test]
fn program_of_many_cycles() {
    if !is_program() {
        return;
    }
    cycle(0); // what is made once is made here
    let before = counts();
    (0..200).for_each(cycle);
    // A thread that was joined may still be listed for a moment.
    wait_until("everything is gone", || counts() == before);
}

/// One of the ways in which a pool lives and ends.
fn cycle(n: usize) {
    match n % 8 {
        0 => assert!(pool(2).start().unwrap().shutdown(Duration::from_secs(20)).is_clean()),
        1 => drop(pool(1).start().unwrap()),
        2 => drop(run(&pool(1).start().unwrap(), Task::Abort)),
        3 => assert!(pool(2).start().unwrap().kill().gone),
        4 => assert!(TASK.pool().workers(1).executable("/bin/true").start().is_err()),
        5 => {
            let cat = TASK.pool().workers(2).executable("/bin/cat");
            assert!(cat.start_timeout(Duration::from_millis(5)).start().is_err());
        }
        6 => assert!(TASK.pool().workers(1).executable("/nowhere/worker").start().is_err()),
        _ => {
            let pool = pool(1).start().unwrap();
            assert_eq!(run(&pool, echo("hello")).unwrap(), "hello");
        }
    }
}

/// Descriptors, threads, children.
fn counts() -> [usize; 3] {
    let count = |path: &str| read_dir(path).unwrap().count();
    let tasks: Vec<_> = read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path()).collect();
    let children = |task: &Path| std::fs::read_to_string(task.join("children")).unwrap_or_default();
    let children = tasks.iter().map(|task| children(task).split_whitespace().count()).sum();
    [count("/proc/self/fd"), tasks.len(), children]
}
