//! [`Record`]: a request that isn't decoded yet.

use super::{json, protobuf, Place, ReadError, Request, Visitor};
use crate::Format;

/// A request that isn't decoded yet: that can be done on another thread ([`in_order`](super::in_order)).
#[derive(Clone, Debug)]
pub struct Record {
    format: Format,
    bytes: Vec<u8>,
    /// The place of its first byte in its file: a byte, or a line in JSON.
    at: u64,
}

impl Record {
    /// A record that isn't from a file.
    pub fn new(format: Format, bytes: Vec<u8>) -> Self {
        let at = match format {
            Format::Protobuf => 0,
            Format::Json => 1,
        };
        Self { format, bytes, at }
    }

    pub(super) fn at(format: Format, bytes: Vec<u8>, at: u64) -> Self {
        Self { format, bytes, at }
    }

    /// The request.
    ///
    /// # Errors
    /// It isn't OTLP. The error has its place in the file.
    pub fn request(&self) -> Result<Request, ReadError> {
        match self.format {
            Format::Protobuf => protobuf::request(&self.bytes, self.at),
            Format::Json => json::request(self.text()?, self.at),
        }
    }

    /// Shows its spans to a visitor. Protobuf isn't copied for that; JSON is read as a request first.
    ///
    /// # Errors
    /// As [`request`](Self::request). The visitor may have seen spans before the place of the error.
    pub fn visit(&self, visitor: &mut impl Visitor) -> Result<(), ReadError> {
        match self.format {
            Format::Protobuf => protobuf::visit(&self.bytes, self.at, visitor),
            Format::Json => {
                self.request()?.visit(visitor);
                Ok(())
            }
        }
    }

    fn text(&self) -> Result<&str, ReadError> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            // The first lines, if it has several.
            let before = String::from_utf8_lossy(&self.bytes[..error.valid_up_to()]);
            let line = self.at + before.matches('\n').count() as u64;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
            ReadError::Malformed { at: Place::Line { line, column }, expected: "UTF-8" }
        })
    }
}
