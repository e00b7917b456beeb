//! Texts in shared words: a word with the length in bytes, then the bytes, padded with zeros to whole words.

use crate::sync::{AtomicU64, Ordering};
use crate::wire::padded;

/// How many words a text takes.
pub(super) fn words_of(text: &str) -> usize {
    1 + padded(text.len()) as usize / 8
}

/// Writes a text from word `at` on and returns the position of the next one; `None` if there is no room.
pub(super) fn push(words: &[AtomicU64], at: usize, text: &str) -> Option<usize> {
    let end = at.checked_add(words_of(text)).filter(|end| *end <= words.len())?;
    words[at].store(text.len() as u64, Ordering::Relaxed);
    for (to, chunk) in words[at + 1..end].iter().zip(text.as_bytes().chunks(8)) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        to.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
    }
    Some(end)
}

/// Reads the text at word `at`, of which `end` words are readable, and returns the position of the next one; `None` if it
/// is not a text of at most `max` bytes.
pub(super) fn read(words: &[AtomicU64], at: usize, end: usize, max: usize) -> Option<(String, usize)> {
    let words = words.get(..end)?;
    let len = usize::try_from(words.get(at)?.load(Ordering::Relaxed)).ok().filter(|len| *len <= max)?;
    let next = at + 1 + padded(len) as usize / 8;
    let mut bytes = Vec::with_capacity(next * 8 - at * 8);
    words.get(at + 1..next)?.iter().for_each(|w| bytes.extend_from_slice(&w.load(Ordering::Relaxed).to_ne_bytes()));
    bytes.truncate(len);
    Some((String::from_utf8(bytes).ok()?, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(n: usize) -> Vec<AtomicU64> {
        (0..n).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn texts_come_back_as_they_were() {
        let words = words(16);
        let mut at = 0;
        let texts = ["", "a", "12345678", "ein längerer Name"];
        for text in texts {
            at = push(&words, at, text).unwrap();
        }
        let (end, mut at) = (at, 0);
        for text in texts {
            let (read, next) = read(&words, at, end, 64).unwrap();
            assert_eq!(read, text);
            at = next;
        }
        assert_eq!(at, end);
        assert_eq!(push(&words, at, &"x".repeat(100)), None, "no room");
    }

    #[test]
    fn a_text_whose_length_lies_is_refused() {
        let words = words(4);
        for len in [25, 64, u64::MAX] {
            words[0].store(len, Ordering::Relaxed);
            assert_eq!(read(&words, 0, 4, 1 << 20), None, "{len}");
        }
        words[0].store(8, Ordering::Relaxed);
        assert_eq!(read(&words, 0, 4, 7), None, "longer than allowed");
        assert_eq!(read(&words, 4, 4, 7), None, "behind the end");
        assert_eq!(read(&words, 0, 5, 64), None, "an end behind the memory");
        words[1].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(read(&words, 0, 4, 64), None, "not UTF-8");
    }
}
