//! Everything that is said about an open span between its Begin and its End goes to its extras.

use super::super::extras::Extras;
use super::super::keys::Keys;
use super::early::Early;
use super::open::is_open;
use super::{max_held_bytes, Assembler, LaneState, Partial, Rest, Target};
use crate::config::Limits;
use crate::propagated;
use crate::wire::{
    goes_on, span_of, Attr, AttrValue, Begin, Bytes, Chunk, Event, Header, Kind, Link, More, Packed, Rename, Status,
    Tracestate,
};
use std::sync::Arc;

impl Assembler {
    /// Changes the extras of an open span, and counts the bytes that they hold.
    pub(super) fn change(&mut self, index: u32, change: impl FnOnce(&mut Extras, &Limits, &Keys)) {
        let Self { table, spare, held_bytes, limits, keys, .. } = self;
        let Some(open) = table.get_mut(index as usize) else { return };
        let extras = open.extras.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        change(extras, limits, keys);
        *held_bytes = *held_bytes + extras.held_bytes() - before;
    }

    /// Takes every other record about a span.
    pub(super) fn on_span(&mut self, state: &mut LaneState, header: Header, record: &[u64]) -> Option<()> {
        let span = span_of(record)?;
        let index = match state.stack.top(span).filter(|index| is_open(&self.table, span, *index)) {
            Some(index) => index,
            None => match self.by_id.get(&span) {
                Some(index) if self.table[*index as usize].process == state.process => *index,
                Some(_) => {
                    self.counts.late += 1;
                    return Some(());
                }
                None => {
                    let early = Early::Record {
                        words: record.into(),
                        last_tick: state.last_tick,
                        chunks: Vec::new(),
                        process: state.process,
                    };
                    let kept = self.keep_early(early);
                    state.rest = (kept && goes_on(header)).then_some(Rest::Early);
                    return Some(());
                }
            },
        };
        let partial = self.apply(index, state.last_tick, record)?;
        state.rest = partial.map(Rest::Of);
        Some(())
    }

    /// Applies a record to an open span. Returns a value that continues in chunks.
    pub(super) fn apply(&mut self, index: u32, last_tick: u64, record: &[u64]) -> Option<Option<Partial>> {
        let kind = Header::of(record)?.kind()?;
        let spare = &mut self.spare;
        let open = self.table.get_mut(index as usize)?;
        let full = self.held_bytes > max_held_bytes(open.process);
        let extras = open.extras.get_or_insert_with(|| spare.pop().unwrap_or_default());
        let before = extras.held_bytes();
        let mut partial = None;
        let done = match kind {
            Kind::Attr | Kind::Event | Kind::Link | Kind::More | Kind::Status | Kind::Rename | Kind::Tracestate
                if full =>
            {
                extras.drop_record(kind);
                Some(())
            }
            Kind::Attr => Attr::read(record).and_then(|(attr, value)| {
                let tick = attr.tick.unwrap_or(last_tick);
                let key = self.keys.known(attr.key)?;
                match value {
                    AttrValue::Whole(value) => {
                        let mut words = Vec::new();
                        let packed = self.keys.placed(Packed::build(key, value, &mut words))?;
                        extras.attribute(packed, tick, &self.limits, &self.keys);
                    }
                    AttrValue::Beginning(value) => {
                        partial = Some(Partial::new(index, open.span, key, Target::Span { tick }, value));
                    }
                }
                Some(())
            }),
            Kind::Event => Event::read(record).and_then(|(event, items)| {
                let time_ns = self.timeline.unix_ns(event.tick, Begin::epoch_of(open.flags));
                extras.event(event, items, time_ns, &mut self.keys, &self.limits)
            }),
            Kind::Link => Link::read(record).and_then(|(link, items)| {
                let tracestate = match link.propagated {
                    0 => text(link.tracestate),
                    index => propagated::tracestate(link.trace, index),
                };
                extras.link(link, tracestate, items, &mut self.keys, &self.limits)
            }),
            Kind::More => More::read(record).and_then(|(_, items)| {
                let rest = extras.more(items, &mut self.keys, &self.limits)?;
                partial = rest.map(|(key, value)| Partial::new(index, open.span, key, Target::Item, value));
                Some(())
            }),
            Kind::Status => {
                let limits = &self.limits;
                Status::read(record).map(|status| extras.status(status, status.tick.unwrap_or(last_tick), limits))
            }
            Kind::Rename => Rename::read(record)
                .and_then(|rename| extras.rename(rename.name, rename.tick.unwrap_or(last_tick), &mut self.keys)),
            Kind::Tracestate => {
                Tracestate::read(record).and_then(|state| text(state.text)).map(|text| extras.set_tracestate(text))
            }
            Kind::Begin | Kind::End | Kind::Chunk | Kind::ThreadStart | Kind::TraceValue => None,
            Kind::Mark | Kind::Strand | Kind::Skip => None,
        };
        self.held_bytes = self.held_bytes + extras.held_bytes() - before;
        done.map(|()| partial)
    }

    /// Takes the next part of a long attribute.
    pub(super) fn chunk(&mut self, state: &mut LaneState, record: &[u64]) -> Option<()> {
        let chunk = Chunk::read(record)?;
        match &mut state.rest {
            None => {}
            Some(Rest::Early) => {
                self.keep_early_chunk(state.process, record);
                if !chunk.more {
                    state.rest = None;
                }
            }
            Some(Rest::Of(partial)) => {
                partial.add(chunk.bytes);
                if !chunk.more {
                    if let Some(Rest::Of(partial)) = state.rest.take() {
                        return self.complete(partial);
                    }
                }
            }
        }
        Some(())
    }

    /// Sets a long attribute that is complete.
    pub(super) fn complete(&mut self, partial: Partial) -> Option<()> {
        let limits = self.limits;
        let open = self.table.get_mut(partial.index as usize)?;
        let extras = open.extras.as_mut()?;
        if open.span != partial.span {
            return Some(());
        }
        let before = extras.held_bytes();
        let mut words = Vec::new();
        let packed = Packed::build_long(&partial.key, partial.ty, &partial.bytes, partial.before, &mut words);
        match partial.into {
            Target::Span { tick } => {
                extras.attribute(self.keys.placed(packed)?, tick, &limits, &self.keys);
            }
            Target::Item => extras.item(packed, &self.keys, &limits),
        }
        self.held_bytes = self.held_bytes + extras.held_bytes() - before;
        Some(())
    }
}

/// A text; `None` if it is empty.
fn text(bytes: Bytes<'_>) -> Option<Arc<str>> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    (!text.is_empty()).then(|| text.into())
}
