//! `heirloom report` and `heirloom html`: files become sentences, JSON and a page.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;
use support::{heirloom, record, span, spans, succeeds};

const MS: u64 = 1_000_000;

/// Two threads: both decode for a while, then one merges alone.
fn serial(path: &Path, merge: u64) {
    let on = |mut span: heirloom_otlp::read::Span, thread| {
        span.attributes[0].value = heirloom_otlp::read::AnyValue::Int(thread);
        span
    };
    let all = vec![
        span(1, 0, "run", 0, (100 + merge) * MS),
        on(span(2, 1, "decode", MS, 99 * MS), 2),
        span(3, 1, "decode", MS, 99 * MS),
        span(4, 1, "merge index", 100 * MS, (100 + merge) * MS),
    ];
    spans(path, all);
}

fn json(args: &[&Path]) -> serde_json::Value {
    serde_json::from_str(&succeeds([&[Path::new("report"), Path::new("--json")], args].concat())).unwrap()
}

#[test]
fn a_report_has_the_sentences_and_fits_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    serial(&path, 300);
    let out = succeeds([Path::new("report"), &path]);
    assert!(out.contains("merge index"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let json = json(&[&path]);
    assert_eq!((json["totals"]["wall_ns"].as_u64(), json["totals"]["spans"].as_u64()), (Some(400 * MS), Some(4)));
    assert_eq!(json["program"], "shop");
    assert!(json["sentences"].as_array().unwrap().len() >= 2, "{json:#}");
}

#[test]
fn files_of_several_processes_are_one_run_and_runs_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, three] = ["1.otlp", "2.otlp", "3.otlp"].map(|name| folder.path().join(name));
    spans(&one, vec![span(1, 0, "run", 0, 100)]);
    spans(&two, vec![span(2, 1, "job", 10, 300)]);
    assert_eq!(json(&[&one, &two])["totals"]["wall_ns"], 300);
    [(&one, 100), (&two, 300), (&three, 200)].iter().for_each(|(path, merge)| serial(path, *merge));
    // The run with the median wall time.
    assert_eq!(json(&[Path::new("--runs"), &one, &two, &three])["totals"]["wall_ns"], 300 * MS);
}

/// A run on some threads, on each of which `hash` takes so long, below a root.
fn hashes(path: &Path, threads: u64, hash: u64) {
    let mut all = vec![span(1, 0, "run", 0, hash * MS)];
    for thread in 1..=threads {
        let mut one = span(thread + 1, 1, "hash", 0, hash * MS);
        one.attributes[0].value = heirloom_otlp::read::AnyValue::Int(thread as i64);
        all.push(one);
    }
    spans(path, all);
}

#[test]
fn runs_on_several_numbers_of_lanes_show_which_spans_take_longer_on_more() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = [(1, 100), (1, 104), (2, 130), (4, 200), (4, 240), (4, 220)]
        .into_iter()
        .enumerate()
        .map(|(n, (threads, hash))| {
            let path = folder.path().join(format!("{n}.otlp"));
            hashes(&path, threads, hash);
            path
        })
        .collect();
    let runs: Vec<&Path> = std::iter::once(Path::new("--runs")).chain(files.iter().map(|file| &**file)).collect();
    let json = json(&runs);
    // Of those on the most lanes, the median one, against the median one on one lane.
    assert_eq!(json["totals"]["wall_ns"], 220 * MS);
    assert!((json["totals"]["speed_up"].as_f64().unwrap() - 100.0 / 220.0).abs() < 1e-9, "{json}");
    let by_lanes = serde_json::json!([[1, 102 * MS], [2, 130 * MS], [4, 220 * MS]]);
    assert_eq!(json["names"][0]["by_lanes"], by_lanes);
    let out = succeeds([&[Path::new("report")], &runs[..]].concat());
    let table = out.split("\nMean time of a span, by the lanes of the run\n").nth(1).unwrap();
    let lines: Vec<Vec<&str>> = table.lines().take(2).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["name", "1", "2", "4"]);
    assert_eq!(lines[1], ["hash", "102", "ms", "130", "ms", "220", "ms", "2.16", "x"]);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    // Runs on one number of lanes have no such table.
    assert!(!succeeds([Path::new("report"), Path::new("--runs"), &files[3], &files[4]]).contains("Mean time of a span"));
}

#[test]
fn with_a_run_on_one_lane_a_report_has_the_speed_up() {
    let folder = tempfile::tempdir().unwrap();
    let [one, four] = ["one.otlp", "four.otlp"].map(|name| folder.path().join(name));
    hashes(&one, 1, 100);
    hashes(&four, 4, 200);
    assert_eq!(json(&[&four])["totals"]["speed_up"], serde_json::Value::Null);
    let json = json(&[Path::new("--one-lane"), &one, &four]);
    // The run that is reported is the other one.
    assert_eq!((json["totals"]["wall_ns"].as_u64(), json["totals"]["lanes"].as_u64()), (Some(200 * MS), Some(4)));
    assert!((json["totals"]["speed_up"].as_f64().unwrap() - 0.5).abs() < 1e-9, "{json:#}");
    assert!(json["names"][0]["inflation"].as_f64().unwrap() > 1.0, "a hash takes longer: {:#}", json["names"][0]);

    let missing = folder.path().join("missing.otlp");
    let ran = heirloom([Path::new("report"), Path::new("--one-lane"), &missing, &four]);
    assert!(ran.status == 2 && ran.err.starts_with(&format!("heirloom: {}: ", missing.display())), "{ran:?}");
}

#[test]
fn a_cut_file_is_reported_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    serial(&path, 300);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(&bytes.clone()[..30]);
    std::fs::write(&path, bytes).unwrap();
    let ran = heirloom([Path::new("report"), Path::new("--json"), &path]);
    assert!(
        ran.status == 0 && ran.err.contains("warning: ") && ran.err.contains("the file was cut off there"),
        "{ran:?}"
    );
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let notes = json["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["kind"] == "damaged" && note["text"].as_str().unwrap().contains("cut off")));
}

#[test]
fn a_file_without_spans_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.jsonl");
    std::fs::write(&path, "{\"resourceSpans\":[]}\n").unwrap();
    for subcommand in ["report", "html"] {
        let ran = heirloom([Path::new(subcommand), &path]);
        let why = format!("heirloom: {}: expected a trace, but it has no span\n", path.display());
        assert_eq!((ran.status, ran.err), (2, why));
    }
}

#[test]
fn a_stripped_file_has_the_same_analysis() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["run.otlp", "share.otlp"].map(|name| folder.path().join(name));
    record(&from, |cx| {
        for n in 0..50 {
            let span = cx.span("decode");
            span.set("customer", "s3cr3t");
            drop(span.context().span(["a", "b"][n % 2]));
        }
    });
    succeeds([Path::new("convert"), Path::new("--strip"), &from, &to]);
    assert_eq!(json(&[&from]), json(&[&to]));
    assert!(!succeeds([Path::new("report"), &to]).contains("s3cr3t"));
}

#[test]
fn the_page_is_written_beside_the_file_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    serial(&path, 300);
    let page = folder.path().join("run.html");
    assert_eq!(succeeds([Path::new("html"), &path]), format!("{}\n", page.display()));
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!doctype html>") && text.contains("merge index"));
    let part = folder.path().join("killed.html.part");
    std::fs::rename(&path, &part).unwrap();
    assert_eq!(succeeds([Path::new("html"), &part]), format!("{}\n", folder.path().join("killed.html").display()));
    let other = folder.path().join("why.html");
    succeeds([Path::new("html"), &part, Path::new("--output"), &other]);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), text);
    assert_eq!(succeeds([Path::new("html"), &part, Path::new("--output=-")]), text);
    let ran = heirloom([Path::new("html"), &part, Path::new("-o"), &part]);
    assert!(ran.status == 2 && ran.err.contains("is a file that is read"), "{ran:?}");
}
