//! [`Records`]: files of requests, up to the last whole one.

use super::{protobuf, Place, ReadError, Record, Request};
use crate::Format;
use std::io::{BufRead, BufReader, Read};

/// The bytes that a length takes at most.
const MAX_LENGTH_BYTES: usize = 10;

/// More empty requests than this in a row are no requests: some file systems leave zeros at the end of a file when the power fails.
const MOST_EMPTY: u32 = 64;

/// At most so much room is made for a record before it is read: its length may be wrong.
const MAX_ROOM: u64 = 16 << 20;

/// The requests of a file, one after the other.
///
/// In protobuf each has its length before it, as a *varint*. In JSON each is a line ([OpenTelemetry's file format]). A process that
/// is killed while it writes leaves a part of a record at the end. That isn't an error: the records end before it, and
/// [`cut_off`](Self::cut_off) says how long it is.
///
/// A record that isn't OTLP is an error, and the next one is read after it. After an error of the reader, or a length that isn't
/// one, there is no further record.
///
/// ```
/// use heirloom_otlp::read::Records;
/// use heirloom_otlp::Format;
///
/// let file = b"{\"resourceSpans\":[]}\n{\"resourceSpans\":[]}\n{\"resour";
/// let mut records = Records::new(Format::Json, &file[..]);
/// assert_eq!(records.by_ref().filter_map(Result::ok).count(), 2);
/// assert_eq!(records.cut_off(), 8);
/// ```
///
/// [OpenTelemetry's file format]: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
#[derive(Debug)]
pub struct Records<R> {
    reader: BufReader<R>,
    format: Format,
    /// Where the next record begins: its byte, and its line.
    at: u64,
    line: u64,
    cut_off: u64,
    /// How many requests without a byte were the last ones.
    empty: u32,
    is_over: bool,
}

impl<R: Read> Records<R> {
    /// The records of a file of this format. They are read when they are asked for; the largest one has to fit into memory.
    pub fn new(format: Format, reader: R) -> Self {
        Self { reader: BufReader::new(reader), format, at: 0, line: 1, cut_off: 0, empty: 0, is_over: false }
    }

    /// How many bytes at the end are no whole record; zero before the end was reached.
    pub fn cut_off(&self) -> u64 {
        self.cut_off
    }

    /// The next record, which isn't decoded yet; `None` at the end.
    ///
    /// # Errors
    /// The reader failed, or a length isn't one. There is no further record.
    pub fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        if self.is_over {
            return Ok(None);
        }
        let next = match self.format {
            Format::Protobuf => self.with_length(),
            Format::Json => self.line(),
        };
        next.inspect_err(|_| self.is_over = true)
    }

    fn with_length(&mut self) -> Result<Option<Record>, ReadError> {
        let head = self.head()?;
        let (length, head_len) = match head.last() {
            None => return self.end(0),
            Some(byte) if byte & 0x80 != 0 && head.len() < MAX_LENGTH_BYTES => return self.end(head.len()),
            Some(_) => protobuf::length(&head, self.at)?,
        };
        self.empty = if length == 0 { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            let (at, expected) = (Place::Byte(self.at), "the length of a request, not only zeros");
            return Err(ReadError::Malformed { at, expected });
        }
        let mut body = Vec::with_capacity(length.min(MAX_ROOM) as usize);
        self.reader.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return self.end(head_len + body.len());
        }
        let start = self.at + head_len as u64;
        self.at = start + length;
        Ok(Some(Record::at(self.format, body, start)))
    }

    /// The bytes of a length, up to the last one.
    fn head(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut head = Vec::new();
        while head.len() < MAX_LENGTH_BYTES && head.last().is_none_or(|byte| byte & 0x80 != 0) {
            if self.reader.by_ref().take(1).read_to_end(&mut head)? == 0 {
                break;
            }
        }
        Ok(head)
    }

    /// The record of the next line that isn't empty.
    fn line(&mut self) -> Result<Option<Record>, ReadError> {
        loop {
            let mut bytes = Vec::new();
            self.reader.read_until(b'\n', &mut bytes)?;
            let line = self.line;
            self.line += 1;
            if bytes.is_empty() {
                return self.end(0);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let (len, has_end) = (bytes.len(), bytes.last() == Some(&b'\n'));
            let record = Record::at(self.format, bytes, line);
            // An editor may have removed the end of the last line.
            return match has_end || record.request().is_ok() {
                true => Ok(Some(record)),
                false => self.end(len),
            };
        }
    }

    /// The end, after these bytes of a record.
    fn end(&mut self, cut_off: usize) -> Result<Option<Record>, ReadError> {
        (self.cut_off, self.is_over) = (cut_off as u64, true);
        Ok(None)
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Request, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_record();
        next.and_then(|record| record.map(|record| record.request()).transpose()).transpose()
    }
}
