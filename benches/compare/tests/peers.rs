//! Each peer records the spans of its scenario, and the binaries write their files.
#![allow(clippy::unwrap_used)]

use heirloom_compare::measure::Row;
use heirloom_compare::peers::Overload;
use heirloom_compare::plan::{PeerName, Scenario};
use std::path::PathBuf;
use std::process::{Command, Output};

const CONTENTION: &str = env!("CARGO_BIN_EXE_contention");
const SINGLE: &str = env!("CARGO_BIN_EXE_single");

fn run(binary: &str, arguments: &[&str]) -> Output {
    Command::new(binary).args(arguments).output().unwrap()
}

fn scenario(peer: PeerName, threads: usize, attributes: bool, spans_per_thread: u64) -> Scenario {
    Scenario {
        peer,
        threads,
        attributes,
        spans_per_thread,
        warm_up_spans: 0,
        ring_bytes: 1 << 20,
        on_main_thread: threads == 1,
        repetition: 0,
        overload: Overload::Init,
    }
}

fn measure(scenario: &Scenario) -> Row {
    let output = run(SINGLE, &["--child", &serde_json::to_string(scenario).unwrap()]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folder(name: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn every_peer_delivers_every_span_under_its_parent_while_its_queue_has_room() {
    for peer in PeerName::available() {
        for (threads, attributes) in [(1, false), (1, true), (2, false), (2, true)] {
            let scenario = scenario(peer, threads, attributes, 400);
            let row = measure(&scenario);
            let spans = 400 * threads as u64;
            let roots = u64::from(peer.has_parents());
            assert_eq!((row.created, row.received, row.orphans, row.roots), (spans, spans, 0, roots), "{scenario:?}");
        }
    }
}

#[test]
fn spans_that_a_full_queue_refuses_are_lost_and_not_invented() {
    let row = measure(&scenario(PeerName::Otel, 2, false, 100_000));
    assert!(row.lost() > 0 && row.received > 0 && row.received < row.created, "{row:?}");
}

#[test]
fn a_smoke_run_writes_the_table_the_rows_and_the_plot() {
    let folder = folder("contention-smoke");
    let output = run(CONTENTION, &["--smoke", "--peers", "mutex-vec", "--out", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("results.md").contains("| mutex-vec | 2 |"));
    assert!(read("plot.svg").ends_with("</svg>\n"));
    let json: serde_json::Value = serde_json::from_str(&read("rows.json")).unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), 2 * 2 * 2); // two peers, two thread counts, with and without
    assert!(json["machine"]["date"].as_str().unwrap().starts_with("20"));
}

#[test]
fn a_bad_argument_is_refused_with_what_was_expected() {
    let output = run(SINGLE, &["--threads", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("use contention"));
    let output = run(SINGLE, &["--child", "{}"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a scenario"));
}
