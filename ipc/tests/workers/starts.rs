//! Starts that fail.

use crate::support::{is_program, output_of, pool, program, Task, TASK, WORDS};
use heirloom_harness::{again, case, elevated, succeeded};
use heirloom_ipc::workers::{PoolBuilder, StartError, Worker};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn start(pool: PoolBuilder<Task, String>) -> StartError {
    pool.start().expect_err("it is no worker")
}

fn other(executable: &str) -> PoolBuilder<Task, String> {
    TASK.pool().workers(2).executable(executable).start_timeout(Duration::from_millis(300))
}

#[test]
fn an_executable_that_does_not_exist_is_an_error_with_its_name() {
    let error = start(other("/nowhere/worker"));
    assert!(matches!(&error, StartError::Spawn { .. }) && error.to_string().contains("/nowhere/worker"), "{error}");
}

#[test]
fn a_program_that_is_no_worker_is_an_error_within_the_deadline() {
    let started = Instant::now();
    let error = start(other("/bin/true"));
    assert!(matches!(&error, StartError::Exited(death) if death.exit.is_some_and(|exit| exit.success())), "{error}");
    assert!(error.to_string().contains("does its `main` call `workers::serve` first?"), "{error}");
    let error = start(other("/bin/sh").arg("-c").arg("echo unhappy >&2; exit 4"));
    assert!(error.to_string().contains("exit status: 4; its last output on stderr: unhappy"), "{error}");
    for program in [other("/bin/cat"), other("/bin/sleep").arg("100")] {
        let error = start(program);
        assert!(matches!(&error, StartError::TimedOut { .. }), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_program_that_ends_within_the_handshake_is_an_error() {
    let socket = "import os,socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); \
                  s.connect(os.environ['HEIRLOOM_WORKER'].split(':', 1)[1]); ";
    if let Err(error) = Command::new("python3").arg("-c").arg("").status() {
        return println!("skipped: no Python here ({error})");
    }
    let python = |code: &str| other("python3").arg("-c").arg(format!("{socket}{code}"));
    let python = |code: &str| start(python(code).workers(1).start_timeout(Duration::from_secs(2)));
    let error = python("");
    assert!(matches!(&error, StartError::Exited(_)), "{error}");
    // A message of eight bytes, and the beginning of one that never ends.
    for message in ["bytes([8] + 7*[0]) + b'nonsense'", "b'nonsense'"] {
        let error = python(&format!("s.send({message}); import time; time.sleep(100)"));
        assert!(matches!(&error, StartError::Mismatch { .. }), "{error}");
    }
    let error = python("import time; time.sleep(100)");
    assert!(matches!(&error, StartError::TimedOut { .. }), "{error}");
}

#[test]
fn another_name_or_type_is_an_error_that_says_what_differs() {
    static UNKNOWN: Worker<u8, u8> = Worker::new("unknown", |_, n| n);
    static OTHER_JOB: Worker<u8, Vec<String>> = Worker::new("words", |_, _| Vec::new());
    let error = UNKNOWN.pool().test_entry("heirloom_worker").start().unwrap_err();
    assert!(error.to_string().contains(r#"it serves ["task", "words", "refuses"], expected "unknown""#), "{error}");
    let error = OTHER_JOB.pool().test_entry("heirloom_worker").start().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the job type of \"words\" is alloc::string::String in the worker and u8 in the pool"),
        "{error}"
    );
    assert!(WORDS.pool().workers(1).test_entry("heirloom_worker").start().is_ok());
}

#[test]
fn a_test_entry_that_does_not_exist_is_an_error() {
    let error = start(TASK.pool().workers(1).test_entry("no_such_test"));
    assert!(matches!(&error, StartError::Exited(_)), "{error}");
}

#[test]
fn one_worker_that_fails_ends_the_others() {
    let lock = std::env::temp_dir().join(format!("heirloom-one-fails-{}", std::process::id()));
    drop(std::fs::remove_dir(&lock));
    let script = format!("mkdir {} && exit 1; exec \"$0\" --exact heirloom_worker", lock.display());
    let this = std::env::current_exe().unwrap();
    let error = start(TASK.pool().workers(4).executable("/bin/sh").arg("-c").arg(script).arg(this));
    std::fs::remove_dir(&lock).unwrap();
    assert!(
        matches!(&error, StartError::Exited(death) if death.exit.is_some_and(|exit| exit.code() == Some(1))),
        "{error}"
    );
}

#[test]
fn a_stale_invitation_is_said_on_stderr_and_ends_the_process() {
    for (value, text) in [
        ("4:/nowhere/socket", "its pool at /nowhere/socket doesn't exist any more"),
        ("99:/nowhere/socket", "its pool uses version 99"),
        ("nonsense", "HEIRLOOM_WORKER has the value \"nonsense\""),
    ] {
        let started = Instant::now();
        let mut worker = Command::new(std::env::current_exe().unwrap());
        worker.args(["--exact", "heirloom_worker", "--nocapture"]).env("HEIRLOOM_WORKER", value);
        let out = worker.stdin(Stdio::null()).output().unwrap();
        assert_eq!(out.status.code(), Some(96));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(said.contains(text), "{said}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn without_descriptors_left_the_error_says_so_and_later_pools_work() {
    output_of(&mut program("starts::program_without_descriptors"));
}

#[test]
fn program_without_descriptors() {
    if !is_program() {
        return;
    }
    use nix::sys::resource::{getrlimit, setrlimit, Resource};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let (mut started, mut refused) = (0, 0);
    for spare in 0..40 {
        setrlimit(Resource::RLIMIT_NOFILE, open + spare, hard).unwrap();
        match pool(2).start_timeout(Duration::from_secs(5)).start() {
            Ok(pool) => {
                started += 1;
                drop(pool);
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(
                    text.contains("Too many open files") || text.contains("no descriptor was left"),
                    "{spare}: {text}"
                );
            }
        }
    }
    assert!(refused > 5 && started > 0, "{refused} refused, {started} started");
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert!(pool(2).start().is_ok());
}

/// A set-user-id copy of this test program: it follows no invitation, and starts no workers that would have its rights.
#[test]
#[cfg(target_os = "linux")]
fn a_setuid_program_follows_no_invitation_of_its_user_and_starts_no_workers() {
    const NAME: &str = "starts::a_setuid_program_follows_no_invitation_of_its_user_and_starts_no_workers";
    if case().is_some() {
        // Followed, an invitation ends in `exit`.
        heirloom_ipc::workers::serve(&[&TASK]);
        assert!(std::env::var_os("HEIRLOOM_WORKER").is_some(), "it goes on, as if there was no invitation");
        assert!(matches!(start(pool(1).nested(true)), StartError::Elevated));
        return;
    }
    let mut command = again(NAME, "setuid");
    command.env("HEIRLOOM_WORKER", "1:/nowhere/socket");
    let Some(output) = elevated(&command) else { return };
    succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("HEIRLOOM_WORKER is ignored").count(), 1, "{said}");
}
