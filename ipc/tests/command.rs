//! Traced commands of the standard library, with real children.
#![cfg(all(feature = "record", target_os = "linux"))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::SpanData;
use heirloom_core::{testing, SpanKind, Status, Value};
use heirloom_ipc::prelude::*;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{again, alone, case, cpu, integer, is_error, seconds, shell, succeeded, text};

const NONE: [(&str, &str); 0] = [];

/// A shell script that takes about so many milliseconds of CPU time.
fn burn(rounds: u32) -> Command {
    shell(&format!("i=0; while [ $i -lt {rounds} ]; do i=$((i+1)); done"))
}

#[test]
fn a_command_is_a_span_below_the_one_it_was_given() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        assert!(Command::new("/bin/true").traced(&root).status().unwrap().success());
        root.end();
        t.assert_tree("root\n  true");
        let span = t.span("true");
        assert_eq!((span.kind, &span.status), (SpanKind::Client, &Status::Unset));
        assert_eq!(text(&span, "process.executable.name"), Some("true"));
        assert_eq!((integer(&span, "process.exit.code"), span.attribute("error.type")), (Some(0), None));
        t.assert_complete();
    });
}

#[test]
fn the_span_has_the_childs_process_id_and_lasts_as_long_as_the_child() {
    testing::run(|t| {
        let mut child = Command::new("sleep").arg("0.2").traced(t.tracer().context()).spawn().unwrap();
        let pid = child.id();
        child.span().unwrap().set("number", 7);
        child.wait().unwrap();
        assert!(child.span().is_none() && child.wait().unwrap().success(), "waiting again is no second end");
        let span = t.span("sleep");
        assert_eq!((integer(&span, "process.child.pid"), integer(&span, "number")), (Some(i64::from(pid)), Some(7)));
        assert!(span.end_ns - span.start_ns >= 200_000_000);
        assert!(cpu(&span) < 0.2, "sleeping is no CPU time");
    });
}

#[test]
fn another_exit_code_than_zero_is_an_error() {
    testing::run(|t| {
        let status = shell("exit 7").traced(t.tracer().context()).status().unwrap();
        assert_eq!(status.code(), Some(7));
        let span = t.span("sh");
        assert!(is_error(&span));
        assert_eq!((integer(&span, "process.exit.code"), text(&span, "error.type")), (Some(7), Some("7")));
    });
}

#[test]
fn a_signal_is_an_error_with_the_signals_name() {
    testing::run(|t| {
        let status = shell("kill -9 $$").traced(t.tracer().context()).status().unwrap();
        assert_eq!(status.signal(), Some(9));
        let span = t.span("sh");
        assert!(is_error(&span) && span.attribute("process.exit.code").is_none());
        let names = [text(&span, "process.exit.signal"), text(&span, "error.type")];
        assert_eq!(names, [Some("SIGKILL"); 2]);
    });
}

/// Runs a command that can't start, plain and traced; returns the span.
fn fails_to_start(program: &Path) -> SpanData {
    testing::run(|t| {
        let plain = Command::new(program).spawn().unwrap_err();
        let root = t.tracer().root("root");
        for error in [
            Command::new(program).traced(&root).spawn().unwrap_err(),
            Command::new(program).traced(&root).output().unwrap_err(),
            Command::new(program).traced(&root).status().unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.raw_os_error()), (plain.kind(), plain.raw_os_error()));
            assert_eq!(error.to_string(), plain.to_string());
        }
        root.end();
        t.assert_complete();
        let spans = t.spans();
        assert!(spans.len() == 4 && spans[..3].iter().all(is_error), "{spans:#?}");
        assert_eq!(spans[0].status, Status::Error(plain.to_string()));
        assert!(spans[0].attribute("process.child.pid").is_none() && spans[0].attribute("process.waited").is_none());
        spans[0].clone()
    })
}

#[test]
fn a_failed_spawn_is_an_error_span_and_the_original_error() {
    let span = fails_to_start(Path::new("/nowhere/heirloom-missing"));
    assert_eq!((span.name.as_str(), text(&span, "error.type")), ("heirloom-missing", Some("not_found")));
}

#[test]
fn a_file_that_is_not_executable_is_permission_denied() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("not-executable-{}", std::process::id()));
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let span = fails_to_start(&file);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(text(&span, "error.type"), Some("permission_denied"));
}

#[test]
#[allow(unsafe_code)]
fn without_a_descriptor_left_the_error_is_the_original() {
    alone("without_a_descriptor_left_the_error_is_the_original", &NONE, || {
        testing::run(|t| {
            // SAFETY: the pointer is to a live rlimit.
            let rc = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &libc::rlimit { rlim_cur: 3, rlim_max: 1024 }) };
            assert_eq!(rc, 0);
            let error = Command::new("true").traced(t.tracer().context()).output().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            let span = t.span("true");
            assert!(is_error(&span));
            assert_eq!(text(&span, "error.type"), Some("too_many_open_files"));
        });
    });
}

#[test]
#[allow(unsafe_code)]
fn where_children_are_reaped_by_the_kernel_waiting_is_as_without_a_span() {
    alone("where_children_are_reaped_by_the_kernel_waiting_is_as_without_a_span", &NONE, || {
        // SAFETY: ignoring a signal has no preconditions.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        let code = |error: io::Error| error.raw_os_error();
        let plain = Command::new("true").status().map_err(code);
        testing::run(|t| {
            let cx = t.tracer().context();
            assert_eq!(Command::new("true").traced(cx).status().map_err(code), plain);
            let output = Command::new("true").traced(cx).output().map(|output| output.status);
            assert_eq!(output.map_err(code), plain);
            t.assert_complete();
            let spans = t.spans();
            assert_eq!((spans.len(), text(&spans[0], "error.type")), (2, Some("no_child")));
        });
    });
}

#[test]
fn a_child_that_somebody_else_reaped_ends_its_span() {
    testing::run(|t| {
        let mut child = Command::new("true").traced(t.tracer().context()).spawn().unwrap();
        (*child).wait().unwrap(); // past us
        assert!(child.wait().unwrap().success(), "std remembers");
        assert_eq!(integer(&t.span("true"), "process.exit.code"), Some(0));
    });
}

#[test]
fn a_child_that_is_not_waited_for_ends_its_span_and_lives_on() {
    testing::run(|t| {
        let child = Command::new("sleep").arg("60").traced(t.tracer().context()).spawn().unwrap();
        let mut plain = child.into_inner();
        let span = t.span("sleep");
        assert_eq!(span.attribute("process.waited"), Some(&Value::Bool(false)));
        assert_eq!((&span.status, span.attribute("process.exit.code")), (&Status::Unset, None));
        assert!(plain.try_wait().unwrap().is_none(), "it was not killed");
        plain.kill().unwrap();
        plain.wait().unwrap();

        let child = Command::new("true").traced(t.tracer().context()).spawn().unwrap();
        let pid = child.id();
        drop(child);
        assert_eq!(t.span("true").attribute("process.waited"), Some(&Value::Bool(false)));
        // Not reaped: its process id is still taken, by the child or what is left of it.
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        t.assert_complete();
    });
}

#[test]
fn try_wait_ends_the_span_when_the_child_has_ended() {
    testing::run(|t| {
        let mut child = shell("read line; exit 3").stdin(Stdio::piped()).traced(t.tracer().context()).spawn().unwrap();
        assert!(child.try_wait().unwrap().is_none() && child.span().is_some());
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline),
            }
        };
        assert_eq!((status.code(), child.span().is_none()), (Some(3), true));
        let span = t.span("sh");
        assert_eq!(integer(&span, "process.exit.code"), Some(3));
        assert!(cpu(&span) > 0.0);
    });
}

#[test]
fn wait_closes_standard_input_first() {
    testing::run(|t| {
        let mut child = Command::new("cat").stdin(Stdio::piped()).traced(t.tracer().context()).spawn().unwrap();
        assert!(child.wait().unwrap().success());
        let cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).traced(t.tracer().context()).spawn();
        assert!(cat.unwrap().wait_with_output().unwrap().stdout.is_empty());
    });
}

#[test]
fn a_killed_child_says_so() {
    testing::run(|t| {
        let mut child = Command::new("sleep").arg("60").traced(t.tracer().context()).spawn().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(text(&t.span("sleep"), "process.exit.signal"), Some("SIGKILL"));
    });
}

#[test]
fn large_outputs_on_both_streams_are_no_deadlock() {
    let mb = "head -c 3000000 /dev/zero";
    for script in [format!("{mb}; {mb} >&2"), format!("{mb} >&2; {mb}"), format!("{mb} & {mb} >&2; wait")] {
        testing::run(|t| {
            let output = shell(&script).traced(t.tracer().context()).output().unwrap();
            assert_eq!((output.stdout.len(), output.stderr.len()), (3_000_000, 3_000_000));
            assert_eq!(integer(&t.span("sh"), "process.exit.code"), Some(0));
        });
    }
}

#[test]
fn output_sets_the_streams_that_std_sets_and_no_others() {
    testing::run(|t| {
        let cx = t.tracer().context();
        let empty = Command::new("cat").traced(cx).output().unwrap();
        assert!(empty.status.success() && empty.stdout.is_empty(), "standard input is not inherited");
        let given = Stdio::from(std::fs::File::open("/proc/self/status").unwrap());
        let read = Command::new("cat").stdin(given).traced(cx).output().unwrap();
        assert!(read.stdout.starts_with(b"Name:"));
        let silent = shell("echo out; echo err >&2").stdout(Stdio::null()).traced(cx).output().unwrap();
        assert_eq!((silent.stdout, silent.stderr), (Vec::new(), b"err\n".to_vec()));
        let mut twice = shell("echo out");
        for _ in 0..2 {
            assert_eq!(twice.traced(cx).output().unwrap().stdout, b"out\n");
        }
    });
}

#[test]
fn arguments_and_environment_are_never_recorded_unless_asked_for() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        let mut command = Command::new("true");
        command.arg("--password=hunter2").env("TOKEN", "hunter2").current_dir("/");
        command.traced(&root).output().unwrap();
        command.traced(&root).status().unwrap();
        drop(command.traced(&root).spawn().unwrap());
        Command::new("./missing").args(["hunter2"]).traced(&root).status().unwrap_err();
        root.end();
        assert_eq!(t.spans().len(), 5);
        assert!(!format!("{:?}", t.spans()).contains("hunter2"));
    });
    testing::run(|t| {
        Command::new("/bin/true").args(["-a", "b c"]).traced(t.tracer().context()).with_args().status().unwrap();
        let args = Value::Strs(vec!["/bin/true".into(), "-a".into(), "b c".into()]);
        assert_eq!(t.span("true").attribute("process.command_args"), Some(&args));
    });
}

#[test]
fn a_name_that_is_not_utf_8_is_no_panic() {
    use std::os::unix::ffi::OsStrExt;
    testing::run(|t| {
        let name = std::ffi::OsStr::from_bytes(b"/nowhere/caf\xe9");
        Command::new(name).arg(name).traced(t.tracer().context()).with_args().status().unwrap_err();
        assert_eq!(t.span("caf\u{fffd}").attributes.len(), 3);
        for strange in ["", "/", ".."] {
            Command::new(strange).traced(t.tracer().context()).status().unwrap_err();
        }
        t.assert_complete();
    });
}

/// What getrusage says of all children that were waited for, in seconds.
#[allow(unsafe_code)]
fn children_cpu() -> f64 {
    // SAFETY: plain data, for which zeros are a value.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live rusage.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut used) }, 0);
    [used.ru_utime, used.ru_stime].iter().map(|time| time.tv_sec as f64 + time.tv_usec as f64 / 1e6).sum()
}

#[test]
fn cpu_time_is_what_the_kernel_says() {
    alone("cpu_time_is_what_the_kernel_says", &NONE, || {
        testing::run(|t| {
            burn(300_000).traced(t.tracer().context()).status().unwrap();
            let span = t.span("sh");
            let all = children_cpu();
            assert!(seconds(&span, "process.cpu.time.user") > 0.02, "{span:#?}");
            assert!((cpu(&span) - all).abs() < 0.001, "{} of {all}", cpu(&span));
        });
    });
}

#[test]
fn two_hundred_children_at_once_have_each_their_own_cpu_time() {
    alone("two_hundred_children_at_once_have_each_their_own_cpu_time", &NONE, || {
        testing::run(|t| {
            let root = t.tracer().root("root");
            let start = |n: u32| {
                let child = burn(if n % 2 == 0 { 40_000 } else { 1 }).traced(&root).spawn().unwrap();
                child.span().unwrap().set("heavy", n % 2 == 0);
                child
            };
            let mut children: Vec<_> = (0..200).map(start).collect();
            // Each half from another end, on two threads.
            let (first, second) = children.split_at_mut(100);
            std::thread::scope(|s| {
                s.spawn(|| first.iter_mut().rev().for_each(|child| assert!(child.wait().unwrap().success())));
                second.iter_mut().for_each(|child| assert!(child.wait().unwrap().success()));
            });
            root.end();
            let all = children_cpu();
            let spans = t.spans();
            let times = |heavy: bool| {
                let of = spans.iter().filter(move |span| span.attribute("heavy") == Some(&Value::Bool(heavy)));
                let mut times: Vec<f64> = of.map(cpu).collect();
                times.sort_by(f64::total_cmp);
                times
            };
            let (light, heavy) = (times(false), times(true));
            assert_eq!((light.len(), heavy.len()), (100, 100));
            assert!(light[50] * 2.0 < heavy[0], "{light:?}\n{heavy:?}");
            let sum: f64 = light.iter().chain(&heavy).sum();
            assert!((sum - all).abs() < 0.01 * all, "{sum} of {all}");
            t.assert_complete();
        });
    });
}

const HOG_BYTES: usize = 200 << 20;

#[test]
fn peak_memory_is_the_childs() {
    let name = "peak_memory_is_the_childs";
    match case().as_deref() {
        None => drop(succeeded(&again(name, "parent").output().unwrap())),
        Some("hog") => assert!(std::hint::black_box(vec![1_u8; HOG_BYTES]).iter().all(|byte| *byte == 1)),
        Some(_) => testing::run(|t| {
            succeeded(&again(name, "hog").traced(t.tracer().context()).output().unwrap());
            let spans = t.spans();
            let peak = integer(&spans[0], "process.memory.peak").unwrap() as usize;
            assert!((HOG_BYTES..2 * HOG_BYTES).contains(&peak), "{peak}");
        }),
    }
}

#[test]
fn what_this_process_had_is_not_told_as_the_childs_peak() {
    alone("what_this_process_had_is_not_told_as_the_childs_peak", &NONE, || {
        let ours = std::hint::black_box(vec![1_u8; HOG_BYTES]);
        testing::run(|t| {
            Command::new("true").traced(t.tracer().context()).status().unwrap();
            assert_eq!(t.span("true").attribute("process.memory.peak"), None);
        });
        drop(ours);
    });
}

#[test]
fn children_of_many_recording_threads_all_have_their_spans() {
    testing::run(|t| {
        let root = t.tracer().root("root");
        std::thread::scope(|s| {
            for thread in 0..8 {
                let root = &root;
                s.spawn(move || {
                    for n in 0..20 {
                        root.in_span("step", |step| {
                            let code = (thread + n) % 3;
                            let status = shell(&format!("exit {code}")).traced(step).status().unwrap();
                            assert_eq!(status.code(), Some(code));
                        });
                    }
                });
            }
        });
        root.end();
        let spans = t.spans();
        let (steps, children): (Vec<_>, Vec<_>) =
            spans.iter().filter(|s| s.name != "root").partition(|s| s.name == "step");
        assert_eq!((steps.len(), children.len()), (160, 160));
        assert!(children.iter().all(|child| steps.iter().any(|step| Some(step.span_id) == child.parent_span_id)));
        t.assert_complete();
    });
}

#[test]
fn streams_can_be_taken_as_from_the_plain_child() {
    testing::run(|t| {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .traced(t.tracer().context())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"through").unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), child.wait().unwrap().success()), ("through", true));
    });
}

/// Extracts its parent as OpenTelemetry's SDK does it, from the environment, and starts a span.
const OTEL_CHILD: &str = r#"
import json, os
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
carrier = {name.lower(): value for name, value in os.environ.items()}
context = TraceContextTextMapPropagator().extract(carrier)
span = TracerProvider().get_tracer("child").start_span("work", context=context)
print(json.dumps({
    "trace": format(span.get_span_context().trace_id, "032x"),
    "parent": format(span.parent.span_id, "016x") if span.parent else None,
    "recording": span.is_recording(),
}))
"#;

/// A Python with the SDK, in an environment that is kept in the target folder; or why there is none.
fn python() -> Result<PathBuf, String> {
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end())),
        Err(error) => Err(format!("{command:?}: {error}")),
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-opentelemetry");
    let python = folder.join("bin/python");
    let has_sdk = |python: &Path| run(Command::new(python).args(["-c", "import opentelemetry.sdk.trace"]));
    if has_sdk(&python).is_err() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "opentelemetry-sdk"]))?;
        has_sdk(&python)?;
    }
    Ok(python)
}

#[test]
fn a_python_child_with_opentelemetrys_sdk_is_in_the_trace() {
    let python = match python() {
        Ok(python) => python,
        Err(why) => return println!("skipped: no Python with opentelemetry-sdk here: {why}"),
    };
    testing::run(|t| {
        let root = t.tracer().root("root");
        let output = Command::new(python).args(["-c", OTEL_CHILD]).traced(&root).output().unwrap();
        root.end();
        assert!(output.status.success(), "{output:?}");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let command = t.span("python");
        assert_eq!(said["trace"], command.trace_id.to_string());
        assert_eq!(said["parent"], command.span_id.to_string());
        assert_eq!(said["recording"], true);
        assert_eq!(command.parent_span_id, Some(t.span("root").span_id));
    });
}
