//! The fields of a message.

use super::super::{Place, ReadError};

/// How deep groups may be nested. They are skipped: no message of OTLP has one.
const MAX_GROUPS: usize = 64;

/// A text of a message: `String`, or `&str`.
pub(super) trait Text<'a>: Default + From<&'a str> {}

impl<'a, T: Default + From<&'a str>> Text<'a> for T {}

/// A message, or what is left of it. Knows its place in the whole.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    /// Where they end in the whole. Where they begin changes with each byte that is read, and only errors say it.
    end: u64,
}

/// A field.
pub(super) struct Field<'a> {
    pub(super) number: u64,
    value: Raw<'a>,
    /// Where its value begins.
    at: u64,
}

/// The value of a field, by its wire type.
enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Input<'a>),
    /// A group, which was skipped.
    Group,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], at: u64) -> Self {
        Self { bytes, end: at + bytes.len() as u64 }
    }

    /// Where the next byte is.
    #[inline]
    fn at(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    #[cold]
    fn wrong<T>(&self, expected: &'static str) -> Result<T, ReadError> {
        Err(ReadError::Malformed { at: Place::Byte(self.at()), expected })
    }

    #[inline]
    fn take(&mut self, len: u64, expected: &'static str) -> Result<Input<'a>, ReadError> {
        match usize::try_from(len).ok().and_then(|len| self.bytes.split_at_checked(len)) {
            None => self.wrong(expected),
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(Input { bytes: taken, end: self.end - rest.len() as u64 })
            }
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], ReadError> {
        match self.bytes.split_first_chunk() {
            None => self.wrong(expected),
            Some((array, rest)) => {
                self.bytes = rest;
                Ok(*array)
            }
        }
    }

    /// An integer of variable length. Most have one byte.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, ReadError> {
        match self.bytes.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.bytes = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, ReadError> {
        let mut number = 0;
        for (n, byte) in self.bytes.iter().enumerate().take(10) {
            // Bits beyond the 64th are left out, as protobuf's own readers do.
            number |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                self.take(n as u64 + 1, "an integer")?;
                return Ok(number);
            }
        }
        self.wrong("an integer of at most 10 bytes")
    }

    /// The next field; `None` at the end.
    #[inline]
    pub(super) fn field(&mut self) -> Result<Option<Field<'a>>, ReadError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let tag = *self;
        let (number, wire) = self.tag()?;
        let at = self.at();
        match self.value(wire)? {
            Some(value) => Ok(Some(Field { number, value, at })),
            None if wire == 3 => {
                self.skip_group(number)?;
                Ok(Some(Field { number, value: Raw::Group, at }))
            }
            None => tag.wrong("a field"),
        }
    }

    /// The number of a field, and its wire type.
    #[inline]
    fn tag(&mut self) -> Result<(u64, u64), ReadError> {
        let before = *self;
        let tag = self.varint()?;
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return before.wrong("the number of a field");
        }
        Ok((tag >> 3, tag & 7))
    }

    /// A value of this wire type; `None` if it is a group's start or end, or no wire type.
    #[inline]
    fn value(&mut self, wire: u64) -> Result<Option<Raw<'a>>, ReadError> {
        Ok(Some(match wire {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array("8 bytes")?)),
            2 => {
                let len = self.varint()?;
                Raw::Bytes(self.take(len, "as many bytes as the length says")?)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array("4 bytes")?)),
            _ => return Ok(None),
        }))
    }

    fn skip_group(&mut self, number: u64) -> Result<(), ReadError> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            let before = *self;
            if self.bytes.is_empty() {
                return self.wrong("the end of a group");
            }
            let (number, wire) = self.tag()?;
            match self.value(wire)? {
                Some(_) => {}
                None if wire == 4 && number == innermost => drop(open.pop()),
                None if wire == 3 && open.len() < MAX_GROUPS => open.push(number),
                None => return before.wrong("a field of a group"),
            }
        }
        Ok(())
    }

    /// The bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Field<'a> {
    #[cold]
    fn wrong<T>(&self, expected: &'static str) -> Result<T, ReadError> {
        Err(ReadError::Malformed { at: Place::Byte(self.at), expected })
    }

    /// A message.
    #[inline]
    pub(super) fn message(&self) -> Result<Input<'a>, ReadError> {
        match self.value {
            Raw::Bytes(input) => Ok(input),
            _ => self.wrong("a message"),
        }
    }

    #[inline]
    pub(super) fn text<T: Text<'a>>(&self) -> Result<T, ReadError> {
        let Raw::Bytes(input) = self.value else { return self.wrong("a text") };
        match std::str::from_utf8(input.bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => {
                let at = Place::Byte(input.at() + error.valid_up_to() as u64);
                Err(ReadError::Malformed { at, expected: "UTF-8" })
            }
        }
    }

    /// An id of this many bytes; all zero if it has none.
    #[inline]
    pub(super) fn id<const N: usize>(&self, expected: &'static str) -> Result<[u8; N], ReadError> {
        match self.value {
            Raw::Bytes(input) if input.bytes.is_empty() => Ok([0; N]),
            Raw::Bytes(input) => input.bytes.try_into().or_else(|_| self.wrong(expected)),
            _ => self.wrong(expected),
        }
    }

    #[inline]
    pub(super) fn varint(&self) -> Result<u64, ReadError> {
        match self.value {
            Raw::Varint(number) => Ok(number),
            _ => self.wrong("an integer of variable length"),
        }
    }

    #[inline]
    pub(super) fn fixed64(&self) -> Result<u64, ReadError> {
        match self.value {
            Raw::Fixed64(number) => Ok(number),
            _ => self.wrong("a number of 8 bytes"),
        }
    }

    #[inline]
    pub(super) fn fixed32(&self) -> Result<u32, ReadError> {
        match self.value {
            Raw::Fixed32(number) => Ok(number),
            _ => self.wrong("a number of 4 bytes"),
        }
    }

    /// The reader of a value that is nested too deep.
    pub(super) fn too_deep<T>(&self) -> Result<T, ReadError> {
        self.wrong("no array or map inside 64 others")
    }
}
