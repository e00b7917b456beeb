//! The body of one request, filled from a delivery.

use super::target::{Compression, Target};
use crate::encode::{Encoder, Mapping};
use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::Compression as Level;
use heirloom_core::export::Delivery;
use std::io::{self, Write};

/// A request: its body, and which spans of the delivery it has.
#[derive(Debug)]
pub(super) struct Request {
    /// As it is sent.
    pub(super) body: Bytes,
    /// How many spans it has.
    pub(super) spans: usize,
    /// Its size before compression.
    pub(super) plain_bytes: usize,
}

/// A position in a delivery: so many spans of so many parts are in front of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    part: usize,
    row: usize,
}

impl Position {
    /// Moves over so many spans.
    pub(super) fn skip(&mut self, delivery: &Delivery, mut spans: usize) {
        for part in delivery.parts().skip(self.part) {
            let left = part.len() - self.row;
            if spans < left {
                self.row += spans;
                return;
            }
            spans -= left;
            *self = Self { part: self.part + 1, row: 0 };
        }
    }
}

/// Encodes the spans of a delivery from a position on: at most `max_spans`, of several processes, as many as the request may have.
/// No span if a single one is too large for a request.
pub(super) fn fill<M: Mapping>(
    encoder: &mut Encoder<M>,
    target: &Target,
    delivery: &Delivery,
    from: Position,
    max_spans: usize,
) -> io::Result<Request> {
    let mut body = Compressed::new(target.compression);
    let mut left_spans = max_spans.min(target.max_spans);
    let most_bytes = target.max_bytes.saturating_sub(encoder.format().frame_bytes());
    let mut left_bytes = most_bytes;
    encoder.begin(&mut body)?;
    let mut first = from.row;
    for part in delivery.parts().skip(from.part) {
        let offered = left_spans.min(part.len() - first);
        let mut spans = part.spans().skip(first).take(offered).peekable();
        first = 0;
        let filled = encoder.fill(part.resource(), &mut spans, left_bytes, &mut body)?;
        left_spans -= filled.spans;
        left_bytes -= filled.bytes;
        if filled.spans < offered || left_spans == 0 {
            break;
        }
    }
    encoder.end(&mut body)?;
    let spans = max_spans.min(target.max_spans) - left_spans;
    Ok(Request { body: body.finish()?, spans, plain_bytes: most_bytes - left_bytes })
}

/// What is kept of a body: its compressed bytes.
enum Compressed {
    Gzip(GzEncoder<Vec<u8>>),
    None(Vec<u8>),
}

impl Compressed {
    fn new(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Level::fast())),
            Compression::None => Self::None(Vec::new()),
        }
    }

    fn finish(self) -> io::Result<Bytes> {
        let body = match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::None(bytes) => bytes,
        };
        Ok(body.into())
    }
}

impl Write for Compressed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::None(body) => body.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
