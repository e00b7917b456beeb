//! The rows of a batch: flat arrays of what the spans have, the common part of each span in one row.

use super::Lane;
use crate::dictionary::Names;
use crate::mark_kind::MarkKind;
use crate::wire::{Begin, Bytes};
use crate::{SpanId, SpanKind, TraceId};
use std::ops::Range;
use std::sync::Arc;

/// All rows. Offsets are of `words`.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(super) spans: Vec<SpanRow>,
    /// Of the spans that have more than times and attributes.
    pub(super) more: Vec<MoreRow>,
    /// Attributes that all spans of a trace share.
    pub(super) values: Vec<List>,
    pub(super) events: Vec<EventRow>,
    pub(super) links: Vec<LinkRow>,
    /// The fan-outs of the spans that are in one, by row.
    pub(super) fans: Vec<FanRow>,
    pub(super) marks: Vec<MarkRow>,
    /// Packed attributes, names and texts.
    pub(super) words: Vec<u64>,
    pub(super) lanes: Vec<Arc<Lane>>,
    pub(super) names: Names,
    /// The bytes of all tracestates, as if each were stored apart.
    pub(super) tracestate_bytes: usize,
}

/// A text: its first word, and its length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

/// Packed attributes: their first word, the number of words, and the number of attributes of the span itself. Those of its
/// scope are among them and are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) at: u32,
    pub(crate) words: u32,
    pub(crate) len: u32,
}

/// A name: the number of a static text, or a text of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRow {
    Id(u32),
    Text(Text),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRow {
    pub(crate) name: NameRow,
    pub(crate) time_ns: u64,
    pub(crate) attributes: List,
    pub(crate) dropped_attributes: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct LinkRow {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) trace_flags: u8,
    pub(crate) remote: bool,
    pub(crate) tracestate: Option<Arc<str>>,
    pub(crate) attributes: List,
    pub(crate) dropped_attributes: u32,
}

/// A mark. Its text is in the words of the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkRow {
    pub(crate) kind: MarkKind,
    /// Index into the batch's lanes.
    pub(crate) lane: u32,
    /// Zero: of no span.
    pub(crate) span: SpanId,
    pub(crate) time_ns: u64,
    pub(crate) length_ns: u64,
    /// `a` to `d`.
    pub(crate) fields: [u64; 4],
    pub(crate) text: Text,
}

impl MarkRow {
    /// Whether it is recorded once, and others refer to it: a name, a place.
    pub(crate) fn is_said_once(&self) -> bool {
        matches!(self.kind, MarkKind::LockName | MarkKind::Pool)
    }
}

/// From this row on, the spans that are in a fan-out are in this one, up to the next such row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FanRow {
    pub(crate) from: u32,
    pub(crate) fan: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    #[default]
    Unset,
    Ok,
    Error(Text),
}

/// What every span has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanRow {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) name: NameRow,
    /// Index into the batch's lanes.
    pub(crate) lane: u32,
    pub(crate) attributes: List,
    /// One more than the index of the list that all spans of its trace share; zero if there is none.
    pub(crate) values: u32,
    /// One more than the index of its further row; zero if it has none.
    pub(crate) more: u32,
    /// Of its Begin.
    pub(crate) begin_flags: u16,
    pub(crate) flags: SpanFlags,
}

/// What the collector found out about a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpanFlags(u8);

impl SpanFlags {
    pub(crate) const NESTED: Self = Self(1);
    pub(crate) const LEAF: Self = Self(1 << 1);
    pub(crate) const INCOMPLETE: Self = Self(1 << 2);
    pub(crate) const ABORTED: Self = Self(1 << 3);
    /// The parent is remote, but this tracer has recorded it, in another process.
    pub(crate) const PARENT_KNOWN: Self = Self(1 << 4);
    /// A full queue kept ids, times, name, status, lane and kind only.
    pub(crate) const SKELETON: Self = Self(1 << 5);
    /// A child of it may still start or end: its context was handed out, or it ended before a span inside of it.
    pub(crate) const MAY_GROW: Self = Self(1 << 6);

    /// It belongs to a fan-out.
    pub(crate) const IN_FAN: Self = Self(1 << 7);

    /// These flags, and others `if` so.
    #[inline(always)]
    pub(crate) fn with(self, others: Self, when: bool) -> Self {
        Self(self.0 | if when { others.0 } else { 0 })
    }

    #[inline(always)]
    pub(crate) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

impl SpanRow {
    #[inline]
    pub(super) fn kind(&self) -> SpanKind {
        Begin::kind_of(self.begin_flags)
    }

    #[inline]
    pub(super) fn has_begin(&self, flag: u16) -> bool {
        self.begin_flags & flag != 0
    }
}

/// What few spans have.
#[derive(Clone, Debug, Default)]
pub(crate) struct MoreRow {
    pub(crate) outcome: Outcome,
    pub(crate) tracestate: Option<Arc<str>>,
    pub(crate) events: Range<u32>,
    pub(crate) links: Range<u32>,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
}

impl MoreRow {
    /// Whether a span needs it.
    pub(crate) fn is_needed(&self) -> bool {
        let dropped = self.dropped_attributes | self.dropped_events | self.dropped_links;
        dropped != 0
            || self.outcome != Outcome::Unset
            || self.tracestate.is_some()
            || !self.events.is_empty()
            || !self.links.is_empty()
    }
}

/// What a span without a further row has.
pub(super) static NO_MORE: MoreRow = MoreRow {
    outcome: Outcome::Unset,
    tracestate: None,
    events: 0..0,
    links: 0..0,
    dropped_attributes: 0,
    dropped_events: 0,
    dropped_links: 0,
};

impl Rows {
    #[inline]
    pub(super) fn more(&self, row: &SpanRow) -> &MoreRow {
        match row.more {
            0 => &NO_MORE,
            n => self.more.get(n as usize - 1).unwrap_or(&NO_MORE),
        }
    }

    #[inline]
    pub(super) fn list(&self, list: List) -> &[u64] {
        let from = list.at as usize;
        self.words.get(from..from + list.words as usize).unwrap_or_default()
    }

    /// The list that all spans of the span's trace share.
    #[inline]
    pub(super) fn values(&self, row: &SpanRow) -> List {
        match row.values {
            0 => List::default(),
            n => self.values.get(n as usize - 1).copied().unwrap_or_default(),
        }
    }

    /// The fan-out of a row that is in one.
    #[inline]
    pub(super) fn fan(&self, row: u32) -> u64 {
        let behind = self.fans.partition_point(|fan| fan.from <= row);
        behind.checked_sub(1).and_then(|at| self.fans.get(at)).map_or(0, |fan| fan.fan)
    }

    #[inline]
    pub(super) fn text(&self, text: Text) -> &str {
        let words = self.words.get(text.at as usize..).unwrap_or_default();
        utf8(Bytes::new(words, text.len as usize))
    }

    #[inline]
    pub(super) fn name(&self, name: NameRow) -> &str {
        match name {
            NameRow::Id(id) => self.names.get(id),
            NameRow::Text(text) => self.text(text),
        }
    }

    /// About how much memory the rows take, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        use std::mem::size_of;
        self.spans.capacity() * size_of::<SpanRow>()
            + self.more.capacity() * size_of::<MoreRow>()
            + self.values.capacity() * size_of::<List>()
            + self.events.capacity() * size_of::<EventRow>()
            + self.links.capacity() * size_of::<LinkRow>()
            + self.fans.capacity() * size_of::<FanRow>()
            + self.marks.capacity() * size_of::<MarkRow>()
            + self.words.capacity() * size_of::<u64>()
            + self.lanes.capacity() * size_of::<Arc<Lane>>()
            + self.tracestate_bytes
    }

    /// How much of it has contents, but for few rows.
    pub(super) fn used_bytes(&self) -> usize {
        use std::mem::size_of;
        self.spans.len() * size_of::<SpanRow>()
            + self.more.len() * size_of::<MoreRow>()
            + self.events.len() * size_of::<EventRow>()
            + self.marks.len() * size_of::<MarkRow>()
            + self.words.len() * size_of::<u64>()
            + self.tracestate_bytes
    }

    /// Empties them. Keeps the memory.
    pub(super) fn clear(&mut self) {
        self.spans.clear();
        self.more.clear();
        self.values.clear();
        self.events.clear();
        self.links.clear();
        self.fans.clear();
        self.marks.clear();
        self.words.clear();
        self.lanes.clear();
        self.names = Names::default();
        self.tracestate_bytes = 0;
    }

    /// A copy whose memory is no larger than its contents.
    pub(super) fn compact(&self) -> Self {
        Self {
            spans: self.spans.clone(),
            more: self.more.clone(),
            values: self.values.clone(),
            events: self.events.clone(),
            links: self.links.clone(),
            fans: self.fans.clone(),
            marks: self.marks.clone(),
            words: self.words.clone(),
            lanes: self.lanes.clone(),
            names: self.names.clone(),
            tracestate_bytes: self.tracestate_bytes,
        }
    }
}

/// The text of bytes that another process may have written.
#[inline]
pub(super) fn utf8(bytes: Bytes<'_>) -> &str {
    std::str::from_utf8(bytes.as_slice()).unwrap_or("\u{fffd}")
}
