//! Marks in a batch: facts about its lanes, beside the spans.

use super::rows::{MarkRow, Rows};
use super::Lane;
use crate::mark_kind::MarkKind;
use crate::SpanId;
use std::ops::Range;
use std::sync::Arc;

/// How many marks a span carries, unless there are too few spans.
const CARRIED: usize = 512;

/// Which of the spans that carry the marks of a batch one is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) nth: u32,
    pub(crate) of: u32,
}

impl Load {
    /// The span's share of so many marks.
    pub(super) fn of_marks(self, marks: usize) -> Range<usize> {
        let each = marks.div_ceil((self.of as usize).max(1)).max(CARRIED);
        let from = (self.nth as usize).saturating_mul(each).min(marks);
        from..(from + each).min(marks)
    }
}

/// A mark in a [`Batch`](super::Batch): a fact about a lane at a time. [`MarkKind`] says what the fields mean.
#[derive(Clone, Copy, Debug)]
pub struct MarkRef<'a> {
    pub(super) rows: &'a Rows,
    pub(super) row: &'a MarkRow,
}

impl<'a> MarkRef<'a> {
    /// What it says.
    #[inline]
    pub fn kind(&self) -> MarkKind {
        self.row.kind
    }

    /// The process and thread that it is about.
    #[inline]
    pub fn lane(&self) -> &'a Arc<Lane> {
        &self.rows.lanes[self.row.lane as usize]
    }

    /// The span that it is about; `None` if it is about the lane alone.
    #[inline]
    pub fn span(&self) -> Option<SpanId> {
        self.row.span.is_valid().then_some(self.row.span)
    }

    /// When it happened, or began: nanoseconds since 1970 (UTC).
    #[inline]
    pub fn time_ns(&self) -> u64 {
        self.row.time_ns
    }

    /// How long it took, in nanoseconds. Zero for kinds without a length.
    #[inline]
    pub fn length_ns(&self) -> u64 {
        self.row.length_ns
    }

    /// The first field.
    #[inline]
    pub fn a(&self) -> u64 {
        self.row.fields[0]
    }

    /// The second field.
    #[inline]
    pub fn b(&self) -> u64 {
        self.row.fields[1]
    }

    /// The third field.
    #[inline]
    pub fn c(&self) -> u64 {
        self.row.fields[2]
    }

    /// The fourth field.
    #[inline]
    pub fn d(&self) -> u64 {
        self.row.fields[3]
    }

    /// The text; empty for kinds without one.
    #[inline]
    pub fn text(&self) -> &'a str {
        self.rows.text(self.row.text)
    }

    /// An owned copy.
    pub fn to_data(&self) -> MarkData {
        let [a, b, c, d] = self.row.fields;
        MarkData {
            kind: self.kind(),
            lane: Arc::clone(self.lane()),
            span: self.span(),
            time_ns: self.time_ns(),
            length_ns: self.length_ns(),
            a,
            b,
            c,
            d,
            text: self.text().into(),
        }
    }
}

/// A mark with owned data: as the in-memory exporter keeps it, and as [`unpack`](crate::export::marks::unpack) reads it.
/// [`MarkKind`] says what the fields mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkData {
    /// What it says.
    pub kind: MarkKind,
    /// The process and thread that it is about.
    pub lane: Arc<Lane>,
    /// The span that it is about; `None` if it is about the lane alone.
    pub span: Option<SpanId>,
    /// When it happened, or began: nanoseconds since 1970 (UTC).
    pub time_ns: u64,
    /// How long it took, in nanoseconds. Zero for kinds without a length.
    pub length_ns: u64,
    /// The first field.
    pub a: u64,
    /// The second field.
    pub b: u64,
    /// The third field.
    pub c: u64,
    /// The fourth field.
    pub d: u64,
    /// The text; empty for kinds without one.
    pub text: Arc<str>,
}
