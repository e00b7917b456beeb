//! The arguments of all binaries.

use crate::children::CHILD_ARGUMENT;
use crate::plan::PeerName;
use std::path::PathBuf;

/// The text of `--help`.
pub const USAGE: &str = "\
options:
  --smoke            a quick check that everything works; its numbers mean nothing
  --out DIR          the folder for the results
  --spans N          spans of all threads together, per measurement
  --repetitions N    number of repetitions
  --threads A,B,..   numbers of threads (contention only)
  --peers A,B,..     peers to measure; the floor is always among them
  --only A,B,..      tables to measure (defaults only)
  --help             this text";

/// The parsed arguments.
#[derive(Debug, Default, PartialEq)]
pub struct Args {
    /// `--help`.
    pub help: bool,
    /// `--smoke`.
    pub smoke: bool,
    /// `--out`.
    pub out: Option<PathBuf>,
    /// `--spans`.
    pub spans: Option<u64>,
    /// `--repetitions`.
    pub repetitions: Option<usize>,
    /// `--threads`.
    pub threads: Option<Vec<usize>>,
    /// `--peers`.
    pub peers: Option<Vec<PeerName>>,
    /// `--only`.
    pub only: Option<Vec<String>>,
    /// In a child process: what to measure, as JSON.
    pub child: Option<String>,
}

impl Args {
    /// Reads the arguments after the program's name. The error names the argument and the expected value.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name}: expected a value after it"));
            match name.as_str() {
                "--help" => args.help = true,
                "--smoke" => args.smoke = true,
                "--out" => args.out = Some(value()?.into()),
                "--spans" => args.spans = Some(positive(&name, &value()?)?),
                "--repetitions" => args.repetitions = Some(positive(&name, &value()?)? as usize),
                "--threads" => args.threads = Some(list(&value()?, |text| Ok(positive(&name, text)? as usize))?),
                "--peers" => args.peers = Some(list(&value()?, peer)?),
                "--only" => args.only = Some(list(&value()?, |text| Ok(text.to_owned()))?),
                CHILD_ARGUMENT => args.child = Some(value()?),
                _ => return Err(format!("{name}: unknown option\n{USAGE}")),
            }
        }
        Ok(args)
    }

    /// The peers to measure: those of `--peers`, or all of these; the floor is first.
    pub fn peers(&self, all: Vec<PeerName>) -> Vec<PeerName> {
        let mut peers = self.peers.clone().unwrap_or(all);
        peers.push(PeerName::Floor);
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}

fn positive(name: &str, text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name}: expected a positive number, found {text:?}")),
    }
}

fn list<T>(text: &str, item: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(|text| item(text.trim())).collect()
}

fn peer(text: &str) -> Result<PeerName, String> {
    let available = PeerName::available();
    available.iter().copied().find(|peer| peer.label() == text).ok_or_else(|| {
        let labels: Vec<_> = available.iter().map(|peer| peer.label()).collect();
        format!("--peers: expected some of {}, found {text:?}", labels.join(","))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_floor_is_always_measured() {
        let args = parse("--smoke --peers otel,channel --threads 1,2").unwrap();
        assert!(args.smoke);
        assert_eq!(args.threads, Some(vec![1, 2]));
        assert_eq!(args.peers(PeerName::best_cases()), [PeerName::Floor, PeerName::Channel, PeerName::Otel]);
    }

    #[test]
    fn a_bad_argument_is_named_with_what_was_expected() {
        assert!(parse("--spans 0").unwrap_err().starts_with("--spans: expected a positive number"));
        assert!(parse("--peers zipkin").unwrap_err().contains("expected some of floor,"));
        assert!(parse("--out").unwrap_err().contains("expected a value"));
        assert!(parse("--fast").unwrap_err().contains("unknown option"));
    }
}
