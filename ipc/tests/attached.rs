//! Children that are attached to their parent's tracer: real processes, with what they do to their region by mistake or on purpose.
#![cfg(all(target_os = "linux", feature = "record"))]
#![allow(clippy::unwrap_used, unsafe_code)]

mod support;

use heirloom_core::export::SpanData;
use heirloom_core::testing::{self, Testing};
use heirloom_core::{in_root, Context, Span, Status};
use heirloom_ipc::prelude::*;
use heirloom_ipc::shm::attach_to_parent;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use support::{again, alone, case, text};

const VARIABLE: &str = "HEIRLOOM_REGION";
const LONG: Duration = Duration::from_secs(20);

/// The test that a child of these tests runs: what it does is its case.
#[test]
fn child() {
    let Some(case) = case() else { return };
    attach_to_parent();
    let guard = heirloom_core::init("child").unwrap();
    let cx = Context::from_env().unwrap();
    match case.as_str() {
        "works" => cx.in_span("work", |work| work.in_span("step", |step| _ = step.set("n", 1))),
        "threads" => threads(cx),
        "dies" => dies(&guard, cx),
        "exits" => {
            cx.in_span("done", |_| ());
            std::mem::forget(cx.span("open"));
            std::process::exit(3)
        }
        "flushes" => {
            cx.in_span("work", |_| ());
            guard.tracer().flush(LONG).unwrap();
            println!("flushed, {}", guard.tracer().ledger());
        }
        "grandchild" => {
            cx.in_span("work", |work| {
                let mut command = again("child", "works");
                let output = command.env(VARIABLE, std::env::var(VARIABLE).unwrap()).traced(work).attached().output();
                println!("{}", String::from_utf8_lossy(&output.unwrap().stderr));
            });
            return drop(guard);
        }
        "forks" => forks(cx),
        "truncates" | "punches" | "scribbles" | "mutates" => spoils(&case, cx),
        "own" => {
            cx.in_span("work", |_| ());
            let report = guard.finish();
            return println!("own: {}", report.ledger().exporters.iter().any(|e| e.name == "parent"));
        }
        other => panic!("no case {other}"),
    }
    println!("{}", guard.finish());
}

fn threads(cx: Context) {
    cx.in_span("work", |work| {
        let cx = work.context();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let name = format!("helper-{n}");
                let thread = std::thread::Builder::new().name(name);
                thread.spawn_scoped(scope, move || (0..1000).for_each(|_| cx.in_span("step", |_| ()))).unwrap();
            }
        });
    });
}

/// Is killed with a finished span, with two that are open, and with one that a thread left to this one.
fn dies(guard: &heirloom_core::Guard, cx: Context) {
    let work = cx.span("work");
    work.in_span("done", |_| ());
    let _moved = std::thread::scope(|scope| scope.spawn(|| work.span("moved")).join().unwrap());
    let _step = work.span("step");
    guard.tracer().flush(LONG).unwrap();
    // SAFETY: ends this process.
    unsafe { libc::raise(libc::SIGKILL) };
}

fn forks(cx: Context) {
    cx.in_span("work", |work| {
        // SAFETY: the child records, which does nothing there, and exits.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            work.in_span("in the fork", |_| ());
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: its own child.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
        work.in_span("after the fork", |_| ());
    });
}

/// Does to the region what no child of good will does.
fn spoils(how: &str, cx: Context) {
    cx.in_span("before", |_| ());
    heirloom_core::Tracer::of(cx).unwrap().flush(LONG).unwrap();
    let place = std::env::var(VARIABLE).unwrap();
    let fields: Vec<i64> = place.split(':').take(4).map(|field| field.parse().unwrap()).collect();
    let (fd, bytes) = (fields[1] as i32, fields[3] as usize);
    // SAFETY: a mapping of the memory file; the call fails if it isn't one.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_WRITE, libc::MAP_SHARED, fd, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    let write = |word: usize, value: u64| {
        // SAFETY: inside the mapping.
        let at = unsafe { at.cast::<u64>().add(word) };
        // SAFETY: as above. Volatile: the other process reads it.
        unsafe { at.write_volatile(value) }
    };
    // Where the first shard is: `docs/shm-format.md`.
    let shard = 1_126_400 / 8;
    match how {
        "truncates" => {
            // SAFETY: no memory is touched.
            assert_eq!(unsafe { libc::ftruncate(fd, 0) }, -1, "the memory can be truncated");
            cx.in_span("after", |_| ());
        }
        "punches" => {
            let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: the pages read as zeros from then on.
            assert_eq!(unsafe { libc::fallocate(fd, mode, 0, bytes as i64) }, 0);
            cx.in_span("after", |_| ());
        }
        "scribbles" => (0..shard + 70_000).for_each(|word| write(word, 0x5555_5555_5555_5555 ^ word as u64)),
        _ => {
            let start = Instant::now();
            let mut n = 0_u64;
            while start.elapsed() < Duration::from_millis(300) {
                n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                write(shard + (n >> 33) as usize % 200, if n & 1 << 32 == 0 { n >> 48 } else { n });
            }
        }
    }
}

fn attached(case: &str, parent: &Span) -> ExitStatus {
    let output = again("child", case).traced(parent).attached().output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.signal().is_some() || text.contains("running 1 test"), "{text}");
    if !output.status.success() {
        println!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status
}

fn names(t: &Testing) -> Vec<String> {
    let own = std::process::id();
    let mut names: Vec<_> =
        t.spans().into_iter().filter(|span| span.lane.process_id != own).map(|span| span.name).collect();
    names.sort_unstable();
    names
}

fn find(t: &Testing, name: &str) -> SpanData {
    t.spans().into_iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}

/// The name of the span of a command that runs this test again.
fn command_name() -> String {
    std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_joined_child_is_one_tree_with_its_parent() {
    testing::run(|t| {
        in_root("main", |root| assert!(attached("works", root).success()));
        t.assert_tree(&format!("main\n  {}\n    work\n      step", command_name()));
        let (main, work) = (find(t, "main"), find(t, "work"));
        assert_ne!(work.lane.process_id, main.lane.process_id);
        assert!(work.start_ns >= main.start_ns && work.end_ns <= main.end_ns);
        assert_eq!(find(t, "step").attribute("n").and_then(|n| n.as_i64()), Some(1));
        t.assert_complete();
    });
}

#[test]
fn each_thread_of_a_child_is_a_lane() {
    testing::run(|t| {
        in_root("main", |root| assert!(attached("threads", root).success()));
        let steps: Vec<_> = t.spans().into_iter().filter(|span| span.name == "step").collect();
        assert_eq!(steps.len(), 4000);
        let lanes: std::collections::BTreeSet<_> = steps.iter().map(|s| s.lane.thread_name.to_string()).collect();
        assert_eq!(lanes.into_iter().collect::<Vec<_>>(), ["helper-0", "helper-1", "helper-2", "helper-3"]);
        t.assert_complete();
    });
}

#[test]
fn a_child_that_is_killed_keeps_what_it_had_finished() {
    testing::run(|t| {
        in_root("main", |root| assert_eq!(attached("dies", root).signal(), Some(libc::SIGKILL)));
        assert_eq!(names(t), ["done", "moved", "step", "work"]);
        assert!(!find(t, "done").aborted);
        for (open, nested) in [("work", true), ("step", true), ("moved", false)] {
            let span = find(t, open);
            assert!(span.aborted, "{open}");
            assert_eq!(span.nested, nested, "{open}: was the thread in it when it was killed?");
            assert_eq!(text(&span, "process.exit.signal"), Some("SIGKILL"));
            assert!(matches!(&span.status, Status::Error(why) if why.contains("SIGKILL")), "{:?}", span.status);
        }
        t.assert_balanced();
        assert_eq!(t.tracer().ledger().aborted, 3);
    });
}

#[test]
fn a_child_that_exits_in_the_middle_says_its_code() {
    testing::run(|t| {
        in_root("main", |root| assert_eq!(attached("exits", root).code(), Some(3)));
        assert_eq!(names(t), ["done", "open"]);
        let open = find(t, "open");
        assert!(open.aborted);
        assert_eq!(open.attribute("process.exit.code").and_then(|code| code.as_i64()), Some(3));
        t.assert_balanced();
    });
}

#[test]
fn a_flush_in_a_child_waits_for_its_parents_collector() {
    testing::run(|t| {
        in_root("main", |root| assert!(attached("flushes", root).success()));
        assert_eq!(names(t), ["work"]);
    });
}

#[test]
fn a_grandchild_is_not_taken_for_the_child() {
    testing::run(|t| {
        in_root("main", |root| assert!(attached("grandchild", root).success()));
        // The grandchild had nowhere to export to. The child's span of the command says why it is not attached.
        assert_eq!(names(t), [command_name(), "work".to_owned()]);
        let pid = find(t, "work").lane.process_id;
        let span = t.spans().into_iter().find(|s| s.name == command_name() && s.lane.process_id == pid).unwrap();
        assert_eq!(span.events[0].0, "heirloom.not_attached");
        t.assert_complete();
    });
}

/// `sh` doesn't attach; what it starts inherits the variable and the memory.
#[test]
fn what_a_wrapper_starts_is_not_taken_for_the_wrapper() {
    testing::run(|t| {
        in_root("main", |root| {
            let own = again("child", "own");
            let mut shell = support::shell("\"$0\" \"$@\"; exit $?");
            shell.arg(own.get_program()).args(own.get_args()).envs(own.get_envs().filter_map(|(k, v)| Some((k, v?))));
            let output = shell.traced(root).attached().output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("own: false"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
        });
        assert_eq!(names(t), [""; 0]);
        t.assert_complete();
    });
}

#[test]
fn a_command_whose_start_failed_is_as_good_as_before() {
    testing::run(|t| {
        in_root("main", |root| {
            let folder = std::env::temp_dir().join(format!("heirloom-late-{}", std::process::id()));
            let mut command = Command::new(&folder);
            command.traced(root).attached().status().unwrap_err();
            std::fs::write(&folder, "#!/bin/sh\nexit 0\n").unwrap();
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&folder, executable).unwrap();
            let status = command.status();
            std::fs::remove_file(&folder).unwrap();
            assert!(status.unwrap().success());
        });
        t.assert_balanced();
    });
}

#[test]
fn a_joined_child_does_not_write_over_its_parents_trace_file() {
    let mut command = Command::new("true");
    in_root("main", |_| ());
    testing::run(|t| {
        in_root("main", |root| {
            drop(heirloom_ipc::shm::Attaching::prepare(&mut command, root).unwrap());
            let removed = |command: &Command| command.get_envs().any(|v| v == ("HEIRLOOM_TRACE_FILE".as_ref(), None));
            assert!(removed(&command));
            let mut own = Command::new("true");
            own.env("HEIRLOOM_TRACE_FILE", "child.json");
            drop(heirloom_ipc::shm::Attaching::prepare(&mut own, root).unwrap());
            assert!(!removed(&own), "what the command sets stays");
        });
        t.assert_complete();
    });
}

#[test]
fn a_fork_without_exec_inside_a_childs_span_is_inert() {
    testing::run(|t| {
        in_root("main", |root| assert!(attached("forks", root).success()));
        assert_eq!(names(t), ["after the fork", "work"]);
        t.assert_complete();
    });
}

/// Runs a child that spoils its region, and then a good one.
fn spoiled(how: &str) {
    testing::run(|t| {
        in_root("main", |root| {
            attached(how, root);
            root.in_span("own", |_| ());
            assert!(attached("works", root).success());
        });
        let names = names(t);
        assert!(names.contains(&"before".to_owned()), "{how}: {names:?}");
        assert!(names.contains(&"work".to_owned()), "{how}: {names:?}");
        find(t, "own");
        let ledger = t.tracer().ledger();
        assert!(ledger.is_balanced() && ledger.open == 0, "{how}: {ledger}");
    });
}

#[test]
fn a_child_that_truncates_its_region_cannot() {
    spoiled("truncates");
}

#[test]
fn a_child_that_punches_holes_into_its_region_harms_itself_alone() {
    spoiled("punches");
}

#[test]
fn a_child_that_scribbles_over_its_region_harms_itself_alone() {
    spoiled("scribbles");
}

#[test]
fn a_child_that_keeps_changing_its_region_harms_itself_alone() {
    spoiled("mutates");
}

#[test]
fn a_program_that_knows_nothing_of_heirloom_runs_as_always() {
    testing::run(|t| {
        in_root("main", |root| {
            let output = Command::new("echo").arg("hello").traced(root).attached().output().unwrap();
            assert_eq!(output.stdout, b"hello\n");
        });
        t.assert_tree("main\n  echo");
        t.assert_complete();
    });
}

#[test]
fn a_command_that_is_used_again_gives_each_child_a_region_of_its_own() {
    testing::run(|t| {
        in_root("main", |root| {
            let mut command = again("child", "works");
            command.stdout(Stdio::null());
            for _ in 0..3 {
                assert!(command.traced(root).attached().status().unwrap().success());
            }
        });
        assert_eq!(names(t).iter().filter(|name| *name == "work").count(), 3);
        t.assert_complete();
    });
}

#[test]
fn a_variable_that_makes_no_sense_or_is_stale_is_no_parent() {
    for value in ["nonsense", "1:3:4:5:6:7", "1:900:901:4096:1:1", "99:1", ""] {
        let mut command = again("child", "own");
        let output = command.env(VARIABLE, value).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && out.contains("own: false"), "{value}: {out}");
    }
}

#[test]
fn without_descriptors_a_child_runs_and_its_span_says_that_it_did_not_join() {
    alone("without_descriptors_a_child_runs_and_its_span_says_that_it_did_not_join", &[("X", "")], || {
        testing::run(|t| {
            in_root("main", |root| {
                // The watcher and what else is made once.
                assert!(attached("works", root).success());
                let files: Vec<_> =
                    std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).take(100_000).collect();
                let limit = libc::rlimit { rlim_cur: files.len() as u64 + 6, rlim_max: 1 << 20 };
                // SAFETY: the pointer is to a live rlimit.
                unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
                let more: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).take(100_000).collect();
                let mut command = Command::new("true");
                let attaching = heirloom_ipc::shm::Attaching::prepare(&mut command, root);
                assert!(attaching.is_err(), "{attaching:?}");
                let text = attaching.unwrap_err().to_string();
                assert!(
                    text.contains("descriptor") || text.contains("open files") || text.contains("memory file"),
                    "{text}"
                );
                drop((files, more));
                assert!(command.traced(root).attached().status().unwrap().success());
            });
            t.assert_balanced();
        });
    });
}

/// Sets a limit of this process.
fn limit(what: libc::__rlimit_resource_t, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is to a live rlimit.
    assert_eq!(unsafe { libc::setrlimit(what, &limit) }, 0);
}

/// Runs a command under a limit that leaves no room for a region: it runs all the same, and says why it is not attached.
fn without_room(what: libc::__rlimit_resource_t, bytes: impl Fn() -> u64, why: &str) {
    testing::run(|t| {
        in_root("main", |root| {
            assert!(attached("works", root).success());
            settled(t);
            limit(what, bytes());
            let mut command = Command::new("true");
            assert!(command.traced(root).attached().status().unwrap().success());
            limit(what, libc::RLIM_INFINITY);
            assert!(attached("works", root).success());
        });
        let event = &find(t, "true").events[0];
        assert_eq!(event.0, "heirloom.not_attached");
        let reason = event.2[0].1.as_str().unwrap().to_owned();
        assert!(reason.contains(why), "{reason}");
        assert_eq!(names(t).iter().filter(|name| *name == "work").count(), 2);
        t.assert_complete();
    });
}

/// The address space that this process has in use, in bytes.
fn used() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn without_memory_a_child_runs_and_its_span_says_that_it_did_not_join() {
    alone("without_memory_a_child_runs_and_its_span_says_that_it_did_not_join", &[("X", "")], || {
        // Less than the smallest rings need.
        without_room(libc::RLIMIT_AS, || used() + (12 << 20), "map the memory file");
    });
}

#[test]
fn with_little_address_space_a_child_has_smaller_rings_and_attaches() {
    alone("with_little_address_space_a_child_has_smaller_rings_and_attaches", &[("X", "")], || {
        testing::run(|t| {
            in_root("main", |root| {
                // The threads that this starts have their memory before the limit is set.
                assert!(attached("works", root).success());
                settled(t);
                limit(libc::RLIMIT_AS, used() + (100 << 20));
                assert!(attached("works", root).success());
                limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
            });
            assert_eq!(names(t).iter().filter(|name| *name == "work").count(), 2);
            t.assert_complete();
        });
    });
}

#[test]
fn a_region_takes_at_most_half_of_the_address_space_that_is_left() {
    alone("a_region_takes_at_most_half_of_the_address_space_that_is_left", &[("X", "")], || {
        testing::run(|t| {
            in_root("main", |root| {
                assert!(attached("works", root).success());
                settled(t);
                let mut regions = 0;
                for room in (8..600).step_by(8).map(|mib| mib << 20) {
                    limit(libc::RLIMIT_AS, used() + room);
                    let before = used();
                    let mut command = Command::new("true");
                    let attaching = heirloom_ipc::shm::Attaching::prepare(&mut command, root);
                    let taken = used() - before;
                    limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
                    assert!(taken <= room / 2 + (1 << 20), "{taken} of {room} bytes");
                    regions += usize::from(attaching.is_ok());
                    drop(attaching);
                    // The memory is given back once the collector has let go of the region.
                    settled(t);
                }
                assert!((10..75).contains(&regions), "{regions} of 74 had room");
            });
            t.assert_balanced();
        });
    });
}

/// Growing a file beyond this limit would raise a signal that kills the process.
#[test]
fn a_limit_on_files_is_an_error_and_no_signal() {
    alone("a_limit_on_files_is_an_error_and_no_signal", &[("X", "")], || {
        without_room(libc::RLIMIT_FSIZE, || 1 << 20, "make a memory file");
    });
}

/// How many descriptors and threads there are, once no region is mapped any more and the watcher has let go.
fn settled(t: &Testing) -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(what).unwrap().count();
    let maps = || std::fs::read_to_string("/proc/self/maps").unwrap().matches("heirloom-region").count();
    let start = Instant::now();
    let mut quiet = 0;
    while quiet < 5 {
        t.tracer().flush(LONG).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        quiet = if maps() == 0 { quiet + 1 } else { 0 };
        assert!(start.elapsed() < LONG, "regions are still mapped");
    }
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[test]
fn children_come_and_go_and_nothing_stays() {
    let cycles = std::env::var("HEIRLOOM_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    alone("children_come_and_go_and_nothing_stays", &[("HEIRLOOM_CYCLES", cycles.to_string())], || {
        testing::run(|t| {
            let cycle = |root: &Span| {
                let mut command = again("child", "works");
                assert!(command.stdout(Stdio::null()).traced(root).attached().status().unwrap().success())
            };
            in_root("main", |root| {
                (0..5).for_each(|_| cycle(root));
                let before = settled(t);
                (0..cycles).for_each(|_| cycle(root));
                assert_eq!(settled(t), before, "descriptors and threads after {cycles} cycles");
                let children = std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id()));
                assert_eq!(children.unwrap_or_default(), "", "zombies");
            });
            t.assert_complete();
        });
    });
}
