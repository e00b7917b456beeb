//! [`Newest`]: a file of OTLP without its oldest traces. Spans aren't decoded.
//!
//! The messages are those of [OpenTelemetry's protocol]: a request (field 1: resources), a resource (field 2: scopes), a scope
//! (field 2: spans), a span (field 1: trace id, field 9: attributes). All other fields are copied.
//!
//! [OpenTelemetry's protocol]: https://github.com/open-telemetry/opentelemetry-proto

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};

/// The fields that lead from a request to its spans.
const WAY: [u64; 3] = [1, 2, 2];
const TRACE_ID: u64 = 1;
const ATTRIBUTES: u64 = 9;
/// The attribute of a span that has the marks of its record, which aren't of its trace alone.
const MARKS: &[u8] = b"heirloom.marks";

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) spans: u64,
    pub(super) traces: u64,
}

/// How much of a file may stay.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    /// Bytes of spans.
    Bytes(u64),
    Spans(u64),
}

impl Room {
    fn amount(self) -> u64 {
        match self {
            Self::Bytes(amount) | Self::Spans(amount) => amount,
        }
    }

    /// How much of it a span takes.
    fn taken(self, span: &[u8]) -> u64 {
        match self {
            Self::Bytes(_) => span.len() as u64,
            Self::Spans(_) => 1,
        }
    }
}

/// What is known of a trace.
#[derive(Default)]
struct Trace {
    /// The room that its spans take.
    room: u64,
    /// The number of its last span.
    last: u64,
}

/// The records of a file, each with its length, without the traces that had no new span for the longest time: as few of them as
/// leave spans that fit into the room. The trace of the last span stays. A span of an old trace that has the marks of other spans
/// stays with those.
///
/// Memory: a record, and some 60 bytes for each trace.
pub(super) struct Newest<F> {
    records: Records<F>,
    traces: HashMap<u128, Trace>,
    /// Traces whose last span has a smaller number are left out.
    first: u64,
    removed: Removed,
    /// What was made and not read yet.
    ready: Cursor<Vec<u8>>,
}

impl<F: Read + Seek> Newest<F> {
    /// Reads the whole file once.
    pub(super) fn of(file: F, room: Room) -> io::Result<Self> {
        let mut records = Records::of(file);
        let mut traces: HashMap<u128, Trace> = HashMap::new();
        let mut count = 0;
        while let Some(record) = records.next()? {
            spans(record, &mut |span| {
                count += 1;
                let trace = traces.entry(trace_of(span)).or_default();
                trace.room += room.taken(span);
                trace.last = count;
            });
        }
        records.rewind()?;
        let first = first(traces.values(), room.amount());
        let old = traces.values().filter(|trace| trace.last < first).count() as u64;
        let removed = Removed { spans: 0, traces: old };
        Ok(Self { records, traces, first, removed, ready: Cursor::default() })
    }

    /// The next record that has a span that stays.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (traces, first) = (&self.traces, self.first);
        let is_old = |span: &[u8]| traces.get(&trace_of(span)).is_some_and(|trace| trace.last < first);
        while let Some(record) = self.records.next()? {
            let (mut all, mut new) = (0, 0);
            spans(record, &mut |span| {
                all += 1;
                new += u64::from(!is_old(span));
            });
            if new == 0 {
                self.removed.spans += all;
                continue;
            }
            let mut stays = |span: &[u8]| {
                let stays = !is_old(span) || has_marks(span);
                self.removed.spans += u64::from(!stays);
                stays
            };
            let mut filtered = Vec::with_capacity(record.len());
            filter(record, &WAY, &mut stays, &mut filtered);
            let mut whole = Vec::with_capacity(filtered.len() + 10);
            put_varint(filtered.len() as u64, &mut whole);
            whole.extend_from_slice(&filtered);
            return Ok(Some(whole));
        }
        Ok(None)
    }

    /// What was left out so far.
    pub(super) fn removed(&self) -> Removed {
        self.removed
    }
}

/// Reads the records one after the other.
impl<F: Read + Seek> Read for Newest<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ready.position() == self.ready.get_ref().len() as u64 {
            self.ready = Cursor::new(self.next()?.unwrap_or_default());
        }
        self.ready.read(out)
    }
}

/// The number of the last span of the oldest trace that stays.
fn first<'t>(traces: impl Iterator<Item = &'t Trace>, room: u64) -> u64 {
    let mut by_age: Vec<(u64, u64)> = traces.map(|trace| (trace.last, trace.room)).collect();
    by_age.sort_unstable();
    let mut left = room;
    let stays = |(_, taken): &&(u64, u64)| {
        let fits = *taken <= left;
        left = left.saturating_sub(*taken);
        fits
    };
    let newest = by_age.last().map_or(0, |newest| newest.0);
    by_age.iter().rev().take_while(stays).last().map_or(newest, |oldest| oldest.0)
}

/// The whole records of a file.
struct Records<F> {
    file: BufReader<F>,
    record: Vec<u8>,
}

impl<F: Read + Seek> Records<F> {
    fn of(file: F) -> Self {
        Self { file: BufReader::new(file), record: Vec::new() }
    }

    /// `None` at the end, also in the middle of a record.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let Some(length) = length(&mut self.file)? else { return Ok(None) };
        self.record.clear();
        let read = self.file.by_ref().take(length).read_to_end(&mut self.record)?;
        Ok((read as u64 == length).then_some(&self.record[..]))
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.rewind()
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

fn trace_of(span: &[u8]) -> u128 {
    let id = fields(span).find(|field| field.number == TRACE_ID).and_then(|field| field.content);
    id.and_then(|id| id.try_into().ok()).map_or(0, u128::from_be_bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_of_the_oldest_traces_go_as_leave_what_fits_and_the_newest_stays() {
        let traces = [(3, 9), (2, 5), (4, 7)].map(|(room, last)| Trace { room, last });
        let first = |room| first(traces.iter(), room);
        assert_eq!([9, 8, 7, 6, 3, 2, 0].map(first), [5, 7, 7, 9, 9, 9, 9]);
        assert_eq!(super::first([].iter(), 7), 0);
    }
}
