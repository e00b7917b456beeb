//! From the rows of a batch to the bytes of OTLP.
//!
//! | file | what it has |
//! |---|---|
//! | `mapping.rs` | [`Mapping`]: how the spans that a backend gets differ from the recorded ones |
//! | `plain.rs` | [`Plain`]: everything as it was recorded, and what OTLP has no field for as attributes |
//! | `attributes.rs` | [`Attributes`]: where a mapping writes them |
//! | `chunk.rs` | spans by scope, below one resource |
//! | `lanes.rs` | the attributes of a lane |
//! | `fields.rs` | what both forms have of a span |
//! | `protobuf/` | the binary form of resources, scopes and spans |
//! | `json/` | the same in JSON |
//! | `values/` | numbers, texts, ids and attributes in both forms |
//! | `counted.rs` | counts what is written |
//!
//! Field numbers and meanings are those of OpenTelemetry's [`trace.proto`], [`common.proto`] and [`resource.proto`].
//!
//! [`trace.proto`]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
//! [`common.proto`]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/common/v1/common.proto
//! [`resource.proto`]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/resource/v1/resource.proto

mod attributes;
mod chunk;
mod counted;
mod fields;
mod json;
mod lanes;
mod mapping;
mod plain;
mod protobuf;
pub(crate) mod values;

pub use attributes::{Attributes, Mark, Truncated};
pub use mapping::{Fields, Mapping, Scope};
pub use plain::Plain;

use crate::Format;
use chunk::Chunk;
use heirloom_core::export::{Resource, SpanRef};
use std::io::{self, Write};
use std::iter::Peekable;

/// At this size, in bytes, a chunk is written. So a request can be compressed as a stream, and no memory is needed for the whole of
/// it; one more span may exceed it.
const CHUNK_BYTES: usize = 60 << 10;

/// What one call of [`Encoder::fill`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// How many spans.
    pub spans: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// Encodes spans as requests of OTLP (`ExportTraceServiceRequest`).
///
/// A request is [`begin`](Self::begin), then [`fill`](Self::fill) for each run of spans with one resource, then [`end`](Self::end).
/// What `fill` writes are *chunks* of about 60 KiB, each a whole `ResourceSpans` with the same resource. So the request can be
/// compressed while it is made, and the encoder's memory is that of one chunk (of the longest span, if that is larger).
///
/// A span without arrays is encoded without an allocation. The buffers are kept from request to request. The crate's
/// documentation has an example.
#[derive(Debug)]
pub struct Encoder<M> {
    format: Format,
    mapping: M,
    chunk: Chunk,
    /// Whether the request has a chunk already.
    is_begun: bool,
}

impl<M: Mapping> Encoder<M> {
    /// An encoder of this format, for the backend of this mapping.
    pub fn new(format: Format, mapping: M) -> Self {
        Self { format, mapping, chunk: Chunk::new(format), is_begun: false }
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The mapping.
    pub fn mapping(&mut self) -> &mut M {
        &mut self.mapping
    }

    /// Begins a request. Returns how many bytes it wrote: none in protobuf.
    ///
    /// # Errors
    /// `out` failed.
    pub fn begin(&mut self, out: &mut dyn Write) -> io::Result<usize> {
        self.is_begun = false;
        out.write_all(self.format.head())?;
        Ok(self.format.head().len())
    }

    /// Encodes spans of one resource, until they end or one more would exceed `left` bytes. `spans` keeps those that were not
    /// encoded. If not even the first one fits, nothing is written: [`Filled::spans`] is zero. Spans may be encoded again, for
    /// example in smaller requests.
    ///
    /// # Errors
    /// `out` failed. Then an unknown part was written, and spans that were not written are missing from `spans`.
    pub fn fill<'a, I>(
        &mut self,
        resource: &Resource,
        spans: &mut Peekable<I>,
        left: usize,
        out: &mut dyn Write,
    ) -> io::Result<Filled>
    where
        I: Iterator<Item = SpanRef<'a>>,
    {
        let mut filled = Filled::default();
        self.chunk.begin(resource, &mut self.mapping);
        while let Some(span) = spans.peek().copied() {
            if !self.chunk.push(span, &mut self.mapping, left - filled.bytes) {
                break;
            }
            spans.next();
            filled.spans += 1;
            if self.chunk.size() >= CHUNK_BYTES {
                filled.bytes += self.write(out)?;
            }
        }
        filled.bytes += self.write(out)?;
        Ok(filled)
    }

    /// Ends a request. Returns how many bytes it wrote: none in protobuf.
    ///
    /// # Errors
    /// `out` failed.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<usize> {
        out.write_all(self.format.tail())?;
        Ok(self.format.tail().len())
    }

    /// Writes the chunk, unless it is empty, and empties it.
    fn write(&mut self, out: &mut dyn Write) -> io::Result<usize> {
        if self.chunk.is_empty() {
            return Ok(0);
        }
        let comma = self.is_begun && self.format == Format::Json;
        self.is_begun = true;
        self.chunk.write(comma, out)
    }
}
