//! `heirloom check`: what is wrong with a trace is found, listed, and decides the exit status.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use heirloom_core::{testing, SpanKind};
use heirloom_otlp::read::{AnyValue, Span};
use heirloom_otlp::{Format, OtlpFile};
use std::path::Path;
use support::{attribute, heirloom, span, spans, succeeds, Ran};

fn check(all: Vec<Span>, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    spans(&path, all);
    heirloom([&["check", path.to_str().unwrap()], args].concat())
}

fn with(mut span: Span, key: &str, value: AnyValue) -> Span {
    span.attributes.push(attribute(key, value));
    span
}

fn on_thread(mut span: Span, id: i64) -> Span {
    span.attributes[0].value = AnyValue::Int(id);
    span
}

/// Each problem once: the kind, the spans, and the line that says why.
fn planted() -> Vec<(&'static str, Vec<Span>, &'static str)> {
    let root = || span(1, 0, "root", 100, 200);
    let yes = || AnyValue::Bool(true);
    vec![
        ("orphans", vec![root(), span(2, 9, "lost", 110, 120)], "its parent 0000000000000009 is missing"),
        ("duplicates", vec![root(), root()], "another span has its trace and its id"),
        ("negative", vec![root(), span(2, 1, "backwards", 150, 120)], "ends 30 ns before it starts"),
        ("outside", vec![root(), span(2, 1, "early", 90, 120)], "starts 10 ns before its parent"),
        ("outside", vec![root(), span(2, 1, "late", 190, 217)], "ends 17 ns after its parent, on the same thread"),
        ("open", vec![with(root(), "heirloom.incomplete", yes())], "was open when the program ended"),
        ("aborted", vec![with(root(), "heirloom.aborted", yes())], "was open when its process ended"),
        ("dropped", vec![with(root(), "heirloom.dropped_children", AnyValue::Int(1234))], "lost 1,234 spans below it"),
    ]
}

#[test]
fn each_kind_of_problem_is_found_and_fails_the_check() {
    for (kind, all, why) in planted() {
        let ran = check(all.clone(), &[]);
        let count = if kind == "dropped" { "1,234" } else { "1" };
        assert!(ran.out.contains(&format!("\n{kind:<10} {count:>9}  ")), "{}", ran.out);
        assert!(
            ran.out.contains(&format!("\n    {why}\n    trace 00000000000000000000000000000001  span ")),
            "{}",
            ran.out
        );
        let found = match kind {
            "orphans" => "1 orphan".to_owned(),
            "duplicates" => "1 duplicate".to_owned(),
            kind => format!("{count} {kind}"),
        };
        assert!(ran.out.ends_with(&format!("\nfailed: {found}\n")), "{}", ran.out);
        assert_eq!((ran.status, &*ran.err), (1, ""), "{kind}");

        let allowed = check(all.clone(), &["--allow", kind]);
        assert!(allowed.status == 0 && allowed.out.ends_with("\nok\n"), "{allowed:?}");
        let enough = check(all.clone(), &["--allow", &format!("{kind}=1234")]);
        assert_eq!(enough.status, 0, "{enough:?}");
        let other = if kind == "open" { "aborted" } else { "open" };
        assert_eq!(check(all, &["--allow", other]).status, 1);
    }
}

#[test]
fn a_problem_is_counted_in_the_singular_or_the_plural() {
    let root = || span(1, 0, "root", 100, 200);
    let orphan = |id| span(id, 9, "lost", 110, 120);
    let out = check(vec![root(), orphan(2), orphan(3)], &[]).out;
    assert!(out.ends_with("\nfailed: 2 orphans\n"), "{out}");
    let out = check(vec![root(), orphan(2), orphan(3)], &["--allow", "orphans=1"]).out;
    assert!(out.ends_with("\nfailed: 2 orphans (allowed: 1)\n"), "{out}");
    let out = check(vec![with(root(), "heirloom.dropped_children", AnyValue::Int(1))], &[]).out;
    assert!(out.contains("    lost 1 span below it\n") && out.ends_with("\nfailed: 1 dropped\n"), "{out}");
}

#[test]
fn what_is_no_problem_passes() {
    let root = || span(1, 0, "root", 100, 200);
    let mut remote = span(2, 9, "request", 110, 120);
    remote.flags = 0x301;
    let mut server = Span { kind: SpanKind::Server, flags: 1, ..span(3, 9, "foreign", 110, 120) };
    server.attributes.clear();
    let polled = with(span(4, 1, "future", 190, 300), "heirloom.polls", AnyValue::Int(2));
    let left = with(span(5, 1, "moved", 190, 300), "heirloom.nested", AnyValue::Bool(false));
    let elsewhere = on_thread(span(6, 1, "job", 190, 300), 2);
    let handed_on = span(7, 1, "later", 200, 300);
    let whole = span(8, 1, "whole", 100, 200);
    let all = vec![root(), remote, server, polled, left, elsewhere, handed_on, whole];
    let ran = check(all, &[]);
    assert!(
        ran.status == 0 && ran.out.starts_with("8 spans in 1 trace with 1 root; 2 threads of 1 process"),
        "{ran:?}"
    );
}

#[test]
fn a_parent_may_be_in_another_file_of_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let [main, worker] = ["main.otlp", "worker.otlp"].map(|name| folder.path().join(name));
    spans(&main, vec![span(1, 0, "root", 100, 200)]);
    spans(&worker, vec![span(2, 1, "job", 110, 120)]);
    assert_eq!(heirloom([Path::new("check"), &worker]).status, 1);
    succeeds([Path::new("check"), &worker, &main]);
}

/// As docs/command.md says: the ledger counts them, and a file has no ledger.
#[test]
fn spans_that_were_refused_before_they_were_recorded_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.otlp");
    let file = OtlpFile::create(Format::Protobuf, &path).unwrap();
    let small = testing::small_shards(heirloom_core::builder("shop").exporter(file), 1024);
    let guard = small.start().unwrap();
    guard.tracer().in_root("work", |root| drop((0..100).map(|_| root.span("step")).collect::<Vec<_>>()));
    let report = guard.finish();
    assert!(report.ledger().transparent.total() > 0 && !report.is_complete(), "{report}");
    assert!(succeeds([Path::new("check"), &path]).ends_with("\nok\n"));
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let all: Vec<Span> = (1..=25).map(|id| span(id, 99, "lost", 1, 2)).collect();
    let ran = check(all.clone(), &["--list", "3"]);
    assert_eq!(ran.out.matches("is missing").count(), 3);
    assert!(ran.out.contains("\n  and 22 more: --list 25\n"), "{}", ran.out);
    assert_eq!(check(all, &["--list", "25"]).out.matches("is missing").count(), 25);
}

#[test]
fn the_same_as_json_for_programs() {
    let ran = check(vec![span(1, 9, "a\"\u{1b}[31m", 1, 2)], &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, json["ok"].as_bool(), json["spans"].as_u64()), (1, Some(false), Some(1)));
    let orphans = &json["problems"]["orphans"];
    assert_eq!((orphans["count"].as_u64(), orphans["listed"][0]["name"].as_str()), (Some(1), Some("a\"\u{1b}[31m")));
    assert_eq!(orphans["listed"][0]["parent"], "0000000000000009");
}

#[test]
fn a_hostile_name_commands_no_terminal_and_lines_fit_80_columns() {
    let name = format!("\u{1b}]0;x\u{7}\r\n\u{202e}{}", "w".repeat(500));
    for (_, mut all, _) in planted() {
        all.iter_mut().for_each(|span| span.name.clone_from(&name));
        let out = check(all, &[]).out;
        assert!(!out.contains(['\u{1b}', '\r', '\u{7}', '\u{202e}']), "{out:?}");
        let widest = out.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}: {out}");
    }
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    let all = || vec![span(1, 9, "lost", 1, 2)];
    assert!(!check(all(), &[]).out.contains('\u{1b}'));
    assert!(!check(all(), &["--color", "never"]).out.contains('\u{1b}'));
    assert!(check(all(), &["--color", "always"]).out.contains("\u{1b}[31mfailed: 1 orphan\u{1b}[0m"));
}
