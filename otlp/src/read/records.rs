//! [`Records`]: files of requests, up to the last whole one.

use super::{json, protobuf, Place, ReadError, Request};
use crate::Format;
use std::io::{BufRead, BufReader, Read};

/// The bytes that a length takes at most.
const MAX_LENGTH_BYTES: usize = 10;

/// The requests of a file, one after the other.
///
/// In protobuf each has its length before it, as a *varint*. In JSON each is a line ([OpenTelemetry's file format]). A process that is
/// killed while it writes leaves a part of a record at the end. That isn't an error: the records end before it, and
/// [`cut_off`](Self::cut_off) says how long it is.
///
/// A record that isn't OTLP is an error, and the next one is read after it. After an error of the reader, or a length that isn't one,
/// there is no further record.
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
    is_over: bool,
}

impl<R: Read> Records<R> {
    /// The records of a file of this format. They are read when they are asked for; the largest one has to fit into memory.
    pub fn new(format: Format, reader: R) -> Self {
        Self { reader: BufReader::new(reader), format, at: 0, line: 1, cut_off: 0, is_over: false }
    }

    /// How many bytes at the end are no whole record; zero before the end was reached.
    pub fn cut_off(&self) -> u64 {
        self.cut_off
    }

    /// The next record; `None` at the end.
    fn record(&mut self) -> Result<Option<Request>, ReadError> {
        match self.format {
            Format::Protobuf => self.with_length(),
            Format::Json => self.line(),
        }
    }

    fn with_length(&mut self) -> Result<Option<Request>, ReadError> {
        let head = self.head()?;
        let (length, head_len) = match head.last() {
            None => return self.end(0),
            Some(byte) if byte & 0x80 != 0 && head.len() < MAX_LENGTH_BYTES => return self.end(head.len()),
            Some(_) => protobuf::length(&head, self.at).inspect_err(|_| self.is_over = true)?,
        };
        let mut body = Vec::new();
        self.reader.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return self.end(head_len + body.len());
        }
        let start = self.at + head_len as u64;
        self.at = start + length;
        protobuf::request(&body, start).map(Some)
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
    fn line(&mut self) -> Result<Option<Request>, ReadError> {
        loop {
            let mut bytes = Vec::new();
            self.reader.read_until(b'\n', &mut bytes)?;
            let line = self.line;
            self.line += 1;
            let has_end = bytes.last() == Some(&b'\n');
            if bytes.is_empty() {
                return self.end(0);
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let read = text(&bytes, line).and_then(|text| json::request(text, line));
            return match read {
                // An editor may have removed the end of the last line.
                Err(_) if !has_end => self.end(bytes.len()),
                read => read.map(Some),
            };
        }
    }

    /// The end, after these bytes of a record.
    fn end(&mut self, cut_off: usize) -> Result<Option<Request>, ReadError> {
        (self.cut_off, self.is_over) = (cut_off as u64, true);
        Ok(None)
    }
}

fn text(bytes: &[u8], line: u64) -> Result<&str, ReadError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let column = before.chars().count() as u64 + 1;
        ReadError::Malformed { at: Place::Line { line, column }, expected: "UTF-8" }
    })
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Request, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.record();
        self.is_over |= matches!(next, Err(ReadError::Io(_)));
        next.transpose()
    }
}
