//! A reader of JSON that is asked for what is expected next. Knows its place, and how deep it is.

use super::super::{Place, ReadError};
use std::borrow::Cow;

/// How deep lists and objects may be nested. Each map of OTLP takes four: 64 of them, and the request around.
const MAX_DEPTH: usize = 300;

/// What is left of a text.
pub(super) struct Json<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// The number of the text's first line.
    line: u64,
}

type Done = Result<(), ReadError>;

impl<'a> Json<'a> {
    pub(super) fn new(text: &'a str, line: u64) -> Self {
        Self { text, at: 0, depth: 0, line }
    }

    /// An error at the next value.
    pub(super) fn wrong<T>(&mut self, expected: &'static str) -> Result<T, ReadError> {
        self.space();
        self.wrong_at(self.at, expected)
    }

    /// An error at a byte of the text.
    fn wrong_at<T>(&self, at: usize, expected: &'static str) -> Result<T, ReadError> {
        let before = &self.text[..at.min(self.text.len())];
        let line = self.line + before.matches('\n').count() as u64;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
        Err(ReadError::Malformed { at: Place::Line { line, column }, expected })
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// The first byte of the next value.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// A word, if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.space();
        let is_next = self.text[self.at..].starts_with(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Whether the value is `null`, which means that the field isn't set.
    pub(super) fn null(&mut self) -> bool {
        self.word("null")
    }

    pub(super) fn end(&mut self) -> Done {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.wrong("the end"),
        }
    }

    /// An object. Calls `read` for each value, with its key.
    pub(super) fn object(&mut self, mut read: impl FnMut(&mut Self, &str) -> Done) -> Done {
        if self.null() {
            return Ok(());
        }
        let read = |json: &mut Self| {
            if json.peek() != Some(b'"') {
                return json.wrong("a key");
            }
            let key = json.text()?;
            if !json.takes(b':') {
                return json.wrong("a colon");
            }
            read(json, &key)
        };
        self.list_of([b'{', b'}'], ["an object", "a comma or the end of the object"], read)
    }

    /// A list. Calls `read` for each value.
    pub(super) fn list(&mut self, read: impl FnMut(&mut Self) -> Done) -> Done {
        if self.null() {
            return Ok(());
        }
        self.list_of([b'[', b']'], ["a list", "a comma or the end of the list"], read)
    }

    fn list_of(
        &mut self,
        [first, last]: [u8; 2],
        [whole, next]: [&'static str; 2],
        mut read: impl FnMut(&mut Self) -> Done,
    ) -> Done {
        if !self.takes(first) {
            return self.wrong(whole);
        }
        if self.depth >= MAX_DEPTH {
            return self.wrong("no list or object inside 300 others");
        }
        self.depth += 1;
        let mut is_first = true;
        while !self.takes(last) {
            if !is_first && !self.takes(b',') {
                return self.wrong(next);
            }
            is_first = false;
            read(self)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A text. Borrowed if it has no escapes.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, ReadError> {
        if !self.takes(b'"') {
            return self.wrong("a text");
        }
        let start = self.at;
        let mut made: Option<String> = None;
        loop {
            let rest = &self.text[self.at..];
            let Some(len) = rest.find(['"', '\\']) else {
                return self.wrong_at(start - 1, "a text with an end");
            };
            let plain = &rest[..len];
            self.at += len + 1;
            if rest.as_bytes()[len] == b'"' {
                return Ok(match made {
                    None => Cow::Borrowed(plain),
                    Some(made) => Cow::Owned(made + plain),
                });
            }
            let made = made.get_or_insert_with(String::new);
            made.push_str(plain);
            made.push(self.escape()?);
        }
    }

    /// A character behind a backslash.
    fn escape(&mut self) -> Result<char, ReadError> {
        let at = self.at;
        let Some(byte) = self.text.as_bytes().get(at).copied() else {
            return self.wrong_at(at, "an escape");
        };
        if !byte.is_ascii() {
            return self.wrong_at(at, "an escape");
        }
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return self.wrong_at(at, "an escape"),
        })
    }

    /// The character of `\uXXXX`, or of two of them. Half a pair becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, ReadError> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        if self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Result<u32, ReadError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            None => self.wrong_at(self.at, "four hexadecimal digits"),
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
        }
    }

    pub(super) fn boolean(&mut self) -> Result<bool, ReadError> {
        match () {
            () if self.word("true") => Ok(true),
            () if self.word("false") => Ok(false),
            () => self.wrong("true or false"),
        }
    }

    /// The characters of a number, or of a text in its place.
    pub(super) fn number(&mut self, expected: &'static str) -> Result<Cow<'a, str>, ReadError> {
        match self.peek() {
            Some(b'"') => self.text(),
            Some(b'-' | b'0'..=b'9') => {
                let rest = &self.text[self.at..];
                let part = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
                let len = rest.find(|c| !part(c)).unwrap_or(rest.len());
                self.at += len;
                Ok(Cow::Borrowed(&rest[..len]))
            }
            _ => self.wrong(expected),
        }
    }

    /// Reads a value with `read`, and makes of it what `of` says; `None` is an error at the value.
    pub(super) fn made<T, R>(
        &mut self,
        expected: &'static str,
        read: impl FnOnce(&mut Self) -> Result<R, ReadError>,
        of: impl FnOnce(R) -> Option<T>,
    ) -> Result<T, ReadError> {
        self.space();
        let at = self.at;
        match of(read(self)?) {
            Some(value) => Ok(value),
            None => self.wrong_at(at, expected),
        }
    }

    /// Reads any value, and forgets it.
    pub(super) fn skip(&mut self) -> Done {
        match self.peek() {
            Some(b'{') => self.object(|json, _| json.skip()),
            Some(b'[') => self.list(Self::skip),
            Some(b'"') => self.text().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number("a number").map(drop),
            _ if self.null() => Ok(()),
            Some(b't' | b'f') => self.boolean().map(drop),
            _ => self.wrong("a value"),
        }
    }
}
