//! Records with any content, for tests: valid at first, from their encoding in `wire`, and then changed.

use super::Parent;
use crate::mark::MarkKind;
use crate::wire::{
    Attr, Begin, Encoded, End, Event, Header, Item, Kind, Link, Mark, Rename, Sink, Skip, Strand, TraceValue,
    Tracestate, WireName,
};
use crate::Value;
use std::ops::Deref;

/// A record, valid or not. Derefs to its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord(Vec<u64>);

impl Deref for RawRecord {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.0
    }
}

/// A name or a key: its number in the region's dictionary, or an inline text.
#[derive(Clone, Copy, Debug)]
pub struct RawName<'a>(WireName<&'a str>);

impl From<u32> for RawName<'_> {
    fn from(id: u32) -> Self {
        Self(WireName::Id(id))
    }
}

impl<'a> From<&'a str> for RawName<'a> {
    fn from(text: &'a str) -> Self {
        Self(WireName::Inline(text))
    }
}

/// Valid records.
impl RawRecord {
    /// The flag of an end that waits for one more pass of the collector.
    pub const ESCAPED: u16 = End::ESCAPED;
    /// The flag of an end of another shard's span.
    pub const ELSEWHERE: u16 = End::ELSEWHERE;
    /// The flag of an attribute, a status or a name with the time at which it was set.
    pub const STAMPED: u16 = Attr::STAMPED;

    /// Starts a span with the name of this number.
    pub fn begin(span: u64, name: u32, parent: impl Into<Parent>, stamp: u64) -> Self {
        let Parent { trace, span: parent } = parent.into();
        Self(Begin { flags: 0, name, propagated: 0, parent: parent.0, trace, tick: stamp }.record(span).into())
    }

    /// The same in a fan-out.
    pub fn begin_in_fan(span: u64, name: u32, parent: impl Into<Parent>, stamp: u64, fan: u64) -> Self {
        let Parent { trace, span: parent } = parent.into();
        let begin = Begin { flags: 0, name, propagated: 0, parent: parent.0, trace, tick: stamp };
        Self(begin.record_in_fan(span, fan).into())
    }

    /// A mark of a span, or of none (zero), with the fields `a` to `d`.
    pub fn mark(kind: MarkKind, span: u64, stamp: u64, length: u64, fields: [u64; 4], text: &str) -> Self {
        let mark = Mark { kind, flags: 0, span, tick: stamp, length, fields };
        let mut words = mark.before_text(text.len()).as_slice().to_vec();
        words.bytes(text.as_bytes());
        Self(words)
    }

    /// A piece of a fan-out under a span begins or ends.
    pub fn strand(ends: bool, span: u64, fan: u64) -> Self {
        Self(Strand { ends, span, fan }.record().into())
    }

    /// Ends a span, with these flags.
    pub fn end(span: u64, flags: u16, stamp: u64) -> Self {
        Self(End { flags, dropped: 0, span, tick: stamp }.record().into())
    }

    /// Sets an attribute. A value that doesn't fit into a record of `max` bytes continues in further records.
    pub fn attribute<'a>(span: u64, key: impl Into<RawName<'a>>, value: &Value<'_>, max: u64) -> Vec<Self> {
        let attr = Attr { span, tick: None, key: key.into().0 };
        let value = Encoded::new(value);
        Self::all(&words(|out| attr.split(&value, max).into_iter().for_each(|records| records.put(out))))
    }

    /// Sets a value of a whole trace, through one of its spans.
    pub fn trace_value<'a>(of: impl Into<Parent>, key: impl Into<RawName<'a>>, value: &Value<'_>, stamp: u64) -> Self {
        let Parent { trace, span } = of.into();
        let record = TraceValue { span, trace, tick: stamp, is_remote: false, arrived: false, key: key.into().0 };
        Self(words(|out| record.put(&Encoded::new(value), out)))
    }

    /// Adds an event with attributes, and a count of further ones that did not fit.
    pub fn event(span: u64, name: u32, attributes: &[(RawName<'_>, Value<'_>)], dropped: u32, stamp: u64) -> Self {
        let (items, bytes) = items(attributes);
        let event = Event { span, tick: stamp, dropped, name: WireName::Id(name) };
        Self(words(|out| event.put(&items, bytes, out)))
    }

    /// Adds a link with attributes, and a count of further ones that did not fit.
    pub fn link(span: u64, to: impl Into<Parent>, attributes: &[(RawName<'_>, Value<'_>)], dropped: u32) -> Self {
        Self::link_with_tracestate(span, to, "", attributes, dropped)
    }

    /// As [`link`](Self::link), with the linked span's tracestate in the form that a child writes.
    pub fn link_with_tracestate(
        span: u64,
        to: impl Into<Parent>,
        tracestate: &str,
        attributes: &[(RawName<'_>, Value<'_>)],
        dropped: u32,
    ) -> Self {
        let (items, bytes) = items(attributes);
        let Parent { trace, span: linked } = to.into();
        let link = Link { span, trace, linked, trace_flags: 0, is_remote: false, dropped, propagated: 0, tracestate };
        Self(words(|out| link.put(&items, bytes, out)))
    }

    /// The tracestate of a span, in the form that a child writes.
    pub fn tracestate(span: u64, text: &str) -> Self {
        Self(words(|out| {
            out.start(Tracestate::before_text(span, text.len()));
            out.bytes(text.as_bytes());
        }))
    }

    /// Leads over this many bytes, its own word included.
    pub fn skip(bytes: u64) -> Self {
        Self(Skip { bytes }.record().into())
    }

    /// Splits words into records. Stops at the first word that starts none.
    pub fn all(mut words: &[u64]) -> Vec<Self> {
        let mut records = Vec::new();
        while let Some((record, rest)) = Header::of(words).and_then(|header| split_at(words, header.words())) {
            records.push(Self(record.into()));
            words = rest;
        }
        records
    }
}

fn words(put: impl FnOnce(&mut Vec<u64>)) -> Vec<u64> {
    let mut words = Vec::new();
    put(&mut words);
    words
}

fn split_at(words: &[u64], len: usize) -> Option<(&[u64], &[u64])> {
    (1..=words.len()).contains(&len).then(|| words.split_at(len))
}

fn items<'a>(attributes: &'a [(RawName<'a>, Value<'a>)]) -> (Vec<Item<'a>>, u64) {
    let item = |(key, value): &'a (RawName<'a>, Value<'a>)| Item { key: key.0, value: Encoded::new(value) };
    let items: Vec<Item<'a>> = attributes.iter().map(item).collect();
    let bytes = items.iter().map(Item::len).sum();
    (items, bytes)
}

/// Invalid records.
impl RawRecord {
    /// An upper bound of the numbers of kinds, not reached. Zero is no kind.
    pub const KINDS: u8 = Kind::Strand as u8 + 1;

    /// A header with any content.
    pub fn header(kind: u8, words: u16, flags: u16, aux: u32) -> u64 {
        Header::of_parts(kind, words.into(), flags, aux).0
    }

    /// A record of any kind with the right length: the header, then these words.
    pub fn of(kind: u8, flags: u16, aux: u32, words: &[u64]) -> Self {
        let header = Self::header(kind, words.len() as u16 + 1, flags, aux);
        Self(std::iter::once(header).chain(words.iter().copied()).collect())
    }

    /// A value of a trace with these flags and aux in its header, and these words from the span on.
    pub fn any_trace_value(flags: u16, aux: u32, words: &[u64]) -> Self {
        Self::of(Kind::TraceValue as u8, flags, aux, words)
    }

    /// The same with another kind.
    #[must_use]
    pub fn with_kind(self, kind: u8) -> Self {
        self.with_header(|_, words, flags, aux| Header::of_parts(kind, words, flags, aux))
    }

    /// The same with another length in words, which is wrong.
    #[must_use]
    pub fn with_length(self, length: u16) -> Self {
        self.with_header(|kind, _, flags, aux| Header::of_parts(kind, length.into(), flags, aux))
    }

    /// The same with other flags.
    #[must_use]
    pub fn with_flags(self, flags: u16) -> Self {
        self.with_header(|kind, words, _, aux| Header::of_parts(kind, words, flags, aux))
    }

    /// The same with another name, length or count in its header.
    #[must_use]
    pub fn with_aux(self, aux: u32) -> Self {
        self.with_header(|kind, words, flags, _| Header::of_parts(kind, words, flags, aux))
    }

    fn with_header(mut self, change: impl FnOnce(u8, u64, u16, u32) -> Header) -> Self {
        if let Some(header) = Header::of(&self.0) {
            self.0[0] = change(self.kind(), header.words() as u64, header.flags(), header.aux()).0;
        }
        self
    }

    /// The same with another word; the header is word 0.
    ///
    /// # Panics
    /// If it has no such word.
    #[must_use]
    pub fn with_word(mut self, at: usize, word: u64) -> Self {
        self.0[at] = word;
        self
    }

    /// Its first words, with a header that has just that length.
    #[must_use]
    pub fn cut(mut self, words: usize) -> Self {
        self.0.truncate(words);
        let length = self.0.len() as u16;
        self.with_length(length)
    }

    /// The number of its kind.
    pub fn kind(&self) -> u8 {
        self.first().map_or(0, |header| *header as u8)
    }

    /// The flags in its header.
    pub fn flags(&self) -> u16 {
        Header::of(&self.0).map_or(0, Header::flags)
    }

    /// The part of its header beside kind, length and flags.
    pub fn aux(&self) -> u32 {
        Header::of(&self.0).map_or(0, Header::aux)
    }

    /// Whether it is a Begin.
    pub fn is_begin(&self) -> bool {
        self.kind() == Kind::Begin as u8
    }

    /// Whether its aux is the number of a name.
    pub fn names_by_number(&self) -> bool {
        match Kind::of(self.kind()) {
            Some(Kind::Begin) => self.flags() & Begin::INLINE == 0,
            Some(Kind::Attr) => self.flags() & Attr::INLINE == 0,
            Some(Kind::Event) => self.flags() & Event::INLINE == 0,
            Some(Kind::Rename) => self.flags() & Rename::INLINE == 0,
            Some(Kind::TraceValue) => self.flags() & TraceValue::INLINE == 0,
            _ => false,
        }
    }
}
