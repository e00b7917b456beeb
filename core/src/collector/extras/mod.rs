//! The data that was set on an open span. Most spans have none, so it is stored separately and reused.

use super::decode;
use crate::config::Limits;
use crate::dictionary::Names;
use crate::export::{AttributeRow, BatchBuilder, EventRow, LinkRow, NameRow, Outcome, ScopeRef, ValueRow};
use crate::text::cut;
use crate::wire::{AttrValue, Beginning, Bytes, Decoded, Event, Items, Kind, Link, Status, Type, WireName};
use std::ops::Range;
use std::sync::Arc;

mod merge;

/// An attribute, and the time at which it was set, if that is known. The latest wins.
#[derive(Debug)]
struct Set {
    row: AttributeRow,
    tick: u64,
}

/// Attributes, events, links, status and names of one open span. Ranges are of `bytes`.
#[derive(Debug, Default)]
pub(super) struct Extras {
    bytes: Vec<u8>,
    attributes: Vec<Set>,
    /// Attributes of the span's instrumentation scope.
    scope: Vec<Set>,
    events: Vec<EventRow>,
    links: Vec<LinkRow>,
    /// Attributes of events and links.
    items: Vec<AttributeRow>,
    /// What further attributes belong to.
    last: Last,
    outcome: Outcome,
    outcome_tick: u64,
    name: Option<NameRow>,
    name_tick: u64,
    tracestate: Option<Arc<str>>,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
    truncated: u32,
    /// The bytes of the tracestates of the span and of its links.
    tracestate_bytes: usize,
    /// The length of `bytes` after the last compaction.
    compacted: usize,
}

/// The event or link whose attributes come last.
#[derive(Clone, Copy, Debug, Default)]
enum Last {
    /// None, or one that was dropped: its attributes are not counted separately.
    #[default]
    None,
    Event,
    Link,
}

/// Up to this length, in bytes, `bytes` is not compacted: there is too little to gain.
const SMALL_BYTES: usize = 16 << 10;

/// How a process ended.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    Code(i32),
    /// The name of the signal.
    Signal(String),
}

/// Why spans are closed that their process left open.
#[derive(Clone, Debug)]
pub(super) struct Abort {
    pub(super) message: String,
    /// The exit code or the signal, as an attribute.
    pub(super) cause: Option<Cause>,
}

/// The positions of the extras in a batch.
pub(super) struct ExtrasRows {
    pub(super) attributes: Range<u32>,
    pub(super) scope: Range<u32>,
    pub(super) events: Range<u32>,
    pub(super) links: Range<u32>,
    pub(super) outcome: Outcome,
    pub(super) name: Option<NameRow>,
    pub(super) dropped: [u32; 3],
    /// How many values were cut.
    pub(super) truncated: u32,
}

impl Extras {
    /// How many bytes are held, by values and by the rows that refer to them.
    pub(super) fn held_bytes(&self) -> usize {
        use std::mem::size_of_val;
        self.bytes.len()
            + size_of_val(&self.attributes[..])
            + size_of_val(&self.scope[..])
            + size_of_val(&self.items[..])
            + size_of_val(&self.events[..])
            + size_of_val(&self.links[..])
            + self.tracestate_bytes
    }

    /// Empties the extras. Keeps the memory, unless it is large.
    pub(super) fn clear(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let attributes = std::mem::take(&mut self.attributes);
        *self = Self { bytes, attributes, ..Self::default() };
        self.bytes.clear();
        self.bytes.shrink_to(4096);
        self.attributes.clear();
        self.attributes.shrink_to(32);
    }

    /// The inline name of a Begin record.
    pub(super) fn begin_name(&mut self, name: Bytes<'_>) {
        self.name = Some(NameRow::Text(name.push_to(&mut self.bytes)));
    }

    fn text(bytes: &[u8], range: &Range<u32>) -> String {
        String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize]).into_owned()
    }

    fn same_name(bytes: &[u8], a: &NameRow, b: &NameRow) -> bool {
        let text = |range: &Range<u32>| &bytes[range.start as usize..range.end as usize];
        match (a, b) {
            (NameRow::Static(a), NameRow::Static(b)) => std::ptr::eq(*a, *b) || a == b,
            (NameRow::Text(a), NameRow::Text(b)) => text(a) == text(b),
            (NameRow::Static(a), NameRow::Text(b)) | (NameRow::Text(b), NameRow::Static(a)) => a.as_bytes() == text(b),
        }
    }

    /// The key of an attribute, in the form of a row.
    pub(super) fn key(&mut self, key: WireName<Bytes<'_>>, names: &mut Names) -> Option<NameRow> {
        decode::name(key, names, &mut self.bytes)
    }

    /// Sets an attribute whose value is in one record.
    pub(super) fn attribute(&mut self, key: NameRow, value: Decoded<'_>, tick: u64, limits: &Limits) -> Option<()> {
        match value {
            Decoded::Scalar(ty, bits) => {
                let value = decode::scalar(ty, bits)?;
                self.set(AttributeRow { key, value, truncated_from: 0 }, tick, limits);
                Some(())
            }
            Decoded::Bytes { ty, bytes, before } => {
                let range = bytes.push_to(&mut self.bytes);
                self.set_ranged(key, ty, range, before, tick, limits)
            }
        }
    }

    /// Sets an attribute whose bytes came in several records.
    pub(super) fn chunked(
        &mut self,
        key: NameRow,
        ty: Type,
        bytes: &[u8],
        before: u32,
        tick: u64,
        limits: &Limits,
    ) -> Option<()> {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        self.set_ranged(key, ty, start..self.bytes.len() as u32, before, tick, limits)
    }

    fn set_ranged(
        &mut self,
        key: NameRow,
        ty: Type,
        range: Range<u32>,
        before: u32,
        tick: u64,
        limits: &Limits,
    ) -> Option<()> {
        let mut row = AttributeRow { key, value: decode::ranged(ty, range)?, truncated_from: before };
        if let Some(chars) = limits.attribute_value_chars {
            self.limit_chars(&mut row, chars as usize);
        }
        self.set(row, tick, limits);
        Some(())
    }

    /// Cuts a text to OpenTelemetry's limit, which is in characters; in an array, each text.
    fn limit_chars(&mut self, row: &mut AttributeRow, chars: usize) {
        match &mut row.value {
            ValueRow::Str(range) => {
                let text = Self::text(&self.bytes, range);
                let Some((end, _)) = text.char_indices().nth(chars) else { return };
                row.truncated_from = row.truncated_from.max(range.end - range.start);
                if text.as_bytes() != &self.bytes[range.start as usize..range.end as usize] {
                    // Bytes from another process may not be UTF-8. They are replaced by another text, which is appended.
                    range.start = self.bytes.len() as u32;
                    self.bytes.extend_from_slice(&text.as_bytes()[..end]);
                }
                range.end = range.start + end as u32;
            }
            ValueRow::Strs(range) => {
                let whole = range.end - range.start;
                let new = self.limit_each(range, chars);
                if new.end - new.start < whole {
                    row.truncated_from = row.truncated_from.max(whole);
                }
                *range = new;
            }
            _ => {}
        }
    }

    fn limit_each(&mut self, range: &Range<u32>, chars: usize) -> Range<u32> {
        let old = self.bytes[range.start as usize..range.end as usize].to_vec();
        let start = self.bytes.len() as u32;
        let mut rest = old.as_slice();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let len = (u32::from_ne_bytes(*len) as usize).min(after.len());
            let text = String::from_utf8_lossy(&after[..len]).into_owned();
            let end = text.char_indices().nth(chars).map_or(text.len(), |(end, _)| end);
            self.bytes.extend_from_slice(&(end as u32).to_ne_bytes());
            self.bytes.extend_from_slice(&text.as_bytes()[..end]);
            rest = &after[len..];
        }
        start..self.bytes.len() as u32
    }

    /// Sets an attribute. Replaces one of the same key unless that is later, and respects the limit on their number.
    fn set(&mut self, row: AttributeRow, tick: u64, limits: &Limits) {
        self.truncated += u32::from(row.truncated_from != 0);
        let bytes = &self.bytes;
        // A scope's attributes don't take the place of the span's own.
        let list = if ScopeRef::has(self.name_bytes(&row.key)) { &mut self.scope } else { &mut self.attributes };
        if let Some(old) = list.iter_mut().find(|old| Self::same_name(bytes, &old.row.key, &row.key)) {
            if tick >= old.tick {
                *old = Set { row, tick };
            }
        } else if list.len() < limits.attributes_per_span as usize {
            list.push(Set { row, tick });
        } else {
            self.dropped_attributes += 1;
        }
        self.compact_if_due();
    }

    /// Removes the bytes of replaced or dropped values, each time that `bytes` has doubled. So a span whose attribute is
    /// set again and again holds a bounded number of bytes, at a constant cost for each.
    fn compact_if_due(&mut self) {
        if self.bytes.len() <= SMALL_BYTES.max(2 * self.compacted) {
            return;
        }
        let old = std::mem::take(&mut self.bytes);
        let mut new = Vec::with_capacity(old.len() / 2);
        let mut keep = |range: &mut Range<u32>| {
            let start = new.len() as u32;
            new.extend_from_slice(&old[range.start as usize..range.end as usize]);
            *range = start..new.len() as u32;
        };
        let sets = self.attributes.iter_mut().chain(&mut self.scope);
        let rows = sets.map(|set| &mut set.row).chain(&mut self.items);
        rows.for_each(|row| {
            row.key.range_mut().map(&mut keep);
            row.value.range_mut().map(&mut keep);
        });
        self.events.iter_mut().filter_map(|row| row.name.range_mut()).for_each(&mut keep);
        self.name.iter_mut().filter_map(|name| name.range_mut()).for_each(&mut keep);
        if let Outcome::Error(text) = &mut self.outcome {
            keep(text);
        }
        self.compacted = new.len();
        self.bytes = new;
    }

    /// Counts a record without room: as an event, as a link, and any other kind as an attribute.
    pub(super) fn drop_record(&mut self, kind: Kind) {
        match kind {
            Kind::Event => self.drop_event(),
            Kind::Link => self.drop_link(),
            _ => self.dropped_attributes += 1,
        }
    }

    /// Adds the losses that the writer counted for lack of room.
    pub(super) fn add_lost(&mut self, attributes: u32, events: u32) {
        self.dropped_attributes += attributes;
        self.dropped_events += events;
    }

    fn drop_event(&mut self) {
        self.dropped_events += 1;
        self.last = Last::None;
    }

    fn drop_link(&mut self) {
        self.dropped_links += 1;
        self.last = Last::None;
    }

    pub(super) fn event(
        &mut self,
        event: Event<Bytes<'_>>,
        items: Items<'_>,
        time_ns: u64,
        names: &mut Names,
        limits: &Limits,
    ) -> Option<()> {
        if self.events.len() >= limits.events_per_span as usize {
            self.drop_event();
            return Some(());
        }
        let name = decode::name(event.name, names, &mut self.bytes)?;
        let attributes = self.no_items();
        self.events.push(EventRow { name, time_ns, attributes, dropped_attributes: event.dropped });
        self.last = Last::Event;
        self.more(items, names, limits).map(|_| ())
    }

    /// Sets the span's tracestate.
    pub(super) fn set_tracestate(&mut self, text: Arc<str>) {
        self.tracestate_bytes += text.len();
        let old = self.tracestate.replace(text);
        self.tracestate_bytes -= old.map_or(0, |old| old.len());
    }

    pub(super) fn take_tracestate(&mut self) -> Option<Arc<str>> {
        self.tracestate.take()
    }

    pub(super) fn link(
        &mut self,
        link: Link<Bytes<'_>>,
        tracestate: Option<Arc<str>>,
        items: Items<'_>,
        names: &mut Names,
        limits: &Limits,
    ) -> Option<()> {
        if self.links.len() >= limits.links_per_span as usize {
            self.drop_link();
            return Some(());
        }
        self.tracestate_bytes += tracestate.as_ref().map_or(0, |text| text.len());
        let attributes = self.no_items();
        self.links.push(LinkRow {
            trace: link.trace,
            span: link.linked,
            trace_flags: link.trace_flags,
            remote: link.is_remote,
            tracestate,
            attributes,
            dropped_attributes: link.dropped,
        });
        self.last = Last::Link;
        self.more(items, names, limits).map(|_| ())
    }

    fn no_items(&self) -> Range<u32> {
        let end = self.items.len() as u32;
        end..end
    }

    /// Adds attributes to the last event or link. Returns the last one if its value continues in chunks.
    pub(super) fn more<'r>(
        &mut self,
        mut items: Items<'r>,
        names: &mut Names,
        limits: &Limits,
    ) -> Option<Option<(NameRow, Beginning<'r>)>> {
        if matches!(self.last, Last::None) {
            return Some(None);
        }
        while let Some(item) = items.read() {
            let (key, value) = item?;
            let key = decode::name(key, names, &mut self.bytes)?;
            match value {
                AttrValue::Whole(value) => {
                    let (value, truncated_from) = decode::value(value, &mut self.bytes)?;
                    self.item(AttributeRow { key, value, truncated_from }, limits);
                }
                AttrValue::Beginning(value) => return Some(Some((key, value))),
            }
        }
        Some(None)
    }

    /// Adds an attribute to the last event or link, whose bytes came in several records.
    pub(super) fn chunked_item(
        &mut self,
        key: NameRow,
        ty: Type,
        bytes: &[u8],
        before: u32,
        limits: &Limits,
    ) -> Option<()> {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        let value = decode::ranged(ty, start..self.bytes.len() as u32)?;
        self.item(AttributeRow { key, value, truncated_from: before }, limits);
        Some(())
    }

    /// Adds an attribute to the last event or link. The last value of a duplicate key wins.
    fn item(&mut self, row: AttributeRow, limits: &Limits) {
        let last = match self.last {
            Last::None => None,
            Last::Event => self
                .events
                .last_mut()
                .map(|event| (&mut event.attributes, &mut event.dropped_attributes, limits.attributes_per_event)),
            Last::Link => self
                .links
                .last_mut()
                .map(|link| (&mut link.attributes, &mut link.dropped_attributes, limits.attributes_per_link)),
        };
        let Some((range, dropped, limit)) = last else { return };
        self.truncated += u32::from(row.truncated_from != 0);
        let (bytes, known) = (&self.bytes, &mut self.items[range.start as usize..]);
        if let Some(old) = known.iter_mut().find(|old| Self::same_name(bytes, &old.key, &row.key)) {
            *old = row;
        } else if known.len() < limit as usize {
            self.items.push(row);
            range.end += 1;
        } else {
            *dropped = dropped.saturating_add(1);
        }
    }

    /// `Ok` is final; otherwise the latest wins.
    pub(super) fn status(&mut self, status: Status<Bytes<'_>>, tick: u64, limits: &Limits) {
        if matches!(self.outcome, Outcome::Ok) || tick < self.outcome_tick {
            return;
        }
        self.outcome_tick = tick;
        self.outcome = match status.is_ok {
            true => Outcome::Ok,
            false => {
                let text = status.text.push_to(&mut self.bytes);
                let max = u32::try_from(limits.attribute_value_bytes).unwrap_or(u32::MAX);
                Outcome::Error(text.start..text.end.min(text.start.saturating_add(max)))
            }
        };
        self.compact_if_due();
    }

    /// The thread panicked: an error, unless a status was set.
    pub(super) fn panicked(&mut self, limits: &Limits) {
        if matches!(self.outcome, Outcome::Unset) {
            self.outcome = Outcome::Error(self.push("the thread panicked"));
        }
        let value = ValueRow::Str(self.push("panic"));
        self.set(AttributeRow { key: NameRow::Static("error.type"), value, truncated_from: 0 }, u64::MAX, limits);
    }

    /// The process ended before the span did: an error, even if another status was set, with the exit code or signal.
    pub(super) fn aborted(&mut self, why: &Abort, limits: &Limits) {
        self.outcome = Outcome::Error(self.push(&why.message));
        let value = ValueRow::Str(self.push("aborted"));
        self.set(AttributeRow { key: NameRow::Static("error.type"), value, truncated_from: 0 }, u64::MAX, limits);
        let (key, value) = match &why.cause {
            Some(Cause::Code(code)) => ("process.exit.code", ValueRow::I64((*code).into())),
            Some(Cause::Signal(name)) => ("process.exit.signal", ValueRow::Str(self.push(name))),
            None => return,
        };
        self.set(AttributeRow { key: NameRow::Static(key), value, truncated_from: 0 }, u64::MAX, limits);
    }

    fn push(&mut self, text: &str) -> Range<u32> {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(cut(text, 256).as_bytes());
        start..self.bytes.len() as u32
    }

    pub(super) fn rename(&mut self, name: WireName<Bytes<'_>>, tick: u64, names: &mut Names) -> Option<()> {
        let name = decode::name(name, names, &mut self.bytes)?;
        if tick >= self.name_tick {
            self.name = Some(name);
            self.name_tick = tick;
        }
        self.compact_if_due();
        Some(())
    }

    /// Copies everything into a batch.
    pub(super) fn write_rows(&mut self, batch: &mut BatchBuilder) -> ExtrasRows {
        let base = if self.bytes.is_empty() { 0 } else { batch.bytes(&self.bytes).start };
        let attributes = batch.attributes(self.attributes.drain(..).map(|set| shift_attribute(set.row, base)));
        let scope = batch.attributes(self.scope.drain(..).map(|set| shift_attribute(set.row, base)));
        let items = batch.attributes(self.items.drain(..).map(|row| shift_attribute(row, base))).start;
        // Those of several threads were read shard by shard.
        self.events.sort_by_key(|event| event.time_ns);
        let events = batch.events(self.events.drain(..).map(|mut row| {
            row.name = shift_name(row.name, base);
            row.attributes = shift(row.attributes, items);
            row
        }));
        let links = batch.links(self.links.drain(..).map(|mut row| {
            row.attributes = shift(row.attributes, items);
            row
        }));
        ExtrasRows {
            attributes,
            scope,
            events,
            links,
            outcome: match std::mem::take(&mut self.outcome) {
                Outcome::Error(text) => Outcome::Error(shift(text, base)),
                other => other,
            },
            name: self.name.take().map(|name| shift_name(name, base)),
            dropped: [self.dropped_attributes, self.dropped_events, self.dropped_links],
            truncated: self.truncated,
        }
    }

    /// The name so far, for lists of open spans.
    pub(super) fn name_text(&self) -> Option<String> {
        self.name.as_ref().map(|name| match name {
            NameRow::Static(name) => (*name).to_owned(),
            NameRow::Text(range) => Self::text(&self.bytes, range),
        })
    }
}

fn shift(range: Range<u32>, by: u32) -> Range<u32> {
    range.start + by..range.end + by
}

fn shift_name(name: NameRow, by: u32) -> NameRow {
    match name {
        NameRow::Text(range) => NameRow::Text(shift(range, by)),
        name => name,
    }
}

fn shift_attribute(row: AttributeRow, by: u32) -> AttributeRow {
    let value = match row.value {
        ValueRow::Str(range) => ValueRow::Str(shift(range, by)),
        ValueRow::Bools(range) => ValueRow::Bools(shift(range, by)),
        ValueRow::I64s(range) => ValueRow::I64s(shift(range, by)),
        ValueRow::F64s(range) => ValueRow::F64s(shift(range, by)),
        ValueRow::Strs(range) => ValueRow::Strs(shift(range, by)),
        scalar => scalar,
    };
    AttributeRow { key: shift_name(row.key, by), value, truncated_from: row.truncated_from }
}
