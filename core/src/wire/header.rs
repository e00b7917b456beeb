//! The first word of every record.
//!
//! ```text
//! bits  0..8   kind
//! bits  8..20  length of the record in words, header included
//! bits 20..32  flags, by kind
//! bits 32..64  aux, by kind: a name id, a length, a count
//! ```

use super::{Kind, Number};

/// A header with any content: those from another process may be invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header(pub(crate) u64);

/// The lowest bit of the length.
const LENGTH_AT: u32 = if cfg!(heirloom_wire_variant = "header") { 20 } else { 8 };
/// The lowest bit of the flags.
const FLAGS_AT: u32 = if cfg!(heirloom_wire_variant = "header") { 8 } else { 20 };
/// The lowest bit of the aux.
const AUX_AT: u32 = 32;
/// The largest length and the largest flags: twelve bits each.
const MASK: u64 = 0xfff;

impl Header {
    /// The positions of its parts.
    pub(super) const NUMBERS: &'static [Number] = &[
        ("LENGTH_AT", LENGTH_AT as u64),
        ("FLAGS_AT", FLAGS_AT as u64),
        ("AUX_AT", AUX_AT as u64),
        ("MASK", MASK),
        // All parts together.
        ("header", Header::new(Kind::Begin, 8, 0x800, 5).0),
    ];

    /// The header of a record of this many bytes, a multiple of 8.
    #[inline(always)]
    pub(crate) const fn new(kind: Kind, bytes: u64, flags: u16, aux: u32) -> Self {
        Self::of_parts(kind as u8, bytes / 8, flags, aux)
    }

    /// A header of any kind and length, valid or not.
    #[inline(always)]
    pub(crate) const fn of_parts(kind: u8, words: u64, flags: u16, aux: u32) -> Self {
        Self(kind as u64 | words << LENGTH_AT | (flags as u64) << FLAGS_AT | (aux as u64) << AUX_AT)
    }

    /// The header of a record's words.
    #[inline(always)]
    pub(crate) fn of(record: &[u64]) -> Option<Self> {
        record.first().map(|word| Self(*word))
    }

    /// `None` if the kind is unknown: zeroed memory is not a record.
    #[inline(always)]
    pub(crate) fn kind(self) -> Option<Kind> {
        Kind::of(self.0 as u8)
    }

    /// The length of the record in words.
    #[inline(always)]
    pub(crate) fn words(self) -> usize {
        (self.0 >> LENGTH_AT & MASK) as usize
    }

    #[inline(always)]
    pub(crate) fn flags(self) -> u16 {
        (self.0 >> FLAGS_AT & MASK) as u16
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub(crate) fn has(self, flag: u16) -> bool {
        self.flags() & flag != 0
    }

    #[inline(always)]
    pub(crate) fn aux(self) -> u32 {
        (self.0 >> AUX_AT) as u32
    }

    /// Whether it is that of a record of this kind and length, without any of these flags, and with an aux whose bits in
    /// `no_aux` are zero: one comparison.
    #[inline(always)]
    pub(super) const fn is_plain(self, kind: Kind, bytes: u64, no_flags: u16, no_aux: u32) -> bool {
        let mask = Self::of_parts(0xff, MASK, no_flags, no_aux).0;
        self.0 & mask == Self::new(kind, bytes, 0, 0).0
    }

    /// The same with one more flag.
    pub(crate) fn with(self, flag: u16) -> Self {
        Self(self.0 | u64::from(flag) << FLAGS_AT)
    }

    /// The same with another aux.
    pub(crate) fn with_aux(self, aux: u32) -> Self {
        Self(self.0 & ((1 << AUX_AT) - 1) | u64::from(aux) << AUX_AT)
    }
}
