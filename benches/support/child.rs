//! A measurement in a fresh process of this same binary, with separate CPU time, memory and threads.

use super::args::CHILD_ARGUMENT;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// The numbers that a child measured, by name.
pub type Numbers = BTreeMap<String, f64>;

/// A measurement that runs in a separate process, by name.
pub type Child = (&'static str, fn(&[u64]) -> Result<Numbers, String>);

/// Prefixes of variables that a child must not inherit, because they configure tracers: the bench sets all settings.
const TRACER_VARIABLES: [&str; 3] = ["OTEL_", "HEIRLOOM_", "TRACEPARENT"];

/// A command that starts this binary again, for one measurement.
pub fn command(name: &str, arguments: &[u64]) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| format!("{name} {arguments:?}: {error}"))?;
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        if TRACER_VARIABLES.iter().any(|prefix| variable.to_string_lossy().starts_with(prefix)) {
            command.env_remove(variable);
        }
    }
    command.arg(CHILD_ARGUMENT).arg(name).args(arguments.iter().map(u64::to_string));
    Ok(command)
}

/// Measures in a fresh process and waits for its numbers.
pub fn measure(name: &str, arguments: &[u64]) -> Result<Numbers, String> {
    let failed = |error: String| format!("{name} {arguments:?}: {error}");
    let output = command(name, arguments)?.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("the process ended with {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(format!("unexpected output: {error}")))
}

/// Runs a child's measurement and prints its numbers.
pub fn serve(children: &[Child], name: &str, arguments: &[u64]) -> Result<(), String> {
    let (_, measure) = children.iter().find(|(known, _)| *known == name).ok_or_else(|| format!("{name}: not known"))?;
    let numbers = measure(arguments)?;
    println!("{}", serde_json::to_string(&numbers).map_err(|error| error.to_string())?);
    Ok(())
}

/// Numbers from pairs.
pub fn numbers<const N: usize>(pairs: [(&str, f64); N]) -> Numbers {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
