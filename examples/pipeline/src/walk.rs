//! Finds the files: everything below a directory except hidden entries and cargo's `target`.

use crate::progress::Progress;
use heirloom::Span;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

/// The regular files below `dir`, sorted. Links are not followed, so there are no loops. An entry that can't be read is an
/// event on the span.
pub(crate) fn files(dir: &Path, span: &Span, progress: &Progress) -> Vec<PathBuf> {
    let mut walk = Walk { files: Vec::new(), unreadable: 0, span, progress };
    walk.folder(dir);
    walk.files.sort();
    span.set("files", walk.files.len());
    if walk.unreadable > 0 {
        span.error(&format!("{} entries could not be read", walk.unreadable));
    }
    walk.files
}

struct Walk<'a> {
    files: Vec<PathBuf>,
    unreadable: u32,
    span: &'a Span,
    progress: &'a Progress,
}

impl Walk<'_> {
    fn folder(&mut self, dir: &Path) {
        match fs::read_dir(dir) {
            Ok(entries) => entries.for_each(|entry| self.entry(entry)),
            Err(error) => self.failed(&format!("{}: {error}", dir.display())),
        }
    }

    fn entry(&mut self, entry: io::Result<DirEntry>) {
        match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
            Ok((_, entry)) if is_left_out(&entry) => {}
            Ok((kind, entry)) if kind.is_dir() => self.folder(&entry.path()),
            Ok((kind, entry)) if kind.is_file() => {
                self.files.push(entry.path());
                self.progress.found(self.files.len());
            }
            Ok(_) => {}
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&mut self, error: &str) {
        self.unreadable += 1;
        self.span.event_with("unreadable", &[("error", error.into())]);
    }
}

fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.as_encoded_bytes().starts_with(b".") || name == "target"
}

/// The path below `dir` as text. A byte that is not UTF-8 is written as `\xff` (its value in hexadecimal).
pub(crate) fn printable(path: &Path, dir: &Path) -> String {
    let path = path.strip_prefix(dir).unwrap_or(path);
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
}
