//! Runs of the programs, each in a separate process with a trace file.

use crate::{Plan, Program};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Variables whose names begin with these would change what is recorded, or where it goes.
const SETTINGS: [&str; 2] = ["HEIRLOOM_", "OTEL_"];

/// A run that takes longer is ended: each takes a few seconds at most.
const MOST: Duration = Duration::from_secs(60);

/// Runs programs and keeps their traces.
#[derive(Clone, Debug)]
pub struct Runs {
    planted: PathBuf,
    folder: PathBuf,
}

impl Runs {
    /// Runs `planted`, and keeps the traces in this folder, which is created.
    ///
    /// # Errors
    /// If the folder can't be created.
    pub fn new(planted: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> io::Result<Self> {
        let runs = Self { planted: planted.into(), folder: folder.into() };
        fs::create_dir_all(&runs.folder)?;
        Ok(runs)
    }

    /// Runs a program once. Returns the path of its trace, which this run alone wrote.
    ///
    /// # Errors
    /// If the program doesn't start or fails, with what it printed, and if it doesn't end within a minute.
    pub fn record(&self, program: &Program, plan: &Plan, number: usize) -> io::Result<PathBuf> {
        let form = if plan.mended { "mended" } else { "slow" };
        let trace = self.folder.join(format!("{}-{form}-{}-{number}.otlp", program.name, plan.lanes));
        let mut command = Command::new(&self.planted);
        command.arg(program.name).args(plan.mended.then_some("--mended"));
        command.args(["--lanes", &plan.lanes.to_string(), "--scale", &plan.scale.to_string()]);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        remove(&trace)?;
        let printed = trace.with_extension("stderr");
        command.env("HEIRLOOM_TRACE_FILE", &trace).stdout(Stdio::null()).stderr(fs::File::create(&printed)?);
        let status = end(&mut command.spawn()?)?;
        if status.is_some_and(|status| status.success()) {
            return Ok(trace);
        }
        let status = status.map_or_else(|| format!("didn't end in {MOST:?}"), |status| format!("ended with {status}"));
        Err(io::Error::other(format!("{command:?} {status}: {}", fs::read_to_string(&printed)?)))
    }

    /// Removes the traces of a program.
    ///
    /// # Errors
    /// If a file can't be removed.
    pub fn forget(&self, program: &Program) -> io::Result<()> {
        let begins = |name: OsString| name.to_string_lossy().starts_with(&format!("{}-", program.name));
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if begins(entry.file_name()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Waits for a program. `None`: it took too long, and was ended.
fn end(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < MOST {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn is_setting(name: &OsString) -> bool {
    SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
}

fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
