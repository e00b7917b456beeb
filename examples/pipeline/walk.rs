//! Finds the files: everything below a directory that git wouldn't ignore.

use crate::progress::Progress;
use heirloom::Span;
use ignore::WalkBuilder;
use std::path::{Path, PathBuf};

/// The regular files below `dir`, sorted. Links are not followed, so that there are no loops. What can't be read is an
/// event of the span.
pub(crate) fn files(dir: &Path, span: &Span, progress: &Progress) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut unreadable = 0;
    for entry in WalkBuilder::new(dir).sort_by_file_path(Path::cmp).build() {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                files.push(entry.into_path());
                progress.found(files.len());
            }
            Ok(_) => {}
            Err(error) => {
                unreadable += 1;
                span.event_with("unreadable", &[("error", error.to_string().into())]);
            }
        }
    }
    span.set("files", files.len());
    if unreadable > 0 {
        span.error(&format!("{unreadable} entries could not be read"));
    }
    files
}

/// The path below `dir` as text, whatever bytes it has: each one that is no UTF-8 stands there as `\xff`.
pub(crate) fn printable(path: &Path, dir: &Path) -> String {
    let path = path.strip_prefix(dir).unwrap_or(path);
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
}
