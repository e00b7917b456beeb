//! Shared by the binaries: the child mode, the files, the exit code.

use crate::args::{Args, USAGE};
use crate::checks::problems;
use crate::children::{Outcome, CHILD_ARGUMENT};
use crate::machine::{today, Machine};
use crate::report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Reads the arguments. In a child process it prints what `child` measures, otherwise it calls `body`. The exit code is 2 after
/// an error, which is printed, and 1 after a broken promise.
pub fn run(
    child: impl FnOnce(&str) -> Result<String, String>,
    body: impl FnOnce(&Args) -> Result<bool, String>,
) -> ExitCode {
    match Args::parse(std::env::args().skip(1)).and_then(|args| dispatch(&args, child, body)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(
    args: &Args,
    child: impl FnOnce(&str) -> Result<String, String>,
    body: impl FnOnce(&Args) -> Result<bool, String>,
) -> Result<bool, String> {
    if args.help {
        println!("{USAGE}");
        return Ok(true);
    }
    let Some(what) = &args.child else { return body(args) };
    println!("{}", child(what).map_err(|error| format!("{CHILD_ARGUMENT}: {error}"))?);
    Ok(true)
}

/// Prints the table, writes it with the rows and further files, and prints the errors. Returns false if there were any.
pub fn write(
    args: &Args,
    benchmark: &str,
    machine: &Machine,
    outcome: &Outcome,
    table: &str,
    further: &[(&str, String)],
) -> Result<bool, String> {
    let problems = problems(&outcome.rows);
    let report = Report {
        benchmark,
        arguments: std::env::args().skip(1).collect(),
        machine,
        rows: &outcome.rows,
        failures: &outcome.failures,
        problems: &problems,
    };
    let broken: Vec<String> = outcome.failures.iter().chain(&problems).cloned().collect();
    save_all(args, benchmark, table, &report.json()?, further, &broken)
}

/// Prints the table, writes it with the rows and further files, and prints what is broken. Returns false if anything is.
pub fn save_all(
    args: &Args,
    benchmark: &str,
    table: &str,
    rows: &str,
    further: &[(&str, String)],
    broken: &[String],
) -> Result<bool, String> {
    let folder = args.out.clone().unwrap_or_else(|| default_folder(benchmark, args.smoke));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    save(&folder, "results.md", table)?;
    save(&folder, "rows.json", rows)?;
    for (name, text) in further {
        save(&folder, name, text)?;
    }
    println!("{table}");
    println!("written to {}", folder.display());
    broken.iter().for_each(|line| eprintln!("PROBLEM: {line}"));
    Ok(broken.is_empty())
}

fn save(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// A dated folder beside the other results; for a smoke run a temporary folder.
fn default_folder(benchmark: &str, smoke: bool) -> PathBuf {
    if smoke {
        return std::env::temp_dir().join(format!("heirloom-{benchmark}-smoke"));
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("results").join(format!("{}-{benchmark}", today()))
}
