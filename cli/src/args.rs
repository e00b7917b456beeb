//! The arguments, and the help texts.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::ffi::OsString;
use std::path::PathBuf;

const ABOUT: &str = "Reads trace files and says why a parallel program isn't faster";
const FILES: &str = "\
A trace file is OTLP, as protobuf or as lines of JSON, compressed with gzip or not; `-` is standard input. Heirloom's programs write one with HEIRLOOM_TRACE_FILE=run.otlp, and any OpenTelemetry program can.

Exit status: 0 done; 1 a check or a threshold failed; 2 wrong usage, or a file that can't be read.";

/// Reads trace files and says why a parallel program isn't faster
#[derive(Debug, Parser)]
#[command(name = "heirloom", bin_name = "heirloom", version, about = ABOUT, after_help = FILES, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) general: General,
}

/// What every subcommand has.
#[derive(Clone, Debug, Args)]
pub(crate) struct General {
    /// When to colour the output: `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(crate) color: When,
    /// Fail if a file is truncated or damaged, instead of printing a warning
    #[arg(long, global = true)]
    pub(crate) strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say where the time of all cores went, and what to change
    #[command(after_help = "\
Examples:
  heirloom report run.otlp                 one run of one process
  heirloom report main.otlp worker.otlp    one run of several processes
  heirloom report --runs 1.otlp 2.otlp     several runs of one program
  heirloom report --json run.otlp | jq .sentences")]
    Report(Report),
    /// Write a report as one HTML file, with a timeline
    #[command(after_help = "\
Examples:
  heirloom html run.otlp              writes run.html
  heirloom html run.otlp -o why.html
  heirloom html run.html.part         what a killed program left")]
    Html(Html),
    /// Look for orphans, negative times and lost spans; for CI
    #[command(after_help = "\
Examples:
  heirloom check run.otlp
  heirloom check main.otlp worker.otlp              the files of one trace
  heirloom check --allow aborted --allow orphans=3 run.otlp

Kinds: orphans, duplicates, negative, outside, open, aborted, dropped

A file has no ledger. Spans that were refused before they were recorded, and batches that failed, aren't in it: the program's ledger counts them.")]
    Check(Check),
    /// Compare two programs, or one before and after a change
    #[command(
        override_usage = "heirloom diff [OPTIONS] <A> <B>\n       heirloom diff [OPTIONS] --a <FILE>... --b <FILE>...",
        after_help = "\
Examples:
  heirloom diff old.otlp new.otlp
  heirloom diff old/ new/                     folders: each file is a run
  heirloom diff --a old-*.otlp --b new-*.otlp
  heirloom diff --threshold 5 old/ new/       fails if new is 5 % slower
  heirloom diff --html diff.html old/ new/    two timelines on one scale

At least three runs a side are needed to tell a change from noise."
    )]
    Diff(Diff),
    /// Write a trace file in another form, or without what is private
    #[command(after_help = "\
Examples:
  heirloom convert run.otlp run.jsonl
  heirloom convert run.otlp run.json                for Perfetto
  heirloom convert --strip run.otlp share.otlp
  heirloom convert run.otlp - --to jsonl | grep decode")]
    Convert(Convert),
    /// Run a program on 1, 2, 4, .. lanes and show how it scales
    #[command(after_help = "\
Examples:
  heirloom scale -- target/release/render scene.txt
  heirloom scale --lanes 1,2,4,8 --runs 5 -- ./render
  heirloom scale --variable THREADS -- ./render     another variable

The program has to record with Heirloom and its feature `otlp`. It gets the number of lanes in RAYON_NUM_THREADS and TOKIO_WORKER_THREADS, and HEIRLOOM_TRACE_FILE.")]
    Scale(Scale),
    /// Print completions for a shell
    #[command(after_help = "\
Example:
  heirloom completions bash > /etc/bash_completion.d/heirloom")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Trace files.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Trace files; `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
}

/// What is analysed.
#[derive(Debug, Args)]
pub(crate) struct Analysed {
    #[command(flatten)]
    pub(crate) files: Files,
    /// The files are several runs of one program: gains below their spread are noise. If they ran on several numbers of lanes,
    /// spans that take longer on more of them are shown
    #[arg(long)]
    pub(crate) runs: bool,
    /// A run of the same program on one lane, for the speed-up
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) one_lane: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) input: Analysed,
    /// Print the whole analysis as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Html {
    #[command(flatten)]
    pub(crate) input: Analysed,
    /// Where to write; by default the first file's name with `.html`; `-` is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Accept problems of a kind, up to a number; without a number, any number of them
    #[arg(long, value_name = "KIND[=N]")]
    pub(crate) allow: Vec<crate::kind::Allowed>,
    /// How many problems of each kind to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) list: usize,
    /// Print counts and problems as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first side: a file, or a folder with a file for each run
    #[arg(value_name = "A", required_unless_present = "a", conflicts_with_all = ["a", "b"], requires = "second", value_hint = ValueHint::AnyPath)]
    pub(crate) first: Option<PathBuf>,
    /// The second side
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    pub(crate) second: Option<PathBuf>,
    /// The runs of the first side
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "b", value_hint = ValueHint::FilePath)]
    pub(crate) a: Vec<PathBuf>,
    /// The runs of the second side
    #[arg(long, num_args = 1.., value_name = "FILE", requires = "a", value_hint = ValueHint::FilePath)]
    pub(crate) b: Vec<PathBuf>,
    /// Fail if the second side's wall time is longer by more than this many percent, and that isn't noise
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    /// Apply the threshold to each span name's median, too
    #[arg(long, requires = "threshold")]
    pub(crate) each: bool,
    /// How many span names to list
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) list: usize,
    /// Also write a page with both timelines on one scale; `-` writes it to standard output, instead of the table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The trace file; `-` is standard input
    #[arg(value_name = "FROM", value_hint = ValueHint::FilePath)]
    pub(crate) from: PathBuf,
    /// Where to write; the ending says the form; `-` is standard output
    #[arg(value_name = "TO", value_hint = ValueHint::FilePath)]
    pub(crate) to: PathBuf,
    /// The form, if the ending doesn't say it
    #[arg(long = "to", value_name = "FORM")]
    pub(crate) form: Option<Form>,
    /// Remove attributes, texts of errors and other private data; the analysis stays the same
    #[arg(long)]
    pub(crate) strip: bool,
    /// Replace the names of spans, events, threads, locks and programs, too
    #[arg(long, requires = "strip")]
    pub(crate) strip_names: bool,
    /// With the same key, the same names get the same replacements in every file
    #[arg(long, value_name = "TEXT", requires = "strip_names", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,
}

/// Nothing is over a threshold that isn't a number, so that one would pass each comparison.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "expected a number from 0, such as 5 or 2.5".to_owned())
}

/// What `convert` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// OTLP as protobuf
    Otlp,
    /// OTLP as lines of JSON
    Jsonl,
    /// Chrome's trace events, which Perfetto opens
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// The numbers of lanes; by default 1, 2, 4, .. up to the CPUs of this machine
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    pub(crate) lanes: Vec<u32>,
    /// How often to run with each number of lanes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// The variable that has the number of lanes
    #[arg(long, value_name = "NAME")]
    pub(crate) variable: Vec<String>,
    /// Keep the trace files in this folder
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}
