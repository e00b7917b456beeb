//! Copies some spans of a batch to a batch with as much memory as they need: what a full queue keeps of one.

use super::rows::{FanRow, MarkRow, Rows};
use super::{Batch, EventRow, LinkRow, List, MoreRow, NameRow, Outcome, SpanFlags, SpanRow, Text};
use std::mem::size_of;
use std::sync::{Arc, Weak};

/// A span to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    /// Its row.
    pub(crate) row: u32,
    /// Without its attributes, events, links and tracestate.
    pub(crate) skeleton: bool,
}

/// What a span needs besides its row, in numbers of rows and words.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    words: usize,
    more: usize,
    events: usize,
    links: usize,
    tracestate_bytes: usize,
}

impl Needs {
    fn add(&mut self, other: Self) {
        self.words += other.words;
        self.more += other.more;
        self.events += other.events;
        self.links += other.links;
        self.tracestate_bytes += other.tracestate_bytes;
    }

    fn bytes(self) -> usize {
        size_of::<SpanRow>()
            + self.words * size_of::<u64>()
            + self.more * size_of::<MoreRow>()
            + self.events * size_of::<EventRow>()
            + self.links * size_of::<LinkRow>()
            + self.tracestate_bytes
    }
}

fn words_of(text: Text) -> usize {
    (text.len as usize).div_ceil(size_of::<u64>())
}

fn words_of_name(name: NameRow) -> usize {
    match name {
        NameRow::Id(_) => 0,
        NameRow::Text(text) => words_of(text),
    }
}

impl Batch {
    /// About how many bytes a copy of the span of this row takes.
    #[inline]
    pub(crate) fn bytes_of(&self, row: usize) -> usize {
        self.rows.spans.get(row).map_or(0, |row| self.rows.needs(row).bytes())
    }

    /// The same without its attributes, events, links and tracestate.
    #[inline]
    pub(crate) fn skeleton_bytes_of(&self, row: usize) -> usize {
        self.rows.spans.get(row).map_or(0, |row| self.rows.skeleton_needs(row).bytes())
    }

    /// Of the bytes of this row's copy, those of the list that spans of its trace share, and the list's number: a copy of several
    /// spans has it once. Zeros if there is none.
    #[inline]
    pub(crate) fn shared_bytes_of(&self, row: usize) -> (usize, u32) {
        let of = |row: &SpanRow| (self.rows.values(row).words as usize * size_of::<u64>(), row.values);
        self.rows.spans.get(row).map_or((0, 0), of)
    }

    /// The resource, shared. Each process has one, so its address tells processes apart.
    pub(crate) fn shared_resource(&self) -> &Arc<super::Resource> {
        &self.resource
    }

    /// What a batch takes besides its spans, in bytes.
    pub(crate) const OVERHEAD: usize = size_of::<Self>();

    /// What the marks take, in bytes: each copy has all of them.
    pub(crate) fn marks_bytes(&self) -> usize {
        let texts = self.rows.marks.iter().map(|mark| words_of(mark.text)).sum::<usize>();
        self.rows.marks.len() * size_of::<MarkRow>() + texts * size_of::<u64>()
    }

    /// Whether more than a quarter of its memory is unused. A batch that is delivered at once gives it back to the collector; one
    /// that waits keeps it.
    pub(crate) fn has_slack(&self) -> bool {
        self.rows.used_bytes() < self.rows.size_bytes() / 4 * 3
    }

    /// A copy whose memory is no larger than its contents.
    pub(crate) fn compact(&self) -> Batch {
        Batch { rows: self.rows.compact(), resource: Arc::clone(&self.resource), emptied: Weak::new() }
    }

    /// A batch with copies of these spans, in this order, and of all marks. Its memory is no larger than its contents.
    pub(crate) fn pick(&self, picks: &[Pick]) -> Batch {
        let mut copy = Copy::new(&self.rows, picks);
        picks.iter().for_each(|pick| copy.span(*pick));
        copy.marks();
        Batch { rows: copy.to, resource: Arc::clone(&self.resource), emptied: Weak::new() }
    }
}

impl Rows {
    #[inline]
    fn needs(&self, row: &SpanRow) -> Needs {
        let words = row.attributes.words as usize + words_of_name(row.name) + self.values(row).words as usize;
        match row.more {
            0 => Needs { words, ..Needs::default() },
            _ => self.needs_of_more(self.more(row), words),
        }
    }

    fn needs_of_more(&self, more: &MoreRow, words: usize) -> Needs {
        let mut needs =
            Needs { words, more: 1, events: more.events.len(), links: more.links.len(), tracestate_bytes: 0 };
        if let Outcome::Error(text) = more.outcome {
            needs.words += words_of(text);
        }
        for event in self.events_of(more) {
            needs.words += words_of_name(event.name) + event.attributes.words as usize;
        }
        let bytes = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        needs.tracestate_bytes = bytes(&more.tracestate);
        for link in self.links_of(more) {
            needs.words += link.attributes.words as usize;
            needs.tracestate_bytes += bytes(&link.tracestate);
        }
        needs
    }

    fn skeleton_needs(&self, row: &SpanRow) -> Needs {
        let mut needs = Needs { words: words_of_name(row.name), ..Needs::default() };
        let outcome = self.more(row).outcome;
        needs.more = usize::from(outcome != Outcome::Unset);
        if let Outcome::Error(text) = outcome {
            needs.words += words_of(text);
        }
        needs
    }

    fn events_of(&self, more: &MoreRow) -> &[EventRow] {
        self.events.get(more.events.start as usize..more.events.end as usize).unwrap_or_default()
    }

    fn links_of(&self, more: &MoreRow) -> &[LinkRow] {
        self.links.get(more.links.start as usize..more.links.end as usize).unwrap_or_default()
    }
}

/// A copy that is being made.
struct Copy<'a> {
    from: &'a Rows,
    to: Rows,
    /// At the index of a list that spans of a trace share: what the copy refers to it by. Zero if it isn't there yet.
    values: Vec<u32>,
    /// The same for lanes.
    lanes: Vec<u32>,
}

impl<'a> Copy<'a> {
    fn new(from: &'a Rows, picks: &[Pick]) -> Self {
        let mut all = Needs::default();
        for pick in picks {
            let Some(row) = from.spans.get(pick.row as usize) else { continue };
            // Lists that spans share are copied once; they are few and grow the words if they don't fit.
            let shared = if pick.skeleton { 0 } else { from.values(row).words as usize };
            let mut needs = if pick.skeleton { from.skeleton_needs(row) } else { from.needs(row) };
            needs.words -= shared;
            all.add(needs);
        }
        let texts = from.marks.iter().map(|mark| words_of(mark.text)).sum::<usize>();
        let to = Rows {
            spans: Vec::with_capacity(picks.len()),
            more: Vec::with_capacity(all.more),
            values: Vec::new(),
            events: Vec::with_capacity(all.events),
            links: Vec::with_capacity(all.links),
            fans: Vec::new(),
            marks: Vec::with_capacity(from.marks.len()),
            words: Vec::with_capacity(all.words + texts),
            lanes: Vec::new(),
            names: from.names.clone(),
            tracestate_bytes: all.tracestate_bytes,
        };
        Self { from, to, values: vec![0; from.values.len()], lanes: vec![0; from.lanes.len()] }
    }

    fn marks(&mut self) {
        for mark in &self.from.marks {
            let (lane, text) = (self.lane(mark.lane), self.text(mark.text));
            self.to.marks.push(MarkRow { lane, text, ..*mark });
        }
    }

    fn span(&mut self, Pick { row: at, skeleton }: Pick) {
        let Some(&row) = self.from.spans.get(at as usize) else { return };
        if row.flags.has(SpanFlags::IN_FAN) {
            let (from, fan) = (self.to.spans.len() as u32, self.from.fan(at));
            if self.to.fans.last().is_none_or(|last| last.fan != fan) {
                self.to.fans.push(FanRow { from, fan });
            }
        }
        let (name, lane) = (self.name(row.name), self.lane(row.lane));
        let copied = if skeleton {
            let outcome = self.from.more(&row).outcome;
            let more = MoreRow { outcome: self.outcome(outcome), ..MoreRow::default() };
            let flags = row.flags.with(SpanFlags::SKELETON, true);
            SpanRow { name, lane, attributes: List::default(), values: 0, more: self.add_more(more), flags, ..row }
        } else {
            let (attributes, values) = (self.list(row.attributes), self.values(row.values));
            let more = if row.more == 0 { 0 } else { self.more(self.from.more(&row)) };
            SpanRow { name, lane, attributes, values, more, ..row }
        };
        self.to.spans.push(copied);
    }

    fn words(&mut self, at: u32, words: usize) -> u32 {
        let new = self.to.words.len() as u32;
        let from = at as usize;
        self.to.words.extend_from_slice(self.from.words.get(from..from + words).unwrap_or_default());
        new
    }

    fn text(&mut self, text: Text) -> Text {
        Text { at: self.words(text.at, words_of(text)), len: text.len }
    }

    fn name(&mut self, name: NameRow) -> NameRow {
        match name {
            NameRow::Id(id) => NameRow::Id(id),
            NameRow::Text(text) => NameRow::Text(self.text(text)),
        }
    }

    fn list(&mut self, list: List) -> List {
        List { at: self.words(list.at, list.words as usize), ..list }
    }

    fn outcome(&mut self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Error(text) => Outcome::Error(self.text(text)),
            other => other,
        }
    }

    fn lane(&mut self, lane: u32) -> u32 {
        let (Some(of), Some(known)) = (self.from.lanes.get(lane as usize), self.lanes.get_mut(lane as usize)) else {
            return lane;
        };
        if *known == 0 {
            self.to.lanes.push(Arc::clone(of));
            *known = self.to.lanes.len() as u32;
        }
        *known - 1
    }

    /// What the copy refers to a list by that spans of a trace share.
    fn values(&mut self, values: u32) -> u32 {
        let Some(index) = (values as usize).checked_sub(1) else { return 0 };
        let (Some(list), Some(known)) = (self.from.values.get(index), self.values.get(index)) else { return 0 };
        if *known == 0 {
            let copied = self.list(*list);
            self.to.values.push(copied);
            self.values[index] = self.to.values.len() as u32;
        }
        self.values[index]
    }

    fn more(&mut self, more: &MoreRow) -> u32 {
        let (events, links) = (self.to.events.len() as u32, self.to.links.len() as u32);
        for event in self.from.events_of(more) {
            let (name, attributes) = (self.name(event.name), self.list(event.attributes));
            self.to.events.push(EventRow { name, attributes, ..*event });
        }
        for link in self.from.links_of(more) {
            let attributes = self.list(link.attributes);
            self.to.links.push(LinkRow { attributes, ..link.clone() });
        }
        let more = MoreRow {
            outcome: self.outcome(more.outcome),
            events: events..self.to.events.len() as u32,
            links: links..self.to.links.len() as u32,
            ..more.clone()
        };
        self.add_more(more)
    }

    fn add_more(&mut self, more: MoreRow) -> u32 {
        if !more.is_needed() {
            return 0;
        }
        self.to.more.push(more);
        self.to.more.len() as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::super::fixture::{batch, batch_with_marks, lane, mark, span};
    use super::super::{MarkData, SpanData};
    use super::*;
    use crate::mark_kind::MarkKind;
    use crate::{SpanId, Status, TraceId, Value};

    fn rich(id: u64) -> SpanData {
        let attributes = |n: u64| {
            vec![("text".to_owned(), Value::from(format!("value {n}"))), ("n".to_owned(), Value::from(n as i64))]
        };
        let mut made =
            span(id, 100 + id, &format!("the span with the number {id}"), &lane(id % 3), 10 * id, 10 * id + 5);
        made.trace_id = TraceId::from_u128(u128::from(id) << 64 | 7);
        made.status = if id % 2 == 0 { Status::Error(format!("error {id}")) } else { Status::Ok };
        made.attributes = attributes(id);
        made.scope = vec![("otel.scope.name".to_owned(), Value::from("scope"))];
        made.events = (0..id % 4).map(|n| (format!("event {n}"), n, attributes(n))).collect();
        made.links = (0..id % 3).map(|n| (TraceId::from_u128(1), SpanId::from_u64(n + 1), attributes(n))).collect();
        made.dropped = (id % 2) as u32;
        made.leaf = id % 5 == 0;
        made
    }

    #[test]
    fn a_copy_has_the_same_spans_and_no_more_memory_than_they_need() {
        let all: Vec<_> = (1..=50).map(rich).collect();
        let from = batch(&all);
        let kept: Vec<_> = (0..50).filter(|row| row % 7 != 2).collect();
        let picks: Vec<_> = kept.iter().map(|row| Pick { row: *row, skeleton: false }).collect();
        let copy = from.pick(&picks);
        let spans: Vec<_> = copy.spans().map(|span| span.to_data()).collect();
        let wanted: Vec<_> = kept.iter().map(|row| all[*row as usize].clone()).collect();
        assert_eq!(spans, wanted);
        let sum: usize = kept.iter().map(|row| from.bytes_of(*row as usize)).sum();
        let lanes = copy.rows.lanes.capacity() * size_of::<usize>();
        assert_eq!(copy.size_bytes(), sum + lanes + Batch::OVERHEAD);
    }

    #[test]
    fn a_copy_has_all_marks_and_the_fan_outs_of_its_spans() {
        let mut all: Vec<_> = (1..=20).map(rich).collect();
        for (n, span) in all.iter_mut().enumerate() {
            span.fan_out = [None, Some(7), Some(7), Some(9)][n % 4];
        }
        let named =
            |n: u64| MarkData { text: format!("lock {n}").into(), b: n, ..mark(MarkKind::LockName, &lane(n % 4), n) };
        let marks: Vec<_> = (1..=9).map(named).collect();
        let from = batch_with_marks(&all, &marks);
        let picks: Vec<_> = (3..20).step_by(3).map(|row| Pick { row, skeleton: row % 2 == 0 }).collect();
        let copy = from.pick(&picks);
        let fans: Vec<_> = copy.spans().map(|span| span.fan_out()).collect();
        assert_eq!(fans, picks.iter().map(|pick| all[pick.row as usize].fan_out).collect::<Vec<_>>());
        for batch in [&copy, &from.compact()] {
            assert_eq!(batch.marks().map(|mark| mark.to_data()).collect::<Vec<_>>(), marks);
            let carried: usize = batch.spans().map(|span| span.carried_marks().len()).sum();
            assert_eq!(carried, marks.len(), "each is carried once");
        }
        let memory = |marks: &[MarkData]| batch_with_marks(&all, marks).pick(&picks).size_bytes();
        assert!(memory(&marks) >= memory(&[]) + from.marks_bytes());
    }

    #[test]
    fn a_skeleton_has_ids_times_name_status_lane_and_kind_and_nothing_else() {
        let all: Vec<_> = (1..=6).map(rich).collect();
        let from = batch(&all);
        let picks: Vec<_> = (0..6).map(|row| Pick { row, skeleton: true }).collect();
        let copy = from.pick(&picks);
        for (span, whole) in copy.spans().map(|span| span.to_data()).zip(&all) {
            let bare = SpanData {
                attributes: Vec::new(),
                scope: Vec::new(),
                events: Vec::new(),
                links: Vec::new(),
                dropped: 0,
                skeleton: true,
                ..whole.clone()
            };
            assert_eq!(span, bare);
        }
        let sum: usize = (0..6).map(|row| from.skeleton_bytes_of(row)).sum();
        let lanes = copy.rows.lanes.capacity() * size_of::<usize>();
        assert_eq!(copy.size_bytes(), sum + lanes + Batch::OVERHEAD);
    }
}
