//! [`OtlpFile`]: an exporter that writes files of OTLP.

use crate::{Encoder, Filled, Format, Plain};
use heirloom_core::export::{Delivery, ExportError, Exporter, Part, Resource, SpanRef, TraceFile};
use std::io;
use std::iter::Peekable;
use std::path::Path;

/// At most about so many bytes are in one record: what a killed process can lose of what it was writing.
const RECORD_BYTES: usize = 1 << 20;
/// The bytes that a length takes at most.
const MAX_LENGTH_BYTES: usize = 10;

/// Writes finished spans to a file of OTLP.
///
/// | format | the file |
/// |---|---|
/// | [`Format::Protobuf`] | requests (`ExportTraceServiceRequest`), each after its length as a *varint* |
/// | [`Format::Json`] | [OpenTelemetry's file format]: one request a line |
///
/// Each request is written whole, with one system call and without a buffer. So after a crash of the process the file is readable
/// up to its last whole request: see [`Records`](crate::read::Records). Every span that a flush waited for is in it. (A crash of
/// the *system* may lose what it hasn't written to the disk yet.)
///
/// A request that can't be written leaves no part of itself, and its spans are counted as lost.
///
/// ```
/// use heirloom_otlp::read::Records;
/// use heirloom_otlp::{Format, OtlpFile};
///
/// let path = std::env::temp_dir().join(format!("shop-{}.jsonl", std::process::id()));
/// let guard = heirloom_core::builder("shop").exporter(OtlpFile::create(Format::Json, &path)?).start()?;
/// guard.tracer().in_root("order", |_| ());
/// guard.finish();
/// let requests: Vec<_> = Records::new(Format::Json, std::fs::File::open(&path)?).collect::<Result<_, _>>()?;
/// assert_eq!(requests[0].resource_spans[0].scope_spans[0].spans[0].name, "order");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [OpenTelemetry's file format]: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
#[derive(Debug)]
pub struct OtlpFile {
    file: TraceFile,
    encoder: Encoder<Plain>,
    record: Vec<u8>,
}

impl OtlpFile {
    /// Creates the file as [`Chrome::create`](heirloom_core::export::Chrome::create) does: locked, and readable for its owner only;
    /// under the name `name-PID-N.ext` if another process is writing it.
    ///
    /// # Errors
    /// It can't be created, or isn't safe to write. The error names the path and the reason.
    pub fn create(format: Format, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = TraceFile::create(path)
            .map_err(|error| io::Error::new(error.kind(), format!("can't write the trace file {path:?}: {error}")))?;
        Ok(Self::new(format, file))
    }

    /// Writes to this file.
    pub fn new(format: Format, file: TraceFile) -> Self {
        Self { file, encoder: Encoder::new(format, Plain), record: Vec::new() }
    }

    /// The path of the file that is written. It is not the one given to [`create`](Self::create) if that has another writer.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes the spans of a part. Returns how many could not be written, and the last reason.
    fn part(&mut self, part: &Part) -> (u64, Option<io::Error>) {
        let (mut rejected, mut why) = (0, None);
        let mut spans = part.spans().peekable();
        while spans.peek().is_some() {
            let (count, written) = match self.record(part.resource(), &mut spans, RECORD_BYTES) {
                Ok(Filled { spans: 0, .. }) => self.long(part.resource(), spans.next()),
                Ok(filled) => (filled.spans, self.append()),
                // A vector takes every byte: this can't happen.
                Err(error) => (spans.by_ref().count(), Err(error)),
            };
            if let Err(error) = written {
                rejected += count as u64;
                why = Some(error);
            }
        }
        (rejected, why)
    }

    /// Writes a span that is longer than a record should be.
    fn long(&mut self, resource: &Resource, span: Option<SpanRef<'_>>) -> (usize, io::Result<()>) {
        let mut one = span.into_iter().peekable();
        let encoded = self.record(resource, &mut one, usize::MAX);
        (1, encoded.and_then(|_| self.append()))
    }

    /// Encodes a record of at most `left` bytes, with room for its length before it.
    fn record<'a>(
        &mut self,
        resource: &Resource,
        spans: &mut Peekable<impl Iterator<Item = SpanRef<'a>>>,
        left: usize,
    ) -> io::Result<Filled> {
        self.record.clear();
        self.record.resize(MAX_LENGTH_BYTES, 0);
        self.encoder.begin(&mut self.record)?;
        let filled = self.encoder.fill(resource, spans, left, &mut self.record)?;
        self.encoder.end(&mut self.record)?;
        Ok(filled)
    }

    fn append(&mut self) -> io::Result<()> {
        let start = match self.encoder.format() {
            Format::Protobuf => put_length(&mut self.record),
            Format::Json => {
                self.record.push(b'\n');
                MAX_LENGTH_BYTES
            }
        };
        let written = self.file.append(&self.record[start..]);
        self.record.shrink_to(RECORD_BYTES);
        written
    }
}

/// Puts the length of a record into the room before it. Returns where it begins.
fn put_length(record: &mut [u8]) -> usize {
    let (mut rest, mut length) = (record.len() - MAX_LENGTH_BYTES, [0; MAX_LENGTH_BYTES]);
    let mut bytes = 0;
    loop {
        length[bytes] = (rest & 0x7f) as u8 | if rest > 0x7f { 0x80 } else { 0 };
        (rest, bytes) = (rest >> 7, bytes + 1);
        if rest == 0 {
            break;
        }
    }
    let start = MAX_LENGTH_BYTES - bytes;
    record[start..MAX_LENGTH_BYTES].copy_from_slice(&length[..bytes]);
    start
}

impl Exporter for OtlpFile {
    fn export(&mut self, delivery: &Delivery) -> Result<(), ExportError> {
        let (mut rejected, mut why) = (0, None);
        for part in delivery.parts() {
            let (count, error) = self.part(part);
            rejected += count;
            why = error.or(why);
        }
        match why {
            None => Ok(()),
            Some(error) => Err(ExportError::partial(rejected, format!("can't write the trace file: {error}"))),
        }
    }

    fn name(&self) -> &str {
        "trace file"
    }
}
