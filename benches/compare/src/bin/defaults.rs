//! Heirloom and other tracers with their default settings, nothing prepared. See the README of this package.

use heirloom_compare::args::Args;
use heirloom_compare::defaults::checks::problems;
use heirloom_compare::defaults::plan::{Selection, Table};
use heirloom_compare::defaults::report::{add_ratios, markdown, Report};
use heirloom_compare::defaults::{callgrind, child, Measured, Task};
use heirloom_compare::machine::Machine;
use heirloom_compare::output;
use heirloom_compare::plan::{PeerName, CRATES};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    output::run(child, defaults)
}

fn defaults(args: &Args) -> Result<bool, String> {
    if args.threads.is_some() || args.spans.is_some() {
        return Err("--threads, --spans: each table has its own; use single or contention for others".to_owned());
    }
    let only = args.only.iter().flatten().map(|label| Table::named(label)).collect::<Result<Vec<_>, _>>()?;
    let mut tables = if only.is_empty() { Table::ALL.to_vec() } else { only };
    if !callgrind::is_available() {
        eprintln!("valgrind can't be started: the tables of instructions are left out");
        tables.retain(|table| !table.is_slow());
    }
    let peers = args.peers(PeerName::available());
    let selection = Selection { smoke: args.smoke, repetitions: args.repetitions, tables: tables.clone(), peers };
    let machine = Machine::here(&CRATES);
    let (mut rows, mut broken) = measure(&selection.tasks());
    add_ratios(&mut rows);
    broken.append(&mut problems(&rows));
    let report = Report {
        benchmark: "defaults",
        arguments: std::env::args().skip(1).collect(),
        smoke: args.smoke,
        machine: &machine,
        rows: &rows,
        problems: &broken,
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())? + "\n";
    output::save_all(args, "defaults", &markdown(&machine, args.smoke, &tables, &rows), &json, &[], &broken)
}

/// Measures one task after the other. The second result has a line for each one that failed.
fn measure(tasks: &[Task]) -> (Vec<Measured>, Vec<String>) {
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let mut stderr = std::io::stderr();
    for (i, task) in tasks.iter().enumerate() {
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r{}/{} {}\x1b[K", i + 1, tasks.len(), task.describe());
        }
        match task.measure() {
            Ok(row) => rows.push(row),
            Err(error) => failed.push(format!("{}: {error}", task.describe())),
        }
    }
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[K");
    }
    (rows, failed)
}
