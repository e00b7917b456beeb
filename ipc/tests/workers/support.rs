//! The workers of all tests, and what tests ask of the operating system.

use heirloom_core::{Context, Span};
use heirloom_harness::{again, case, succeeded};
use heirloom_ipc::prelude::*;
use heirloom_ipc::workers::{JobError, Pool, PoolBuilder, WaitError, Worker};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(crate) const LONG: Duration = Duration::from_secs(30);

/// What a worker shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Task {
    Echo(String),
    Pid,
    Sleep(u64),
    /// Makes a file in this directory and waits until there are as many as this: until that many jobs run at the same time.
    Meet(String, usize),
    /// Computes for so many milliseconds.
    Compute(u64),
    Spin,
    /// Spins in a span below the job's.
    SpinInSpan,
    /// The baggage of the job, of a command that it starts, and of a job that it submits.
    Baggage,
    Panic(String),
    PanicWithNumber,
    Exit(i32),
    Abort,
    Overflow,
    /// Says this on stderr and is killed.
    KilledAfter(String),
    /// Records a span, and is killed inside another one.
    KilledInSpan,
    /// Dies unless this file exists, which it makes before.
    DieOnce(String),
    Reply(usize),
    Stderr(usize),
    /// The context of the job's span, the current context, and the span's tracestate.
    Contexts,
    /// Starts spans below its own, one with a link to a span of a trace with another tracestate.
    Nested,
    /// Sets values of the trace, and writes to its own span and to its parent's by their contexts.
    Updates(Context),
    /// Stops reading and running, as if the machine had no time for it.
    Freeze,
    /// Leaves a process behind that has this one's stderr.
    Orphan,
}

pub(crate) static TASK: Worker<Task, String> = Worker::new("task", task);
pub(crate) static WORDS: Worker<String, Vec<String>> = Worker::new("words", words);
pub(crate) static REFUSES: Worker<bool, Refuses> = Worker::new("refuses", |_span, refuse| Refuses(refuse));

/// Its `Serialize` fails on demand.
#[derive(Debug)]
pub(crate) struct Refuses(pub(crate) bool);

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            true => Err(serde::ser::Error::custom("it refuses")),
            false => false.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Refuses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        bool::deserialize(from).map(Refuses)
    }
}

fn task(span: &Span, task: Task) -> String {
    match task {
        Task::Echo(text) => text,
        Task::Pid => std::process::id().to_string(),
        Task::Sleep(ms) => {
            std::thread::sleep(Duration::from_millis(ms));
            ms.to_string()
        }
        Task::Meet(directory, others) => {
            let pid = std::process::id().to_string();
            std::fs::write(Path::new(&directory).join(&pid), []).unwrap();
            wait_until("the others are there", || std::fs::read_dir(&directory).unwrap().count() >= others);
            pid
        }
        Task::Compute(ms) => {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(ms) {
                std::hint::spin_loop();
            }
            ms.to_string()
        }
        Task::Spin => loop {
            std::hint::spin_loop();
        },
        Task::SpinInSpan => span.in_span("inside", |_| loop {
            std::hint::spin_loop();
        }),
        Task::Baggage => baggage(span),
        Task::Panic(text) => panic!("{text}"),
        Task::PanicWithNumber => std::panic::panic_any(7),
        Task::Exit(code) => std::process::exit(code),
        Task::Abort => std::process::abort(),
        Task::Overflow => overflow(1).to_string(),
        Task::KilledInSpan => {
            span.in_span("done", |_| ());
            span.in_span("inside", |_| {
                signal(std::process::id(), nix::sys::signal::SIGKILL);
                String::new()
            })
        }
        Task::KilledAfter(text) => {
            eprintln!("{text}");
            signal(std::process::id(), nix::sys::signal::SIGKILL);
            unreachable!()
        }
        Task::DieOnce(file) => {
            let died = Path::new(&file).exists();
            std::fs::write(&file, std::process::id().to_string()).unwrap();
            if !died {
                std::process::abort();
            }
            std::process::id().to_string()
        }
        Task::Reply(bytes) => "x".repeat(bytes),
        Task::Stderr(bytes) => {
            (0..bytes / 100).for_each(|_| eprintln!("{}", "e".repeat(99)));
            bytes.to_string()
        }
        Task::Contexts => contexts(span),
        Task::Nested => nested(span),
        Task::Updates(parent) => {
            span.trace_update().user("u1").tags(["from a worker"]);
            Context::current().update().set("own", true);
            format!("{:?}", parent.try_update().map(|update| _ = update.set("parents", true)))
        }
        Task::Freeze => {
            signal(std::process::id(), nix::sys::signal::SIGSTOP);
            // The thread may get a bit further.
            std::thread::sleep(LONG);
            String::from("thawed")
        }
        Task::Orphan => Command::new("sleep").arg("30").spawn().unwrap().id().to_string(),
    }
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn overflow(n: u64) -> u64 {
    let page = std::hint::black_box([n; 512]);
    overflow(page[7] + 1) + page[3]
}

fn contexts(span: &Span) -> String {
    let traceparent = |cx: Context| cx.traceparent().map(|text| text.to_string()).unwrap_or_default();
    let state = span.context().tracestate();
    format!("{} {} {}", traceparent(span.context()), traceparent(Context::current()), state.as_str())
}

/// The baggage of the job, of one of its threads, of a command that it starts, and of a job of its nested pool.
fn baggage(span: &Span) -> String {
    let thread = std::thread::spawn(heirloom_ipc::workers::baggage).join().unwrap();
    let mut printenv = Command::new("printenv");
    let printed = printenv.arg("BAGGAGE").traced(span).output().unwrap();
    let nested = WORDS.pool().workers(1).nested(true).test_entry("heirloom_worker").start().unwrap();
    let nested = nested.submit(span, String::from("baggage")).unwrap().wait(LONG).unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    format!("{} {thread} {} {}", heirloom_ipc::workers::baggage(), printed.trim(), nested.join(" "))
}

fn nested(span: &Span) -> String {
    let other = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01";
    let other = Context::from_headers(Some(other), Some("linked=1"), None).unwrap();
    for _ in 0..3 {
        span.in_span("nested", |nested| nested.in_span("innermost", |inner| _ = inner.link(other)));
    }
    String::new()
}

/// Splits a text; in place of the text "baggage", that of the job.
fn words(_span: &Span, text: String) -> Vec<String> {
    match text.as_str() {
        "baggage" => vec![heirloom_ipc::workers::baggage().to_string()],
        text => text.split(' ').map(String::from).collect(),
    }
}

/// A pool of workers that run this test program.
pub(crate) fn pool(workers: usize) -> PoolBuilder<Task, String> {
    TASK.pool().workers(workers).test_entry("heirloom_worker")
}

pub(crate) fn echo(text: &str) -> Task {
    Task::Echo(text.to_owned())
}

/// Submits a job and waits for its reply.
pub(crate) fn run(pool: &Pool<Task, String>, task: Task) -> Result<String, JobError<Task>> {
    match pool.submit(Context::INERT, task).unwrap().wait(LONG) {
        Ok(reply) => Ok(reply),
        Err(WaitError::Failed(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn pid(pool: &Pool<Task, String>) -> u32 {
    run(pool, Task::Pid).unwrap().parse().unwrap()
}

pub(crate) fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal).unwrap();
}

/// Whether a process runs; one that waits to be reaped does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).is_some_and(|state| state != 'Z')
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this process was started by [`program`]: the tests that are programs for other tests do nothing else.
pub(crate) fn is_program() -> bool {
    case().is_some()
}

/// Another process of this program, in which the test of this name does what it is for.
pub(crate) fn program(test: &str) -> Command {
    again(test, "program")
}

/// The output of a [`program`] whose test must run and pass.
#[track_caller]
pub(crate) fn output_of(command: &mut Command) -> String {
    let output = heirloom_harness::output_of(command);
    succeeded(&output) + &String::from_utf8_lossy(&output.stderr)
}

/// Killed when the test ends, however it ends.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
