//! The file behind the exporter. It contains only whole lines, even after a failed write.

use std::io::{self, Write};

/// Writes lines to a writer. If a write fails in the middle of a line, the next write starts with the rest of that line.
/// So the file contains whole lines, except that the end of the last one may be missing.
pub(super) struct Sink {
    writer: Box<dyn Write + Send>,
    /// The rest of a line, to be written first.
    rest: Vec<u8>,
}

/// A write that failed.
#[derive(Debug)]
pub(super) struct WriteError {
    /// How many bytes of the lines were written before the failure.
    pub(super) written: usize,
    pub(super) error: io::Error,
}

impl Sink {
    /// Starts with these lines, which the first write includes.
    pub(super) fn new(writer: Box<dyn Write + Send>, head: Vec<u8>) -> Self {
        Self { writer, rest: head }
    }

    /// Writes whole lines, with one call of the writer if it accepts all of them.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), WriteError> {
        let rest = std::mem::take(&mut self.rest);
        if let Err(e) = write_counted(&mut *self.writer, &rest) {
            self.rest = rest.get(e.written..).unwrap_or_default().to_vec();
            return Err(WriteError { written: 0, error: e.error });
        }
        let result = write_counted(&mut *self.writer, lines);
        if let Err(e) = &result {
            self.rest = rest_of_line(lines, e.written).to_vec();
        }
        result
    }

    /// Writes the rest of a cut line, and flushes the writer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.write(&[]).map_err(|e| e.error)?;
        self.writer.flush()
    }
}

/// Like [`Write::write_all`], and returns how many bytes were written before an error.
fn write_counted(writer: &mut dyn Write, bytes: &[u8]) -> Result<(), WriteError> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        let error = match writer.write(rest) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(n) => {
                written += n.min(rest.len());
                continue;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => e,
        };
        return Err(WriteError { written, error });
    }
    Ok(())
}

/// The missing rest of the line that was cut after `written` bytes; empty if the cut is between two lines.
fn rest_of_line(lines: &[u8], written: usize) -> &[u8] {
    let (done, rest) = lines.split_at(written.min(lines.len()));
    if done.last().is_none_or(|byte| *byte == b'\n') {
        return &[];
    }
    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
    &rest[..end]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::export::fixture::Disk;

    #[test]
    fn a_line_that_was_cut_is_completed_first() {
        for room in 0..12 {
            let disk = Disk::with_room(room);
            let mut sink = Sink::new(Box::new(disk.clone()), b"h\n".to_vec());
            let error = sink.write(b"one\ntwo\n3\n").unwrap_err();
            assert_eq!(error.written, room.saturating_sub(2), "room for {room}");
            assert_eq!(error.error.kind(), io::ErrorKind::Other);
            disk.make_room(100);
            sink.write(b"four\n").unwrap();
            let text = String::from_utf8(disk.bytes()).unwrap();
            let lines: Vec<_> = text.lines().collect();
            assert!(lines.iter().all(|line| ["h", "one", "two", "3", "four"].contains(line)), "{text:?}");
            assert_eq!((lines.first(), lines.last()), (Some(&"h"), Some(&"four")));
        }
    }

    #[test]
    fn flush_completes_the_line_too() {
        let disk = Disk::with_room(4);
        let mut sink = Sink::new(Box::new(disk.clone()), Vec::new());
        sink.write(b"one\ntwo\n").unwrap_err();
        sink.flush().unwrap();
        assert_eq!(disk.bytes(), b"one\n");
        disk.make_room(2);
        sink.write(b"three\n").unwrap_err();
        sink.flush().unwrap_err();
        disk.make_room(100);
        sink.flush().unwrap();
        assert_eq!(disk.bytes(), b"one\nthree\n");
    }
}
