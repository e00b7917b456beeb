//! The records: what one operation appends to a shard.
//!
//! Every record is a whole number of 8-byte words and starts with a header word. Integers are in native byte order: a
//! shard never leaves the machine.
//!
//! ```text
//! header       kind, length, flags by kind, aux by kind: a name id, a length, a count      `header.rs`
//!
//! Begin        header(aux: name | propagated << 16) span parent trace.hi trace.lo tick [fan-out] [inline name]
//! End          header(aux: dropped attributes | dropped events << 16) span tick
//! Attr         header(aux: key) span [tick] [inline key] value
//! Chunk        header(aux: length) bytes..     the rest of the bytes of an Attr or a More, right behind it
//! Event        header(aux: name) span tick dropped [inline name] item..
//! Link         header(aux: trace flags | propagated << 16) span trace.hi trace.lo linked dropped [text..] item..
//! More         header span item..              further attributes of the event or link in front of it
//! Status       header(aux: length) span [tick] text..
//! Rename       header(aux: name) span [tick] [inline name]
//! Tracestate   header(aux: length) span text..           only in a region
//! ThreadStart  header(aux: length) thread name..
//! TraceValue   header(aux: key) span trace.hi trace.lo tick [inline key] value
//! Mark         header(aux: kind | words << 8 | length << 16) span tick word.. text..
//! Strand       header span fan-out
//! Skip         header(aux: length in words)      the next record is that far from here
//!
//! item         type and flags, key; [inline key] value                                     `item.rs`
//! value        one word of bits, or lengths and bytes                                      `value.rs`
//! name         the id of a static text, or the length of an inline text                   `name.rs`
//! tick         only in stamped records                                                      `stamp.rs`
//! ```
//!
//! Each kind has a file and a type, with all code that depends on its words: its writing, its reading (by the collector,
//! from memory of this process or from a checked copy), and its check (at the border, for records from another process).
//! A new kind is a new file; the compiler then reports the other places to change.
//!
//! Two processes that share a region must have the same format. [`FINGERPRINT`] is a hash of it, derived from the types.
//! `docs/shm-format.md` specifies the region around the records.

mod any;
mod attr;
mod begin;
mod check;
mod chunk;
mod end;
mod event;
mod fields;
mod fingerprint;
mod header;
mod item;
mod kind;
mod link;
mod mark;
mod more;
mod name;
mod numbers;
mod packed;
mod rename;
mod sink;
mod skip;
mod stamp;
mod status;
mod strand;
mod stray_end;
#[cfg(all(test, not(loom)))]
mod tests;
mod thread_start;
mod trace_value;
mod tracestate;
mod value;
mod violation;

pub(crate) use any::check;
pub(crate) use attr::{Attr, AttrValue, Beginning};
pub(crate) use begin::Begin;
pub(crate) use check::Origin;
pub(crate) use chunk::{belongs_to_last, goes_on, Chunk};
pub(crate) use end::End;
pub(crate) use event::Event;
pub(crate) use fields::Bytes;
use fields::Fields;
pub(crate) use fingerprint::{hash, Part, FINGERPRINT};
pub(crate) use header::Header;
pub(crate) use item::{Item, Items};
pub(crate) use kind::Kind;
pub(crate) use link::Link;
pub(crate) use mark::{Mark, MarkWords};
pub(crate) use more::{fit, whole, More, Mores};
pub(crate) use name::WireName;
pub(crate) use numbers::{numbered, Number};
pub(crate) use packed::{find, replace, Packed, PackedList};
pub(crate) use rename::Rename;
pub(crate) use sink::Sink;
pub(crate) use skip::Skip;
pub(crate) use status::Status;
pub(crate) use strand::Strand;
pub(crate) use stray_end::StrayEnd;
pub(crate) use thread_start::ThreadStart;
pub(crate) use trace_value::TraceValue;
pub(crate) use tracestate::{Tracestate, MAX_TRACESTATE_BYTES};
pub(crate) use value::{Decoded, Encoded, Type};
pub(crate) use violation::Violation;

/// The longest record, in bytes: an upper bound on the room that one append needs. A longer value is split into Chunks.
pub(crate) const MAX_RECORD_BYTES: u64 = 4096;

/// A length rounded up to whole words, in bytes.
#[inline(always)]
pub(crate) const fn padded(bytes: usize) -> u64 {
    (bytes as u64 + 7) & !7
}

/// The span of a record, for kinds that have it behind the header: all but Chunk, ThreadStart and Skip. Zero for a Mark of no span.
#[inline]
pub(crate) fn span_of(record: &[u64]) -> Option<u64> {
    record.get(1).copied()
}
