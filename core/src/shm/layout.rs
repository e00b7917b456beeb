//! The layout of a region, and the words of its header. `docs/shm-format.md` specifies the format.

use crate::mapping::Mapped;
use crate::shard::{Head, Read, Refused, Sizes, Written, MIN_BYTES};
use crate::sync::{AtomicU64, Ordering};
use crate::wire::{self, numbered, Begin, End, Number, Part};
use std::mem::{offset_of, size_of};

/// The first word of a region.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"heirloom");
/// The version of the format: both sides must have the same.
pub(super) const VERSION: u64 = 4;

/// The page size that the layout assumes, in bytes.
const PAGE: usize = 4096;

numbered! {
    /// The words of the header, by index. Those up to `Parent` are written by the parent before the child exists.
    pub(super) enum Word: usize {
        Magic = 0,
        Version = 1,
        /// [`FINGERPRINT`].
        Layout = 2,
        /// The length of the memory, in bytes.
        Bytes = 3,
        Nonce = 4,
        RingBytes = 5,
        MaxShards = 6,
        MaxOpen = 7,
        MaxValue = 8,
        Prefix = 9,
        /// The parent's process id.
        Parent = 10,
        /// How many bytes of rings the child may use.
        RingsMost = 11,
        // From here on the words that the parent changes, on a separate cache line.
        /// Not zero: the tracer has finished.
        Closed = 16,
        /// The clock that the child must read.
        Clock = 17,
        // From here on the words that the child changes.
        /// [`FREE`], or a process id and its stage.
        State = 32,
        /// How many shards are in use.
        Shards = 33,
        /// How many words of the names are readable.
        Names = 34,
        /// How many words of the resource are readable.
        Resource = 35,
        /// Spans that were started on threads without a shard.
        Unplaced = 36,
        /// Grows with each stray end.
        Strays = 37,
        /// The id of the process that may attach; zero: any.
        Heir = 38,
        /// How many bytes of rings are in use. The child adds, the parent subtracts.
        RingsUsed = 39,
    }
}

/// Words of the header.
pub(super) const HEADER_WORDS: usize = 64;

/// No process has attached.
pub(super) const FREE: u64 = 0;
/// The child with the process id in the upper half records.
pub(super) const ATTACHED: u64 = 1;
/// The child has finished, and records nothing more.
pub(super) const FINISHED: u64 = 2;

/// The places for ends that found no room in a shard, and the words of each.
pub(super) const STRAYS: usize = 2048;
pub(super) const STRAY_WORDS: usize = 4;
/// Maximum number of words of the child's resource.
pub(super) const RESOURCE_WORDS: usize = 1024;
/// Maximum number of words of the child's names.
pub(super) const NAMES_WORDS: usize = 1 << 17;

const STRAYS_AT: usize = PAGE;
const RESOURCE_AT: usize = STRAYS_AT + STRAYS * STRAY_WORDS * 8;
const NAMES_AT: usize = RESOURCE_AT + RESOURCE_WORDS * 8;
const SHARDS_AT: usize = NAMES_AT + NAMES_WORDS * 8;

/// Maximum number of shards of a region: a span's id has eight bits for it.
const MAX_SHARDS: u64 = 256;
/// The smallest ring that a parent chooses because the system refuses larger ones, in bytes.
const SMALLEST_RING: u64 = 64 << 10;
/// Maximum number of bytes of all rings of a region: address space, and the length of the memory file. Pages become memory only
/// where they are used.
const MAX_RINGS: u64 = 1 << 30;

/// A hash of everything that both sides must have in common: the words of the header, offsets and lengths, and everything
/// that [`wire::FINGERPRINT`] covers. A parent and a child that were built differently reject each other instead of
/// misreading records. Everything that the types define is derived from them, not listed by hand.
pub(super) const FINGERPRINT: u64 = fingerprint(cfg!(target_endian = "big"));

/// Offsets and lengths.
const SIZES: &[Number] = &[
    ("Head", size_of::<Head>() as u64),
    ("claim", offset_of!(Written, claim) as u64),
    ("taken", offset_of!(Written, taken) as u64),
    ("lost_marks", offset_of!(Written, lost_marks) as u64),
    ("kept", offset_of!(Read, kept) as u64),
    ("causes", Refused::CAUSES as u64),
    ("Begin", Begin::BYTES),
    ("End", End::BYTES),
    ("STRAYS_AT", STRAYS_AT as u64),
    ("RESOURCE_AT", RESOURCE_AT as u64),
    ("NAMES_AT", NAMES_AT as u64),
    ("SHARDS_AT", SHARDS_AT as u64),
];

const fn fingerprint(is_big_endian: bool) -> u64 {
    let order: &[Number] = &[("big_endian", is_big_endian as u64)];
    let records = [wire::FINGERPRINT];
    wire::hash(&[Part::Numbers(Word::NUMBERS), Part::Numbers(SIZES), Part::Numbers(order), Part::Sample(&records)])
}

// The values in `docs/shm-format.md`.
#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Head>() == 256 && HEADER_WORDS * 8 <= PAGE);
    assert!(STRAYS_AT == 4096 && RESOURCE_AT == 69_632 && NAMES_AT == 77_824 && SHARDS_AT == 1_126_400);
    assert!(SHARDS_AT % PAGE == 0);
    assert!(
        offset_of!(Written, begun) == 8 && offset_of!(Written, sampled_out) == 16 && offset_of!(Written, refused) == 24
    );
    assert!(offset_of!(Written, claim) == 64 && offset_of!(Written, taken) == 72 && offset_of!(Read, kept) == 24);
    assert!(offset_of!(Written, lost_marks) == 80);
    assert!(offset_of!(Head, read) == 128 && offset_of!(Read, returned) == 8);
    assert!(offset_of!(Read, closed) == 16 && offset_of!(Read, clock) == 20);
};

/// The sizes of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) ring_bytes: u64,
    pub(super) max_shards: u64,
    pub(super) max_open: u64,
    pub(super) max_value_bytes: u32,
}

impl Layout {
    /// A region with shards of these sizes.
    pub(super) fn of(sizes: Sizes) -> Self {
        let sizes = sizes.in_region();
        Self {
            ring_bytes: sizes.bytes,
            max_shards: (MAX_RINGS / sizes.bytes).clamp(1, MAX_SHARDS),
            max_open: sizes.max_open,
            max_value_bytes: sizes.max_value_bytes,
        }
    }

    /// The layout in the header; `None` if it is impossible.
    pub(super) fn read(header: &[AtomicU64]) -> Option<Self> {
        let word = |word: Word| header.get(word as usize).map(|w| w.load(Ordering::Relaxed));
        let layout = Self {
            ring_bytes: word(Word::RingBytes)?,
            max_shards: word(Word::MaxShards)?,
            max_open: word(Word::MaxOpen)?,
            max_value_bytes: u32::try_from(word(Word::MaxValue)?).ok()?,
        };
        let ring = layout.ring_bytes;
        let sane = ring.is_power_of_two() && (MIN_BYTES..=MAX_RINGS).contains(&ring);
        let shards = 1..=MAX_SHARDS;
        (sane && shards.contains(&layout.max_shards) && layout.sizes().corrected() == layout.sizes()).then_some(layout)
    }

    pub(super) fn write(self, header: &[AtomicU64]) {
        set(header, Word::RingBytes, self.ring_bytes);
        set(header, Word::MaxShards, self.max_shards);
        set(header, Word::MaxOpen, self.max_open);
        set(header, Word::MaxValue, self.max_value_bytes.into());
    }

    pub(super) fn sizes(self) -> Sizes {
        Sizes { bytes: self.ring_bytes, max_open: self.max_open, max_value_bytes: self.max_value_bytes }
    }

    /// The distance from one shard's head to the next one's.
    fn stride(self) -> usize {
        (size_of::<Head>() + self.sizes().words_bytes() as usize).next_multiple_of(PAGE)
    }

    /// The offset of a shard's head.
    pub(super) fn shard_at(self, index: u64) -> usize {
        SHARDS_AT + index as usize * self.stride()
    }

    /// The length of the memory.
    pub(super) fn bytes(self) -> usize {
        self.shard_at(self.max_shards)
    }

    /// Half as large rings; `None` if that is too small.
    pub(super) fn smaller(self) -> Option<Self> {
        (self.ring_bytes >= 2 * SMALLEST_RING).then(|| Self::of(Sizes { bytes: self.ring_bytes / 2, ..self.sizes() }))
    }

    /// The bytes in front of the shards that are committed at the start: everything but most of the names.
    pub(super) fn first_bytes() -> usize {
        NAMES_AT + PAGE
    }
}

fn set(header: &[AtomicU64], word: Word, value: u64) {
    if let Some(at) = header.get(word as usize) {
        at.store(value, Ordering::Relaxed);
    }
}

/// The parts of a region in front of its shards.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) header: &'a [AtomicU64],
    pub(super) strays: &'a [AtomicU64],
    pub(super) resource: &'a [AtomicU64],
    pub(super) names: &'a [AtomicU64],
}

impl<'a> Parts<'a> {
    /// `None` if the memory is too short.
    pub(super) fn of(mapped: &'a Mapped) -> Option<Self> {
        Some(Self {
            header: mapped.words(0, HEADER_WORDS)?,
            strays: mapped.words(STRAYS_AT, STRAYS * STRAY_WORDS)?,
            resource: mapped.words(RESOURCE_AT, RESOURCE_WORDS)?,
            names: mapped.words(NAMES_AT, NAMES_WORDS)?,
        })
    }

    pub(super) fn word(&self, word: Word) -> &'a AtomicU64 {
        &self.header[word as usize]
    }

    pub(super) fn get(&self, word: Word) -> u64 {
        self.word(word).load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, word: Word, value: u64) {
        set(self.header, word, value);
    }
}

/// The range of the names in the mapping that must be committed before words up to `end` are written.
pub(super) fn names_range(from: usize, end: usize) -> std::ops::Range<usize> {
    NAMES_AT + from * 8..NAMES_AT + end * 8
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// After an intended change of the format, raise [`VERSION`] and write the new values here and on that page.
    #[test]
    fn the_fingerprint_is_the_one_on_the_page_on_the_format() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/shm-format.md")).unwrap();
        for fingerprint in [fingerprint(false), fingerprint(true)] {
            let said = format!("{fingerprint:#x}");
            assert!(page.contains(&said), "the format of regions has changed: its fingerprint is {said} now");
        }
        assert!(page.contains(&format!("version {VERSION}\n")));
    }

    #[test]
    fn each_word_of_the_header_has_a_place_of_its_own_and_is_covered() {
        let hash = |words: &[Number]| wire::hash(&[Part::Numbers(words)]);
        for at in 0..Word::NUMBERS.len() {
            let mut words = Word::NUMBERS.to_vec();
            assert!(words[at].1 < HEADER_WORDS as u64);
            words[at].1 += 1;
            assert_ne!(hash(&words), hash(Word::NUMBERS));
            assert!(Word::NUMBERS.iter().filter(|word| word.1 == Word::NUMBERS[at].1).count() == 1);
        }
    }
}
