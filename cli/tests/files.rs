//! Every form of file is read, and what can't be read is an error that says where, and what was expected.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use flate2::write::GzEncoder;
use flate2::Compression;
use heirloom_otlp::{write, Format};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use support::{command, file, heirloom, record, request, span, succeeds, Ran};

fn two() -> Vec<heirloom_otlp::read::Request> {
    vec![request(vec![span(2, 1, "child", 20, 30)]), request(vec![span(1, 0, "root", 10, 40)])]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The binary with these bytes as standard input.
fn with_input(args: &[&str], bytes: &[u8]) -> Ran {
    let mut child = command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read everything.
    _ = child.stdin.take().unwrap().write_all(bytes);
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_file_is_read_in_each_form_whatever_its_name_is() {
    let folder = tempfile::tempdir().unwrap();
    let one = request(vec![span(2, 1, "child", 20, 30), span(1, 0, "root", 10, 40)]);
    let mut saved = Vec::new();
    write::request(Format::Protobuf, &one, &mut saved);
    let pretty = serde_json::from_slice::<serde_json::Value>(&file(Format::Json, std::slice::from_ref(&one))).unwrap();
    let pretty = format!("{pretty:#}").into_bytes();
    let [protobuf, json] = [Format::Protobuf, Format::Json].map(|format| file(format, &two()));
    for (name, bytes) in [
        ("protobuf", protobuf.clone()),
        ("json", json.clone()),
        ("pretty", pretty),
        ("saved", saved),
        ("protobuf.gz", gzip(&protobuf)),
        ("json.gz", gzip(&json)),
        ("two-members.gz", [gzip(&file(Format::Json, &two()[..1])), gzip(&file(Format::Json, &two()[1..]))].concat()),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let out = succeeds([Path::new("check"), &path]);
        assert!(
            out.starts_with("2 spans in 1 trace with 1 root; 1 thread of 1 process; 30 ns long\n"),
            "{name}: {out}"
        );
        assert!(out.ends_with("\nok\n"), "{name}: {out}");
        assert_eq!(with_input(&["check", "-"], &bytes).out, out, "{name}");
    }
}

#[test]
fn files_that_heirloom_writes_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["run.otlp", "run.jsonl"] {
        let path = folder.path().join(name);
        record(&path, |cx| (0..500).for_each(|_| drop(cx.span("step"))));
        let out = succeeds([Path::new("check"), &path]);
        assert!(out.starts_with("501 spans in 1 trace with 1 root; 1 thread of 1 process; "), "{out}");
    }
}

#[test]
fn a_file_that_was_cut_off_is_read_as_far_as_it_goes_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for format in [Format::Protobuf, Format::Json] {
        let whole = file(format, &two());
        let [one, twenty] = [1, 20].map(|len| [&whole[..], &whole[..len]].concat());
        for (bytes, warning) in [
            (one, "the last byte is no whole record: the file was cut off there"),
            (twenty, "the last 20 bytes are no whole record: the file was cut off there"),
            (gzip(&[&whole[..], &whole].concat()), "its compressed bytes end too early: the file was cut off"),
        ] {
            let bytes = if warning.contains("compressed") { &bytes[..bytes.len() - 9] } else { &bytes };
            std::fs::write(&path, bytes).unwrap();
            let ran = heirloom([Path::new("check"), Path::new("--allow=duplicates"), &path]);
            assert_eq!(ran.err, format!("heirloom: warning: {}: {warning}\n", path.display()));
            assert!(ran.status == 0 && ran.out.contains(" spans in 1 trace"), "{ran:?}");
            let strict = heirloom([Path::new("check"), Path::new("--strict"), &path]);
            assert_eq!(strict.status, 2, "{strict:?}");
            assert!(strict.err.ends_with("stopped because of --strict\n") && strict.out.is_empty(), "{strict:?}");
        }
    }
}

#[test]
fn a_damaged_record_is_left_out_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    let lines = file(Format::Json, &two());
    let first = lines.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for (damaged, more) in [(6, "1 more damaged record was left out"), (7, "2 more damaged records were left out")] {
        let wrong = b"{\"resourceSpans\": 7, \"secret\": 1}\n".repeat(damaged);
        std::fs::write(&path, [&lines[..first], &wrong, &lines[first..]].concat()).unwrap();
        let ran = heirloom([Path::new("check"), &path]);
        assert!(ran.status == 0 && ran.out.starts_with("2 spans"), "{ran:?}");
        let warnings: Vec<&str> = ran.err.lines().collect();
        let start = format!("heirloom: warning: {}: ", path.display());
        assert_eq!(warnings[0], format!("{start}line 2, column 19: expected a list; the record was left out"));
        assert_eq!(warnings[5], format!("{start}{more}"));
        assert!(warnings.len() == 6 && !ran.err.contains("secret"), "{}", ran.err);
    }
}

#[test]
fn what_is_no_trace_is_an_error_that_says_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let unknown = "byte 0: expected a record of OTLP: a length and a request in protobuf, or a line of JSON";
    let chrome = "byte 0: expected OTLP, but the file is Chrome's trace events. Run the program with heirloom's feature `otlp` and HEIRLOOM_TRACE_FILE=run.otlp";
    for (bytes, why) in [
        (&b""[..], "the file is empty: expected a record of OTLP. The program wrote nothing, or still runs"),
        (b"hello, this is a text\n", unknown),
        (b"{\"traceEvents\":[]}", chrome),
        (b"[\n{\"ph\":\"X\"}]", chrome),
        (b"<!doctype html>", "byte 0: expected OTLP, but the file is HTML. Name the trace file that it was made of"),
        (b"{\"resourceSpans\":7}\n", "line 1, column 18: expected a list"),
        (b"{\n\"resourceSpans\":7}\n", "line 2, column 17: expected a list"),
        (b"\x1f\x8bgarbage that is no gzip", "can't read it: invalid gzip header"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let ran = heirloom([Path::new("check"), &path]);
        assert_eq!(ran.err, format!("heirloom: {}: {why}\n", path.display()), "{}", bytes.escape_ascii());
        assert!(ran.status == 2 && ran.out.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.otlp");
    let ran = heirloom([Path::new("check"), &missing]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.starts_with(&format!("heirloom: {}: can't open it: ", missing.display())), "{}", ran.err);
    let ran = heirloom([Path::new("check"), folder.path()]);
    let why = "is a folder: expected a trace file. Name the files in it";
    assert_eq!((ran.err, ran.status), (format!("heirloom: {}: {why}\n", folder.path().display()), 2));
}

#[test]
fn random_bytes_and_random_changes_never_make_it_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile");
    let mut rng = heirloom_harness::Rng(13);
    for round in 0..40 {
        let format = [Format::Protobuf, Format::Json][round % 2];
        let mut bytes = file(format, &two());
        for _ in 0..rng.below(6) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.below(256) as u8;
        }
        bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
        std::fs::write(&path, &bytes).unwrap();
        let ran = heirloom([Path::new("check"), &path]);
        assert!((0..=2).contains(&ran.status) && !ran.err.contains("panic"), "{}: {ran:?}", bytes.escape_ascii());
    }
}

#[test]
fn standard_input_is_read_once() {
    for args in [&["diff", "-", "-"][..], &["report", "-", "-"], &["check", "-", "-"]] {
        let ran = with_input(args, &file(Format::Json, &two()));
        let why = "heirloom: -: standard input was read already: expected it once among the files\n";
        assert_eq!((ran.status, &*ran.err), (2, why), "{args:?}");
    }
}
