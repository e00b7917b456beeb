//! [`SpanRef`]: a finished span in a batch.

use super::rows::{MoreRow, Outcome, Rows, SpanFlags, SpanRow};
use super::{AttributeRef, EventRef, Lane, LinkRef, Load, MarkRef, ScopeRef};
use crate::context::{RANDOM, SAMPLED};
use crate::wire::{Begin, PackedList};
use crate::{SpanId, SpanKind, Status, TraceId, Value};
use std::ops::Range;
use std::sync::Arc;

/// A finished span in a [`Batch`](super::Batch).
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    pub(super) rows: &'a Rows,
    pub(super) row: &'a SpanRow,
    /// The index of the row.
    pub(super) at: u32,
    pub(super) load: Load,
    pub(super) dropped_children: u64,
}

fn index(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl<'a> SpanRef<'a> {
    /// The trace that the span belongs to.
    #[inline]
    pub fn trace_id(&self) -> TraceId {
        self.row.trace
    }

    /// The span's id.
    #[inline]
    pub fn span_id(&self) -> SpanId {
        self.row.span
    }

    /// The id of the parent; `None` for a root.
    #[inline]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        self.row.parent.is_valid().then_some(self.row.parent)
    }

    /// Whether the parent was recorded by another process.
    #[inline]
    pub fn parent_is_remote(&self) -> bool {
        self.row.has_begin(Begin::PARENT_REMOTE)
    }

    /// Whether the program gave the ids of the parent ([`Context::from_ids`](crate::Context::from_ids)). They were in no
    /// `traceparent`, so that nothing is known of the process that recorded it.
    #[inline]
    pub fn parent_is_explicit(&self) -> bool {
        self.row.has_begin(Begin::PARENT_EXPLICIT) && self.parent_is_remote()
    }

    /// The W3C trace flags.
    #[inline]
    pub fn trace_flags(&self) -> u8 {
        (SAMPLED | if self.row.has_begin(Begin::RANDOM_TRACE) { RANDOM } else { 0 }) as u8
    }

    /// The W3C tracestate, empty if there is none.
    #[inline]
    pub fn tracestate(&self) -> &'a str {
        self.more().tracestate.as_deref().unwrap_or("")
    }

    /// Whether it has a status, a tracestate, events, links, or something that was dropped: few spans do.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.row.more != 0
    }

    #[inline]
    fn more(&self) -> &'a MoreRow {
        self.rows.more(self.row)
    }

    /// The name.
    #[inline]
    pub fn name(&self) -> &'a str {
        self.rows.name(self.row.name)
    }

    /// The kind.
    #[inline]
    pub fn kind(&self) -> SpanKind {
        self.row.kind()
    }

    /// The start: nanoseconds since 1970 (UTC).
    #[inline]
    pub fn start_ns(&self) -> u64 {
        self.row.start_ns
    }

    /// The end: nanoseconds since 1970 (UTC), never before [`start_ns`](Self::start_ns).
    #[inline]
    pub fn end_ns(&self) -> u64 {
        self.row.end_ns
    }

    /// The duration, in nanoseconds.
    #[inline]
    pub fn duration_ns(&self) -> u64 {
        self.row.end_ns.saturating_sub(self.row.start_ns)
    }

    /// The status. Allocates if it is an error with a text.
    #[inline]
    pub fn status(&self) -> Status {
        match self.more().outcome {
            Outcome::Unset => Status::Unset,
            Outcome::Ok => Status::Ok,
            Outcome::Error(text) => Status::Error(self.rows.text(text).to_owned()),
        }
    }

    /// The process and thread that started it.
    #[inline]
    pub fn lane(&self) -> &'a Arc<Lane> {
        &self.rows.lanes[self.row.lane as usize]
    }

    /// Whether it occupied its lane from its start to its end, properly nested in the lane's other nested spans. Then it can
    /// be drawn on the lane's track without crossing another span.
    ///
    /// A span that ended on another thread left its lane; so did one that outlived a span around it on the lane. A future or a
    /// stream that a poll left pending doesn't occupy a lane, so its span isn't nested either. The spans around and inside such
    /// a span stay nested.
    ///
    /// A span without an end ([`is_incomplete`](Self::is_incomplete), [`is_aborted`](Self::is_aborted)) is nested if its thread was
    /// in it when the tracer finished, or the process died. That it was moved to another thread shows only if a span around it on
    /// its lane has ended, or its thread has; and that it was polled, only if the polls are timed.
    #[inline]
    pub fn is_nested(&self) -> bool {
        self.row.flags.has(SpanFlags::NESTED)
    }

    /// Whether it is known to be a leaf of the tree: no span names it as its parent, and its context was never handed out.
    /// Dropping a leaf orphans no span. A span that left its lane, or whose end was not seen, is not known to be a leaf.
    #[inline]
    pub fn is_leaf(&self) -> bool {
        self.row.flags.has(SpanFlags::LEAF)
    }

    /// Whether it was still open when the tracer finished. Its end is then that moment.
    #[inline]
    pub fn is_incomplete(&self) -> bool {
        self.row.flags.has(SpanFlags::INCOMPLETE)
    }

    /// Whether it was still open when its worker process ended. Its end is then that moment, and its status has the exit
    /// code or signal of the process.
    #[inline]
    pub fn is_aborted(&self) -> bool {
        self.row.flags.has(SpanFlags::ABORTED)
    }

    /// Whether the parent, if there is one, goes to the same exporters: it was recorded in this process, or in another
    /// one that records into this tracer. True for a root.
    #[inline]
    pub fn parent_is_ours(&self) -> bool {
        !self.parent_is_remote() || self.row.flags.has(SpanFlags::PARENT_KNOWN)
    }

    /// The id of the fan-out to which it belongs: an independent piece of work, for whose end something waits
    /// ([`MarkKind::Fan`](crate::mark::MarkKind::Fan)).
    #[inline]
    pub fn fan_out(&self) -> Option<u64> {
        self.row.flags.has(SpanFlags::IN_FAN).then(|| self.rows.fan(self.at))
    }

    /// The marks that it carries: an exporter that can write nothing but spans writes them as attributes of this span
    /// ([`marks::attributes`](crate::export::marks::attributes)). The spans of a part carry its marks, the first ones up to 512
    /// each. They are about the same process, and need not be about this span.
    #[inline]
    pub fn carried_marks(&self) -> impl ExactSizeIterator<Item = MarkRef<'a>> + 'a {
        let rows = self.rows;
        let carried = if rows.marks.is_empty() { &[] } else { &rows.marks[self.load.of_marks(rows.marks.len())] };
        carried.iter().map(move |row| MarkRef { rows, row })
    }

    /// Whether an exporter's queue was so full that it kept the ids, times, name, status, lane and kind of the span only. Its
    /// attributes, events, links and tracestate are lost.
    pub fn is_skeleton(&self) -> bool {
        self.row.flags.has(SpanFlags::SKELETON)
    }

    /// Whether a child of it may still arrive: its context was handed out, or it ended before a span inside of it.
    pub(crate) fn may_grow(&self) -> bool {
        self.row.flags.has(SpanFlags::MAY_GROW)
    }

    /// Whether its status is an error. Allocates nothing.
    pub(crate) fn is_error(&self) -> bool {
        matches!(self.more().outcome, Outcome::Error(_))
    }

    /// Of how many spans it is the nearest ancestor that was delivered: the exporter's queue had no room for them.
    #[inline]
    pub fn dropped_children(&self) -> u64 {
        self.dropped_children
    }

    #[inline]
    pub(crate) fn with_dropped_children(self, dropped_children: u64) -> Self {
        Self { dropped_children, ..self }
    }

    /// The attributes, each key once.
    #[inline]
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = AttributeRef<'a>> + Clone + 'a {
        let values = self.rows.values(self.row);
        let mut own = self.rows.attributes(self.row.attributes);
        own.then = PackedList(self.rows.list(values));
        own.left += values.len as usize;
        own
    }

    /// The instrumentation scope, if the span was recorded through an API that has scopes.
    #[inline]
    pub fn scope(&self) -> Option<ScopeRef<'a>> {
        ScopeRef::of(self.rows, self.row.attributes)
    }

    /// The value of the attribute with this key.
    #[inline]
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        self.attributes().find(|a| a.key == key).map(|a| a.value)
    }

    /// The events, in the order in which they were added.
    #[inline]
    pub fn events(&self) -> impl ExactSizeIterator<Item = EventRef<'a>> + 'a {
        let rows = self.rows;
        rows.events[index(&self.more().events)].iter().map(move |row| EventRef { rows, row })
    }

    /// The links, in the order in which they were added.
    #[inline]
    pub fn links(&self) -> impl ExactSizeIterator<Item = LinkRef<'a>> + 'a {
        let rows = self.rows;
        rows.links[index(&self.more().links)].iter().map(move |row| LinkRef { rows, row })
    }

    /// How many attributes were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_attributes(&self) -> u32 {
        self.more().dropped_attributes
    }

    /// How many events were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_events(&self) -> u32 {
        self.more().dropped_events
    }

    /// How many links were lost to a limit or a full shard.
    #[inline]
    pub fn dropped_links(&self) -> u32 {
        self.more().dropped_links
    }
}
