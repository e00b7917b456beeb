//! The trace file has one writer, its owner alone can read it, and a path that can't be written costs no program its run.
#![cfg(all(feature = "record", unix))]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::export::{Chrome, Memory};
use heirloom_core::{builder, in_root, init, root, Builder, InitError, Settings, Tracer};
use serde_json::Value;
use std::ffi::CString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use support::process;

const VARIABLE: &str = "HEIRLOOM_TRACE_FILE";

/// A folder for one test, which is removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heirloom-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in the folder, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The names of the slices in a complete trace file.
fn slices(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let events: Vec<Value> =
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path:?} is broken: {e} in {text}"));
    events.iter().filter(|e| e["ph"] == "X").map(|e| e["name"].as_str().unwrap().to_owned()).collect()
}

fn plain() -> Builder {
    builder("files").settings(Settings::default())
}

/// A process that runs a case of a test, started by the program of these words. Its `init` has returned.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Waits until the case has written the line "ready".
    fn start(test: &str, case: &str, file: &Path) -> Self {
        let mut command = process::command(test, case, &[(VARIABLE, file.to_str().unwrap())]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut running = Self { out: BufReader::new(child.stdout.take().unwrap()), child };
        while !running.line().contains("ready") {}
        running
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.out.read_line(&mut line).unwrap() > 0, "the process has ended");
        line
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets the case go on, and returns what it wrote to standard error.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

/// In the child of [`Running`]: says that it is ready, and waits until the parent lets it go on.
fn ready_and_wait() {
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
}

fn record(case: &str) {
    for n in 0..500 {
        root(&*format!("{case} {n}").leak()).end();
    }
}

fn assert_holds(path: &Path, case: &str) {
    let found = slices(path);
    assert_eq!(found.len(), 500, "{path:?}");
    assert!(found.iter().all(|name| name.starts_with(case)), "{path:?} has spans that aren't of {case:?}");
}

#[test]
fn two_processes_with_one_trace_file_write_two_whole_files() {
    let test = "two_processes_with_one_trace_file_write_two_whole_files";
    if let Some(case) = process::case() {
        let guard = init("files").unwrap();
        record(&case);
        ready_and_wait();
        assert!(guard.finish().is_complete());
        return;
    }
    let folder = Folder::new("two-processes");
    let file = folder.file("trace.json");
    let first = Running::start(test, "first", &file);
    let second = Running::start(test, "second", &file);
    let others = folder.file(&format!("trace-{}-1.json", second.id()));
    let said = second.end();
    assert_eq!(said.matches("is being written by another").count(), 1, "{said}");
    assert!(said.contains(others.to_str().unwrap()), "{said}");
    assert_eq!(first.end(), "");
    assert_holds(&file, "first");
    assert_holds(&others, "second");
    assert_eq!(folder.names().len(), 2);
}

#[test]
fn two_tracers_of_a_process_with_one_trace_file_write_two_whole_files() {
    let folder = Folder::new("two-tracers");
    let file = folder.file("trace.json");
    let guards: Vec<_> = (0..3).map(|_| plain().trace_file(&file).start().unwrap()).collect();
    let names = ["a", "b", "c"];
    for (guard, name) in guards.iter().zip(names) {
        guard.tracer().root(name).end();
    }
    let own = Chrome::create(&file).unwrap();
    let id = std::process::id();
    assert_eq!(own.path().unwrap(), folder.file(&format!("trace-{id}-3.json")));
    drop(own);
    guards.into_iter().for_each(|guard| assert!(guard.finish().is_complete()));
    let files = ["trace.json".to_owned(), format!("trace-{id}-1.json"), format!("trace-{id}-2.json")];
    for (file, name) in files.iter().zip(names) {
        assert_eq!(slices(&folder.file(file)), [name]);
    }
}

#[test]
fn a_plain_child_that_inherits_the_variable_leaves_its_parents_file_whole() {
    let test = "a_plain_child_that_inherits_the_variable_leaves_its_parents_file_whole";
    match process::case().as_deref() {
        Some("parent") => {
            let guard = init("files").unwrap();
            record("parent");
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args([test, "--exact", "--nocapture"]).env("HEIRLOOM_TEST_CASE", "child");
            assert!(child.stdout(Stdio::null()).status().unwrap().success());
            assert!(guard.finish().is_complete());
        }
        Some(case) => {
            let guard = init("files").unwrap();
            record(case);
            assert!(guard.finish().is_complete());
        }
        None => {
            let folder = Folder::new("plain-child");
            let file = folder.file("trace.json");
            let said = process::run_well(test, "parent", &[(VARIABLE, file.to_str().unwrap())]);
            assert_eq!(said.matches("is being written by another").count(), 1, "{said}");
            assert_holds(&file, "parent");
            let names = folder.names();
            assert_eq!(names.len(), 2, "{names:?}");
            assert_holds(&folder.file(&names[0]), "child");
        }
    }
}

#[test]
fn a_finished_file_is_replaced_also_while_a_forked_child_lives() {
    let folder = Folder::new("replaced");
    let file = folder.file("trace.json");
    for name in ["a long name of a span, so that the second file is shorter", "b"] {
        let guard = plain().trace_file(&file).start().unwrap();
        guard.tracer().root(name).end();
        assert!(guard.finish().is_complete());
        assert_eq!((slices(&file), folder.names().len()), (vec![name.to_owned()], 1));
    }
    // A copy of the descriptor keeps the lock, unless it is ended explicitly.
    let chrome = Chrome::create(&file).unwrap();
    let copies: Vec<_> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter(|entry| fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == file))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
        .collect();
    assert_eq!(copies.len(), 1);
    // SAFETY: the descriptor is open, and the copy is closed below.
    #[allow(unsafe_code)]
    let copy = unsafe { libc::dup(copies[0]) };
    drop(chrome);
    assert_eq!(Chrome::create(&file).unwrap().path(), Some(&*file));
    // SAFETY: the copy was made above, and nothing else has it.
    #[allow(unsafe_code)]
    unsafe {
        libc::close(copy)
    };
}

#[test]
fn only_the_owner_can_read_the_file() {
    let folder = Folder::new("rights");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let (new, old) = (folder.file("new.json"), folder.file("old.json"));
    fs::write(&old, "an old trace").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o666)).unwrap();
    let writers = [Chrome::create(&new).unwrap(), Chrome::create(&old).unwrap(), Chrome::create(&old).unwrap()];
    for writer in &writers {
        let path = writer.path().unwrap();
        assert_eq!(mode(path), 0o600, "{path:?}");
        assert!(!fs::read_to_string(path).unwrap().contains("an old trace"));
    }
}

/// Paths that nobody can write, root neither, with what the error says.
fn unwritable(folder: &Folder) -> Vec<(PathBuf, &'static str)> {
    let target = folder.file("target.json");
    fs::write(&target, "precious").unwrap();
    let [link, dangling, fifo, hard] = ["link.json", "dangling.json", "fifo.json", "hard.json"].map(|n| folder.file(n));
    symlink(&target, &link).unwrap();
    symlink(folder.file("nothing"), &dangling).unwrap();
    fs::write(folder.file("other"), "precious").unwrap();
    fs::hard_link(folder.file("other"), &hard).unwrap();
    let name = CString::new(fifo.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name is a string of C.
    #[allow(unsafe_code)]
    let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
    assert_eq!(made, 0);
    vec![
        (folder.file("no folder/trace.json"), "No such file"),
        (target.join("trace.json"), "Not a directory"),
        (folder.0.clone(), "not a regular file"),
        (link, "symbolic link"),
        (dangling, "symbolic link"),
        (fifo, "not a regular file"),
        (hard, "hard links"),
        ("/dev/full".into(), "not a regular file"),
        ("/dev/null".into(), "not a regular file"),
        (folder.file(&"n".repeat(300)), "too long"),
    ]
}

#[test]
fn a_path_that_cannot_be_written_is_reported_and_counted_and_the_program_runs_on() {
    let test = "a_path_that_cannot_be_written_is_reported_and_counted_and_the_program_runs_on";
    if process::case().is_some() {
        let memory = Memory::new();
        let guard = builder("files").exporter(memory.clone()).init().unwrap();
        in_root("work", |work| work.span("part").end());
        let report = guard.finish();
        let exporter = |name| report.ledger().exporters.iter().find(|e| e.name == name).cloned().unwrap();
        assert_eq!((exporter("trace file").exported, exporter("trace file").dropped.failed), (0, 2), "{report}");
        assert_eq!((memory.len(), exporter("memory").exported), (2, 2), "{report}");
        assert!(!report.is_complete());
        return;
    }
    let folder = Folder::new("unwritable");
    let before = folder.names();
    let mut cases = unwritable(&folder);
    // Formats of an extension that isn't there.
    cases.extend(
        ["trace.otlp", "trace.JSONL"].map(|name| (folder.file(name), "needs the feature \"otlp\" or \"report\"")),
    );
    let made = folder.names();
    for (path, why) in &cases {
        let said = process::run_well(test, "run", &[(VARIABLE, path.to_str().unwrap())]);
        let line = said.lines().find(|line| line.contains("counted as dropped")).unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains(why) && line.contains(path.to_str().unwrap()), "{line}");
    }
    assert_eq!(folder.names(), made, "nothing was made or removed");
    assert!(before.is_empty());
    for file in ["target.json", "other", "hard.json"] {
        assert_eq!(fs::read_to_string(folder.file(file)).unwrap(), "precious");
    }
}

#[test]
fn in_strict_mode_and_for_its_creator_a_path_that_cannot_be_written_is_an_error() {
    let folder = Folder::new("strict");
    for (path, why) in unwritable(&folder) {
        let error = Chrome::create(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(path.to_str().unwrap()), "{error}");
        let mut strict = Settings::default();
        strict.strict = true;
        let error = builder("files").settings(strict).trace_file(&path).start().unwrap_err();
        assert!(matches!(&error, InitError::TraceFile(named, _) if *named == path), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_fifo_with_a_reader_is_not_written() {
    let folder = Folder::new("fifo");
    let (fifo, _) = unwritable(&folder).swap_remove(5);
    let mut reader = Command::new("cat").arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    // Opening it for writing returns once the reader has opened it too.
    let mut writer = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    assert!(Chrome::create(&fifo).unwrap_err().to_string().contains("not a regular file"));
    writer.write_all(b"ours").unwrap();
    drop(writer);
    let mut read = String::new();
    reader.stdout.take().unwrap().read_to_string(&mut read).unwrap();
    reader.wait().unwrap();
    assert_eq!(read, "ours");
}

/// Runs a case of a test without root's rights; `None`, with a line that says why, where that isn't possible.
fn without_rights(test: &str, variables: &[(&str, &str)]) -> Option<Output> {
    let inner = process::command(test, "run", variables);
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        println!("{test}: run by a user without root's rights, as it is");
        return Some(process::command(test, "run", variables).output().unwrap());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    match command.output() {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("setpriv:") => Some(output),
        other => {
            println!("skipped: {test} needs `setpriv` to give up root's rights: {other:?}");
            None
        }
    }
}

#[test]
fn a_folder_that_is_read_only_and_a_file_of_another_user_cost_no_program_its_run() {
    let test = "a_folder_that_is_read_only_and_a_file_of_another_user_cost_no_program_its_run";
    if process::case().is_some() {
        let guard = init("files").unwrap();
        in_root("work", |_| ());
        let report = guard.finish();
        assert_eq!(report.ledger().exporters[0].dropped.failed, 1, "{report}");
        return;
    }
    let folder = Folder::new("read-only");
    let theirs = folder.file("theirs.json");
    fs::write(&theirs, "precious").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o555)).unwrap();
    let are_root = fs::metadata(&theirs).unwrap().uid() == 0;
    let cases = [(folder.file("trace.json"), "Permission denied"), (theirs, "another user")];
    for (path, why) in cases.iter().take(if are_root { 2 } else { 1 }) {
        let Some(output) = without_rights(test, &[(VARIABLE, path.to_str().unwrap())]) else { continue };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(why), "{path:?}: {said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
    if are_root {
        assert_eq!(fs::read_to_string(&cases[1].0).unwrap(), "precious");
    }
}

#[test]
fn a_disk_that_fills_up_later_costs_spans_which_are_counted() {
    let test = "a_disk_that_fills_up_later_costs_spans_which_are_counted";
    if process::case().is_some() {
        let guard = init("files").unwrap();
        record("full");
        let report = guard.finish();
        let chrome = &report.ledger().exporters[0];
        assert_eq!(chrome.exported + chrome.dropped.failed, 500, "{report}");
        assert!(chrome.dropped.failed > 0 && chrome.exported > 0, "{report}");
        assert!(Tracer::global().is_none());
        return;
    }
    let folder = Folder::new("full");
    let file = folder.file("trace.json");
    let inner = process::command(test, "run", &[(VARIABLE, file.to_str().unwrap())]);
    // The largest size of a file, in blocks of 512 or 1,024 bytes. A write beyond it fails as on a full disk.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f 32; exec "$0" "$@""#]).arg(inner.get_program()).args(inner.get_args());
    shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("can't write the trace file"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
