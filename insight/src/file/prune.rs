//! Removes the oldest traces from a file of OTLP, without decoding its spans.
//!
//! The messages are those of [OpenTelemetry's protocol]: a request (field 1: resources), a resource (field 2: scopes), a scope (field 2:
//! spans), a span (field 1: trace id, field 9: attributes). All other fields are copied.
//!
//! [OpenTelemetry's protocol]: https://github.com/open-telemetry/opentelemetry-proto

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read, Seek};

/// The fields that lead from a request to its spans.
const WAY: [u64; 3] = [1, 2, 2];
const TRACE_ID: u64 = 1;
const ATTRIBUTES: u64 = 9;
/// The attribute of a span that has the marks of its record, which aren't of its trace alone.
const MARKS: &[u8] = b"heirloom.marks";

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) spans: u64,
    pub(super) traces: u64,
}

/// What is known of a trace.
#[derive(Default)]
struct Trace {
    bytes: u64,
    /// The number of its last span.
    last: u64,
}

/// Copies the records of `file` to `write`, each with its length, without the traces that had no new span for the longest time: as few of them
/// as leave `keep` bytes of spans. The trace of the last span stays. A span with the marks of other spans stays with those.
///
/// Memory: a record, and some 50 bytes for each trace.
pub(super) fn prune<F: Read + Seek>(
    file: &mut F,
    keep: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Removed> {
    let mut traces: HashMap<Vec<u8>, Trace> = HashMap::new();
    let mut count = 0;
    records(file, |record| {
        spans(record, &mut |span| {
            count += 1;
            let trace = traces.entry(trace_of(span).to_vec()).or_default();
            trace.bytes += span.len() as u64;
            trace.last = count;
        });
        Ok(())
    })?;
    let mut whole: u64 = traces.values().map(|trace| trace.bytes).sum();
    let mut order: Vec<(Vec<u8>, Trace)> = traces.into_iter().collect();
    order.sort_unstable_by(|(a, x), (b, y)| (x.last, a).cmp(&(y.last, b)));
    let newest = order.len().saturating_sub(1);
    let mut old = HashSet::new();
    for (id, trace) in order.into_iter().take(newest) {
        if whole <= keep {
            break;
        }
        whole -= trace.bytes;
        old.insert(id);
    }
    let mut removed = Removed { spans: 0, traces: old.len() as u64 };
    file.rewind()?;
    records(file, |record| {
        let mut left = 0;
        spans(record, &mut |span| left += u64::from(!old.contains(trace_of(span))));
        if left == 0 {
            spans(record, &mut |_| removed.spans += 1);
            return Ok(());
        }
        let mut stays = |span: &[u8]| {
            let stays = !old.contains(trace_of(span)) || has_marks(span);
            removed.spans += u64::from(!stays);
            stays
        };
        let mut filtered = Vec::with_capacity(record.len());
        filter(record, &WAY, &mut stays, &mut filtered);
        let mut whole = Vec::with_capacity(filtered.len() + 10);
        put_varint(filtered.len() as u64, &mut whole);
        whole.extend_from_slice(&filtered);
        write(&whole)
    })?;
    Ok(removed)
}

/// Visits the whole records of a file.
fn records(file: &mut impl Read, mut visit: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut record = Vec::new();
    loop {
        let Some(length) = length(&mut reader)? else { return Ok(()) };
        record.clear();
        if reader.by_ref().take(length).read_to_end(&mut record)? as u64 != length {
            return Ok(());
        }
        visit(&record)?;
    }
}

/// The length of the next record; `None` at the end, also in the middle of a length.
fn length(reader: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = 0;
    for shift in (0..64).step_by(7) {
        let Some(byte) = reader.fill_buf()?.first().copied() else { return Ok(None) };
        reader.consume(1);
        length |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(Some(length));
        }
    }
    Ok(None)
}

/// A field of a message.
struct Field<'a> {
    number: u64,
    /// All of it.
    whole: &'a [u8],
    /// The content of one that has a length.
    content: Option<&'a [u8]>,
}

/// The fields of a message, up to the first that isn't one.
fn fields(mut message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let (key, after) = varint(message)?;
        let (content, rest) = match key & 7 {
            0 => (None, varint(after)?.1),
            1 => (None, after.get(8..)?),
            5 => (None, after.get(4..)?),
            2 => {
                let (length, rest) = varint(after)?;
                let length = usize::try_from(length).ok()?;
                (Some(rest.get(..length)?), &rest[length..])
            }
            _ => return None,
        };
        let whole = &message[..message.len() - rest.len()];
        message = rest;
        Some(Field { number: key >> 3, whole, content })
    })
}

/// A number, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (n, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if *byte < 0x80 {
            return Some((value, &bytes[n + 1..]));
        }
    }
    None
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Visits the spans of a request.
fn spans<'a>(request: &'a [u8], visit: &mut impl FnMut(&'a [u8])) {
    let nested = |message: &'a [u8], number| {
        fields(message).filter(move |field| field.number == number).filter_map(|field| field.content)
    };
    for resource in nested(request, WAY[0]) {
        for scope in nested(resource, WAY[1]) {
            nested(scope, WAY[2]).for_each(&mut *visit);
        }
    }
}

fn trace_of(span: &[u8]) -> &[u8] {
    fields(span).find(|field| field.number == TRACE_ID).and_then(|field| field.content).unwrap_or_default()
}

fn has_marks(span: &[u8]) -> bool {
    let attributes = fields(span).filter(|field| field.number == ATTRIBUTES).filter_map(|field| field.content);
    attributes
        .filter_map(|attribute| fields(attribute).find(|field| field.number == 1)?.content)
        .any(|key| key == MARKS)
}

/// Copies a message without the spans below it that don't stay. Returns whether any stays.
fn filter(message: &[u8], way: &[u64], stays: &mut impl FnMut(&[u8]) -> bool, out: &mut Vec<u8>) -> bool {
    let [number, further @ ..] = way else {
        out.extend_from_slice(message);
        return stays(message);
    };
    let mut any = false;
    for field in fields(message) {
        let Some(content) = field.content.filter(|_| field.number == *number) else {
            out.extend_from_slice(field.whole);
            continue;
        };
        let mut inner = Vec::new();
        if filter(content, further, stays, &mut inner) {
            any = true;
            put_varint(number << 3 | 2, out);
            put_varint(inner.len() as u64, out);
            out.extend_from_slice(&inner);
        }
    }
    any
}
