//! [`Bench`]: collects tables, goals and promises, prints them and writes them to files.

use super::args::{Args, USAGE};
use super::child::{self, Child, Numbers};
use super::machine::Machine;
use super::summary::Summary;
use serde_json::{json, Value};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// The crates whose versions are in the results.
const CRATES: [&str; 4] = ["heirloom", "heirloom-core", "ipc-channel", "rayon"];

/// The results of a bench so far.
pub struct Bench {
    /// Whether this run only checks that everything works.
    pub smoke: bool,
    text: String,
    goals: Vec<String>,
    values: Vec<Value>,
    broken: Vec<String>,
    /// Goals without a measured value.
    missing: Vec<String>,
}

/// A bound for a measured number.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// The main function of a bench: in a child process it runs the child's measurement, else it calls `body` and shows the
/// results.
///
/// The exit code is 1 if a promise was broken, 2 if a measurement failed or a goal has no value. A missed goal is no failure,
/// because it depends on the machine.
pub fn run(name: &str, children: &[Child], body: fn(&mut Bench) -> Result<(), String>) -> ExitCode {
    let done = Args::parse(std::env::args().skip(1)).and_then(|args| match &args.child {
        Some((child, arguments)) => child::serve(children, child, arguments).map(|()| true),
        None => show(name, &args, body),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(2)
        }
    }
}

fn show(name: &str, args: &Args, body: fn(&mut Bench) -> Result<(), String>) -> Result<bool, String> {
    if args.help {
        println!("{USAGE}");
        return Ok(true);
    }
    if !args.wants(name) {
        return Ok(true);
    }
    let machine = Machine::here(&CRATES);
    let mut bench = Bench {
        smoke: args.smoke,
        text: String::new(),
        goals: Vec::new(),
        values: Vec::new(),
        broken: Vec::new(),
        missing: Vec::new(),
    };
    body(&mut bench)?;
    let report = bench.markdown(name, &machine);
    println!("{report}");
    if let Some(folder) = &args.out {
        bench.save(&folder.join(format!("{}-{name}", machine.date)), name, &machine, &report)?;
    }
    bench.broken.iter().for_each(|promise| eprintln!("{name}: BROKEN PROMISE: {promise}"));
    match bench.missing.is_empty() {
        true => Ok(bench.broken.is_empty()),
        false => Err(format!("goals that were not measured: {}", bench.missing.join("; "))),
    }
}

impl Goal {
    fn outcome(self, median: f64, lost: f64) -> &'static str {
        let within = match self {
            Goal::AtMost(bound) => median <= bound,
            Goal::AtLeast(bound) => median >= bound,
        };
        match (lost == 0.0, within) {
            (false, _) => "spans lost",
            (true, true) => "yes",
            (true, false) => "no",
        }
    }
}

impl Bench {
    /// One of two settings: for a full run, or for a smoke run.
    pub fn pick<T>(&self, full: T, smoke: T) -> T {
        if self.smoke {
            smoke
        } else {
            full
        }
    }

    /// Measures in a fresh process.
    pub fn child(&self, name: &str, arguments: &[u64]) -> Result<Numbers, String> {
        child::measure(name, arguments)
    }

    /// Measures each of `kinds` kinds once per round, in turns, so that a machine that slows down for a while affects all
    /// of them. The result is by kind, then by round.
    pub fn in_turns<T>(
        &self,
        rounds: usize,
        kinds: usize,
        mut measure: impl FnMut(usize) -> Result<T, String>,
    ) -> Result<Vec<Vec<T>>, String> {
        let mut all: Vec<Vec<T>> = (0..kinds).map(|_| Vec::with_capacity(rounds)).collect();
        for _ in 0..rounds {
            for (kind, results) in all.iter_mut().enumerate() {
                results.push(measure(kind)?);
            }
        }
        Ok(all)
    }

    /// Adds a paragraph.
    pub fn say(&mut self, text: &str) {
        let _ = write!(self.text, "\n{text}\n");
    }

    /// Adds a table. The first column is text, the others are numbers.
    pub fn table(&mut self, columns: &[&str], rows: &[Vec<String>]) {
        let _ = write!(self.text, "\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        for row in rows {
            let _ = writeln!(self.text, "| {} |", row.join(" | "));
        }
    }

    /// Keeps all values of a quantity, one per round, for the JSON file.
    pub fn keep(&mut self, what: &str, unit: &str, values: &[f64]) {
        self.values.push(json!({ "what": what, "unit": unit, "values": values }));
    }

    /// Adds a goal, which the median should reach. Without a value the bench fails.
    pub fn goal(&mut self, what: &str, goal: Goal, unit: &str, measured: Option<Summary>) {
        self.goal_unless_lost(what, goal, unit, measured, 0.0);
    }

    /// The same; the goal isn't reached if spans were lost meanwhile, because a lost span costs less.
    pub fn goal_unless_lost(&mut self, what: &str, goal: Goal, unit: &str, measured: Option<Summary>, lost: f64) {
        let (word, bound) = match goal {
            Goal::AtMost(bound) => ("at most", bound),
            Goal::AtLeast(bound) => ("at least", bound),
        };
        let (text, reached) = match measured {
            None => {
                self.missing.push(what.to_owned());
                ("-".to_owned(), "not measured")
            }
            Some(measured) => (measured.text(2) + unit, goal.outcome(measured.median, lost)),
        };
        self.goals.push(format!("| {what} | {word} {bound}{unit} | {text} | {reached} |\n"));
    }

    /// Checks a condition that must hold on every machine, even a busy one.
    pub fn promise(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    fn markdown(&self, name: &str, machine: &Machine) -> String {
        let (date, command) = (&machine.date, &machine.command);
        let mut text = format!("# {name}, {date}\n\n{}\n\n```sh\n{command}\n```\n", machine.markdown());
        if self.smoke {
            text.push_str("\n**A smoke run: its numbers mean nothing.**\n");
        }
        text.push_str(&self.text);
        if !self.goals.is_empty() {
            text.push_str("\n| number to reach | goal | measured | reached |\n|---|---|---|---|\n");
            self.goals.iter().for_each(|goal| text.push_str(goal));
        }
        self.broken.iter().for_each(|promise| _ = write!(text, "\nBroken promise: {promise}\n"));
        text
    }

    fn save(&self, folder: &Path, name: &str, machine: &Machine, report: &str) -> Result<(), String> {
        let json = json!({
            "benchmark": name,
            "smoke": self.smoke,
            "machine": machine,
            "values": self.values,
            "broken_promises": self.broken,
        });
        let write = |file: &str, text: &str| {
            let path = folder.join(file);
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
        };
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        write("results.md", report)?;
        write("results.json", &format!("{json:#}\n"))?;
        println!("written to {}", folder.display());
        Ok(())
    }
}

/// `value` in each round over `under` in the same round.
pub fn ratios(over: &[f64], under: &[f64]) -> Option<Summary> {
    Summary::of(over.iter().zip(under).filter(|(_, under)| **under > 0.0).map(|(over, under)| over / under))
}

/// Median, smallest and largest as text; `-` if there is none.
pub fn cell(values: &[f64], digits: usize) -> String {
    Summary::of(values.iter().copied()).map_or_else(|| "-".to_owned(), |summary| summary.text(digits))
}

/// One of the numbers of each child. Panics if there is no child, or if one of them doesn't have it: a check of all its values
/// would hold.
pub fn column(runs: &[Numbers], name: &str) -> Vec<f64> {
    assert!(!runs.is_empty(), "{name}: no run");
    runs.iter().map(|run| *run.get(name).unwrap_or_else(|| panic!("{name}: not among the numbers {run:?}"))).collect()
}

/// The results of what has this name. Panics if there is nothing with this name, or if it has no results.
pub fn named<'a>(all: impl IntoIterator<Item = (&'a str, &'a Vec<f64>)>, name: &str) -> Vec<f64> {
    match all.into_iter().find(|(known, _)| *known == name) {
        Some((_, values)) if !values.is_empty() => values.clone(),
        _ => panic!("{name}: not measured"),
    }
}
