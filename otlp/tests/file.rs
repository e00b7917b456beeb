//! Files of OTLP: what a flush waited for is in them, whenever the process is killed.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{builder, Settings};
use heirloom_harness::{again, case};
use heirloom_otlp::read::{Records, Request};
use heirloom_otlp::{Format, OtlpFile};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::FORMATS;

/// A path in a new folder, which is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heirloom-otlp-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, format: Format) -> PathBuf {
        self.0.join(match format {
            Format::Protobuf => "trace.otlp",
            Format::Json => "trace.jsonl",
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(requests: &[Request]) -> Vec<&str> {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    let spans = resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans);
    spans.map(|span| span.name.as_str()).collect()
}

/// All whole records, and how many bytes of another one there are.
fn records(format: Format, path: &Path) -> (Vec<Request>, u64) {
    let mut records = Records::new(format, File::open(path).unwrap());
    let all: Result<Vec<_>, _> = records.by_ref().collect();
    (all.unwrap(), records.cut_off())
}

#[test]
fn a_file_has_every_span_and_nothing_else() {
    for format in FORMATS {
        let folder = Folder::new("every");
        let path = folder.file(format);
        assert_eq!(Format::of_file(&path), Some(format));
        let file = OtlpFile::create(format, &path).unwrap();
        assert_eq!(file.path(), path);
        let guard = builder("files")
            .settings(Settings::default())
            .exporter(file)
            .complete(Duration::from_secs(60))
            .start()
            .unwrap();
        // Some larger than a record should be.
        for n in 0..2000 {
            let root = guard.tracer().root(n.to_string());
            let long = if n % 100 == 0 { 30 } else { 0 };
            (0..long).for_each(|key| _ = root.set(format!("key {key}"), "x".repeat(50_000)));
        }
        let report = guard.finish_within(Duration::from_secs(60));
        assert!(report.is_complete(), "{report}");
        let (requests, cut_off) = records(format, &path);
        let (found, expected): (HashSet<_>, HashSet<_>) =
            (names(&requests).into_iter().map(str::to_owned).collect(), (0..2000).map(|n| n.to_string()).collect());
        assert_eq!((found, names(&requests).len(), cut_off), (expected, 2000, 0));
        assert!(requests.len() >= 20, "one record for each long span: {}", requests.len());
    }
}

/// In a separate process: records spans, and writes their number after each flush, until it is killed.
fn record_until_killed(format: Format, path: &str) {
    let file = OtlpFile::create(format, path).unwrap();
    let guard = builder("killed").settings(Settings::default()).exporter(file).start().unwrap();
    for round in 0_u64.. {
        for n in 0..200 {
            let span = guard.tracer().root((round * 200 + n).to_string());
            span.set("text", "x".repeat((n as usize * 37) % 3000));
        }
        guard.tracer().flush(Duration::from_secs(60)).unwrap();
        println!("flushed {}", (round + 1) * 200);
    }
}

#[test]
fn a_killed_process_leaves_every_span_that_a_flush_waited_for() {
    let test = "a_killed_process_leaves_every_span_that_a_flush_waited_for";
    if let Some(case) = case() {
        let (format, path) = case.split_once(' ').unwrap();
        return record_until_killed(if format == "json" { Format::Json } else { Format::Protobuf }, path);
    }
    for (format, name) in FORMATS.into_iter().zip(["protobuf", "json"]) {
        let folder = Folder::new("killed");
        let path = folder.file(format);
        for wanted in 1..=5 {
            let mut command = again(test, &format!("{name} {}", path.display()));
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let mut flushed = 0;
            let said = BufReader::new(child.stdout.take().unwrap());
            let counts = said.lines().map_while(Result::ok).filter_map(|line| {
                let count = line.split_once("flushed ")?.1;
                count.parse::<u64>().ok()
            });
            for count in counts.take(wanted) {
                flushed = count;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(flushed, wanted as u64 * 200);
            let (requests, _) = records(format, &path);
            let found: HashSet<&str> = names(&requests).into_iter().collect();
            (0..flushed).for_each(|n| assert!(found.contains(&*n.to_string()), "{n} of {flushed} is missing"));
        }
    }
}

#[test]
fn two_writers_of_one_file_write_two() {
    let folder = Folder::new("two");
    let path = folder.file(Format::Protobuf);
    let first = OtlpFile::create(Format::Protobuf, &path).unwrap();
    let second = OtlpFile::create(Format::Protobuf, &path).unwrap();
    let other = path.with_file_name(format!("trace-{}-1.otlp", std::process::id()));
    assert_eq!((first.path(), second.path()), (&*path, &*other));
    drop((first, second));
    let error = OtlpFile::create(Format::Json, &folder.0).unwrap_err().to_string();
    assert!(error.starts_with("can't write the trace file") && error.contains("heirloom-otlp-"), "{error}");
    assert_eq!(Format::of_file(Path::new("trace.json")), None);
    assert_eq!(Format::of_file(Path::new("TRACE.OTLP")), Some(Format::Protobuf));
}

/// `/dev/full` can't be a trace file, so the limit of a file's size takes the place of a full disk.
#[cfg(unix)]
#[test]
fn a_record_that_finds_no_room_leaves_no_part_and_its_spans_are_counted() {
    let test = "a_record_that_finds_no_room_leaves_no_part_and_its_spans_are_counted";
    if let Some(case) = case() {
        let (format, path) = case.split_once(' ').unwrap();
        let format = if format == "json" { Format::Json } else { Format::Protobuf };
        let file = OtlpFile::create(format, path).unwrap();
        let guard = builder("full").settings(Settings::default()).exporter(file).start().unwrap();
        for round in 0..40 {
            (0..50).for_each(|n| _ = guard.tracer().root(format!("{}", round * 50 + n)).set("text", "x".repeat(100)));
            let _ = guard.tracer().flush(Duration::from_secs(60));
        }
        let report = guard.finish();
        let ours = &report.ledger().exporters[0];
        println!("\nexported {} dropped {}", ours.exported, ours.dropped.failed);
        return;
    }
    for (format, name) in FORMATS.into_iter().zip(["protobuf", "json"]) {
        let folder = Folder::new("full");
        let path = folder.file(format);
        let mut inner = again(test, &format!("{name} {}", path.display()));
        // 256 blocks of 512 or 1,024 bytes; the signal of the limit is ignored, so that a write fails.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""]).arg(inner.get_program());
        shell.args(inner.get_args()).env_clear();
        let variables = inner.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        shell.envs(variables.collect::<Vec<_>>());
        inner.stdout(Stdio::null());
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find(|line| line.starts_with("exported ")).unwrap_or_else(|| panic!("{output:?}"));
        let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        let (requests, cut_off) = records(format, &path);
        assert_eq!((numbers[0], numbers[0] + numbers[1], cut_off), (names(&requests).len(), 2000, 0), "{said}");
        assert!(numbers[0] > 0 && numbers[1] > 0, "{said}");
    }
}
