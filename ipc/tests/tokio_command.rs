//! Traced commands of tokio, with real children.
#![cfg(all(feature = "record", feature = "tokio", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{testing, Context, SpanKind, Value};
use heirloom_ipc::prelude::*;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::{cpu, integer, is_error, text};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Runs `test` on one thread, with a tracer and the context of its roots.
fn run<F: Future<Output = ()>>(test: impl FnOnce(Context) -> F, check: impl FnOnce(&testing::Testing)) {
    testing::run(|t| {
        runtime().block_on(async { timeout(Duration::from_secs(60), test(t.tracer().context())).await.unwrap() });
        check(t);
        t.assert_complete();
    });
}

#[test]
fn a_command_is_a_span_with_its_exit_and_cpu_time() {
    run(
        |cx| async move {
            let script = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; exit 7";
            assert_eq!(shell(script).traced(cx).status().await.unwrap().code(), Some(7));
        },
        |t| {
            let span = t.span("sh");
            assert_eq!((span.kind, integer(&span, "process.exit.code")), (SpanKind::Client, Some(7)));
            assert!(is_error(&span) && cpu(&span) > 0.005, "{span:#?}");
        },
    );
}

#[test]
fn the_child_finds_its_span_in_its_environment() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        let output = runtime().block_on(async { shell("echo $TRACEPARENT").traced(&root).output().await }).unwrap();
        root.end();
        let span = t.span("sh");
        let expected = format!("00-{}-{}-03\n", span.trace_id, span.span_id);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
        assert_eq!(span.parent_span_id, Some(t.span("root").span_id));
    });
}

#[test]
fn waiting_does_not_block_the_runtime() {
    run(
        |cx| async move {
            let start = Instant::now();
            let waiting = tokio::spawn(Command::new("sleep").arg("0.5").traced(cx).status());
            let mut ticks = 0;
            while !waiting.is_finished() {
                tokio::time::sleep(Duration::from_millis(5)).await;
                ticks += 1;
            }
            assert!(ticks > 5 && start.elapsed() >= Duration::from_millis(500), "{ticks} ticks");
            assert!(waiting.await.unwrap().unwrap().success());
        },
        |t| assert!(t.span("sleep").end_ns - t.span("sleep").start_ns >= 500_000_000),
    );
}

#[test]
fn a_failed_spawn_is_an_error_span_and_the_original_error() {
    run(
        |cx| async move {
            let error = Command::new("/nowhere/missing").traced(cx).status().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        },
        |t| assert_eq!(text(&t.span("missing"), "error.type"), Some("not_found")),
    );
}

#[test]
fn a_killed_child_says_so() {
    run(
        |cx| async move {
            let mut child = Command::new("sleep").arg("60").traced(cx).spawn().unwrap();
            assert!(child.id().is_some() && child.try_wait().unwrap().is_none());
            child.kill().await.unwrap();
            assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        },
        |t| assert_eq!(text(&t.span("sleep"), "process.exit.signal"), Some("SIGKILL")),
    );
}

#[test]
fn large_outputs_on_both_streams_are_no_deadlock() {
    run(
        |cx| async move {
            let mb = "head -c 3000000 /dev/zero";
            for script in [format!("{mb}; {mb} >&2"), format!("{mb} >&2; {mb}")] {
                let output = shell(&script).traced(cx).output().await.unwrap();
                assert_eq!((output.stdout.len(), output.stderr.len()), (3_000_000, 3_000_000));
            }
        },
        |t| assert_eq!(t.spans().len(), 2),
    );
}

#[test]
fn standard_input_can_be_taken_and_is_closed_by_waiting() {
    run(
        |cx| async move {
            let mut cat = Command::new("cat");
            let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).traced(cx).spawn().unwrap();
            child.stdin.as_mut().unwrap().write_all(b"through").await.unwrap();
            assert_eq!(child.wait_with_output().await.unwrap().stdout, b"through");
        },
        |t| assert_eq!(integer(&t.span("cat"), "process.exit.code"), Some(0)),
    );
}

#[test]
fn a_wait_that_is_dropped_loses_nothing() {
    run(
        |cx| async move {
            let mut child = shell("sleep 0.2; exit 3").traced(cx).spawn().unwrap();
            while timeout(Duration::from_millis(10), child.wait()).await.is_err() {}
            assert_eq!(child.wait().await.unwrap().code(), Some(3));
        },
        |t| {
            assert_eq!(integer(&t.span("sh"), "process.exit.code"), Some(3));
            assert!(cpu(&t.span("sh")) > 0.0);
        },
    );
}

#[test]
fn a_dropped_output_ends_its_span_and_leaves_no_zombie() {
    run(
        |cx| async move {
            let mut sleep = Command::new("sleep");
            sleep.arg("60").kill_on_drop(true);
            assert!(timeout(Duration::from_millis(50), sleep.traced(cx).output()).await.is_err());

            let child = shell("exit 0").traced(cx).spawn().unwrap();
            let path = format!("/proc/{}", child.id().unwrap());
            drop(child);
            // Tokio reaps what it was left when the next children end.
            while Path::new(&path).exists() {
                Command::new("true").status().await.unwrap();
            }
        },
        |t| {
            for name in ["sleep", "sh"] {
                assert_eq!(t.span(name).attribute("process.waited"), Some(&Value::Bool(false)));
            }
        },
    );
}

#[test]
fn many_children_at_once_have_each_their_own_exit() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|code| {
                let cx = root.context();
                runtime.spawn(async move {
                    let status = shell(&format!("exit {code}")).traced(cx).status().await.unwrap();
                    assert_eq!(status.code(), Some(code));
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
        root.end();
        let mut codes: Vec<_> = t.spans().iter().filter_map(|span| integer(span, "process.exit.code")).collect();
        codes.sort_unstable();
        assert!(codes.into_iter().eq(0..100));
        let of_shells: Vec<f64> = t.spans().iter().filter(|span| span.name == "sh").map(cpu).collect();
        assert!(of_shells.len() == 100 && of_shells.iter().all(|seconds| *seconds > 0.0), "{of_shells:?}");
        t.assert_complete();
    });
}

#[test]
fn try_wait_ends_the_span_when_the_child_has_ended() {
    run(
        |cx| async move {
            let mut child = shell("exit 3").traced(cx).spawn().unwrap();
            while child.try_wait().unwrap().is_none() {
                tokio::task::yield_now().await;
            }
            assert!(child.span().is_none());
        },
        |t| assert!(cpu(&t.span("sh")) > 0.0),
    );
}
