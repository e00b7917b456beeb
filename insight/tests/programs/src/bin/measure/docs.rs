//! The table in the docs: what stands between two marks is replaced.

use std::io::{Error, ErrorKind};
use std::{fs, io, path::Path};

const BEGIN: &str = "<!-- planted: begin -->\n";
const END: &str = "<!-- planted: end -->\n";

/// Writes this text between the two marks of a file.
pub(crate) fn write(file: &Path, text: &str) -> io::Result<()> {
    let before = fs::read_to_string(file)?;
    let missing = || Error::new(ErrorKind::InvalidData, format!("{} lacks the marks {BEGIN}{END}", file.display()));
    let (first, rest) = before.split_once(BEGIN).ok_or_else(missing)?;
    let (_, last) = rest.split_once(END).ok_or_else(missing)?;
    fs::write(file, format!("{first}{BEGIN}\n{text}\n{END}{last}"))
}
