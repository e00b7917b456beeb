//! The arguments of every bench.

use std::path::PathBuf;

/// What `--help` prints.
pub const USAGE: &str = "\
cargo bench [--bench NAME] [-- OPTION ..]
  --smoke    a quick check that everything works; its numbers mean nothing
  --out DIR  writes DIR/<date>-<bench>/results.md and results.json
  --help     this text
  TEXT       runs only the benches whose name contains it";

/// The argument that makes the process measure one thing and print its numbers as JSON.
pub const CHILD_ARGUMENT: &str = "--child";

/// What the user asked for.
#[derive(Debug, Default, PartialEq)]
pub struct Args {
    /// `--help`.
    pub help: bool,
    /// `--smoke` or `--test`, or started by something else than `cargo bench`, which says `--bench`: by `cargo test`.
    pub smoke: bool,
    /// `--out`.
    pub out: Option<PathBuf>,
    /// Parts of names of benches; none is all.
    pub filters: Vec<String>,
    /// What this process is to measure, if it is a child, and the numbers given to it.
    pub child: Option<(String, Vec<u64>)>,
}

impl Args {
    /// Reads the arguments behind the program's name. The error names the argument and what was expected.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut by_cargo_bench = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" => args.help = true,
                "--smoke" | "--test" => args.smoke = true,
                "--bench" => by_cargo_bench = true,
                "--out" => args.out = Some(arguments.next().ok_or("--out: expected a folder behind it")?.into()),
                CHILD_ARGUMENT => args.child = Some(child(&mut arguments)?),
                option if option.starts_with('-') => return Err(format!("{option}: no such option\n{USAGE}")),
                text => args.filters.push(text.to_owned()),
            }
        }
        args.smoke |= !by_cargo_bench;
        Ok(args)
    }

    /// Whether the bench of this name is wanted.
    pub fn wants(&self, bench: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|text| bench.contains(text.as_str()))
    }
}

/// Everything behind `--child`: a name and whole numbers.
fn child(arguments: &mut impl Iterator<Item = String>) -> Result<(String, Vec<u64>), String> {
    let name = arguments.next().ok_or_else(|| format!("{CHILD_ARGUMENT}: expected what to measure"))?;
    let number =
        |text: String| text.parse().map_err(|_| format!("{CHILD_ARGUMENT}: expected a number, found {text:?}"));
    Ok((name, arguments.map(number).collect::<Result<_, _>>()?))
}
