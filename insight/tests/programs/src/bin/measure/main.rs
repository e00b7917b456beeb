//! Measures every program with a planted fault: what the analysis names, what it predicts, and what the cure gains.
//!
//! ```sh
//! ci/planted.sh                        # all programs; about two minutes
//! ci/planted.sh --runs 9 straggler     # more runs of some of them
//! ci/planted.sh --text straggler       # what the analysis says, in words
//! ci/planted.sh --out DIR              # writes DIR/<date>-planted/results.md as well, and if it ran all programs, the table in docs/insight.md
//! ci/planted.sh --docs FILE            # writes the table into that file, between its two marks
//! ci/planted.sh --planted FILE         # runs that build of `planted`
//! ci/planted.sh --scale 0.1            # less work
//! ```
//!
//! For each program, both forms run several times, in turn. The analysis of the slow run of median length names a cause and
//! predicts the time with the cure. Only after that is stated, the traces of the mended form are read. A program that fails is
//! reported, and the others go on. The exit code is 1 if one failed, a cause is wrong, a prediction is off by more than 10 % of the
//! wall time, or more than 5 % of the capacity is unexplained.

mod docs;
#[path = "../../../../../../benches/support/machine.rs"]
#[allow(unreachable_pub)]
mod machine;
mod row;
mod table;

use heirloom_planted::programs;
use heirloom_planted::runs::Runs;
use heirloom_planted::Program;
use lexopt::prelude::*;
use machine::{today, Machine};
use row::Row;
use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    match arguments().map_err(Into::into).and_then(|arguments| measure(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    runs: usize,
    out: Option<PathBuf>,
    docs: Option<PathBuf>,
    planted: Option<PathBuf>,
    text: bool,
    scale: f64,
    names: Vec<String>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parser = lexopt::Parser::from_env();
    let mut arguments =
        Arguments { runs: 5, out: None, docs: None, planted: None, text: false, scale: 1.0, names: Vec::new() };
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("runs") => arguments.runs = parser.value().map_err(text)?.parse::<usize>().map_err(text)?.max(1),
            Long("out") => arguments.out = Some(parser.value().map_err(text)?.into()),
            Long("docs") => arguments.docs = Some(parser.value().map_err(text)?.into()),
            Long("planted") => arguments.planted = Some(parser.value().map_err(text)?.into()),
            Long("scale") => arguments.scale = parser.value().map_err(text)?.parse().map_err(text)?,
            Long("text") => arguments.text = true,
            Value(name) if programs::find(&name.to_string_lossy()).is_some() => {
                arguments.names.push(name.to_string_lossy().into_owned());
            }
            other => return Err(text(other.unexpected())),
        }
    }
    Ok(arguments)
}

fn measure(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let planted = match &arguments.planted {
        Some(planted) => planted.clone(),
        None => std::env::current_exe()?.with_file_name("planted"),
    };
    let folder = std::env::temp_dir().join(format!("heirloom-planted-{}", std::process::id()));
    let runs = Runs::new(planted, &folder)?;
    let named =
        |program: &Program| arguments.names.is_empty() || arguments.names.iter().any(|name| name == program.name);
    let chosen: Vec<&'static Program> = programs::ALL.iter().filter(|program| named(program)).collect();
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for (program, number) in chosen.iter().zip(1..) {
        let start = Instant::now();
        eprintln!("{number}/{} {}: {} runs of each form", chosen.len(), program.name, arguments.runs);
        let stated = |prediction: &str| eprintln!("  predicted: {prediction}");
        match Row::measure(program, &runs, arguments.runs, arguments.scale, stated) {
            Ok(row) => {
                eprintln!("{} after {:.0} s", table::line(&row), start.elapsed().as_secs_f64());
                if arguments.text {
                    eprintln!("{}\n", row.said());
                }
                rows.push(row);
            }
            Err(error) => {
                eprintln!("  failed: {error}");
                failed.push(format!("- {}: failed: {error}.\n", program.name));
            }
        }
        runs.forget(program)?;
    }
    fs::remove_dir_all(folder)?;

    let machine = Machine::here(&["heirloom", "rayon", "tokio"]);
    let command = format!("ci/planted.sh --runs {}", arguments.runs);
    let result = format!(
        "# planted, {}\n\n{}\n\n```sh\n{command}\n```\n\n{}{}",
        today(),
        machine.markdown(),
        table::markdown(&rows),
        failed.concat()
    );
    println!("{result}");
    if let Some(out) = &arguments.out {
        let folder = out.join(format!("{}-planted", today()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("results.md"), result)?;
    }
    if let Some(file) = arguments.docs.as_ref().filter(|_| arguments.names.is_empty()) {
        docs::write(file, &format!("{}{}", table::short(&rows, arguments.runs), failed.concat()))?;
    }
    Ok(failed.is_empty() && rows.iter().all(Row::is_right))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
