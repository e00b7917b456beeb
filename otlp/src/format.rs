//! [`Format`]: the two forms of OTLP.

use std::path::Path;

/// The two forms of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Protobuf's binary form. HTTP calls it `application/x-protobuf`.
    Protobuf,
    /// JSON with OTLP's [rules]: ids in hexadecimal, 64-bit integers as texts. HTTP calls it `application/json`.
    ///
    /// [rules]: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    Json,
}

impl Format {
    /// What [`Encoder::begin`](crate::Encoder::begin) writes.
    pub(crate) const fn head(self) -> &'static [u8] {
        match self {
            Format::Protobuf => b"",
            Format::Json => b"{\"resourceSpans\":[",
        }
    }

    /// What [`Encoder::end`](crate::Encoder::end) writes.
    pub(crate) const fn tail(self) -> &'static [u8] {
        match self {
            Format::Protobuf => b"",
            Format::Json => b"]}",
        }
    }

    /// How many bytes of a request [`Encoder::begin`](crate::Encoder::begin) and [`Encoder::end`](crate::Encoder::end) write
    /// together.
    pub const fn frame_bytes(self) -> usize {
        self.head().len() + self.tail().len()
    }

    /// The value of the header `content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        }
    }

    /// The format of a file with this name: protobuf if it ends in `.otlp`, JSON if it ends in `.jsonl`, in any case.
    pub fn of_file(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        let all = [("otlp", Format::Protobuf), ("jsonl", Format::Json)];
        all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(ending)).map(|(_, format)| format)
    }
}
