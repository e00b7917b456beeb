//! `heirloom scale`: a program is run on several numbers of lanes, and measured.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;
#[cfg(target_os = "linux")]
#[path = "support/terminal.rs"]
mod terminal;

use heirloom::prelude::*;
use rayon::prelude::*;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::{command, Ran};

/// The program that is run: this test, as a case.
#[test]
fn the_program() {
    match heirloom_harness::case().as_deref() {
        Some("works") => work(),
        Some("varies") => vary(),
        Some("fails") => {
            println!("before\u{1b}[31m");
            eprintln!("out of cheese");
            std::process::exit(7);
        }
        _ => {}
    }
}

/// Eight items of ten milliseconds of waiting each, and a span that names the lanes.
fn work() {
    let guard = heirloom::init("scaled").unwrap();
    heirloom::in_root("run", |root| {
        let lanes = rayon::current_num_threads();
        drop(root.context().span(format!("{lanes} lanes")));
        (0..8).into_par_iter().traced(root.context()).items("item").for_each(|_: i32| {
            std::thread::sleep(std::time::Duration::from_millis(10));
        });
    });
    guard.finish();
}

/// The file in which the runs of a program are counted.
const COUNTED: &str = "COUNTED_RUNS";

/// Most of the time is spent in a phase on one thread: 60 ms in the first run, then 200 and 800.
fn vary() {
    let mut counted = File::options().create(true).append(true).open(std::env::var_os(COUNTED).unwrap()).unwrap();
    let run = counted.metadata().unwrap().len() as usize;
    counted.write_all(b".").unwrap();
    let guard = heirloom::init("scaled").unwrap();
    heirloom::in_root("run", |root| {
        root.context().in_span("load", |_| std::thread::sleep(Duration::from_millis([60, 200, 800][run])));
        (0..4).into_par_iter().traced(root.context()).items("item").for_each(|_: i32| {
            std::thread::sleep(Duration::from_millis(5));
        });
    });
    guard.finish();
}

/// `scale` of this test program.
fn scale(case: &str, args: &[&str]) -> Ran {
    heirloom_harness::output_of(&mut scaling(case, args)).into()
}

fn scaling(case: &str, args: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = command([&["scale"], args, &["--"]].concat());
    command.arg(program).args(["the_program", "--exact", "--nocapture", "--test-threads=1"]);
    command.env("HEIRLOOM_TEST_CASE", case);
    command
}

#[test]
fn a_gain_below_the_spread_of_the_runs_is_not_recommended() {
    let folder = tempfile::tempdir().unwrap();
    let sentences = |runs: &str| {
        let mut command = scaling("varies", &["--lanes=2", runs, "--json"]);
        command.env(COUNTED, folder.path().join(runs));
        let ran: Ran = heirloom_harness::output_of(&mut command).into();
        assert!(ran.status == 0 && ran.err.is_empty(), "{ran:?}");
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        json["sentences"].to_string()
    };
    // The longest run takes far more than twice as long as the median one, and no change gains more than all of that.
    let of_three = sentences("--runs=3");
    assert!(of_three.contains("No finding exceeds the spread of the 3 runs"), "{of_three}");
    let of_one = sentences("--runs=1");
    assert!(of_one.contains("`load`") && !of_one.contains("nothing is recommended"), "{of_one}");
}

#[test]
fn a_program_runs_on_each_number_of_lanes_and_both_curves_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let ran = scale("works", &["--lanes", "4,1,2,2", "--runs=2", "--json", "--keep", kept.to_str().unwrap()]);
    assert_eq!((ran.status, &*ran.err), (0, ""), "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let lanes = json["lanes"].as_array().unwrap();
    assert_eq!(lanes.iter().map(|one| one["lanes"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 4]);
    // Eight times ten milliseconds: a lane more is never slower by as much as an item.
    let wall = |n: usize| lanes[n]["median_ns"].as_u64().unwrap() / 1_000_000;
    assert!(wall(0) >= 80 && wall(1) >= 40 && wall(2) >= 20, "{json:#}");
    assert!(lanes.iter().all(|one| one["walls_ns"].as_array().unwrap().len() == 2), "{json:#}");
    let curve = |from: &str| lanes.iter().map(|one| one[from].as_u64().unwrap()).collect::<Vec<_>>();
    let (fewest, most) = (curve("predicted_from_fewest_ns"), curve("predicted_from_most_ns"));
    for predicted in [&fewest, &most] {
        let [one, two, four] = predicted[..] else { panic!("{json:#}") };
        // The items take 80 ms in all, and longer on a busy machine. There, what is simulated may be scaled down.
        assert!(one >= 40_000_000 && four >= 10_000_000, "{json:#}");
        // Not less on four lanes than on two, if one late item takes longer than all others together.
        assert!(one > four && one >= two && two >= four, "{json:#}");
    }
    assert_eq!(Some(fewest[0]), lanes[0]["median_ns"].as_u64(), "as many lanes as the run had");
    assert_ne!(fewest, most, "each is from another run");
    for (lanes, run) in [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2)] {
        let file = kept.join(format!("lanes-{lanes}-run-{run}.otlp"));
        let text = support::succeeds([Path::new("convert"), &file, Path::new("-"), Path::new("--to=jsonl")]);
        assert!(text.contains(&format!("\"{lanes} lanes\"")), "{lanes}");
    }
}

#[test]
fn the_table_fits_80_columns_and_one_number_of_lanes_is_enough() {
    for lanes in ["1", "1,2", "1,2,3,4,5,6,7"] {
        let ran = scale("works", &["--lanes", lanes, "--runs=1"]);
        assert!(ran.status == 0 && ran.err.is_empty(), "{ran:?}");
        assert!(ran.out.starts_with("lanes   measured   spread  speed-up"), "{}", ran.out);
        assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
        let rows = ran
            .out
            .lines()
            .filter(|line| line.contains("x ") && line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        let rows: Vec<&str> = rows.take(lanes.split(',').count()).collect();
        assert_eq!(rows.len(), lanes.split(',').count(), "{}", ran.out);
        // Two numbers are two runs: from each of them there is a curve, with a time for each number of lanes.
        let curves = if rows.len() == 1 { 1 } else { 2 };
        for row in rows {
            let (_, predicted) = row.split_once("x ").unwrap();
            let times = predicted.split_whitespace().filter(|part| part.contains(|c: char| c.is_ascii_digit()));
            assert_eq!(times.count(), curves, "{}", ran.out);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_a_line_says_which_run_it_is_and_is_removed_at_the_end() {
    let shown = terminal::messages_on_terminal(scaling("works", &["--lanes=2,4", "--runs=1"]));
    assert!(shown.starts_with("\r\u{1b}[2Krun 1 of 1: 2 lanes"), "{shown:?}");
    assert!(shown.ends_with("\r\u{1b}[2K") && !shown.contains('\n'), "{shown:?}");
}

#[test]
fn a_program_that_fails_is_an_error_with_its_output() {
    let ran = scale("fails", &["--lanes=2"]);
    assert!(ran.status == 2 && ran.out.is_empty(), "{ran:?}");
    assert!(ran.err.contains(" failed with 2 lanes (exit status: 7). The end of its output:\n"), "{}", ran.err);
    assert!(ran.err.contains("before\\u{1b}[31m\n") && ran.err.contains("\n  out of cheese"), "{}", ran.err);
}

#[test]
fn a_program_without_heirloom_and_one_that_is_missing_are_errors() {
    let ran = scale("records nothing", &["--lanes=1"]);
    let why = "wrote no trace: expected a program that calls `heirloom::init` and has heirloom's feature `otlp`\n";
    assert!(ran.status == 2 && ran.err.ends_with(why), "{ran:?}");
    let ran = support::heirloom(["scale", "--lanes=1", "--", "/nowhere/no-program"]);
    assert!(ran.status == 2 && ran.err.starts_with("heirloom: /nowhere/no-program: can't run it: "), "{ran:?}");
    for wrong in
        [&["--lanes=0", "--", "x"][..], &["--variable", "A=B", "--", "x"], &["--runs=0", "--", "x"], &["--lanes=1"]]
    {
        assert_eq!(support::heirloom([&["scale"], wrong].concat()).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_variable_of_the_program_has_the_number_of_lanes() {
    // A shell stands for the program: it says what it got.
    let script = "echo \"$LANES ${RAYON_NUM_THREADS-unset}\"; exit 3";
    let mut command = command(["scale", "--lanes=5", "--variable=LANES", "--", "/bin/sh", "-c", script]);
    command.env_remove("RAYON_NUM_THREADS");
    let ran: Ran = heirloom_harness::output_of(&mut command).into();
    assert!(ran.err.contains("\n  5 unset"), "{ran:?}");
}

#[test]
fn without_a_variable_rayon_and_tokio_have_the_number_of_lanes() {
    let script = "echo \"$RAYON_NUM_THREADS $TOKIO_WORKER_THREADS\"; exit 3";
    let mut command = command(["scale", "--lanes=5", "--", "/bin/sh", "-c", script]);
    command.env_remove("RAYON_NUM_THREADS").env_remove("TOKIO_WORKER_THREADS");
    let ran: Ran = heirloom_harness::output_of(&mut command).into();
    assert!(ran.err.contains("\n  5 5"), "{ran:?}");
}
