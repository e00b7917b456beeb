//! [`Failure`]: how a subcommand fails, and the exit status for it.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// A check or a threshold failed.
const FAILED: u8 = 1;
/// Wrong usage, or something can't be read or written. clap has the same number.
const UNUSABLE: u8 = 2;

/// How a subcommand fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check or a threshold failed. The output has the reason.
    Checked,
    /// Something can't be read or written: what, where, what was expected, what to do.
    Unusable(String),
    /// Standard output is closed: its reader has left.
    Closed,
}

impl Failure {
    /// Something about a file.
    pub(crate) fn at(path: &Path, why: impl Display) -> Self {
        Self::Unusable(format!("{}: {why}", crate::terminal::shown(&path.to_string_lossy())))
    }

    pub(crate) fn status(&self) -> ExitCode {
        match self {
            Self::Checked => FAILED.into(),
            Self::Unusable(_) => UNUSABLE.into(),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

/// Of a write to standard output. Errors of files are made with [`Failure::at`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Unusable(format!("can't write to standard output: {error}")),
        }
    }
}
