//! [`Source`]: the bytes of a file or of standard input, without their compression.

use crate::failure::Failure;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

/// The first bytes of gzip ([RFC 1952]).
///
/// [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Standard input can be read once: it would be empty then.
static IS_INPUT_READ: AtomicBool = AtomicBool::new(false);
/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// The bytes of a file.
pub(crate) struct Source {
    reader: Box<dyn BufRead + Send>,
    position: Position,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("position", &self.position).finish_non_exhaustive()
    }
}

/// How far a file was read.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    read: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Position {
    /// In percent, or in megabytes if the size isn't known.
    pub(crate) fn text(&self) -> String {
        let read = self.read.load(Ordering::Relaxed);
        match self.size {
            Some(size) if size > 0 => format!("{:.0} %", 100.0 * read as f64 / size as f64),
            _ => format!("{} MB", read / 1_000_000),
        }
    }
}

/// Counts what is read.
struct Counted(Box<dyn Read + Send>, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(to)?;
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let (file, size): (Box<dyn Read + Send>, _) = if path.as_os_str() == "-" {
            if IS_INPUT_READ.swap(true, Ordering::Relaxed) {
                return Err(Failure::at(path, "standard input was read already: expected it once among the files"));
            }
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(|error| Failure::at(path, format!("can't open it: {error}")))?;
            let metadata = file.metadata().map_err(|error| Failure::at(path, format!("can't open it: {error}")))?;
            if metadata.is_dir() {
                return Err(Failure::at(path, "is a folder: expected a trace file. Name the files in it"));
            }
            (Box::new(file), metadata.is_file().then_some(metadata.len()))
        };
        let position = Position { read: Arc::default(), size };
        let mut reader = BufReader::with_capacity(BUFFER, Counted(file, Arc::clone(&position.read)));
        let head = reader.fill_buf().map_err(|error| Failure::at(path, format!("can't read it: {error}")))?;
        let reader: Box<dyn BufRead + Send> = match head.starts_with(&GZIP) {
            true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader))),
            false => Box::new(reader),
        };
        Ok(Self { reader, position })
    }

    pub(crate) fn position(&self) -> Position {
        self.position.clone()
    }
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.reader.read(to)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
    }
}
