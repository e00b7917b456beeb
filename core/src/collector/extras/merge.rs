//! Values of a whole trace. The texts of a list are added to those of the one before.

use super::super::keys::Keys;
use super::attributes::Attributes;
use crate::config::Limits;
use crate::wire::{Bytes, Decoded, Packed, Type, WireName};

impl Attributes {
    /// Sets a value of the trace. The texts of a list are added to those of the existing one, which may be later.
    pub(in crate::collector) fn set_trace_value(
        &mut self,
        key: WireName<Bytes<'_>>,
        value: Decoded<'_>,
        tick: u64,
        limits: &Limits,
        keys: &mut Keys,
    ) -> Option<()> {
        let mut words = Vec::new();
        let packed = keys.placed(Packed::build(key, value, &mut words))?;
        let Decoded::Bytes { ty: Type::Strs, bytes, before } = value else {
            self.set_limited(packed, tick, limits, keys);
            return Some(());
        };
        let mut lost = (before as usize).saturating_sub(bytes.len());
        let (mut joined, tick) = match self.texts_like(packed, keys) {
            Some((known, of_list)) => (known, tick.max(of_list)),
            None => (Vec::new(), tick),
        };
        for text in texts(bytes.as_slice()) {
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
        let mut long = Vec::new();
        let key = key.to_owned();
        let made = keys.placed(Packed::build_long(&key, Type::Strs, &joined, before, &mut long))?;
        self.set_limited(made, tick, limits, keys);
        Some(())
    }

    /// The list of texts with this key, and its tick.
    fn texts_like(&self, like: Packed<'_>, keys: &Keys) -> Option<(Vec<u8>, u64)> {
        let (found, tick) = self.get(like, keys)?;
        match found.value() {
            Some(Decoded::Bytes { ty: Type::Strs, bytes, .. }) => Some((bytes.to_vec(), tick)),
            _ => None,
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
