//! The command `heirloom`: reads trace files and says why a parallel program isn't faster.
//!
//! Only the binary has a stable interface: see `heirloom --help`, and the page [`docs/command.md`]. This library contains the
//! binary's code.
//!
//! [`docs/command.md`]: https://github.com/heirloom-rs/heirloom/blob/main/docs/command.md

// Output goes through `terminal`, so that a closed pipe is no panic.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod check;
mod convert;
mod diff;
mod failure;
mod files;
mod input;
mod kind;
mod progress;
mod report;
mod runs;
mod scale;
mod terminal;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use failure::Failure;
use std::process::ExitCode;

/// Runs the command with the arguments of this process.
///
/// Returns the exit status: 0 done; 1 a check or a threshold failed; 2 wrong usage, or a file that can't be read. A closed standard
/// output ends it with 0.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help, too, is such an error. A closed pipe is no reason for another one.
            _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Failure::Unusable(why) = &failure {
                terminal::say(why);
            }
            failure.status()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let general = &cli.general;
    match &cli.command {
        Command::Report(args) => report::report(args, general),
        Command::Html(args) => report::html(args, general),
        Command::Check(args) => check::run(args, general),
        Command::Convert(args) => convert::run(args, general),
        Command::Diff(args) => diff::run(args, general),
        Command::Scale(args) => scale::run(args, general),
        Command::Completions { shell } => completions(*shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "heirloom", &mut script);
    let mut out = terminal::out();
    std::io::Write::write_all(&mut out, &script)?;
    Ok(std::io::Write::flush(&mut out)?)
}
