//! The trace file on disk: one writer at a time, readable for its owner only.

use crate::diagnostics::{self, Cause, Diagnostic, Level};
use crate::export::{Delivery, ExportError, Exporter};
use crate::sys;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many other names are tried when the file has a writer already. More writers of one process at a time are a mistake.
const MAX_OTHER_NAMES: u32 = 1000;

/// How often opening starts again because the file was created or removed meanwhile.
const MAX_TRIES: u32 = 8;

/// A file that this value alone writes, as long as every writer locks it.
#[derive(Debug)]
pub(super) struct TraceFile {
    file: File,
    /// The process that has locked it. The child of a fork has a copy of the descriptor, and must not end the lock.
    process_id: u32,
    pub(super) path: PathBuf,
}

/// What became of the lock.
enum Lock {
    Held(TraceFile),
    /// Another writer holds it.
    Busy,
}

impl TraceFile {
    /// Opens the file at the path and empties it; the first free other name if it has a writer, which is reported.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = match lock(open_or_create(path)?, path)? {
            Lock::Held(file) => file,
            Lock::Busy => {
                let file = other(path)?;
                warn(format!(
                    "the trace file {path:?} is being written by another process or tracer: this one writes {:?}",
                    file.path
                ));
                file
            }
        };
        file.file.set_len(0)?;
        Ok(file)
    }
}

/// Creates the file, or opens the one that exists.
fn open_or_create(path: &Path) -> io::Result<File> {
    let mut tries = 0..MAX_TRIES;
    loop {
        match sys::create_private(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result,
        }
        match sys::open_private(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries.next().is_some() => {}
            result => return result,
        }
    }
}

/// A file `name-PID-N.ext` that did not exist, in the same folder.
fn other(path: &Path) -> io::Result<TraceFile> {
    for n in 1..=MAX_OTHER_NAMES {
        let path = other_name(path, sys::process_id(), n);
        match sys::create_private(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
            Ok(file) => {
                if let Lock::Held(file) = lock(file, &path)? {
                    return Ok(file);
                }
            }
        }
    }
    let why = format!("another writer has it, and {MAX_OTHER_NAMES} other names are in use; remove old files");
    Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
}

/// `dir/name.ext` becomes `dir/name-PID-N.ext`.
fn other_name(path: &Path, process_id: u32, n: u32) -> PathBuf {
    let mut name = OsString::from(path.file_stem().unwrap_or_default());
    name.push(format!("-{process_id}-{n}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn warn(message: String) {
    diagnostics::report(Diagnostic::new(Level::Warn, Cause::TraceFile, message));
}

/// Locks the file. Without locks in the file system the file is written unprotected, which is reported.
fn lock(file: File, path: &Path) -> io::Result<Lock> {
    match sys::try_lock(&file) {
        Ok(true) => {}
        Ok(false) => return Ok(Lock::Busy),
        Err(error) => warn(format!(
            "the trace file {path:?} can't be locked ({error}): don't start a second program that writes it"
        )),
    }
    Ok(Lock::Held(TraceFile { file, process_id: sys::process_id(), path: path.to_owned() }))
}

impl Write for TraceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        if sys::process_id() == self.process_id {
            sys::unlock(&self.file);
        }
    }
}

/// The exporter of a trace file that can't be written. It delivers nothing, so that the ledger counts the spans.
#[derive(Debug)]
pub(crate) struct Unwritable {
    why: String,
}

impl Unwritable {
    pub(crate) fn new(why: String) -> Self {
        Self { why }
    }
}

impl Exporter for Unwritable {
    fn export(&mut self, _delivery: &Delivery) -> Result<(), ExportError> {
        Err(ExportError::new(self.why.clone()))
    }

    fn name(&self) -> &str {
        "trace file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_is_in_the_same_folder_and_keeps_the_extension() {
        for (path, expected) in [
            ("out dir/trace.json", "out dir/trace-7-2.json"),
            ("trace.chrome.json", "trace.chrome-7-2.json"),
            ("/tmp/trace", "/tmp/trace-7-2"),
            (".hidden", ".hidden-7-2"),
        ] {
            assert_eq!(other_name(Path::new(path), 7, 2), Path::new(expected));
        }
    }
}
