//! Which of a command's streams were set.
//!
//! [`Command::output`] replaces only streams that were not set. A [`Command`] shows its streams only in its debug output, so that
//! is parsed. Two known commands are parsed first. If the result is wrong, the format has changed, and [`Set::of`] returns `None`.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Which streams of a command were set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
}

impl Set {
    const NONE: Set = Set { stdin: false, stdout: false, stderr: false };
    const ALL: Set = Set { stdin: true, stdout: true, stderr: true };

    /// Which streams of this command were set; `None` if this standard library's debug output can't be parsed. Formats the command.
    pub(super) fn of(command: &Command) -> Option<Set> {
        static TOLD: OnceLock<bool> = OnceLock::new();
        TOLD.get_or_init(is_told).then(|| read(command))
    }

    /// Sets the streams that were not set, as [`Command::output`] does.
    pub(super) fn complete(self, command: &mut Command) {
        if !self.stdin {
            command.stdin(Stdio::null());
        }
        if !self.stdout {
            command.stdout(Stdio::piped());
        }
        if !self.stderr {
            command.stderr(Stdio::piped());
        }
    }
}

fn is_told() -> bool {
    let none = Command::new("stdin: stdout: stderr:");
    let mut all = Command::new("all");
    all.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    read(&none) == Set::NONE && read(&all) == Set::ALL
}

/// Each field is on a separate line, indented once. The command's texts are on deeper lines, with escaped line feeds.
fn read(command: &Command) -> Set {
    let text = format!("{command:#?}");
    let is_set = |field: &str| text.lines().any(|line| line.strip_prefix("    ").is_some_and(|l| l.starts_with(field)));
    Set { stdin: is_set("stdin: "), stdout: is_set("stdout: "), stderr: is_set("stderr: ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_is_told_apart() {
        let mut command = Command::new("cat");
        assert_eq!(Set::of(&command), Some(Set::NONE));
        command.stdout(Stdio::null());
        assert_eq!(Set::of(&command), Some(Set { stdout: true, ..Set::NONE }));
        command.stdin(Stdio::piped());
        assert_eq!(Set::of(&command), Some(Set { stderr: false, ..Set::ALL }));
    }

    #[test]
    fn what_the_texts_contain_is_no_stream() {
        let text = "\n    stdin: Some(\nstdout: x\r    stderr: y\u{2028}    stdin: ";
        let mut command = Command::new(text);
        command.arg(text).env(text, text).current_dir(text);
        assert_eq!(Set::of(&command), Some(Set::NONE));
    }
}
