//! JSON that is being written: up to a limit, without what is denied, and valid wherever it stops.

use super::Capture;
use crate::thread::cut;

/// What stands for a value whose key is denied.
pub(super) const REDACTED: &[u8] = b"\"<redacted>\"";
/// How deep values are followed into each other: deeper than any that people read, and no danger to the stack.
const MAX_DEPTH: usize = 128;

/// Why writing stopped.
#[derive(Debug)]
pub enum Stop {
    /// There is no more room.
    Full,
    /// The value itself failed.
    Failed,
}

/// JSON that is being written.
///
/// Whenever it stops it is closed with what is open, for which room is kept: in the middle of a text behind its last
/// whole character, else behind the last whole value.
pub struct Json<'a> {
    bytes: Vec<u8>,
    rules: &'a Capture,
    limit: usize,
    /// What closes the brackets that are open.
    open: Vec<u8>,
    /// Where the last whole value ended, or the last bracket opened, and how many brackets were open then.
    safe: (usize, usize),
    /// A text is being written that is a value.
    in_text: bool,
    /// The key whose value comes is denied.
    denied: bool,
    /// How many brackets are open inside a denied value.
    muted: Option<usize>,
    /// How long it would have been at least, if it was cut.
    whole: usize,
}

impl<'a> Json<'a> {
    /// Begins in this buffer, which it empties.
    pub(super) fn new(rules: &'a Capture, limit: usize, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self {
            bytes,
            rules,
            limit,
            open: Vec::new(),
            safe: (0, 0),
            in_text: false,
            denied: false,
            muted: None,
            whole: 0,
        }
    }

    /// The bytes, closed where they were cut, and how long they would have been at least; zero if they were not cut.
    pub(super) fn finish(mut self) -> (Vec<u8>, usize) {
        if !self.is_full() {
            return (self.bytes, 0);
        }
        if self.in_text {
            self.bytes.push(b'"');
        } else {
            self.bytes.truncate(self.safe.0);
            self.open.truncate(self.safe.1);
        }
        self.bytes.extend(self.open.iter().rev());
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(b"null");
        }
        let whole = self.whole.max(self.bytes.len() + 1);
        (self.bytes, whole)
    }

    /// How many bytes may still be written, beside those that close what is open.
    #[inline]
    fn room(&self) -> usize {
        if self.is_full() {
            return 0;
        }
        self.limit.saturating_sub(self.bytes.len() + self.open.len() + 1)
    }

    /// Whether it was stopped. A value that goes on all the same writes nothing more.
    #[inline]
    fn is_full(&self) -> bool {
        self.whole != 0
    }

    #[cold]
    fn full(&mut self, more: usize) -> Stop {
        self.whole = self.bytes.len() + more;
        Stop::Full
    }

    /// Bytes that are written whole or not at all.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.is_muted() {
            return Ok(());
        }
        if bytes.len() > self.room() {
            return Err(self.full(bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// A text between quotes.
    #[inline]
    pub(super) fn text(&mut self, text: &str) -> Result<(), Stop> {
        self.begin_text()?;
        self.part(text)?;
        self.end_text();
        Ok(())
    }

    pub(super) fn begin_text(&mut self) -> Result<(), Stop> {
        self.put(b"\"")?;
        self.in_text = !self.is_muted();
        Ok(())
    }

    /// A part of a text. What is beyond the limit isn't even looked at.
    #[inline]
    pub(super) fn part(&mut self, text: &str) -> Result<(), Stop> {
        if self.is_muted() {
            return Ok(());
        }
        let room = self.room();
        let fits = cut(text, room);
        self.escape(fits)?;
        if fits.len() < text.len() {
            return Err(self.full(text.len() - fits.len()));
        }
        Ok(())
    }

    pub(super) fn end_text(&mut self) {
        if self.in_text && !self.is_full() {
            // There is room: it was kept.
            self.bytes.push(b'"');
            self.in_text = false;
        }
    }

    /// Writes a text with what JSON wants escaped (RFC 8259, section 7).
    fn escape(&mut self, text: &str) -> Result<(), Stop> {
        let bytes = text.as_bytes();
        if !needs_escape(bytes) {
            return self.put_part(text, 0, bytes.len());
        }
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escape = ESCAPES[*byte as usize];
            if escape == 0 {
                continue;
            }
            self.put_part(text, from, at)?;
            match escape {
                b'u' => {
                    let hex = |half: u8| b"0123456789abcdef"[half as usize & 15];
                    self.put(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(*byte)])?;
                }
                letter => self.put(&[b'\\', letter])?,
            }
            from = at + 1;
        }
        self.put_part(text, from, bytes.len())
    }

    /// A stretch without escapes; with those before it, it may have become too long.
    #[inline]
    fn put_part(&mut self, text: &str, from: usize, to: usize) -> Result<(), Stop> {
        let part = &text[from..to];
        let fits = cut(part, self.room());
        self.bytes.extend_from_slice(fits.as_bytes());
        if fits.len() < part.len() {
            return Err(self.full(text.len() - from - fits.len()));
        }
        Ok(())
    }

    pub(super) fn open(&mut self, bracket: u8, close: u8) -> Result<(), Stop> {
        if let Some(muted) = &mut self.muted {
            *muted += 1;
            return Ok(());
        }
        if self.open.len() == MAX_DEPTH || self.room() < 2 {
            return Err(self.full(2));
        }
        self.bytes.push(bracket);
        self.open.push(close);
        self.mark_safe();
        Ok(())
    }

    pub(super) fn close(&mut self) {
        match &mut self.muted {
            Some(muted) => *muted = muted.saturating_sub(1),
            // There is room: it was kept.
            None if self.whole == 0 => self.bytes.extend(self.open.pop()),
            None => {}
        }
    }

    #[inline]
    fn mark_safe(&mut self) {
        if self.is_full() {
            return;
        }
        self.safe = (self.bytes.len(), self.open.len());
    }

    /// Before an element of an array, or an entry of an object, whose key comes next.
    #[inline]
    pub(super) fn begin_element(&mut self, is_first: bool) -> Result<(), Stop> {
        if is_first {
            return Ok(());
        }
        self.put(b",")
    }

    /// Between a key and its value.
    #[inline]
    pub(super) fn begin_value(&mut self) -> Result<(), Stop> {
        if self.is_muted() {
            return Ok(());
        }
        self.put(b":")?;
        if std::mem::take(&mut self.denied) {
            self.put(REDACTED)?;
            self.muted = Some(0);
        }
        Ok(())
    }

    /// Whether what comes is in a denied value: nobody is to look at it, however much there is.
    #[inline]
    pub(super) fn is_muted(&self) -> bool {
        self.muted.is_some()
    }

    /// Behind an element, or the value of an entry.
    #[inline]
    pub(super) fn end_value(&mut self) {
        match self.muted {
            None => self.mark_safe(),
            Some(0) => {
                self.muted = None;
                self.mark_safe();
            }
            Some(_) => {}
        }
    }

    /// A key between quotes: it is not cut.
    #[inline]
    pub(super) fn key(&mut self, key: &str) -> Result<(), Stop> {
        self.put(b"\"")?;
        if !self.is_muted() {
            self.denied = self.rules.denies(key.as_bytes());
            self.escape(key)?;
        }
        self.put(b"\"")
    }
}

/// Whether any byte wants an escape: in stretches, each without a branch, so that many bytes are looked at in one step.
#[inline]
fn needs_escape(bytes: &[u8]) -> bool {
    let wants = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    bytes.chunks(32).any(|stretch| stretch.iter().fold(false, |any, byte| any | wants(byte)))
}

/// What follows the backslash of each byte that needs one; `u` for those with a number.
static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

#[cfg(test)]
mod tests {
    use super::{needs_escape, ESCAPES};

    #[test]
    fn the_quick_look_knows_the_same_bytes_as_the_table() {
        for byte in 0..=u8::MAX {
            let text = [b'a', b'b', byte];
            assert_eq!(needs_escape(&text), ESCAPES[byte as usize] != 0, "{byte}");
        }
    }
}
