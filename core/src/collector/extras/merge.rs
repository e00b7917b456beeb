//! Values of a whole trace: extras that are added to each of its spans.

use super::{Extras, NameRow, Set};
use crate::config::Limits;
use crate::export::{AttributeRow, ValueRow};
use crate::wire::{Decoded, Type};
use std::ops::Range;

impl Extras {
    /// Sets a value of the trace. The texts of a list are added to those of the existing one, which may be later.
    pub(in crate::collector) fn trace_value(
        &mut self,
        key: NameRow,
        value: Decoded<'_>,
        tick: u64,
        limits: &Limits,
    ) -> Option<()> {
        let Decoded::Bytes { ty: Type::Strs, bytes, before } = value else {
            return self.attribute(key, value, tick, limits);
        };
        let new = bytes.to_vec();
        let mut lost = (before as usize).saturating_sub(new.len());
        let (mut joined, tick) = match self.texts_of(&key) {
            Some((range, of_list)) => (self.bytes[range].to_vec(), tick.max(of_list)),
            None => (Vec::new(), tick),
        };
        for text in texts(&new) {
            if texts(&joined).any(|known| known == text) {
                continue;
            }
            if joined.len() + 4 + text.len() > limits.attribute_value_bytes {
                lost += 4 + text.len();
                continue;
            }
            joined.extend_from_slice(&(text.len() as u32).to_ne_bytes());
            joined.extend_from_slice(text);
        }
        let before = if lost > 0 { u32::try_from(joined.len() + lost).unwrap_or(u32::MAX) } else { 0 };
        self.chunked(key, Type::Strs, &joined, before, tick, limits)
    }

    /// The range of the list of texts with this key, and its tick.
    fn texts_of(&self, key: &NameRow) -> Option<(Range<usize>, u64)> {
        let set = self.attributes.iter().find(|set| Self::same_name(&self.bytes, &set.row.key, key))?;
        match &set.row.value {
            ValueRow::Strs(range) => Some((range.start as usize..range.end as usize, set.tick)),
            _ => None,
        }
    }

    /// Copies what others have and these don't. Anything that found no room there is missing here too.
    pub(in crate::collector) fn add_missing(&mut self, others: &Extras, limits: &Limits) {
        self.dropped_attributes += others.dropped_attributes;
        for Set { row, tick } in &others.attributes {
            if self.has_key(others, &row.key) {
                continue;
            }
            let mut copy = |range: &Range<u32>| {
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(&others.bytes[range.start as usize..range.end as usize]);
                start..self.bytes.len() as u32
            };
            let mut row = AttributeRow { key: row.key.clone(), value: row.value.clone(), ..*row };
            for range in row.key.range_mut().into_iter().chain(row.value.range_mut()) {
                *range = copy(range);
            }
            self.set(row, *tick, limits);
        }
    }

    /// Whether there is an attribute with a key of the others.
    fn has_key(&self, others: &Extras, key: &NameRow) -> bool {
        let wanted = others.name_bytes(key);
        self.attributes.iter().any(|set| self.name_bytes(&set.row.key) == wanted)
    }

    pub(super) fn name_bytes<'a>(&'a self, name: &'a NameRow) -> &'a [u8] {
        match name {
            NameRow::Static(name) => name.as_bytes(),
            NameRow::Text(range) => &self.bytes[range.start as usize..range.end as usize],
        }
    }
}

/// Texts that follow their lengths. Ends at the first that doesn't fit.
fn texts(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let text = rest.get(..u32::from_ne_bytes(*len) as usize)?;
        bytes = &rest[text.len()..];
        Some(text)
    })
}
