//! The analysis names the planted cause, on traces that were recorded once: the answer is the same on every machine.
//!
//! The programs here compute, or start processes, so that a test can't record them on a busy machine. `planted.rs` has the others.
//! The traces are in `traces`, whose README says how they were made.
#![allow(clippy::unwrap_used)]

use flate2::read::GzDecoder;
use heirloom_insight::analysis::{Analysis, Cause};
use heirloom_insight::model::Run;
use heirloom_insight::{analyse, read, Options};
use heirloom_planted::verdict::{unexplained, Verdict};
use heirloom_planted::{programs, Program};
use std::fs;
use std::path::{Path, PathBuf};

fn traces() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces")
}

/// Reads a trace. What is in it doesn't depend on this machine.
fn run(name: &str) -> Run {
    let packed = fs::File::open(traces().join(format!("{name}.otlp.gz"))).unwrap();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.otlp"));
    std::io::copy(&mut GzDecoder::new(packed), &mut fs::File::create(&file).unwrap()).unwrap();
    let mut builder = read::Builder::new();
    builder.file(&file).unwrap();
    builder.finish()
}

/// The recorded form of a program, with its run on one lane if it needs one for its cause.
fn analysis(program: &str) -> Analysis {
    let one = programs::find(program).unwrap().on_one_lane.then(|| run(&format!("{program}-1-lane")));
    analyse(&run(program), &Options { on_one_lane: one.as_ref(), ..Options::default() })
}

/// The cause is the planted one, and the first sentence names this culprit. None: there is nothing to gain.
#[track_caller]
fn is_named(name: &str, cause: Option<Cause>, culprit: &str) {
    let analysis = analysis(name);
    let verdict = Verdict::new(programs::find(name).unwrap(), &analysis);
    assert!(verdict.wrong.is_empty(), "{:?} {:#?} {:#?}", verdict.wrong, analysis.sentences, analysis.findings);
    assert_eq!(verdict.cause, cause, "{:#?}", analysis.findings);
    assert!(analysis.sentences[0].contains(culprit), "{:#?}", analysis.sentences);
    assert!(unexplained(&analysis) <= 0.05, "{:#?}", analysis.lost);
}

#[test]
fn a_lock_convoy_is_named() {
    is_named("lock-convoy", Some(Cause::Lock), "lost waiting for the lock `counts`, which `count` held.");
}

#[test]
fn chunks_that_are_too_small_are_named() {
    is_named(
        "small-chunks",
        Some(Cause::SmallChunks),
        "lost between `item`, since the gaps and their recording take as long",
    );
}

#[test]
fn a_slow_start_of_processes_is_named() {
    is_named("slow-start", Some(Cause::StartUp), "lost before threads or processes had started");
}

#[test]
fn a_static_imbalance_is_named() {
    is_named("static-imbalance", Some(Cause::Straggler), "lost while only the last `range` still ran.");
}

/// Nothing is lost, since all lanes are full: the second sentence names the culprit.
#[test]
fn input_and_output_in_a_span_is_named() {
    is_named("io-in-span", Some(Cause::OffCpu), "100 % of the capacity was used.");
}

#[test]
fn untraced_work_is_named() {
    is_named("untraced-half", Some(Cause::Untraced), "Only 75 % of this program's CPU time was spent inside spans.");
    // Its spans lost next to nothing, so the largest gain is noise as a cure.
    let gain = &analysis("untraced-half").sentences[2];
    assert!(
        gain.starts_with("Nothing to gain from less waiting on 2 lanes: the best change, faster code, would save"),
        "{gain}"
    );
}

/// Nothing is lost, since all cores are full: the second sentence is about the lanes.
#[test]
fn threads_that_share_cores_are_named() {
    is_named("oversubscribed", Some(Cause::Machine), "97 % of the capacity was used.");
}

#[test]
fn another_process_is_named() {
    is_named("another-process", Some(Cause::Machine), "Other processes used 57 % of the machine.");
}

/// No schedule gains anything, so no finding names it: the sentences do.
#[test]
fn false_sharing_is_named() {
    is_named(
        "false-sharing",
        None,
        "All 2 cores were busy 99 % of the time, yet the run takes 2.6 times as long as on one.",
    );
}

#[test]
fn of_a_balanced_program_it_is_said_that_there_is_nothing_to_gain() {
    is_named("balanced", None, "98 % of the capacity was used.");
    assert!(analysis("balanced").sentences[2].starts_with("Nothing to gain on 2 cores"));
}

#[test]
fn every_program_has_a_test_here_or_in_planted() {
    let sources = [include_str!("recorded.rs"), include_str!("planted.rs")].concat();
    for program in programs::ALL {
        assert!(sources.contains(&format!("\"{}\"", program.name)), "{} has no test", program.name);
    }
}

#[test]
fn every_trace_has_a_test() {
    for file in fs::read_dir(traces()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(name) = name.strip_suffix(".otlp.gz") else {
            assert_eq!(name, "README.md");
            continue;
        };
        let is_known = |program: &Program| name == program.name || name == format!("{}-1-lane", program.name);
        assert!(programs::ALL.iter().any(is_known), "{name}");
        assert!(include_str!("recorded.rs").contains(&format!("\"{}\"", name.trim_end_matches("-1-lane"))), "{name}");
    }
}
