//! Attached children whose parent has ended.
#![cfg(all(target_os = "linux", feature = "record"))]
#![allow(clippy::unwrap_used, unsafe_code)]

mod support;

use heirloom_core::{builder, export::Memory, in_root, Context, FlushError, Guard, Settings};
use heirloom_ipc::prelude::*;
use heirloom_ipc::shm::attach_to_parent;
use std::os::unix::process::{parent_id, ExitStatusExt};
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{again, case};

const LONG: Duration = Duration::from_secs(20);
const ENDED: &str =
    "heirloom: the parent process has ended: what 1 shard of this process holds since then was not read";

/// The parent of the child under test, which kills it.
#[test]
fn parent() {
    let Some(case) = case() else { return };
    let guard = builder("parent").settings(Settings::default()).exporter(Memory::new()).init().unwrap();
    let status = in_root("main", |root| again("child", &case).traced(root).attached().spawn().unwrap().wait().unwrap());
    panic!("the child ended first: {status}, {}", guard.finish());
}

#[test]
fn child() {
    let Some(case) = case() else { return };
    let early = case == "early";
    if early {
        kill_parent();
    }
    attach_to_parent();
    let guard = heirloom_core::init("child").unwrap();
    let cx = Context::from_env().unwrap();
    if !early {
        cx.in_span("read", |_| ());
        guard.tracer().flush(LONG).unwrap();
        kill_parent();
    }
    if case != "nothing-more" {
        cx.in_span("not read", |_| ());
    }
    let start = Instant::now();
    match case.as_str() {
        "flush" => {
            let own = |result| matches!(result, Err(FlushError::ParentEnded { unread: 1 }));
            assert!(own(guard.tracer().flush(LONG)));
            let text = guard.tracer().flush(LONG).unwrap_err().to_string();
            assert!(text.contains("the parent process has ended"), "{text}");
            let waits = block_on(guard.tracer().flush_async());
            assert!(matches!(&waits, Err(FlushError::Failed(why)) if why[0] == text), "{waits:?}");
            finish(guard);
        }
        "exit" => std::process::exit(7),
        "dropped" => drop(guard),
        _ => finish(guard),
    }
    assert!(start.elapsed() < LONG / 4, "it waited for a process that has ended: {:?}", start.elapsed());
    println!("the child is done");
}

fn finish(guard: Guard) {
    let report = guard.finish();
    assert!(!report.is_complete());
    println!("\n{report}");
}

fn kill_parent() {
    let parent = parent_id();
    // SAFETY: ends the process that the test started for this.
    assert_eq!(unsafe { libc::kill(parent.try_into().unwrap(), libc::SIGKILL) }, 0);
    let start = Instant::now();
    while parent_id() == parent {
        assert!(start.elapsed() < LONG, "the parent lives");
        std::thread::yield_now();
    }
}

fn block_on<F: std::future::Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// What the child of a parent that was killed wrote to its two outputs.
fn orphan(case: &str) -> [String; 2] {
    // Returns when the child has ended too, because it has the pipes.
    let output = again("parent", case).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{texts:?}");
    assert!(texts[0].contains("the child is done") || case == "exit", "{case}: {texts:?}");
    texts
}

fn count(text: &str, line: &str) -> usize {
    text.lines().filter(|other| *other == line).count()
}

#[test]
fn a_child_whose_parent_died_reports_that_its_spans_were_not_read() {
    for case in ["finish", "early"] {
        let [out, _] = orphan(case);
        assert_eq!(count(&out, ENDED), 1, "{case}: {out}");
    }
    let [out, _] = orphan("nothing-more");
    assert!(out.contains("heirloom: the parent process has ended before its tracer finished"), "{out}");
}

#[test]
fn a_flush_in_a_child_whose_parent_died_fails_at_once() {
    let [out, _] = orphan("flush");
    assert_eq!(count(&out, ENDED), 1, "{out}");
}

#[test]
fn the_end_of_a_child_whose_parent_died_reports_it_once() {
    for case in ["exit", "dropped"] {
        let [_, err] = orphan(case);
        assert_eq!(count(&err, ENDED), 1, "{case}: {err}");
    }
}
