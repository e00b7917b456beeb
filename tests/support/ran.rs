//! The output and the exit status of an example. Used by the tests of several packages.

use std::process::Output;

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// The number behind this name in the last line.
    pub(crate) fn ledger(&self, name: &str) -> u64 {
        let line = self.stdout.lines().last().unwrap_or_default();
        let found = line.strip_prefix("ledger: ").and_then(|line| {
            line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        });
        found.unwrap_or_else(|| panic!("no {name} in the last line of {self}"))
    }

    /// Checks that it exited with 0 and lost no span.
    pub(crate) fn assert_lossless(&self) {
        assert_eq!(self.code, Some(0), "{self}");
        let last = self.stdout.lines().last().unwrap_or_default();
        let begun = self.ledger("begun");
        let expected = format!(
            "ledger: begun={begun} exported={begun} dropped=0 sampled_out=0 open=0 aborted=0 orphans=0 balanced=yes"
        );
        assert_eq!(last, expected);
    }

    /// The number of lines in the tree for this span, at this level.
    pub(crate) fn count(&self, level: usize, name: &str) -> usize {
        let start = format!("{}{name}  ", "  ".repeat(level));
        self.stdout.lines().filter(|line| line.starts_with(&start)).count()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
