//! How wide a text may be: the terminal says, or the variable `COLUMNS`.

use heirloom_core::environment;
use std::ffi::OsString;
use std::io;

/// The columns of a text where nothing says how many there are, and the fewest that a report is made for.
pub(super) const FEWEST: usize = 80;

/// The most columns: lines that are longer are hard to follow.
const MOST: usize = 160;

/// The columns that a text on standard output may have.
///
/// Those of the terminal; if it is none, those in the variable `COLUMNS`; 80 without either. From 80 to 160.
#[must_use]
pub fn of_stdout() -> usize {
    chosen(terminal::columns(io::stdout()), variable())
}

/// As [`of_stdout`], on standard error.
#[must_use]
pub fn of_stderr() -> usize {
    chosen(terminal::columns(io::stderr()), variable())
}

fn variable() -> Option<OsString> {
    environment::variable("COLUMNS", &["COLUMNS"])
}

fn chosen(of_terminal: Option<usize>, variable: Option<OsString>) -> usize {
    let of_variable = || variable?.to_str()?.trim().parse().ok();
    bounded(of_terminal.or_else(of_variable).unwrap_or(FEWEST))
}

/// A width for which a report can be made.
pub(super) fn bounded(columns: usize) -> usize {
    columns.clamp(FEWEST, MOST)
}

#[cfg(unix)]
mod terminal {
    use std::os::fd::AsFd;

    /// `None` if it is no terminal, or one that doesn't say.
    pub(super) fn columns(stream: impl AsFd) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(stream).ok()?;
        Some(size.ws_col.into()).filter(|columns| *columns > 0)
    }
}

#[cfg(not(unix))]
mod terminal {
    pub(super) fn columns<S>(_: S) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_says_how_wide_a_text_is_then_the_variable_and_80_without_either() {
        let chosen =
            |terminal, variable: &str| chosen(terminal, Some(variable).filter(|text| !text.is_empty()).map(Into::into));
        assert_eq!(
            [chosen(Some(120), "90"), chosen(None, " 90 "), chosen(None, ""), chosen(None, "wide")],
            [120, 90, 80, 80]
        );
        assert_eq!(
            [chosen(Some(40), ""), chosen(Some(161), ""), chosen(None, "1"), chosen(None, "999999")],
            [80, 160, 80, 160]
        );
    }
}
