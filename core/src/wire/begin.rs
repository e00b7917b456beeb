//! Begin: starts a span.
//!
//! ```text
//! Begin   header(aux: name | propagated << 16) span parent trace.hi trace.lo tick [fan-out] [inline name]
//! ```
//!
//! The span's own thread writes it, before every other record of that thread about the span. `parent` is zero for a root.
//! With it, a shard reserves room for an End.
//!
//! A Begin that is one word longer than its name needs has the id of the fan-out to which the span belongs. Any id is allowed: it
//! is compared only.
//!
//! `propagated` is the index of what the trace brought from another process, in the process's table; zero if it brought
//! nothing. Another process's index means nothing here, so the check clears it.

use super::check::{Check, Origin};
use super::name::INLINE;
use super::numbers::flags;
use super::{padded, Bytes, Header, Kind, Number, Violation};
use crate::{SpanKind, TraceId};

/// The fields of a Begin, without the span's id and the text of its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin {
    /// The span's kind, and flags.
    pub(crate) flags: u16,
    /// The number of the name; with [`Begin::INLINE`], its length in bytes. Below 65,536.
    pub(crate) name: u32,
    /// The index of the trace's tracestate and baggage.
    pub(crate) propagated: u16,
    pub(crate) parent: u64,
    pub(crate) trace: TraceId,
    pub(crate) tick: u64,
}

flags! {
    impl Begin {
        /// The name is inline.
        INLINE = INLINE;
        /// The parent was recorded by another process.
        PARENT_REMOTE = 1 << 5;
        /// The trace id's last seven bytes are random.
        RANDOM_TRACE = 1 << 6;
        /// A root that was started by a form that takes the current context, where nothing was current.
        IMPLICIT_ROOT = 1 << 3;
        /// The parent is of another process, and the program gave its ids. Only together with `PARENT_REMOTE`.
        PARENT_EXPLICIT = 1 << 11;
    }
}

/// The bits of the flags that contain the span's kind.
const KIND_MASK: u16 = 7;
/// The bits of the aux that contain the name.
const NAME_MASK: u32 = 0xffff;
/// The lowest bit of the index in the aux.
const PROPAGATED_AT: u32 = 16;
/// The lowest bit of the clock epoch in the flags.
const EPOCH_AT: u32 = Begin::EPOCH.trailing_zeros();

/// The number of words that a name takes.
#[inline(always)]
fn name_words(flags: u16, name: u32) -> usize {
    if flags & INLINE != 0 {
        padded(name as usize) as usize / 8
    } else {
        0
    }
}

impl Begin {
    /// The bits of the flags that contain the clock epoch. Another process's mean nothing.
    pub(crate) const EPOCH: u16 = 0xf << 7;

    /// The length without an inline name.
    pub(crate) const BYTES: u64 = 48;
    /// The same with a fan-out.
    pub(crate) const IN_FAN_BYTES: u64 = 56;

    /// The kinds of spans.
    pub(super) const KINDS: &'static [Number] = &[
        ("Internal", SpanKind::Internal as u64),
        ("Server", SpanKind::Server as u64),
        ("Client", SpanKind::Client as u64),
        ("Producer", SpanKind::Producer as u64),
        ("Consumer", SpanKind::Consumer as u64),
    ];
    pub(super) const SAMPLE: &'static [u64] =
        &Self { flags: 1, name: 2, propagated: 8, parent: 3, trace: TraceId { hi: 4, lo: 5 }, tick: 6 }
            .record_in_fan(7, 9);

    /// The clock epoch in the flags of a Begin.
    #[inline]
    pub(crate) const fn epoch_of(flags: u16) -> u8 {
        ((flags & Self::EPOCH) >> EPOCH_AT) as u8
    }

    /// Flags with another clock epoch.
    pub(crate) const fn with_epoch(flags: u16, epoch: u8) -> u16 {
        flags & !Self::EPOCH | (epoch as u16) << EPOCH_AT & Self::EPOCH
    }

    /// The words in front of an inline name, for a record of this many bytes.
    #[inline(always)]
    const fn words(self, span: u64, bytes: u64) -> [u64; 6] {
        let aux = self.name | (self.propagated as u32) << PROPAGATED_AT;
        let header = Header::new(Kind::Begin, bytes, self.flags, aux);
        [header.0, span, self.parent, self.trace.hi, self.trace.lo, self.tick]
    }

    /// The record of a span whose name is a number.
    #[inline(always)]
    pub(crate) const fn record(self, span: u64) -> [u64; 6] {
        self.words(span, Self::BYTES)
    }

    /// The same in a fan-out.
    #[inline(always)]
    pub(crate) const fn record_in_fan(self, span: u64, fan: u64) -> [u64; 7] {
        let [header, span, parent, hi, lo, tick] = self.words(span, Self::IN_FAN_BYTES);
        [header, span, parent, hi, lo, tick, fan]
    }

    /// The words in front of a name of this many bytes.
    pub(crate) fn before_name(self, span: u64, len: usize) -> [u64; 6] {
        self.named(len).words(span, Self::BYTES + padded(len))
    }

    /// The same in a fan-out.
    pub(crate) fn before_name_in_fan(self, span: u64, fan: u64, len: usize) -> [u64; 7] {
        let [header, span, parent, hi, lo, tick] = self.named(len).words(span, Self::IN_FAN_BYTES + padded(len));
        [header, span, parent, hi, lo, tick, fan]
    }

    fn named(self, len: usize) -> Self {
        Self { flags: self.flags | INLINE, name: len as u32, ..self }
    }

    /// Whether a header is that of a Begin that needs nothing but its words: a name with a number, a local parent or none, and
    /// nothing that the trace brought.
    #[inline(always)]
    pub(crate) fn is_plain(header: u64) -> bool {
        const SPECIAL: u16 = INLINE | Begin::PARENT_REMOTE | Begin::IMPLICIT_ROOT;
        Header(header).is_plain(Kind::Begin, Self::BYTES, SPECIAL, !NAME_MASK)
    }

    /// The span, the fields of the record, its fan-out (zero: none), and its name if that is inline.
    #[inline(always)]
    pub(crate) fn read(record: &[u64]) -> Option<(u64, Self, u64, Option<Bytes<'_>>)> {
        let (words, rest) = record.split_first_chunk::<6>()?;
        let begin = Self::of_words(words);
        let (fan, name) = begin.fan_and_name(rest);
        let inline = (begin.flags & INLINE != 0).then(|| Bytes::new(name, begin.name as usize));
        Some((words[1], begin, fan, inline))
    }

    /// The fan-out (zero: none), and the words of the inline name, in the words behind the tick.
    #[inline(always)]
    pub(crate) fn fan_and_name(self, behind: &[u64]) -> (u64, &[u64]) {
        match behind.split_first() {
            Some((fan, name)) if name.len() == self.name_words() => (*fan, name),
            _ => (0, behind),
        }
    }

    /// The number of words that its name takes.
    #[inline(always)]
    pub(crate) fn name_words(self) -> usize {
        name_words(self.flags, self.name)
    }

    /// The fields of the record in front of its name.
    #[inline(always)]
    pub(crate) fn of_words(words: &[u64; 6]) -> Self {
        let [header, _span, parent, hi, lo, tick] = *words;
        let header = Header(header);
        Self {
            flags: header.flags(),
            name: header.aux() & NAME_MASK,
            propagated: (header.aux() >> PROPAGATED_AT) as u16,
            parent,
            trace: TraceId { hi, lo },
            tick,
        }
    }

    /// The span's kind in the flags of a Begin.
    pub(crate) fn kind_of(flags: u16) -> SpanKind {
        SpanKind::from_bits(flags & KIND_MASK)
    }

    pub(super) fn check<O: Origin>(check: &mut Check<'_, O>, header: Header) -> Result<(), Violation> {
        let span = *check.word()?;
        if !check.origin.owns_here(span) || span & 1 == 0 {
            return Err(Violation::Forged);
        }
        let parent = *check.word()?;
        // A parent that this process did not start belongs to another one, even if the record says otherwise.
        let is_own = parent == 0 || check.origin.owns(parent);
        let header = if is_own { header } else { header.with(Self::PARENT_REMOTE) };
        let header = header.with_aux(header.aux() & NAME_MASK);
        check.set_header(header);
        check.trace()?;
        check.stamp()?;
        if header.words() == Self::IN_FAN_BYTES as usize / 8 + name_words(header.flags(), header.aux()) {
            check.word()?;
        }
        check.name(header)
    }
}
