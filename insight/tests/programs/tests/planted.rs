//! The analysis names the planted cause, on traces that are recorded here.
//!
//! Only programs by timed waiting are here: they need hardly any CPU time, so their schedule is the same on a busy machine. Those
//! that compute (`Work::Computed`), and the one that starts processes, depend on the two cores being free: `recorded.rs` analyses
//! traces of them that were recorded once, and `ci/planted.sh` runs them. For the same reason a first sentence about a busy machine
//! is no error here.
#![allow(clippy::unwrap_used)]

use heirloom_insight::analysis::Cause;
use heirloom_insight::model::Run;
use heirloom_insight::{analyse, read, Options};
use heirloom_planted::runs::Runs;
use heirloom_planted::verdict::Verdict;
use heirloom_planted::{programs, Plan, Program, Work};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Records a program, in a folder that only this call uses: several tests may record one program.
fn record(program: &Program, mended: bool) -> Run {
    static RECORDED: AtomicUsize = AtomicUsize::new(0);
    let call = RECORDED.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{call}", program.name));
    let runs = Runs::new(env!("CARGO_BIN_EXE_planted"), folder).unwrap();
    let lanes = if mended { program.mended_lanes } else { program.lanes };
    let trace = runs.record(program, &Plan { mended, lanes, scale: 1.0 }, 0).unwrap();
    let mut builder = read::Builder::new();
    builder.file(trace).unwrap();
    builder.finish()
}

/// How often a program is run at most, until one run isn't disturbed by what else the machine does.
const ATTEMPTS: usize = 3;

/// The check holds for one run at least. It says what is wrong otherwise.
fn holds(check: impl Fn() -> Result<(), String>) {
    let wrong: Vec<String> = (0..ATTEMPTS).map_while(|_| check().err()).collect();
    assert!(wrong.len() < ATTEMPTS, "{}", wrong.join("\n"));
}

/// The cause that is named first is the planted one.
fn named_first(name: &str) {
    let program = programs::find(name).unwrap();
    assert_eq!(program.work, Work::Timed, "{name} computes: it isn't stable on a busy machine");
    holds(|| {
        let run = record(program, false);
        let analysis = analyse(&run, &Options::default());
        let mut verdict = Verdict::new(program, &analysis);
        // On a busy machine, a thread that doesn't wake up for long is Machine as far as samples tell, and Unexplained otherwise.
        let busy = ["the first sentence names Machine", "the first sentence names Unexplained"];
        verdict.wrong.retain(|wrong| !busy.iter().any(|busy| wrong.contains(busy)));
        let said = || format!("{name}: {:?} {:#?} {:#?}", verdict.wrong, analysis.sentences, analysis.findings);
        if verdict.wrong.is_empty() {
            Ok(())
        } else {
            Err(said())
        }
    });
}

macro_rules! named_first {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                named_first($name);
            }
        )*
    };
}

named_first! {
    a_serial_phase_is_named: "serial-phase",
    a_straggler_is_named: "straggler",
    a_lock_that_is_held_for_long_is_named: "long-hold",
    the_sender_of_a_starved_queue_is_named: "starved-queue",
    the_receiver_of_a_full_queue_is_named: "full-queue",
    a_background_job_that_occupies_the_pool_is_named: "background-job",
    a_second_fan_out_does_not_fill_the_gap_of_the_first: "two-fan-outs",
    a_join_that_is_buried_under_stolen_work_is_named: "buried-join",
    a_blocking_call_in_async_code_is_named: "blocking-call",
    the_longest_span_off_the_critical_path_is_not_named: "off-path",
    the_larger_of_two_causes_is_named_first: "two-causes",
}

/// The causes of findings that aren't noise and gain a tenth or more, with those whom the first words of each name.
fn large_findings(name: &str) -> Vec<(Cause, String)> {
    let run = record(programs::find(name).unwrap(), false);
    let findings = analyse(&run, &Options::default()).findings;
    let large =
        findings.into_iter().filter(|finding| !finding.noise && finding.gain > 0.1 && finding.cause != Cause::OffCpu);
    large.map(|finding| (finding.cause, finding.text.split('`').nth(1).unwrap_or_default().to_owned())).collect()
}

#[test]
fn the_smaller_of_two_causes_is_named_second() {
    // `merge` costs 240 ms and `tile` 100 ms of about 440.
    let expected = [(Cause::Serial, "merge".to_owned()), (Cause::Straggler, "tile".to_owned())];
    holds(|| {
        let found = large_findings("two-causes");
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

#[test]
fn the_longest_span_is_not_to_blame_for_what_ends_behind_it() {
    holds(|| {
        let found = large_findings("off-path");
        if found.iter().all(|(_, name)| name != "index") {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}
