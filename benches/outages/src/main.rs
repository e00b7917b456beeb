//! What arrives when the backend is slow, away, full or hostile: one table, through Langfuse and through OTLP.
//!
//! ```sh
//! ci/outages.sh                  # all cases; about 8 minutes
//! ci/outages.sh --smoke          # a short check that all of them work
//! ci/outages.sh --out DIR        # writes DIR/<date>-outages/results.md as well
//! ci/outages.sh 429              # cases whose name contains it
//! ```
//!
//! Each case has a backend with a timetable, on a port of this machine, and a program in a separate process that records. Its
//! settings are the defaults, but for those in the column "settings". The cases run at the same time, a few at once. The table
//! compares what the program recorded, what its ledger says and what the backend took. The exit code is 1 if anything isn't as it
//! must be.
#![allow(missing_docs)]

mod backend;
mod case;
mod http;
mod program;
mod seen;

use case::{Case, Outcome, Way};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::{env, fs, thread};

/// Cases at one time. Most of them sleep.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--program", load, way] => say(load, way),
        ["--flood", threads] => threads.parse().map_err(Into::into).and_then(program::flood).map(|()| true),
        _ => table(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("outages: {error}");
            ExitCode::from(2)
        }
    }
}

fn say(load: &str, way: &str) -> Result<bool, Box<dyn Error>> {
    let said = program::run("outages", serde_json::from_str(load)?, way == Way::Langfuse.name())?;
    println!("{}", serde_json::to_string(&said)?);
    Ok(true)
}

fn table(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    let (mut smoke, mut out, mut filters) = (false, None, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--smoke" => smoke = true,
            "--out" => out = Some(PathBuf::from(arguments.next().ok_or("--out: expected a folder after it")?)),
            option if option.starts_with('-') => {
                return Err(format!("{option}: unknown option; expected --smoke, --out DIR or part of a name").into())
            }
            text => filters.push(text.to_owned()),
        }
    }
    let wanted = |case: &Case| filters.is_empty() || filters.iter().any(|f| case.name.contains(f.as_str()));
    let cases: Vec<Case> = case::all(if smoke { 0.03 } else { 1.0 }).into_iter().filter(wanted).collect();
    let rows = run_all(&cases);
    let (table, all_hold) = markdown(&rows);
    let text = format!("# outages, {}\n\n{}\n\n{table}", today(), machine());
    println!("{text}");
    if let Some(folder) = out {
        let folder = folder.join(format!("{}-outages", today()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("results.md"), text)?;
    }
    Ok(all_hold)
}

/// A case, its way, and what came out, or why nothing did.
type Row<'a> = (usize, &'a Case, Way, Result<Outcome, String>);

fn run_all(cases: &[Case]) -> Vec<Row<'_>> {
    let pairs = cases.iter().enumerate().flat_map(|(n, case)| Way::ALL.map(|way| (n, case, way)));
    let (todo, rows) = (Mutex::new(pairs.collect::<VecDeque<_>>()), Mutex::new(Vec::new()));
    let next = || todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((n, case, way)) = next() {
                    let outcome = case.run(way).map_err(|error| error.to_string());
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((n, case, way, outcome));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|(n, _, way, _)| (*n, way.name()));
    rows
}

fn markdown(rows: &[Row<'_>]) -> (String, bool) {
    let mut text = String::from(
        "| case | through | settings | recorded | refused by rings | arrived | twice | refused leaves / in traces / torn | failed | left | said to be missing | orphans | requests | finish | memory | holds |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let mut all_hold = true;
    for (_, case, way, outcome) in rows {
        let line = match outcome {
            Err(error) => {
                all_hold = false;
                format!("| {} | {} | {error} |", case.name, way.name())
            }
            Ok(outcome) => {
                let missed = case.goal.misses(outcome);
                all_hold &= missed.is_none();
                let s = &outcome.said;
                format!(
                    "| {} | {} | {} | {} | {} | {} | {} | {} / {} / {} | {} | {} | {} | {} | {} | {} ms | {} MiB | {} |",
                    case.name,
                    way.name(),
                    case.settings(*way),
                    s.assembled + s.transparent,
                    s.transparent,
                    outcome.taken,
                    outcome.again,
                    s.leaves,
                    s.in_refused_traces,
                    s.torn,
                    s.failed,
                    s.queued,
                    outcome.missing_children,
                    outcome.orphans.0,
                    outcome.requests,
                    s.finish_ms,
                    s.peak_kib.saturating_sub(s.before_kib) >> 10,
                    missed.unwrap_or_else(|| "yes".to_owned()),
                )
            }
        };
        let _ = writeln!(text, "{line}");
    }
    (text, all_hold)
}

/// The machine, in words.
fn machine() -> String {
    let first = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .find(|line| line.starts_with(key))
            .map(|line| line[key.len()..].trim_matches([' ', ':', '\t']).to_owned())
    };
    let cpu = first("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let kernel = first("/proc/sys/kernel/osrelease", "").unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, |cores| cores.get());
    format!("{cpu}, {cores} cores, {} {kernel}; heirloom {}.", env::consts::OS, env!("CARGO_PKG_VERSION"))
}

/// The day (UTC), as in `2026-11-21`.
fn today() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%F"]).output();
    output.map_or_else(|_| "undated".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
