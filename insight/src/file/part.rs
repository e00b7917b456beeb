//! [`Part`]: the file that spans are streamed to, and its bound.

use super::prune::{Newest, Removed, Room};
use heirloom_core::export::{Delivery, ExportError, Exporter, TraceFile};
use heirloom_otlp::{Format, OtlpFile};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file of OTLP of bounded size.
#[derive(Debug)]
pub(super) struct Part {
    file: OtlpFile,
    path: PathBuf,
    max_bytes: u64,
    /// How many spans the file has, at most.
    spans: u64,
    dropped: Removed,
    /// Whether nothing more can be removed.
    is_full: bool,
}

impl Part {
    pub(super) fn create(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let file = OtlpFile::create(Format::Protobuf, path)?;
        let path = file.path().to_owned();
        Ok(Self { file, path, max_bytes, spans: 0, dropped: Removed::default(), is_full: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// How many spans the file has, at most: those that couldn't be written are counted.
    pub(super) fn spans(&self) -> u64 {
        self.spans
    }

    /// What was removed.
    pub(super) fn dropped(&self) -> Removed {
        self.dropped
    }

    /// Appends the spans of a delivery, and removes the oldest traces if the file is too large then.
    pub(super) fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        if self.is_full {
            let bytes = self.max_bytes;
            return Err(ExportError::new(format!(
                "the trace file has {bytes} bytes, and its traces are still going on: set HEIRLOOM_TRACE_BYTES to a larger number"
            )));
        }
        self.spans += delivery.len() as u64;
        self.file.export(delivery)?;
        self.shrink().map_err(|error| {
            self.is_full = true;
            ExportError::partial(0, format!("can't remove old traces from {:?}: {error}", self.path))
        })
    }

    fn shrink(&mut self) -> io::Result<()> {
        if fs::metadata(&self.path)?.len() <= self.max_bytes {
            return Ok(());
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let mut smaller = TraceFile::create(&name)?;
        let new = smaller.path().to_owned();
        let removed = match self.copy_newest(&mut smaller) {
            Ok(removed) if removed.spans > 0 => removed,
            other => {
                fs::remove_file(&new)?;
                self.is_full = true;
                return other.map(drop);
            }
        };
        // Whichever of the two files a killed process leaves, it is whole.
        fs::rename(&new, &self.path)?;
        self.file = OtlpFile::new(Format::Protobuf, smaller);
        self.spans = self.spans.saturating_sub(removed.spans);
        self.dropped.spans += removed.spans;
        self.dropped.traces += removed.traces;
        self.is_full = fs::metadata(&self.path)?.len() > self.max_bytes / 4 * 3;
        Ok(())
    }

    fn copy_newest(&self, to: &mut TraceFile) -> io::Result<Removed> {
        let mut newest = Newest::of(File::open(&self.path)?, Room::Bytes(self.max_bytes / 2))?;
        while let Some(record) = newest.next()? {
            to.append(&record)?;
        }
        Ok(newest.removed())
    }
}
