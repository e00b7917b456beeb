//! Trace and span ids: one type for each, as W3C Trace Context defines them.

use core::fmt;
use core::hash::Hasher;
use core::str::FromStr;

/// The id of a trace: 16 bytes, zero is invalid.
///
/// Text form: 32 lower-case hexadecimal digits ([W3C Trace Context, trace-id]).
///
/// [W3C Trace Context, trace-id]: https://www.w3.org/TR/trace-context-2/#trace-id
///
/// ```
/// use heirloom_core::TraceId;
/// let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse()?;
/// assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
/// assert!("0AF7".parse::<TraceId>().is_err());
/// # Ok::<(), heirloom_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct TraceId {
    pub(crate) hi: u64,
    pub(crate) lo: u64,
}

/// The id of a span: 8 bytes, zero is invalid.
///
/// Text form: 16 lower-case hexadecimal digits ([W3C Trace Context, parent-id]).
///
/// [W3C Trace Context, parent-id]: https://www.w3.org/TR/trace-context-2/#parent-id
///
/// ```
/// use heirloom_core::SpanId;
/// let id: SpanId = "b7ad6b7169203331".parse()?;
/// assert_eq!(id.to_bytes(), 0xb7ad6b7169203331_u64.to_be_bytes());
/// # Ok::<(), heirloom_core::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SpanId(pub(crate) u64);

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    what: &'static str,
    digits: usize,
    found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Length(usize),
    Digit { at: usize, char: char },
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, digits, found } = self;
        write!(f, "a {what} id is {digits} lower-case hexadecimal digits, but ")?;
        match found {
            Found::Length(1) => f.write_str("the text has 1 byte"),
            Found::Length(n) => write!(f, "the text has {n} bytes"),
            Found::Digit { at, char } => write!(f, "byte {at} is {char:?}"),
        }
    }
}

impl std::error::Error for ParseIdError {}

/// Reads exactly `digits` lower-case hexadecimal digits (at most 32).
fn parse_hex(text: &str, what: &'static str, digits: usize) -> Result<u128, ParseIdError> {
    let err = |found| ParseIdError { what, digits, found };
    if text.len() != digits {
        return Err(err(Found::Length(text.len())));
    }
    text.char_indices().try_fold(0u128, |n, (at, char)| match char {
        '0'..='9' => Ok(n << 4 | (char as u128 - '0' as u128)),
        'a'..='f' => Ok(n << 4 | (char as u128 - 'a' as u128 + 10)),
        _ => Err(err(Found::Digit { at, char })),
    })
}

#[cfg(feature = "record")]
fn digest(text: &str) -> [u8; 32] {
    hmac_sha256::Hash::hash(text.as_bytes())
}

impl TraceId {
    /// The invalid id, all zero.
    pub const INVALID: TraceId = TraceId { hi: 0, lo: 0 };

    /// The id with these bytes, most significant first.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The bytes of the id, most significant first.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.to_u128().to_be_bytes()
    }

    /// The id with this value.
    pub const fn from_u128(value: u128) -> Self {
        Self { hi: (value >> 64) as u64, lo: value as u64 }
    }

    /// The value of the id.
    pub const fn to_u128(self) -> u128 {
        (self.hi as u128) << 64 | self.lo as u128
    }

    /// The id that every program derives from this text: the first 16 bytes of its SHA-256, as in Langfuse's SDKs
    /// (`create_trace_id`). For traces that you want to find again by your own key. Hashes the text; no allocation.
    ///
    /// ```
    /// use heirloom_core::TraceId;
    /// assert_eq!(TraceId::from_seed("order 4711"), TraceId::from_seed("order 4711"));
    /// assert_eq!(TraceId::from_seed("abc").to_string(), "ba7816bf8f01cfea414140de5dae2223");
    /// ```
    #[cfg(feature = "record")]
    pub fn from_seed(seed: &str) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest(seed)[..16]);
        Self::from_bytes(bytes)
    }

    /// Whether any byte is not zero.
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.hi | self.lo != 0
    }
}

impl SpanId {
    /// The invalid id, all zero.
    pub const INVALID: SpanId = SpanId(0);

    /// The id with these bytes, most significant first.
    #[inline]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// The bytes of the id, most significant first.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The id with this value.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// The value of the id.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The id that every program derives from this text: the first 8 bytes of its SHA-256, as in Langfuse's SDKs
    /// (`create_observation_id`).
    ///
    /// ```
    /// use heirloom_core::SpanId;
    /// assert_eq!(SpanId::from_seed("abc").to_string(), "ba7816bf8f01cfea");
    /// ```
    #[cfg(feature = "record")]
    pub fn from_seed(seed: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = digest(seed);
        Self::from_bytes([a, b, c, d, e, f, g, h])
    }

    /// Whether any byte is not zero.
    #[inline]
    pub const fn is_valid(self) -> bool {
        self.0 != 0
    }
}

impl FromStr for TraceId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_hex(text, "trace", 32).map(Self::from_u128)
    }
}

impl FromStr for SpanId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_hex(text, "span", 16).map(|n| Self(n as u64))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.hi, self.lo)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

/// A hasher for tables by [`SpanId`] or [`TraceId`]. Ids are random, or counted up from random starts, so one
/// multiplication spreads them over a table. Not for ids that an attacker may choose: they can be made to collide.
///
/// ```
/// use heirloom_core::{IdHasher, SpanId};
/// use std::collections::HashMap;
/// use std::hash::BuildHasherDefault;
/// let mut names: HashMap<SpanId, &str, BuildHasherDefault<IdHasher>> = HashMap::default();
/// names.insert(SpanId::from_u64(7), "resize");
/// assert_eq!(names.get(&SpanId::from_u64(7)), Some(&"resize"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    /// The high bits of a product depend on all bits of the id. They become the low bits, which a table uses first. The
    /// factor is 2^64 divided by the golden ratio.
    #[inline]
    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text_and_bytes() {
        let id = TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(TraceId::from_bytes(id.to_bytes()), id);
        let id = SpanId::from_u64(0x00f0_67aa_0ba9_02b7);
        assert_eq!(id.to_string(), "00f067aa0ba902b7");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_bad_id_is_refused_with_what_was_found() {
        let text = "0af7651916cd43dd8448eb211c80319".parse::<TraceId>().map_err(|e| e.to_string());
        assert_eq!(text, Err("a trace id is 32 lower-case hexadecimal digits, but the text has 31 bytes".into()));
        let text = "b7ad6b716920333G".parse::<SpanId>().map_err(|e| e.to_string());
        assert_eq!(text, Err("a span id is 16 lower-case hexadecimal digits, but byte 15 is 'G'".into()));
        assert!("b7ad6b71692033é".parse::<SpanId>().is_err());
    }
}
