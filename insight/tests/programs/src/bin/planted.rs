//! Runs one of the programs with a planted fault, traced.
//!
//! ```text
//! HEIRLOOM_TRACE_FILE=run.otlp planted NAME [--mended] [--lanes N] [--scale F]
//! ```

use heirloom_planted::programs::{self, BURNER};
use heirloom_planted::{Plan, Program};
use lexopt::prelude::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    programs::serve_if_worker();
    if std::env::args().nth(1).as_deref() == Some(BURNER) {
        programs::burn();
        return ExitCode::SUCCESS;
    }
    match arguments().and_then(|(program, plan)| run(program, &plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("planted: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<(&'static Program, Plan), String> {
    let mut parser = lexopt::Parser::from_env();
    let (mut program, mut mended, mut lanes, mut scale) = (None, false, None, 1.0);
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("mended") => mended = true,
            Long("lanes") => lanes = Some(parser.value().map_err(text)?.parse::<usize>().map_err(text)?),
            Long("scale") => scale = parser.value().map_err(text)?.parse().map_err(text)?,
            Value(name) if program.is_none() => program = programs::find(&name.to_string_lossy()),
            other => return Err(text(other.unexpected())),
        }
    }
    let program = program.ok_or_else(usage)?;
    let usual = if mended { program.mended_lanes } else { program.lanes };
    Ok((program, Plan { mended, lanes: lanes.unwrap_or(usual), scale }))
}

fn usage() -> String {
    let mut text = String::from("usage: planted NAME [--mended] [--lanes N] [--scale F]\n");
    for program in programs::ALL {
        text += &format!("  {:17} {}\n", program.name, program.about);
    }
    text
}

fn run(program: &Program, plan: &Plan) -> Result<(), String> {
    rayon::ThreadPoolBuilder::new().num_threads(plan.lanes).build_global().map_err(text)?;
    let guard = heirloom::init("planted").map_err(text)?;
    heirloom::in_root(program.name, |root| (program.run)(plan, root));
    let report = guard.finish();
    if report.is_complete() {
        Ok(())
    } else {
        Err(report.to_string())
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
