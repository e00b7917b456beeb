//! Runs the program, and measures what it recorded.

use crate::args::{General, Scale};
use crate::failure::Failure;
use crate::progress::{during, Progress};
use crate::report::analysing;
use crate::runs;
use crate::terminal::shown;
use heirloom_insight::account::account;
use heirloom_insight::text::units::counted;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// The variables that have the number of lanes, unless others are given.
const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS"];
/// How many lines of a failed program's output are shown.
const MAX_LINES: usize = 20;

/// Runs on one number of lanes.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) lanes: u32,
    /// The wall time of each run, sorted.
    pub(super) walls: Vec<u64>,
    /// The trace of the run with the median wall time.
    pub(super) median_file: PathBuf,
    /// Time in the spans of each name, and in no span inside them: of that run.
    pub(super) names: BTreeMap<String, u64>,
}

impl Measured {
    pub(super) fn median(&self) -> u64 {
        self.walls[(self.walls.len() - 1) / 2]
    }

    /// The wall times of the runs besides the median one.
    pub(super) fn others(&self) -> Vec<u64> {
        let mut walls = self.walls.clone();
        walls.remove((walls.len() - 1) / 2);
        walls
    }

    /// The difference of the slowest and the fastest run, as a part of the median.
    pub(super) fn spread(&self) -> f64 {
        let all = self.walls.last().copied().unwrap_or(0) - self.walls.first().copied().unwrap_or(0);
        all as f64 / self.median().max(1) as f64
    }
}

/// All runs. Their files go with this, unless they are kept.
#[derive(Debug)]
pub(super) struct All {
    pub(super) of: Vec<Measured>,
    _folder: Option<TempDir>,
}

/// Runs the program.
#[derive(Debug)]
pub(super) struct Runner<'a> {
    command: &'a [OsString],
    variables: Vec<&'a str>,
    folder: PathBuf,
    temporary: Option<TempDir>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(args: &'a Scale) -> Result<Self, Failure> {
        let variables = match args.variable.is_empty() {
            true => VARIABLES.to_vec(),
            false => args.variable.iter().map(|name| name.as_str()).collect(),
        };
        if let Some(wrong) = variables.iter().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return Err(Failure::Unusable(format!("--variable {}: expected the name of a variable", shown(wrong))));
        }
        let (folder, temporary) = match &args.keep {
            Some(folder) => {
                let failed = |error| Failure::at(folder, format!("can't create the folder: {error}"));
                std::fs::create_dir_all(folder).map_err(failed)?;
                (folder.clone(), None)
            }
            None => {
                let failed = |error| Failure::Unusable(format!("can't create a temporary folder: {error}"));
                let temporary = tempfile::Builder::new().prefix("heirloom-scale-").tempdir().map_err(failed)?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        // A program may change its folder.
        let folder = folder.canonicalize().map_err(|error| Failure::at(&folder, error))?;
        Ok(Self { command: &args.command, variables, folder, temporary })
    }

    /// Runs on each number of lanes so many times. All numbers take turns, so that a machine that gets slower slows all of them
    /// down.
    pub(super) fn run(self, lanes: &[u32], times: u32, general: &General) -> Result<All, Failure> {
        let mut progress = Progress::at_once();
        let mut files: Vec<Vec<PathBuf>> = vec![Vec::new(); lanes.len()];
        for time in 1..=times {
            for (lanes, files) in lanes.iter().zip(&mut files) {
                progress.show(|| format!("run {time} of {times}: {}", counted((*lanes).into(), "lane", "lanes")));
                files.push(self.once(*lanes, time)?);
            }
        }
        progress.clear();
        let of = lanes.iter().zip(files).map(|(lanes, files)| measured(*lanes, files, general));
        Ok(All { of: of.collect::<Result<_, _>>()?, _folder: self.temporary })
    }

    /// One run. Returns the file that it wrote.
    fn once(&self, lanes: u32, time: u32) -> Result<PathBuf, Failure> {
        let file = self.folder.join(format!("lanes-{lanes}-run-{time}.otlp"));
        // What another run left isn't this one's.
        _ = std::fs::remove_file(&file);
        let output = self.folder.join("output.txt");
        let status = self.start(lanes, &file, &output)?;
        let program = shown(&self.command[0].to_string_lossy());
        if !status.success() {
            let lanes = counted(lanes.into(), "lane", "lanes");
            let output = match last_lines(&output) {
                lines if lines.is_empty() => "It wrote no output".to_owned(),
                lines => format!("The end of its output:\n{lines}"),
            };
            return Err(Failure::Unusable(format!("{program} failed with {lanes} ({status}). {output}")));
        }
        match file.is_file() {
            true => Ok(file),
            false => Err(Failure::Unusable(format!(
                "{program} wrote no trace: expected a program that calls `heirloom::init` and has heirloom's feature `otlp`"
            ))),
        }
    }

    fn start(&self, lanes: u32, file: &Path, output: &Path) -> Result<ExitStatus, Failure> {
        let failed = |error| Failure::at(output, format!("can't write the program's output: {error}"));
        let both = File::create(output).map_err(failed)?;
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).env("HEIRLOOM_TRACE_FILE", file).stdin(Stdio::null());
        command.stdout(both.try_clone().map_err(failed)?).stderr(both);
        command.envs(self.variables.iter().map(|name| (*name, lanes.to_string())));
        let failed = |error| Failure::at(Path::new(&self.command[0]), format!("can't run it: {error}"));
        command.status().map_err(failed)
    }
}

fn measured(lanes: u32, files: Vec<PathBuf>, general: &General) -> Result<Measured, Failure> {
    let mut runs = Vec::new();
    for file in files {
        let run = runs::one(std::slice::from_ref(&file), general)?;
        let account = during(&analysing(&run), || account(&run));
        let names: BTreeMap<String, u64> = account.names.into_iter().map(|name| (name.name, name.own_ns)).collect();
        runs.push((account.totals.wall_ns, file, names));
    }
    runs.sort();
    let walls = runs.iter().map(|(wall, ..)| *wall).collect();
    let (_, median_file, names) = runs.swap_remove((runs.len() - 1) / 2);
    Ok(Measured { lanes, walls, median_file, names })
}

/// The end of what the program wrote.
fn last_lines(output: &Path) -> String {
    let text = std::fs::read(output).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> = text.lines().map(shown).collect();
    lines[lines.len().saturating_sub(MAX_LINES)..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
