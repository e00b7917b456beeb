//! The records: what one operation appends to a shard.
//!
//! Every record is a whole number of 8-byte words and starts with a header word. Integers are in native byte order: a
//! shard never leaves the machine.
//!
//! ```text
//! header   bits  0..8   kind
//!          bits  8..20  length of the record in words, header included
//!          bits 20..32  flags, by kind
//!          bits 32..64  aux, by kind: a name id, a length, a count
//!
//! Begin        header(aux: name) span parent trace.hi trace.lo tick  [inline name]
//! End          header(aux: dropped attributes | dropped events << 16) span tick
//! Attr         header(aux: key) span [tick] [inline key] value
//! Chunk        header bytes..                  the rest of an Attr's bytes, right behind it
//! Event        header(aux: name) span tick dropped [inline name] (item value)..
//! Link         header(aux: trace flags) span trace.hi trace.lo linked dropped (item value)..
//! Status       header(aux: length) span [tick] text..
//! Rename       header(aux: name) span [tick] [inline name]
//! Tracestate   header(aux: index) span
//! ThreadStart  header(aux: length) thread name..
//! TraceValue   header(aux: key) span trace.hi trace.lo tick [inline key] value
//!
//! item     bits 0..4 value type, bit 4 inline key, bit 5 cut; bits 32..64 key      [inline key]
//! value    Bool, I64, F64: one word of bits
//!          others: a word (length in bytes | length before the cut << 32, zero if it wasn't cut), then the bytes,
//!          padded with zeros to whole words
//! name     the id of a static text (`names.rs`), or the length in bytes of the text that stands inline
//! ```

mod stray_end;

pub(crate) use stray_end::StrayEnd;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Begin = 1,
    End = 2,
    Attr = 3,
    Chunk = 4,
    Event = 5,
    Link = 6,
    Status = 7,
    Rename = 8,
    Tracestate = 9,
    ThreadStart = 10,
    TraceValue = 11,
}

impl Kind {
    /// The kind of a header, if it is one. Zero isn't: zeroed memory is not a record.
    #[inline]
    pub(crate) fn of(header: u64) -> Option<Self> {
        Some(match header as u8 {
            1 => Kind::Begin,
            2 => Kind::End,
            3 => Kind::Attr,
            4 => Kind::Chunk,
            5 => Kind::Event,
            6 => Kind::Link,
            7 => Kind::Status,
            8 => Kind::Rename,
            9 => Kind::Tracestate,
            10 => Kind::ThreadStart,
            11 => Kind::TraceValue,
            _ => return None,
        })
    }
}

/// The type of a value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Type {
    Bool = 1,
    I64 = 2,
    F64 = 3,
    Str = 4,
    Bools = 5,
    I64s = 6,
    F64s = 7,
    Strs = 8,
}

impl Type {
    #[inline]
    pub(crate) fn of(bits: u16) -> Option<Self> {
        Some(match bits & 15 {
            1 => Type::Bool,
            2 => Type::I64,
            3 => Type::F64,
            4 => Type::Str,
            5 => Type::Bools,
            6 => Type::I64s,
            7 => Type::F64s,
            8 => Type::Strs,
            _ => return None,
        })
    }

    #[inline]
    pub(crate) fn is_scalar(self) -> bool {
        (self as u8) <= Type::F64 as u8
    }
}

/// The length of a Begin without an inline name, in bytes.
pub(crate) const BEGIN_BYTES: u64 = 48;
/// The length of an End, in bytes: what a Begin reserves.
pub(crate) const END_BYTES: u64 = 24;
/// The longest record, in bytes. A longer value is chunked.
pub(crate) const MAX_RECORD_BYTES: u64 = 4096;

/// Begin, Event, Rename, Attr, item: the name stands inline.
pub(crate) const INLINE: u16 = 1 << 4;
/// Attr, item: the value was cut.
pub(crate) const CUT: u16 = 1 << 5;
/// Attr, Chunk: a Chunk follows.
pub(crate) const MORE: u16 = 1 << 6;
/// Attr, Status, Rename: written by a thread that doesn't own the span; a tick follows.
pub(crate) const FOREIGN: u16 = 1 << 7;
/// Begin: the parent was recorded by another process.
pub(crate) const PARENT_REMOTE: u16 = 1 << 5;
/// Begin: the trace id's last seven bytes are random.
pub(crate) const RANDOM_TRACE: u16 = 1 << 6;
/// End: the span's context was handed out, or another thread wrote to it.
pub(crate) const ESCAPED: u16 = 1 << 4;
/// End: the thread was panicking.
pub(crate) const PANICKED: u16 = 1 << 5;
/// End: counted by the shard of the begin, not ended by its thread.
pub(crate) const ELSEWHERE: u16 = 1 << 6;
/// Link: the linked span's ids came from another process.
pub(crate) const LINK_REMOTE: u16 = 1 << 4;
/// TraceValue: the span's ids came from another process.
pub(crate) const TRACE_REMOTE: u16 = 1 << 6;

#[inline(always)]
pub(crate) const fn header(kind: Kind, bytes: u64, flags: u16, aux: u32) -> u64 {
    kind as u64 | (bytes / 8) << 8 | (flags as u64) << 20 | (aux as u64) << 32
}

/// The length of a record in words.
#[inline(always)]
pub(crate) fn words_of(header: u64) -> usize {
    (header >> 8) as usize & 0xfff
}

#[inline(always)]
pub(crate) fn flags_of(header: u64) -> u16 {
    (header >> 20) as u16 & 0xfff
}

#[inline(always)]
pub(crate) fn aux_of(header: u64) -> u32 {
    (header >> 32) as u32
}

/// A length rounded up to whole words, in bytes.
#[inline(always)]
pub(crate) const fn padded(bytes: usize) -> u64 {
    (bytes as u64 + 7) & !7
}
