//! [`TraceFile`]: a trace file on disk, one writer at a time, readable for its owner only.

use crate::diagnostics::{self, Cause, Diagnostic, Level};
use crate::export::{Delivery, ExportError, Exporter};
use crate::sys;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How many other names are tried when the file has a writer already. More writers of one process at a time are a mistake.
const MAX_OTHER_NAMES: u32 = 1000;

/// How often opening starts again because the file was created or removed meanwhile.
const MAX_TRIES: u32 = 8;

/// A new trace file, which this value alone writes, as long as every writer locks it. It is unlocked when it is dropped.
///
/// For exporters that write a file in a format of their own. No buffer: a write is a system call.
///
/// ```
/// use heirloom_core::export::TraceFile;
///
/// let path = std::env::temp_dir().join(format!("shop-{}.txt", std::process::id()));
/// let mut file = TraceFile::create(&path)?;
/// file.append(b"a whole record\n")?;
/// assert_eq!(std::fs::read(file.path())?, b"a whole record\n");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TraceFile {
    file: File,
    /// The process that has locked it. The child of a fork has a copy of the descriptor, and must not end the lock.
    process_id: u32,
    path: PathBuf,
    /// How many bytes were written.
    len: u64,
    /// Whether a part of a record is behind them.
    is_cut: bool,
}

/// What became of the lock.
enum Lock {
    Held(TraceFile),
    /// Another writer holds it.
    Busy,
}

impl TraceFile {
    /// Creates a file that only its owner can read and write, and locks it. A file that exists is emptied, and made so. If it has a
    /// writer, this one is called `name-PID-N.ext`, which is reported.
    /// [`Chrome::create`](super::Chrome::create) has the details.
    ///
    /// # Errors
    /// As for [`Chrome::create`](super::Chrome::create): the file can't be opened; it is no regular file, or a link, or belongs to
    /// another user; or a thousand other names are in use. The error has the reason, without the path.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
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

    /// The path. It is not the one that was given if that has another writer.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record, with one call of the system if that takes all of it: if the process is killed, the records before it are
    /// whole.
    ///
    /// # Errors
    /// It could not be written, for example because the disk is full. Then nothing of it is in the file; if it can't be removed
    /// either, the next call tries that first.
    pub fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.is_cut {
            self.remove_part()?;
        }
        match self.file.write_all(record) {
            Ok(()) => {
                self.len += record.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.is_cut = true;
                // The error of the write says more. If this one fails too, it is tried again.
                let _ = self.remove_part();
                Err(error)
            }
        }
    }

    /// Removes a record that was written in part.
    fn remove_part(&mut self) -> io::Result<()> {
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.is_cut = false;
        Ok(())
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
    let path = path.to_owned();
    Ok(Lock::Held(TraceFile { file, process_id: sys::process_id(), path, len: 0, is_cut: false }))
}

impl Write for TraceFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.len += written as u64;
        Ok(written)
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
