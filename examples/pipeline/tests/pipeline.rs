//! The pipeline as a user runs it: its output, its files, its exit status.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/support/ran.rs"]
mod ran;

use ran::Ran;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An empty folder for this test only.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("in")).unwrap();
    folder
}

/// The program, without settings from the environment.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.env_clear();
    command
}

/// The program rejected its arguments, and its message contains `why`.
fn assert_refused(ran: &Ran, why: &str) {
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.stderr.contains(why), "{why:?} is not in {ran}");
    assert_eq!(ran.stdout, "");
}

/// Runs the pipeline with just these arguments.
fn pipeline<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    command().args(args).output().unwrap().into()
}

/// Runs the pipeline over `in` in this folder; index and trace file go beside it.
fn index(folder: &Path, options: &[&str]) -> Ran {
    let mut command = pipeline_over(folder);
    command.args(options).output().unwrap().into()
}

fn pipeline_over(folder: &Path) -> Command {
    let mut command = command();
    command.arg(folder.join("in")).arg("--index-out").arg(folder.join("index.jsonl"));
    command.arg("--trace-out").arg(folder.join("trace.json"));
    command.arg("--report-out").arg(folder.join("report.html"));
    command
}

/// The events of the trace file that are spans.
fn spans_of(folder: &Path) -> Vec<Value> {
    let file = fs::read(folder.join("trace.json")).unwrap();
    let events: Vec<Value> = serde_json::from_slice(&file).expect("the trace file is JSON");
    events.into_iter().filter(|event| event["ph"] == "X" || event["ph"] == "b").collect()
}

fn span<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no span {name}"))
}

/// The span of the file with this path.
fn file<'a>(spans: &'a [Value], path: &str) -> &'a Value {
    let found = spans.iter().find(|span| span["args"]["attributes"]["path"] == path);
    found.unwrap_or_else(|| panic!("no file {path}"))
}

fn index_lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("index.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_tree_has_every_stage_and_every_file_with_its_steps() {
    let folder = folder("tree");
    fs::create_dir(folder.join("in/sub")).unwrap();
    fs::write(folder.join("in/a.txt"), "one two two").unwrap();
    fs::write(folder.join("in/sub/b.txt"), "two").unwrap();
    let ran = index(&folder, &["--threads", "2"]);
    ran.assert_lossless();
    for (level, name, times) in [
        (0, "index", 1),
        (1, "walk", 1),
        (1, "shapes", 1),
        (2, "shape", 2),
        (3, "measure", 2),
        (1, "scan", 1),
        (2, "file", 2),
        (3, "read", 4),
        (3, "hash", 2),
        (3, "tokenise", 2),
        (1, "merge", 1),
        (2, "merge shard", 2),
        (0, "write index", 1),
    ] {
        assert_eq!(ran.count(level, name), times, "{name:?} at level {level} of {ran}");
    }
    assert_eq!(ran.ledger("begun"), 23, "the spans above and one for sorting: {ran}");
    assert!(ran.stdout.contains("\nmerge-1 "), "the lane of a thread: {ran}");
}

#[test]
fn worker_processes_have_lanes_of_their_own_or_there_are_none() {
    let folder = folder("workers");
    (0..60).for_each(|i| fs::write(folder.join(format!("in/{i}")), "({[]})".repeat(1000)).unwrap());
    let lanes = |ran: &Ran| ran.stdout.lines().filter(|line| line.starts_with("main ")).count();
    let with = index(&folder, &["--workers", "3"]);
    with.assert_lossless();
    assert!(with.stdout.contains("brackets nest up to 3 deep, found by 3 worker processes"), "{with}");
    assert!((2..=4).contains(&lanes(&with)), "the main thread, and that of each worker that had a job: {with}");
    let without = index(&folder, &["--workers", "0"]);
    without.assert_lossless();
    assert!(!without.stdout.contains("shape") && lanes(&without) == 1, "{without}");
}

#[test]
fn a_large_fan_out_is_folded() {
    let folder = folder("folded");
    (0..30).for_each(|i| fs::write(folder.join(format!("in/{i}")), "text").unwrap());
    let ran = index(&folder, &[]);
    ran.assert_lossless();
    assert_eq!((ran.count(2, "file x 30"), ran.count(3, "tokenise x 30"), ran.count(2, "file")), (1, 1, 0), "{ran}");
}

#[test]
fn the_trace_file_holds_every_span_under_its_parent() {
    let folder = folder("trace_file");
    (0..50).for_each(|i| fs::write(folder.join(format!("in/{i}")), format!("text {i}")).unwrap());
    let ran = index(&folder, &["--threads", "3"]);
    ran.assert_lossless();
    let spans = spans_of(&folder);
    assert_eq!(spans.len() as u64, ran.ledger("begun"));
    let scan = span(&spans, "scan");
    let files: Vec<_> = spans.iter().filter(|span| span["name"] == "file").collect();
    assert_eq!(files.len(), 50);
    assert!(files.iter().all(|file| file["args"]["parent_span_id"] == scan["args"]["span_id"]));
    let steps: Vec<_> = spans.iter().filter(|span| span["name"] == "hash").collect();
    assert_eq!(steps.len(), 50);
    for step in steps {
        let parent = files.iter().find(|file| file["args"]["span_id"] == step["args"]["parent_span_id"]);
        assert_eq!(parent.unwrap()["tid"], step["tid"], "a step runs where its file is scanned");
    }
}

#[test]
fn the_index_is_written_in_a_trace_of_its_own_that_is_linked_to_the_main_one() {
    let folder = folder("background");
    index(&folder, &[]).assert_lossless();
    let spans = spans_of(&folder);
    let (job, root) = (&span(&spans, "write index")["args"], &span(&spans, "index")["args"]);
    assert_ne!(job["trace_id"], root["trace_id"]);
    assert_eq!(job["links"][0]["span_id"], root["span_id"]);
}

fn sha256(text: &str) -> String {
    hmac_sha256::Hash::hash(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_index_has_each_file_with_its_hash_and_each_token_with_its_count() {
    let folder = folder("index");
    fs::write(folder.join("in/a.txt"), "one two, two").unwrap();
    fs::write(folder.join("in/b.txt"), "two").unwrap();
    index(&folder, &["--threads", "2"]).assert_lossless();
    let expected = [
        serde_json::json!({"file": "a.txt", "bytes": 12, "sha256": sha256("one two, two"), "tokens": 3, "error": null}),
        serde_json::json!({
            "file": "b.txt", "bytes": 3, "sha256": sha256("two"), "tokens": 1, "error": null,
        }),
        serde_json::json!({"token": "two", "count": 3}),
        serde_json::json!({"token": "one", "count": 1}),
    ];
    assert_eq!(index_lines(&folder), expected);
}

#[test]
fn coarse_spans_give_the_same_index() {
    let folder = folder("coarse");
    (0..100).for_each(|i| fs::write(folder.join(format!("in/{i}")), format!("text {i}")).unwrap());
    index(&folder, &[]).assert_lossless();
    let index_of_items = index_lines(&folder);
    for grain in ["--per-leaf", "--summary"] {
        let ran = index(&folder, &[grain, "--workers", "0"]);
        ran.assert_lossless();
        assert_eq!(index_lines(&folder), index_of_items);
        assert!(ran.ledger("begun") < 100, "a span for each leaf, not for each file: {ran}");
        let spans = spans_of(&folder);
        let items = |span: &Value| span["args"]["attributes"]["heirloom.items"].as_u64().unwrap_or(0);
        let counted: u64 = spans.iter().map(items).sum();
        assert_eq!(counted, 100, "{grain}");
    }
}

#[test]
fn an_empty_directory_is_a_small_trace() {
    let folder = folder("empty");
    let ran = index(&folder, &[]);
    ran.assert_lossless();
    assert!(ran.stdout.contains("0 files (0 binary, 0 not readable), 0 bytes"), "{ran}");
    assert_eq!(index_lines(&folder), Vec::<Value>::new());
}

#[test]
fn a_binary_file_is_hashed_and_marked() {
    let folder = folder("binary");
    fs::write(folder.join("in/nul"), b"a\0b").unwrap();
    fs::write(folder.join("in/latin1"), b"caf\xe9").unwrap();
    index(&folder, &[]).assert_lossless();
    let spans = spans_of(&folder);
    for path in ["nul", "latin1"] {
        let file = file(&spans, path);
        assert_eq!(file["args"]["attributes"]["binary"], true);
        assert_eq!(file["args"]["status"], Value::Null);
    }
    let lines = index_lines(&folder);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["sha256"].is_string() && line["tokens"].is_null()), "{lines:?}");
}

#[test]
fn a_file_that_is_too_large_is_an_error_in_the_trace_and_the_index() {
    let folder = folder("large");
    fs::write(folder.join("in/small"), "text").unwrap();
    fs::File::create(folder.join("in/large")).unwrap().set_len((256 << 20) + 1).unwrap();
    index(&folder, &[]).assert_lossless();
    let spans = spans_of(&folder);
    let why = "larger than 256 MiB: skipped";
    assert_eq!(file(&spans, "large")["args"]["status_message"], why);
    assert_eq!(index_lines(&folder)[0]["error"], why);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{symlink, PermissionsExt};
    use std::os::unix::process::CommandExt;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_an_error_in_the_trace_and_the_rest_is_indexed() {
        let folder = folder("unreadable");
        fs::write(folder.join("in/open"), "text").unwrap();
        fs::write(folder.join("in/secret"), "text").unwrap();
        fs::create_dir(folder.join("in/closed")).unwrap();
        set_mode(&folder.join("in/secret"), 0);
        set_mode(&folder.join("in/closed"), 0);
        let mut command = pipeline_over(&folder);
        if fs::read(folder.join("in/secret")).is_ok() {
            // The superuser can read every file, so the test runs the pipeline as another user.
            set_mode(&folder, 0o777);
            command.uid(65534).gid(65534);
        }
        let ran = match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return eprintln!("skipped: only the superuser can run {:?}", command.get_program());
            }
            output => Ran::from(output.unwrap()),
        };
        set_mode(&folder.join("in/closed"), 0o755);
        ran.assert_lossless();
        let spans = spans_of(&folder);
        let message = &file(&spans, "secret")["args"]["status_message"];
        assert!(message.as_str().unwrap().contains("ermission denied"), "{message}");
        assert_eq!(file(&spans, "open")["args"]["status"], Value::Null);
        let walk = &span(&spans, "walk")["args"];
        assert_eq!(walk["status_message"], "1 entries could not be read");
        assert_eq!(walk["events"][0]["name"], "unreadable");
        assert_eq!(index_lines(&folder).iter().filter(|line| line["sha256"].is_string()).count(), 1);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_shown_escaped() {
        let folder = folder("names");
        fs::write(folder.join("in").join(OsStr::from_bytes(b"bad\xff\n.txt")), "text").unwrap();
        index(&folder, &[]).assert_lossless();
        file(&spans_of(&folder), "bad\\xff\\n.txt");
        assert_eq!(index_lines(&folder)[0]["file"], "bad\\xff\\n.txt");
    }

    #[test]
    fn a_directory_whose_name_is_not_utf8_is_as_good_as_any() {
        let folder = folder("odd_directory");
        let odd = folder.join(OsStr::from_bytes(b"odd\xff"));
        fs::rename(folder.join("in"), &odd).unwrap();
        fs::write(odd.join("a"), "text").unwrap();
        let ran = pipeline([odd.as_os_str(), "--index-out".as_ref(), folder.join("index.jsonl").as_os_str()]);
        ran.assert_lossless();
        assert_eq!(index_lines(&folder)[0]["file"], "a");
    }

    #[test]
    fn links_are_not_followed_so_none_can_lead_back() {
        let folder = folder("links");
        fs::create_dir(folder.join("in/sub")).unwrap();
        fs::write(folder.join("in/sub/a"), "text").unwrap();
        symlink("..", folder.join("in/sub/up")).unwrap();
        symlink("itself", folder.join("in/itself")).unwrap();
        symlink("nowhere", folder.join("in/dangling")).unwrap();
        symlink("sub/a", folder.join("in/twice")).unwrap();
        let ran = index(&folder, &[]);
        ran.assert_lossless();
        assert_eq!(ran.count(2, "file"), 1, "{ran}");
        assert!(!ran.stdout.contains("ERROR"), "{ran}");
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let folder = folder("reader");
        let mut child = pipeline_over(&folder).stdout(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused_with_a_reason() {
    let folder = folder("arguments");
    let (dir, missing) = (folder.join("in"), folder.join("missing"));
    let file = folder.join("file");
    fs::write(&file, "text").unwrap();
    let dir = dir.to_str().unwrap();
    assert_refused(&pipeline([&missing]), &format!("can't open the directory {}", missing.display()));
    assert_refused(&pipeline([&file]), &format!("{} is not a directory", file.display()));
    assert_refused(&pipeline([dir, dir]), "unexpected argument");
    assert_refused(&pipeline([dir, "--treads", "2"]), "'--treads'");
    assert_refused(&pipeline([dir, "--trace-out"]), "missing argument for option '--trace-out'");
    for threads in ["0", "257", "-1", "two", ""] {
        let ran = pipeline([dir, &format!("--threads={threads}")]);
        assert_refused(&ran, &format!("--threads takes a number from 1 to 256, not {threads:?}"));
    }
    assert_refused(&pipeline([dir, "--plant", "bug"]), "--plant takes slow-file, lock or kill, not \"bug\"");
    assert_refused(&pipeline([dir, "--trace-out", "no/such/folder/trace.json"]), "no/such/folder/trace.json");
}

#[test]
fn help_is_printed_where_it_can_be_piped() {
    let ran = pipeline(["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("usage: pipeline [DIR]"), "{ran}");
}

/// What the program says of its run: the lines between the results and the ledger.
fn verdict(ran: &Ran) -> String {
    let lines = ran.stdout.lines().skip_while(|line| !line.starts_with("exporter "));
    lines.take_while(|line| !line.starts_with("report: ")).collect::<Vec<_>>().join("\n")
}

/// The sentences on top of a page, which it shows without JavaScript.
fn paragraphs(page: &str) -> impl Iterator<Item = String> + '_ {
    page.split("<p>").skip(1).filter_map(|rest| rest.split_once("</p>")).map(|(text, _)| text.replace("&gt;", ">"))
}

/// A text without its line ends.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Files that take a while, so that it isn't the start of threads that a run loses its time to.
fn write_files(folder: &Path) {
    let text = "some words (of a text) that are counted\n".repeat(2_000);
    (0..40).for_each(|i| fs::write(folder.join(format!("in/{i:02}")), format!("{i} {text}")).unwrap());
}

#[test]
fn it_ends_with_three_sentences_and_a_report() {
    let folder = folder("report");
    write_files(&folder);
    let ran = index(&folder, &["--threads", "2"]);
    ran.assert_lossless();
    let path = folder.join("report.html");
    assert!(ran.stdout.contains(&format!("\nreport: {}\n", path.display())), "{ran}");
    let verdict = verdict(&ran);
    assert!(verdict.matches(".\n").count() >= 3, "three sentences: {verdict}");
    assert!(verdict.contains("Where the capacity went"), "{verdict}");
    assert!(verdict.lines().all(|line| line.chars().count() <= 80), "{verdict}");
    let page = fs::read_to_string(path).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    assert!(paragraphs(&page).filter(|sentence| unwrapped(&verdict).contains(sentence)).count() >= 3, "{verdict}");
}

#[test]
fn a_report_that_cannot_be_written_is_a_failure_with_a_whole_trace() {
    let folder = folder("no_report");
    let ran: Ran = pipeline_over(&folder).arg("--report-out").arg(&folder).output().unwrap().into();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains(&format!("can't write the report {}", folder.display())), "{ran}");
    assert_eq!(ran.ledger("exported"), ran.ledger("begun"));
}

#[test]
fn a_slow_file_is_blamed_by_its_span_s_name_and_shown_by_its_attributes() {
    let folder = folder("slow_file");
    write_files(&folder);
    let ran = index(&folder, &["--plant", "slow-file", "--threads", "2", "--workers", "0"]);
    ran.assert_lossless();
    let verdict = verdict(&ran);
    let row = verdict.lines().find(|line| line.contains("only the last pieces ran"));
    assert!(row.is_some_and(|row| row.contains("  file")), "{verdict}");
    // The exporters' lines and an empty one come before the sentences, and an empty one after them.
    let sentences = verdict.split("\n\n").nth(1).unwrap();
    assert!(sentences.contains("`file`") && !sentences.contains("`write index`"), "{verdict}");
    let folded = ran.stdout.lines().find(|line| line.starts_with("    file x 40 ")).unwrap();
    let spans = spans_of(&folder);
    let files = spans.iter().filter(|span| span["name"] == "file");
    let slowest = files.max_by(|a, b| a["dur"].as_f64().unwrap().total_cmp(&b["dur"].as_f64().unwrap())).unwrap();
    let path = slowest["args"]["attributes"]["path"].as_str().unwrap();
    assert!(folded.contains(&format!("(path: \"{path}\"")), "{folded}");
}

#[test]
fn a_lock_that_is_held_too_long_is_blamed_by_its_name() {
    let folder = folder("lock");
    write_files(&folder);
    index(&folder, &["--workers", "0"]).assert_lossless();
    let expected = index_lines(&folder);
    let ran = index(&folder, &["--plant", "lock", "--threads", "4", "--workers", "0"]);
    ran.assert_lossless();
    let verdict = verdict(&ran);
    let row = verdict.lines().find(|line| line.contains("waiting for a lock"));
    assert!(row.is_some_and(|row| row.contains("partial results")), "{verdict}");
    assert_eq!(index_lines(&folder), expected);
}

#[test]
fn a_killed_worker_is_named_with_its_signal_and_its_job_is_done_again() {
    let folder = folder("killed");
    write_files(&folder);
    let ran = index(&folder, &["--plant", "kill"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!((ran.ledger("aborted"), ran.ledger("dropped")), (2, 0), "{ran}");
    let text = verdict(&ran).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("2 spans were aborted (`measure`, `shape`): process "), "{ran}");
    assert!(text.contains(" was killed by signal 9 (SIGKILL)."), "{ran}");
    assert!(ran.stdout.contains("brackets nest up to 1 deep"), "{ran}");
    let spans = spans_of(&folder);
    assert_eq!(spans.iter().filter(|span| span["name"] == "shape").count(), 41, "the job was tried twice");
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "nothing is left of the fault: {names:?}");
}

#[test]
fn an_index_that_cannot_be_written_is_a_failure_with_a_whole_trace() {
    let folder = folder("no_index");
    let ran = pipeline([folder.join("in").as_os_str(), "--index-out".as_ref(), folder.as_os_str()]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains(&format!("can't write the index {}", folder.display())), "{ran}");
    assert!(ran.stdout.lines().any(|line| line.starts_with("write index ") && line.contains("ERROR")), "{ran}");
    assert_eq!(ran.ledger("exported"), ran.ledger("begun"));
}

#[test]
fn a_trace_that_is_not_complete_is_a_failure() {
    let folder = folder("not_complete");
    let ran: Ran = pipeline_over(&folder).env("OTEL_SDK_DISABLED", "true").output().unwrap().into();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout.contains("recording is disabled"), "{ran}");
}
