//! OpenTelemetry's limit on the length of texts, which is in characters.

use crate::wire::{Bytes, Decoded, Packed, Type};

/// The attribute with its text cut to this many characters; in an array, each text. `None` if nothing is cut. Its words are put
/// into an empty vector.
pub(super) fn to_chars<'a>(packed: Packed<'_>, chars: usize, words: &'a mut Vec<u64>) -> Option<Packed<'a>> {
    let Some(Decoded::Bytes { ty, bytes, before }) = packed.value() else { return None };
    let whole = bytes.len() as u32;
    let new = match ty {
        Type::Str => text(bytes, chars)?,
        Type::Strs => each_text(bytes.as_slice(), chars)?,
        _ => return None,
    };
    let before = before.max(whole);
    let key = packed.key().to_owned();
    let made = Packed::build_long(&key, ty, &new, before, words);
    Some(if packed.is_of_scope() { made.of_scope() } else { made })
}

/// Bytes from another process may not be UTF-8.
fn text(bytes: Bytes<'_>, chars: usize) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes.as_slice());
    let (end, _) = text.char_indices().nth(chars)?;
    Some(text.as_bytes()[..end].to_vec())
}

fn each_text(bytes: &[u8], chars: usize) -> Option<Vec<u8>> {
    let (mut new, mut rest, mut cut) = (Vec::new(), bytes, false);
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = (u32::from_ne_bytes(*len) as usize).min(after.len());
        let text = String::from_utf8_lossy(&after[..len]);
        let end = text.char_indices().nth(chars).map_or(text.len(), |(end, _)| end);
        cut |= end < text.len();
        new.extend_from_slice(&(end as u32).to_ne_bytes());
        new.extend_from_slice(&text.as_bytes()[..end]);
        rest = &after[len..];
    }
    cut.then_some(new)
}
