//! The events and links of an open span, and their attributes.

use super::super::keys::Keys;
use crate::config::Limits;
use crate::export::{BatchBuilder, EventRow, LinkRow, List, NameRow, Text};
use crate::wire::{find, replace, AttrValue, Beginning, Bytes, Decoded, Event, Items, Link, Packed, Sink, WireName};
use crate::SpanId;
use std::ops::Range;
use std::sync::Arc;

/// The event or link whose attributes come last.
#[derive(Clone, Copy, Debug, Default)]
enum Last {
    /// None, or one that was dropped: its attributes are not counted separately.
    #[default]
    None,
    Event,
    Link,
}

/// The start of a value that continues in chunks, and its key.
pub(in crate::collector) type Started<'r> = (WireName<Bytes<'r>>, Beginning<'r>);

/// Events and links. Their texts and attributes are in `words`.
#[derive(Debug, Default)]
pub(super) struct EventsAndLinks {
    words: Vec<u64>,
    events: Vec<EventRow>,
    links: Vec<LinkRow>,
    /// What further attributes belong to.
    last: Last,
    pub(super) dropped_events: u32,
    pub(super) dropped_links: u32,
    /// How many values were cut.
    pub(super) cut: u32,
    tracestate_bytes: usize,
}

impl EventsAndLinks {
    pub(super) fn held_bytes(&self) -> usize {
        use std::mem::size_of_val;
        8 * self.words.len() + size_of_val(&self.events[..]) + size_of_val(&self.links[..]) + self.tracestate_bytes
    }

    pub(super) fn drop_event(&mut self) {
        self.dropped_events += 1;
        self.last = Last::None;
    }

    pub(super) fn drop_link(&mut self) {
        self.dropped_links += 1;
        self.last = Last::None;
    }

    pub(super) fn event<'r>(
        &mut self,
        event: Event<Bytes<'r>>,
        items: Items<'r>,
        time_ns: u64,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<()> {
        if self.events.len() >= limits.events_per_span as usize {
            self.drop_event();
            return Some(());
        }
        let name = match keys.known(event.name)? {
            WireName::Id(id) => NameRow::Id(id),
            WireName::Inline(text) => {
                let at = self.words.len() as u32;
                self.words.bytes(text.as_slice());
                NameRow::Text(Text { at, len: text.len() as u32 })
            }
        };
        let attributes = self.no_attributes();
        self.events.push(EventRow { name, time_ns, attributes, dropped_attributes: event.dropped });
        self.last = Last::Event;
        self.more(items, keys, limits).map(|_| ())
    }

    pub(super) fn link<'r>(
        &mut self,
        link: Link<Bytes<'r>>,
        tracestate: Option<Arc<str>>,
        items: Items<'r>,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<()> {
        if self.links.len() >= limits.links_per_span as usize {
            self.drop_link();
            return Some(());
        }
        self.tracestate_bytes += tracestate.as_ref().map_or(0, |text| text.len());
        let attributes = self.no_attributes();
        let Link { trace, linked: SpanId(span), trace_flags, is_remote: remote, dropped, .. } = link;
        let span = SpanId(span);
        self.links.push(LinkRow {
            trace,
            span,
            trace_flags,
            remote,
            tracestate,
            attributes,
            dropped_attributes: dropped,
        });
        self.last = Last::Link;
        self.more(items, keys, limits).map(|_| ())
    }

    fn no_attributes(&self) -> List {
        List { at: self.words.len() as u32, words: 0, len: 0 }
    }

    /// Adds attributes to the last event or link. Returns the last one if its value continues in chunks.
    pub(super) fn more<'r>(
        &mut self,
        mut items: Items<'r>,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<Option<Started<'r>>> {
        if matches!(self.last, Last::None) {
            return Some(None);
        }
        let mut words = Vec::new();
        while let Some(item) = items.read() {
            let (key, value) = item?;
            let key = keys.known(key)?;
            match value {
                AttrValue::Whole(value) => self.whole(key, value, &mut words, keys, limits),
                AttrValue::Beginning(value) => return Some(Some((key, value))),
            }
        }
        Some(None)
    }

    fn whole(
        &mut self,
        key: WireName<Bytes<'_>>,
        value: Decoded<'_>,
        words: &mut Vec<u64>,
        keys: &Keys,
        limits: &Limits,
    ) {
        words.clear();
        self.attribute(Packed::build(key, value, words), keys, limits);
    }

    /// Adds an attribute to the last event or link. The last value of a duplicate key wins.
    pub(super) fn attribute(&mut self, packed: Packed<'_>, keys: &Keys, limits: &Limits) {
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
        let Some((list, dropped, limit)) = last else { return };
        self.cut += u32::from(packed.is_cut());
        let from = list.at as usize;
        if let Some((_, at)) = find(&self.words[from..], packed, |id, text| keys.is_text(id, text)) {
            replace(&mut self.words, from + at.start..from + at.end, packed);
        } else if list.len < limit {
            packed.push_to(&mut self.words);
            list.len += 1;
        } else {
            *dropped = dropped.saturating_add(1);
        }
        list.words = self.words.len() as u32 - list.at;
    }

    /// Copies everything into a batch. Returns the ranges of the events and of the links.
    pub(super) fn write(&mut self, batch: &mut BatchBuilder) -> (Range<u32>, Range<u32>) {
        if self.events.is_empty() && self.links.is_empty() {
            return (0..0, 0..0);
        }
        let base = batch.words(&self.words);
        let shifted = |list: List| List { at: list.at + base, ..list };
        // Those of several threads were read shard by shard.
        self.events.sort_by_key(|event| event.time_ns);
        let events = batch.events(self.events.drain(..).map(|row| EventRow {
            name: match row.name {
                NameRow::Text(text) => NameRow::Text(Text { at: text.at + base, ..text }),
                id => id,
            },
            attributes: shifted(row.attributes),
            ..row
        }));
        let links = batch.links(self.links.drain(..).map(|row| LinkRow { attributes: shifted(row.attributes), ..row }));
        (events, links)
    }
}
