//! The data that was set on an open span. Most spans have none or have it on their lane's stack, so it is stored separately and
//! reused.
//!
//! | file | what it has |
//! |---|---|
//! | `attributes.rs` | the attributes of a span or a trace |
//! | `limit.rs` | the limit on the length of texts |
//! | `merge.rs` | values of a whole trace |
//! | `items.rs` | events and links, with their attributes |

mod attributes;
mod items;
mod limit;
mod merge;

pub(super) use attributes::Attributes;

use super::keys::Keys;
use crate::config::Limits;
use crate::export::{BatchBuilder, List, MoreRow, NameRow, Outcome};
use crate::text::cut;
use crate::wire::{Bytes, Encoded, Event, Items, Kind, Link, Packed, Status, WireName};
use crate::Value;
use items::EventsAndLinks;
pub(super) use items::Started;
use std::sync::Arc;

/// A status: `None` until one is set.
#[derive(Debug)]
enum Said {
    Ok,
    Error(Vec<u8>),
}

/// Attributes, events, links, status and names of one open span.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) attributes: Attributes,
    items: EventsAndLinks,
    status: Option<Said>,
    status_tick: u64,
    name: Option<WireName<Vec<u8>>>,
    name_tick: u64,
    tracestate: Option<Arc<str>>,
    /// The bytes of the status, the name and the tracestate.
    text_bytes: usize,
}

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
    pub(super) attributes: List,
    pub(super) more: u32,
    pub(super) name: Option<NameRow>,
    /// How many values were cut.
    pub(super) cut: u32,
}

/// The longest status or attribute that the collector itself makes, in bytes.
const OWN_TEXT_BYTES: usize = 256;

impl Extras {
    /// How many bytes are held, by values and by the rows that refer to them.
    pub(super) fn held_bytes(&self) -> usize {
        self.attributes.held_bytes() + self.items.held_bytes() + self.text_bytes
    }

    /// Empties the extras. Keeps the memory of attributes, unless it is large.
    pub(super) fn clear(&mut self) {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        *self = Self { attributes, ..Self::default() };
    }

    fn count_texts(&mut self) {
        let status = match &self.status {
            Some(Said::Error(text)) => text.len(),
            _ => 0,
        };
        let name = match &self.name {
            Some(WireName::Inline(text)) => text.len(),
            _ => 0,
        };
        self.text_bytes = status + name + self.tracestate.as_ref().map_or(0, |text| text.len());
    }

    /// The inline name of a Begin record.
    pub(super) fn begin_name(&mut self, name: &[u8]) {
        self.name = Some(WireName::Inline(name.to_vec()));
        self.count_texts();
    }

    /// Sets an attribute.
    pub(super) fn attribute(&mut self, packed: Packed<'_>, tick: u64, limits: &Limits, keys: &Keys) {
        self.attributes.set_limited(packed, tick, limits, keys);
    }

    /// Counts a record without room: as an event, as a link, and any other kind as an attribute.
    pub(super) fn drop_record(&mut self, kind: Kind) {
        match kind {
            Kind::Event => self.items.drop_event(),
            Kind::Link => self.items.drop_link(),
            _ => self.attributes.dropped += 1,
        }
    }

    /// Adds the losses that the writer counted for lack of room.
    pub(super) fn add_lost(&mut self, attributes: u32, events: u32) {
        self.attributes.dropped += attributes;
        self.items.dropped_events += events;
    }

    pub(super) fn event<'r>(
        &mut self,
        event: Event<Bytes<'r>>,
        items: Items<'r>,
        time_ns: u64,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<()> {
        self.items.event(event, items, time_ns, keys, limits)
    }

    /// Sets the span's tracestate.
    pub(super) fn set_tracestate(&mut self, text: Arc<str>) {
        self.tracestate = Some(text);
        self.count_texts();
    }

    pub(super) fn link<'r>(
        &mut self,
        link: Link<Bytes<'r>>,
        tracestate: Option<Arc<str>>,
        items: Items<'r>,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<()> {
        self.items.link(link, tracestate, items, keys, limits)
    }

    /// Adds attributes to the last event or link. Returns the last one if its value continues in chunks.
    pub(super) fn more<'r>(
        &mut self,
        items: Items<'r>,
        keys: &mut Keys,
        limits: &Limits,
    ) -> Option<Option<Started<'r>>> {
        self.items.more(items, keys, limits)
    }

    /// Adds an attribute to the last event or link, whose bytes came in several records.
    pub(super) fn item(&mut self, packed: Packed<'_>, keys: &Keys, limits: &Limits) {
        self.items.attribute(packed, keys, limits);
    }

    /// `Ok` is final; otherwise the latest wins.
    pub(super) fn status(&mut self, status: Status<Bytes<'_>>, tick: u64, limits: &Limits) {
        if matches!(self.status, Some(Said::Ok)) || tick < self.status_tick {
            return;
        }
        self.status_tick = tick;
        let text = status.text.as_slice();
        self.status = Some(match status.is_ok {
            true => Said::Ok,
            false => Said::Error(text[..text.len().min(limits.attribute_value_bytes)].to_vec()),
        });
        self.count_texts();
    }

    /// The thread panicked: an error, unless a status was set.
    pub(super) fn panicked(&mut self, limits: &Limits, keys: &Keys) {
        if self.status.is_none() {
            self.fail("the thread panicked");
        }
        self.set_own("error.type", &Value::from("panic"), limits, keys);
    }

    /// The process ended before the span did: an error, even if another status was set, with the exit code or signal.
    pub(super) fn aborted(&mut self, why: &Abort, limits: &Limits, keys: &Keys) {
        self.fail(&why.message);
        self.set_own("error.type", &Value::from("aborted"), limits, keys);
        match &why.cause {
            Some(Cause::Code(code)) => self.set_own("process.exit.code", &Value::from(*code), limits, keys),
            Some(Cause::Signal(name)) => self.set_own("process.exit.signal", &Value::from(name.as_str()), limits, keys),
            None => {}
        }
    }

    fn fail(&mut self, text: &str) {
        self.status = Some(Said::Error(cut(text, OWN_TEXT_BYTES).as_bytes().to_vec()));
        self.count_texts();
    }

    /// Sets an attribute that is later than any other.
    fn set_own(&mut self, key: &'static str, value: &Value<'_>, limits: &Limits, keys: &Keys) {
        let mut words = Vec::new();
        let mut encoded = Encoded::new(value);
        encoded.cut(OWN_TEXT_BYTES);
        self.attribute(Packed::build_own(key, &encoded, &mut words), u64::MAX, limits, keys);
    }

    pub(super) fn rename(&mut self, name: WireName<Bytes<'_>>, tick: u64, keys: &mut Keys) -> Option<()> {
        let name = keys.known(name)?;
        if tick >= self.name_tick {
            self.name = Some(name.to_owned());
            self.name_tick = tick;
            self.count_texts();
        }
        Some(())
    }

    /// Copies everything into a batch.
    pub(super) fn write_rows(&mut self, batch: &mut BatchBuilder) -> ExtrasRows {
        let attributes = self.attributes.write(batch);
        let (events, links) = self.items.write(batch);
        let outcome = match &self.status {
            None => Outcome::Unset,
            Some(Said::Ok) => Outcome::Ok,
            Some(Said::Error(text)) => Outcome::Error(batch.text(text)),
        };
        let name = self.name.as_ref().map(|name| match name {
            WireName::Id(id) => NameRow::Id(*id),
            WireName::Inline(text) => NameRow::Text(batch.text(text)),
        });
        let more = batch.more(MoreRow {
            outcome,
            tracestate: self.tracestate.take(),
            events,
            links,
            dropped_attributes: self.attributes.dropped,
            dropped_events: self.items.dropped_events,
            dropped_links: self.items.dropped_links,
        });
        ExtrasRows { attributes, more, name, cut: self.attributes.cut + self.items.cut }
    }

    /// The name so far, for lists of open spans.
    pub(super) fn name_text(&self, keys: &Keys) -> Option<String> {
        self.name.as_ref().map(|name| match name {
            WireName::Id(id) => keys.names().get(*id).to_owned(),
            WireName::Inline(text) => String::from_utf8_lossy(text).into_owned(),
        })
    }
}

impl Attributes {
    /// As [`set`](Self::set), within the limits on the length of texts and on the number of attributes.
    fn set_limited(&mut self, packed: Packed<'_>, tick: u64, limits: &Limits, keys: &Keys) {
        let mut words = Vec::new();
        let chars = limits.attribute_value_chars;
        let shorter = chars.and_then(|chars| limit::to_chars(packed, chars as usize, &mut words));
        self.set(shorter.unwrap_or(packed), tick, limits.attributes_per_span, keys);
    }
}
