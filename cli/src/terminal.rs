//! Standard output and standard error: colours, texts from files, messages.

use crate::args::When;
use heirloom_core::environment;
use std::io::{self, IsTerminal, StdoutLock, Write};

/// The longest part of a name that is shown, in characters: with an id before it, it fits a line of 80.
const LONGEST: usize = 50;
/// The width of a line of text.
const WIDTH: usize = 80;

/// Standard output, with a buffer. An error of a write is the caller's: a closed pipe ends the program quietly.
pub(crate) type Out<'o> = io::BufWriter<StdoutLock<'o>>;

/// Standard output for a subcommand.
pub(crate) fn out() -> Out<'static> {
    io::BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Writes a message to standard error. That it can't be written is no reason to fail.
pub(crate) fn say(text: &str) {
    _ = io::stderr().lock().write_all(format!("heirloom: {text}\n").as_bytes());
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// As asked for. `auto`: on a terminal, unless [NO_COLOR] is set or the terminal has none.
    ///
    /// [NO_COLOR]: https://no-color.org
    pub(crate) fn new(when: When) -> Self {
        Self(match when {
            When::Always => true,
            When::Never => false,
            When::Auto => io::stdout().is_terminal() && wants_colors(),
        })
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
}

fn wants_colors() -> bool {
    let is_set = |name: &str| environment::variable(name, &["NO_COLOR", "TERM"]).filter(|value| !value.is_empty());
    is_set("NO_COLOR").is_none() && is_set("TERM").is_none_or(|term| term != "dumb")
}

/// A text from outside, for a terminal: on one line, without control characters.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(piece).collect()
}

/// The same, but not longer than [`LONGEST`]: a name of a span can have any length.
pub(crate) fn name(text: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for piece in text.chars().map(piece) {
        length += piece.chars().count();
        if length > LONGEST {
            shown.push('…');
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

fn piece(character: char) -> String {
    match character {
        // These would change the direction of the line, or are invisible.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            character.escape_unicode().to_string()
        }
        c if c.is_control() || c == '\\' => c.escape_default().to_string(),
        c => c.to_string(),
    }
}

/// A text on lines that fit.
pub(crate) fn paragraph(out: &mut impl Write, text: &str) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_a_file_has_one_line_and_commands_no_terminal() {
        assert_eq!(shown("a\x1b[2J\nb\\"), "a\\u{1b}[2J\\nb\\\\");
        assert_eq!(shown("\u{202e}gpj"), "\\u{202e}gpj");
        assert_eq!(shown("größe 𝄞"), "größe 𝄞");
        assert_eq!(shown(&"ü".repeat(70)).chars().count(), 70);
        assert_eq!([name(&"ü".repeat(50)), name(&"ü".repeat(70))].map(|name| name.chars().count()), [50, 51]);
        assert_eq!(name(&"\u{1}\u{1b}".repeat(70)).chars().count(), 50);
    }
}
