//! The benchmark with default settings: paced spans aren't lost, and one command fills every table.
#![allow(clippy::unwrap_used)]

use heirloom_compare::defaults::plan::{Selection, Table};
use heirloom_compare::defaults::{Numbers, Task};
use heirloom_compare::plan::PeerName;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DEFAULTS: &str = env!("CARGO_BIN_EXE_defaults");

fn run(arguments: &[&str]) -> Output {
    Command::new(DEFAULTS).args(arguments).output().unwrap()
}

fn tasks(table: Table) -> Vec<Task> {
    let peers = PeerName::available();
    let selection = Selection { smoke: false, repetitions: Some(1), tables: vec![table], peers };
    selection.tasks()
}

fn measure(task: &Task) -> Numbers {
    let output = run(&["--child", &serde_json::to_string(task).unwrap()]);
    assert!(output.status.success(), "{}: {output:?}", task.describe());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn bursts_with_rests_lose_nothing_of_any_peer() {
    for mut task in tasks(Table::Cpu) {
        task.scenario.spans_per_thread = 20_000;
        let numbers = measure(&task);
        assert_eq!((numbers["created"], numbers["lost"]), (20_000.0, 0.0), "{}", task.describe());
        assert!(numbers["cpu_ns"] > 0.0, "{}", task.describe());
    }
}

#[test]
fn every_item_of_the_pipeline_has_one_span() {
    for mut task in tasks(Table::Rayon) {
        task.scenario.spans_per_thread = 500;
        let numbers = measure(&task);
        assert_eq!((numbers["created"], numbers["received"]), (1000.0, 1000.0), "{}", task.describe());
        assert!(numbers["untraced_wall_ns"] > 0.0);
    }
}

#[test]
fn the_times_of_spans_are_in_order_and_each_span_arrives() {
    for mut task in tasks(Table::Latency) {
        task.scenario.spans_per_thread = 1000;
        let numbers = measure(&task);
        assert_eq!(numbers["received"], 1000.0, "{}", task.describe());
        let times = ["p50", "p99", "p99.99", "max"].map(|name| numbers[name]);
        assert!(times.is_sorted() && times[0] > 0.0, "{}: {times:?}", task.describe());
    }
}

#[test]
fn the_layers_blocks_make_26_400_spans() {
    let tasks = tasks(Table::Layer);
    for task in &tasks {
        let numbers = measure(task);
        assert_eq!((numbers["created"], numbers["unnamed"]), (26_400.0, 0.0));
        assert_eq!(numbers["created"], numbers["received"] + numbers["refused"]);
    }
}

#[test]
fn a_smoke_run_fills_the_table_of_goals_and_writes_the_rows() {
    let folder = folder("defaults-smoke");
    let only = "one-thread,ended,layer";
    let output = run(&["--smoke", "--only", only, "--peers", "heirloom-default", "--out", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let page = std::fs::read_to_string(folder.join("results.md")).unwrap();
    for row in
        ["| 512 threads ended: memory above the start | 0 | 10 MB |", "| heirloom-default, coarsen |", "| floor |"]
    {
        assert!(page.contains(row), "{row} is missing in {page}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("rows.json")).unwrap()).unwrap();
    // One thread has the floor, and Heirloom with and without waiting.
    assert_eq!(json["rows"].as_array().unwrap().len(), 2 * (3 + 1 + 1));
    assert_eq!(json["smoke"], true);
}

#[test]
fn instructions_are_counted_for_the_recording_thread_and_for_all() {
    if !heirloom_compare::defaults::callgrind::is_available() {
        eprintln!("skipped: valgrind can't be started");
        return;
    }
    let folder = folder("defaults-instructions");
    let peers = "heirloom-default";
    let output = run(&["--smoke", "--only", "instructions", "--peers", peers, "--out", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("rows.json")).unwrap()).unwrap();
    for row in json["rows"].as_array().unwrap() {
        let number = |name: &str| row["numbers"][name].as_f64().unwrap();
        assert!(number("recording") > 20.0 && number("recording") < number("all_threads"), "{row}");
        assert_eq!(number("lost"), 0.0);
    }
}

#[test]
fn a_bad_argument_is_refused_with_what_was_expected() {
    let stderr = |arguments: &[&str]| {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(stderr(&["--only", "speed"]).contains("expected some of instructions,cpu,"));
    assert!(stderr(&["--threads", "2"]).contains("each table has its own"));
    assert!(stderr(&["--child", "{}"]).contains("not a task"));
}
