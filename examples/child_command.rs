//! Child processes in a trace: commands without tracing, and a Python script that reads the trace context.
//!
//! ```text
//! cargo run --release --example child_command            # -- FILE: the file whose lines are sorted
//! ```
//!
//! Each command is a span with exit code, CPU time and memory, and each child finds that span in its environment. The
//! Python script needs only its standard library to read it.

use heirloom::export::{Memory, SpanData};
use heirloom::prelude::*; // adds `.traced(..)` to commands
use heirloom::tree::{render, TreeOptions};
use heirloom::{Context, Span};
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};

/// A program in another language reads one variable.
const PYTHON: &str = r#"
import os
version, trace, parent, flags = os.environ["TRACEPARENT"].split("-")
print(f"python3: I am a child of span {parent} in trace {trace}")
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let memory = Memory::new();
    let guard = heirloom::builder("child_command").exporter(memory.clone()).verify(true).init()?;
    // If the environment has a trace context, this run is a part of that trace; else it starts a new one.
    let started_for = Context::from_env().unwrap_or_default();

    started_for.in_span("report", |root| {
        sort(root)?;
        python(root)?;
        // A program that doesn't exist: the caller gets the original error, and the span has `error.type`.
        let missing = Command::new("no-such-program").traced(root).status();
        println!("no-such-program: {}", missing.err().map_or_else(String::new, |error| error.to_string()));
        io::Result::Ok(())
    })?;

    let report = guard.finish();
    println!("\n{}", render(&memory.spans(), &TreeOptions::new()));
    memory.spans().iter().filter(|span| span.attribute("process.executable.name").is_some()).for_each(print_command);
    println!("\n{report}");
    Ok(())
}

/// A command without tracing, on real data: the file of the first argument, or this project's lock file.
fn sort(root: &Span) -> io::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock").into());
    let sort = Command::new("sort").arg("-u").stdin(File::open(file)?).traced(root).output()?;
    println!("sort: {} different lines", sort.stdout.iter().filter(|byte| **byte == b'\n').count());
    Ok(())
}

/// A child that reads its parent from the environment. It is spawned first and waited for later.
fn python(root: &Span) -> io::Result<()> {
    let python = Command::new("python3").args(["-c", PYTHON]).stdout(Stdio::piped()).traced(root).spawn();
    match python {
        Ok(child) => print!("{}", String::from_utf8_lossy(&child.wait_with_output()?.stdout)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => println!("python3 is not installed: skipped"),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn print_command(span: &SpanData) {
    println!("{} ({})", span.name, span.span_id);
    for (key, value) in span.attributes.iter().filter(|(key, _)| key != "process.executable.name") {
        println!("  {key} = {value}");
    }
}
