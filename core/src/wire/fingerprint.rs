//! One number for the whole format of records.
//!
//! It is a hash of the lists of numbers (kinds, value types, flags, positions in the header), and of a sample of each
//! record's first words, written by the record's own encoding. So it is derived from the code: every change of a number
//! or of the order of words changes it, and no list is maintained by hand.

use super::value::TYPE_MASK;
use super::{
    Attr, Begin, Chunk, End, Event, Header, Item, Kind, Link, Mark, More, Number, Rename, Skip, Status, Strand,
    ThreadStart, TraceValue, Tracestate, Type, MAX_RECORD_BYTES,
};

/// A part of what a fingerprint covers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'a> {
    /// Numbers with names.
    Numbers(&'a [Number]),
    /// The first words of a record, whose fields are 1, 2, 3 and so on.
    Sample(&'a [u64]),
}

/// The parts of the fingerprint for records of a kind: flags and first words.
pub(super) const fn of_kind(kind: Kind) -> (&'static [Number], &'static [u64]) {
    match kind {
        Kind::Begin => (Begin::FLAGS, Begin::SAMPLE),
        Kind::End => (End::FLAGS, End::SAMPLE),
        Kind::Attr => (Attr::FLAGS, Attr::SAMPLE),
        Kind::Chunk => (Chunk::FLAGS, Chunk::SAMPLE),
        Kind::Event => (Event::FLAGS, Event::SAMPLE),
        Kind::Link => (Link::FLAGS, Link::SAMPLE),
        Kind::More => (More::FLAGS, More::SAMPLE),
        Kind::Status => (Status::FLAGS, Status::SAMPLE),
        Kind::Rename => (Rename::FLAGS, Rename::SAMPLE),
        Kind::Tracestate => (Tracestate::FLAGS, Tracestate::SAMPLE),
        Kind::ThreadStart => (ThreadStart::FLAGS, ThreadStart::SAMPLE),
        Kind::TraceValue => (TraceValue::FLAGS, TraceValue::SAMPLE),
        Kind::Mark => (Mark::FLAGS, Mark::SAMPLE),
        Kind::Strand => (Strand::FLAGS, Strand::SAMPLE),
        Kind::Skip => (Skip::FLAGS, Skip::SAMPLE),
    }
}

/// The parts that don't belong to one kind.
const SHARED: [Part<'static>; 11] = [
    Part::Numbers(Header::NUMBERS),
    Part::Numbers(Kind::NUMBERS),
    Part::Numbers(Type::NUMBERS),
    Part::Numbers(Item::FLAGS),
    Part::Sample(Item::SAMPLE),
    Part::Numbers(&[("TYPE_MASK", TYPE_MASK as u64), ("MAX_RECORD_BYTES", MAX_RECORD_BYTES)]),
    Part::Numbers(Mark::NUMBERS[0]),
    Part::Numbers(Mark::NUMBERS[1]),
    Part::Numbers(Mark::NUMBERS[2]),
    Part::Numbers(Mark::NUMBERS[3]),
    Part::Numbers(Mark::NUMBERS[4]),
];

/// The number of parts: the shared ones, the kinds of spans, and two for each kind of record.
const LEN: usize = SHARED.len() + 1 + 2 * Kind::NUMBERS.len();

/// Everything that the fingerprint covers.
pub(super) const PARTS: [Part<'static>; LEN] = {
    let mut parts = [Part::Numbers(Begin::KINDS); LEN];
    let mut at = 0;
    while at < SHARED.len() {
        parts[at] = SHARED[at];
        at += 1;
    }
    let mut i = 0;
    while i < Kind::NUMBERS.len() {
        if let Some(kind) = Kind::of(Kind::NUMBERS[i].1 as u8) {
            let (flags, sample) = of_kind(kind);
            parts[at] = Part::Numbers(flags);
            parts[at + 1] = Part::Sample(sample);
        }
        at += 2;
        i += 1;
    }
    parts
};

/// Two builds with different values would misread each other's records.
pub(crate) const FINGERPRINT: u64 = hash(&PARTS);

/// FNV-1a over the parts. Of a number, over the bytes of its name and then the number as one unit; of a sample, over each
/// word.
pub(crate) const fn hash(parts: &[Part<'_>]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < parts.len() {
        hash = match parts[i] {
            Part::Numbers(numbers) => hash_numbers(hash, numbers),
            Part::Sample(words) => hash_words(hash, words),
        };
        i += 1;
    }
    hash
}

const fn step(hash: u64, unit: u64) -> u64 {
    (hash ^ unit).wrapping_mul(0x100_0000_01b3)
}

const fn hash_numbers(mut hash: u64, numbers: &[Number]) -> u64 {
    let mut i = 0;
    while i < numbers.len() {
        let (name, number) = (numbers[i].0.as_bytes(), numbers[i].1);
        let mut at = 0;
        while at < name.len() {
            hash = step(hash, name[at] as u64);
            at += 1;
        }
        hash = step(hash, number);
        i += 1;
    }
    hash
}

const fn hash_words(mut hash: u64, words: &[u64]) -> u64 {
    let mut i = 0;
    while i < words.len() {
        hash = step(hash, words[i]);
        i += 1;
    }
    hash
}
