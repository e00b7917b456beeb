//! Runs each scenario in a fresh process of this same binary, because several tracers can be set up only once per process,
//! and because CPU time and memory then belong to one scenario.

use crate::measure::Row;
use crate::plan::Scenario;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::io::{IsTerminal, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The argument before the scenario's JSON that makes the binary measure it and print its row.
pub const CHILD_ARGUMENT: &str = "--child";

/// Deadline of one scenario.
const DEADLINE: Duration = Duration::from_secs(120);

/// Prefixes of variables that a child must not inherit, because they configure tracers: each peer's file sets all settings.
const TRACER_VARIABLES: [&str; 4] = ["OTEL_", "HEIRLOOM_", "RUST_LOG", "TRACEPARENT"];

/// Rows, and the errors of scenarios without a row.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One row for each measured scenario.
    pub rows: Vec<Row>,
    /// One line for each failed scenario.
    pub failures: Vec<String>,
}

/// Measures the scenarios one after the other. Shows progress if standard error is a terminal.
pub fn measure_all(scenarios: &[Scenario]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut stderr = std::io::stderr();
    let shows_progress = stderr.is_terminal();
    for (i, scenario) in scenarios.iter().enumerate() {
        if shows_progress {
            let name = scenario.peer.label();
            let _ = write!(stderr, "\r{}/{} {name}, {} threads\x1b[K", i + 1, scenarios.len(), scenario.threads);
        }
        match measure_in_child(scenario) {
            Ok(row) => outcome.rows.push(row),
            Err(error) => outcome.failures.push(format!("{}: {error}", describe(scenario))),
        }
    }
    if shows_progress {
        let _ = write!(stderr, "\r\x1b[K");
    }
    outcome
}

/// As in `otel, 2 threads, 3 attributes, repetition 1`.
pub fn describe(scenario: &Scenario) -> String {
    let attributes = if scenario.attributes { "3 attributes" } else { "no attributes" };
    let (peer, threads) = (scenario.peer.label(), scenario.threads);
    format!("{peer}, {threads} threads, {attributes}, repetition {}", scenario.repetition + 1)
}

/// Measures in a fresh process of this binary.
pub fn measure_in_child<T: DeserializeOwned>(what: &impl Serialize) -> Result<T, String> {
    let program = std::env::current_exe().map_err(|error| format!("no path of this program: {error}"))?;
    measure_by(Command::new(&program), what)
}

/// Measures in a process that this command starts. It gets further arguments: those that make this binary measure.
pub fn measure_by<T: DeserializeOwned>(mut command: Command, what: &impl Serialize) -> Result<T, String> {
    let json = serde_json::to_string(what).map_err(|error| error.to_string())?;
    for (name, _) in std::env::vars_os() {
        if TRACER_VARIABLES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    let started = command.args([CHILD_ARGUMENT, &json]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let output = output_of(started.map_err(|error| format!("could not start a process: {error}"))?, DEADLINE)?;
    serde_json::from_str(&output).map_err(|error| format!("unexpected output {output:?}: {error}"))
}

/// The output of the child, if it exits successfully. The child is killed if it doesn't close its output in time.
fn output_of(mut child: Child, deadline: Duration) -> Result<String, String> {
    let output = read_until_end(&mut child, deadline);
    if output.is_err() {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let output = output?;
    if !status.success() {
        return Err(format!("the process ended with {status}"));
    }
    Ok(output)
}

fn read_until_end(child: &mut Child, deadline: Duration) -> Result<String, String> {
    let mut stdout = child.stdout.take().ok_or("the process has no output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let result = stdout.read_to_string(&mut text).map(|_| text);
        let _ = sender.send(result);
    });
    match receiver.recv_timeout(deadline) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(format!("its output could not be read: {error}")),
        Err(_) => Err(format!("no result within {} ms", deadline.as_millis())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_process_that_hangs_is_killed_and_reported() {
        let error = output_of(shell("exec sleep 600"), Duration::from_millis(20)).unwrap_err();
        assert_eq!(error, "no result within 20 ms");
    }

    #[test]
    fn a_process_that_fails_gives_no_row() {
        assert_eq!(output_of(shell("echo row"), DEADLINE).unwrap(), "row\n");
        assert!(output_of(shell("echo row; exit 3"), DEADLINE).unwrap_err().contains("exit status: 3"));
    }
}
