//! The arguments of every bench.

use std::path::PathBuf;

/// The text of `--help`.
pub const USAGE: &str = "\
cargo bench [--bench NAME] [-- OPTION ..]
  --smoke    a quick check that everything works; its numbers mean nothing
  --out DIR  writes DIR/<date>-<bench>/results.md and results.json
  --help     this text
  TEXT       runs only the benches whose name contains it";

/// The argument that makes the process measure one thing and print its numbers as JSON.
pub const CHILD_ARGUMENT: &str = "--child";

/// The parsed arguments.
#[derive(Debug, Default, PartialEq)]
pub struct Args {
    /// `--help`.
    pub help: bool,
    /// `--smoke` or `--test`; also without `--bench`, which `cargo bench` passes and `cargo test` doesn't.
    pub smoke: bool,
    /// `--out`.
    pub out: Option<PathBuf>,
    /// Parts of the names of benches; empty for all.
    pub filters: Vec<String>,
    /// In a child process: the name of its measurement and the arguments.
    pub child: Option<(String, Vec<u64>)>,
}

impl Args {
    /// Reads the arguments after the program's name. The error names the argument and the expected value.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut by_cargo_bench = false;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" => args.help = true,
                "--smoke" | "--test" => args.smoke = true,
                "--bench" => by_cargo_bench = true,
                "--out" => args.out = Some(arguments.next().ok_or("--out: expected a folder after it")?.into()),
                CHILD_ARGUMENT => args.child = Some(child(&mut arguments)?),
                option if option.starts_with('-') => return Err(format!("{option}: unknown option\n{USAGE}")),
                text => args.filters.push(text.to_owned()),
            }
        }
        args.smoke |= !by_cargo_bench;
        Ok(args)
    }

    /// Whether to run the bench with this name.
    pub fn wants(&self, bench: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|text| bench.contains(text.as_str()))
    }
}

/// The arguments after `--child`: a name and whole numbers.
fn child(arguments: &mut impl Iterator<Item = String>) -> Result<(String, Vec<u64>), String> {
    let name = arguments.next().ok_or_else(|| format!("{CHILD_ARGUMENT}: expected the name of a measurement"))?;
    let number =
        |text: String| text.parse().map_err(|_| format!("{CHILD_ARGUMENT}: expected a number, found {text:?}"));
    Ok((name, arguments.map(number).collect::<Result<_, _>>()?))
}
