//! A writer of JSON that stops at a limit, omits denied values, and leaves valid JSON in any case.

use super::escape::{needs_escape, next_escape, ESCAPES};
use crate::config::DenyList;
use crate::text::cut;

/// Written instead of a value whose key is denied.
pub(super) const REDACTED: &[u8] = b"\"<redacted>\"";
/// The deepest nesting of values that is written: deeper than people read, too shallow to overflow the stack, and the
/// number of bits of [`Brackets`].
const MAX_DEPTH: usize = 128;

/// Why writing stopped.
#[derive(Debug)]
pub enum Stop {
    /// There is no room left.
    Full,
    /// The value's `Serialize` returned an error.
    Failed,
}

/// JSON that is being written.
///
/// When it stops, it closes what is open; room for that is reserved. A cut text ends after its last whole character,
/// anything else after the last whole value.
pub struct Json<'a> {
    bytes: Vec<u8>,
    deny: &'a DenyList,
    known: KnownKeys,
    limit: usize,
    /// The length that `bytes` may reach, without what closes the open brackets and the open text. Zero while nothing may
    /// be written: after a stop, inside a denied value, or without any room. So each write costs one comparison.
    end: usize,
    open: Brackets,
    /// The position behind the last whole value or opening bracket, and how many brackets were open there.
    safe: (usize, usize),
    /// A text that is a value is being written.
    in_text: bool,
    /// The key of the next value is denied.
    denied: bool,
    /// How many brackets are open inside a denied value; `None` outside of one.
    muted: Option<usize>,
    /// A lower bound of the length before the cut, in bytes; zero if it wasn't cut.
    whole: usize,
    /// How many parts of the value were started and not completed. A part that failed or panicked stays counted, even if
    /// the rest of the value ignores the failure.
    unfinished: usize,
}

/// The open brackets: one bit each, the innermost in the lowest bit, set for an object's.
#[derive(Clone, Copy, Default)]
struct Brackets {
    kinds: u128,
    depth: usize,
}

impl Brackets {
    #[inline]
    fn push(&mut self, bracket: Bracket) {
        self.kinds = self.kinds << 1 | bracket as u128;
        self.depth += 1;
    }

    /// The bracket that closes the innermost one, and removes it.
    #[inline]
    fn pop(&mut self) -> Option<u8> {
        self.depth = self.depth.checked_sub(1)?;
        let close = if self.kinds & 1 == Bracket::Object as u128 { b'}' } else { b']' };
        self.kinds >>= 1;
        Some(close)
    }
}

/// The kind of a bracket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bracket {
    Array = 0,
    Object = 1,
}

/// Bytes that are written around a key: the comma, two quotes and the colon.
const AROUND_KEY: usize = ",\"\":".len();

/// A small cache of static keys, by address, that need no escape and aren't denied. Each is in one of two neighbouring
/// places.
#[derive(Default)]
struct KnownKeys([(usize, usize); 32]);

impl KnownKeys {
    #[inline]
    fn place(key: &'static str) -> (usize, (usize, usize)) {
        let at = key.as_ptr() as usize;
        ((at ^ at >> 5) % 32, (at, key.len()))
    }

    #[inline]
    fn has(&self, key: &'static str) -> bool {
        let (place, key) = Self::place(key);
        self.0[place] == key || self.0[place ^ 1] == key
    }

    fn add(&mut self, key: &'static str) {
        let (place, key) = Self::place(key);
        self.0[place ^ 1] = self.0[place];
        self.0[place] = key;
    }
}

impl<'a> Json<'a> {
    /// Starts in this buffer, and empties it.
    pub(super) fn new(deny: &'a DenyList, limit: usize, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        let mut json = Self {
            bytes,
            deny,
            known: KnownKeys::default(),
            limit,
            end: 0,
            open: Brackets::default(),
            safe: (0, 0),
            in_text: false,
            denied: false,
            muted: None,
            whole: 0,
            unfinished: 0,
        };
        json.set_end();
        json
    }

    /// The bytes, closed where they were cut, and a lower bound of the uncut length; zero if they were not cut. `None` if
    /// a part of the value failed.
    pub(super) fn finish(mut self) -> Option<(Vec<u8>, usize)> {
        if self.unfinished != 0 {
            return None;
        }
        if !self.is_full() {
            return Some((self.bytes, 0));
        }
        if self.in_text {
            self.bytes.push(b'"');
        } else {
            self.bytes.truncate(self.safe.0);
            while self.open.depth > self.safe.1 {
                self.open.pop();
            }
        }
        while let Some(close) = self.open.pop() {
            self.bytes.push(close);
        }
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(b"null");
        }
        let whole = self.whole.max(self.bytes.len() + 1);
        Some((self.bytes, whole))
    }

    /// Whether it stopped for lack of room. A value that goes on writing has no effect.
    fn is_full(&self) -> bool {
        self.whole != 0
    }

    /// Whether the next write is inside a denied value. Such a value isn't serialised, which saves its cost too.
    #[inline]
    pub(super) fn is_muted(&self) -> bool {
        self.muted.is_some()
    }

    fn set_end(&mut self) {
        let writes = !self.is_full() && !self.is_muted();
        self.end = if writes { self.limit.saturating_sub(self.open.depth) } else { 0 };
    }

    /// Whether this many bytes may be written.
    #[inline]
    fn fits(&self, bytes: usize) -> bool {
        self.bytes.len() + bytes <= self.end
    }

    /// Handles bytes that don't fit.
    #[cold]
    fn no_room(&mut self, bytes: usize) -> Result<(), Stop> {
        match self.is_muted() {
            true => Ok(()),
            false => Err(self.full(bytes)),
        }
    }

    #[cold]
    fn full(&mut self, more: usize) -> Stop {
        self.whole = self.whole.max(self.bytes.len() + more);
        self.end = 0;
        Stop::Full
    }

    /// Writes a part of the value. If it fails or panics, what is written so far is no valid JSON.
    #[inline]
    pub(super) fn whole_part(&mut self, write: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.unfinished += 1;
        let written = write(self);
        if !matches!(written, Err(Stop::Failed)) {
            self.unfinished -= 1;
        }
        written
    }

    /// Writes bytes, all of them or none.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if !self.fits(bytes.len()) {
            return self.no_room(bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes a text between quotes.
    #[inline]
    pub(super) fn text(&mut self, text: &str) -> Result<(), Stop> {
        if !self.fits(text.len() + 2) || needs_escape(text.as_bytes()) {
            return self.text_in_parts(text);
        }
        self.bytes.reserve(text.len() + 2);
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(b'"');
        Ok(())
    }

    fn text_in_parts(&mut self, text: &str) -> Result<(), Stop> {
        self.begin_text()?;
        self.part(text)?;
        self.end_text();
        Ok(())
    }

    pub(super) fn begin_text(&mut self) -> Result<(), Stop> {
        // With room for the closing quote.
        if !self.fits(2) {
            return self.no_room(2);
        }
        self.bytes.push(b'"');
        self.end -= 1;
        self.in_text = true;
        Ok(())
    }

    /// Writes a part of a text. It doesn't read the text beyond the limit.
    pub(super) fn part(&mut self, text: &str) -> Result<(), Stop> {
        if self.is_muted() {
            return Ok(());
        }
        let fits = cut(text, self.end.saturating_sub(self.bytes.len()));
        self.escape(fits)?;
        if fits.len() < text.len() {
            return Err(self.full(text.len() - fits.len()));
        }
        Ok(())
    }

    pub(super) fn end_text(&mut self) {
        if self.in_text && !self.is_full() {
            self.bytes.push(b'"');
            self.end += 1;
            self.in_text = false;
        }
    }

    /// Writes a text and escapes what JSON requires.
    fn escape(&mut self, text: &str) -> Result<(), Stop> {
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(at) = next_escape(&bytes[from..]) {
            let (at, byte) = (from + at, bytes[from + at]);
            self.plain(text, from, at)?;
            match ESCAPES[byte as usize] {
                b'u' => {
                    let hex = |half: u8| b"0123456789abcdef"[half as usize & 15];
                    self.put(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)])?;
                }
                letter => self.put(&[b'\\', letter])?,
            }
            from = at + 1;
        }
        self.plain(text, from, bytes.len())
    }

    /// Writes a stretch of a text that needs no escapes. Together with what was written before, it may be too long.
    fn plain(&mut self, text: &str, from: usize, to: usize) -> Result<(), Stop> {
        let part = &text[from..to];
        let fits = cut(part, self.end.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(fits.as_bytes());
        if fits.len() < part.len() {
            return Err(self.full(text.len() - from - fits.len()));
        }
        Ok(())
    }

    #[inline]
    pub(super) fn open(&mut self, bracket: Bracket) -> Result<(), Stop> {
        // With room for the closing bracket.
        if !self.fits(2) || self.open.depth == MAX_DEPTH {
            return self.open_in_vain();
        }
        self.bytes.push(if let Bracket::Object = bracket { b'{' } else { b'[' });
        self.open.push(bracket);
        self.end -= 1;
        self.mark_safe();
        Ok(())
    }

    #[cold]
    fn open_in_vain(&mut self) -> Result<(), Stop> {
        match &mut self.muted {
            Some(muted) => *muted += 1,
            None => return Err(self.full(2)),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn close(&mut self) {
        if self.end == 0 {
            self.muted = self.muted.map(|muted| muted.saturating_sub(1));
        } else if let Some(close) = self.open.pop() {
            self.bytes.push(close);
            self.end += 1;
        }
    }

    #[inline]
    fn mark_safe(&mut self) {
        self.safe = (self.bytes.len(), self.open.depth);
    }

    /// Writes what precedes an element of an array.
    #[inline]
    pub(super) fn begin_element(&mut self, is_first: bool) -> Result<(), Stop> {
        if is_first {
            return Ok(());
        }
        self.put(b",")
    }

    /// Writes a key between quotes, and what separates it from its value. It is not cut.
    #[inline]
    pub(super) fn key(&mut self, key: &str, is_first: bool) -> Result<(), Stop> {
        if !self.fits(key.len() + AROUND_KEY) || needs_escape(key.as_bytes()) {
            return self.key_in_parts(key, is_first);
        }
        self.plain_key(key, is_first);
        self.denied = self.deny.has(key.as_bytes());
        Ok(())
    }

    /// The same for a key that is likely to recur, such as those of structs in a list.
    #[inline]
    pub(super) fn static_key(&mut self, key: &'static str, is_first: bool) -> Result<(), Stop> {
        if !self.known.has(key) || !self.fits(key.len() + AROUND_KEY) {
            return self.new_key(key, is_first);
        }
        self.plain_key(key, is_first);
        Ok(())
    }

    fn new_key(&mut self, key: &'static str, is_first: bool) -> Result<(), Stop> {
        if !needs_escape(key.as_bytes()) && !self.deny.has(key.as_bytes()) {
            self.known.add(key);
        }
        self.key(key, is_first)
    }

    /// Writes a key that fits and needs no escape.
    #[inline]
    fn plain_key(&mut self, key: &str, is_first: bool) {
        self.bytes.reserve(key.len() + AROUND_KEY);
        if !is_first {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    fn key_in_parts(&mut self, key: &str, is_first: bool) -> Result<(), Stop> {
        if self.is_muted() {
            return Ok(());
        }
        self.denied = self.deny.has(key.as_bytes());
        self.begin_element(is_first)?;
        self.put(b"\"")?;
        self.escape(key)?;
        self.put(b"\":")
    }

    /// Writes what precedes the value of an entry, behind its key.
    #[inline]
    pub(super) fn begin_value(&mut self) -> Result<(), Stop> {
        match self.denied {
            true => self.redact(),
            false => Ok(()),
        }
    }

    /// Writes the replacement of the next value.
    #[cold]
    fn redact(&mut self) -> Result<(), Stop> {
        self.denied = false;
        self.put(REDACTED)?;
        self.muted = Some(0);
        self.set_end();
        Ok(())
    }

    /// Marks the end of an element, or of an entry's value.
    #[inline]
    pub(super) fn end_value(&mut self) {
        match self.end {
            0 => self.end_unwritten(),
            _ => self.mark_safe(),
        }
    }

    #[cold]
    fn end_unwritten(&mut self) {
        if self.muted == Some(0) {
            self.muted = None;
            self.set_end();
            self.mark_safe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bracket, Brackets, MAX_DEPTH};

    #[test]
    fn brackets_close_as_they_opened() {
        let mut open = Brackets::default();
        let bracket = |i: usize| if i % 3 == 0 { Bracket::Object } else { Bracket::Array };
        (0..MAX_DEPTH).for_each(|i| open.push(bracket(i)));
        for i in (0..MAX_DEPTH).rev() {
            assert_eq!(open.pop(), Some(if i % 3 == 0 { b'}' } else { b']' }), "{i}");
        }
        assert_eq!(open.pop(), None);
    }
}
