//! [`Context`] from and to the `traceparent` header ([W3C Trace Context level 2]).
//!
//! [W3C Trace Context level 2]: https://www.w3.org/TR/trace-context-2/#traceparent-header

use super::OPTIONAL_WHITESPACE;
use crate::{Context, SpanId, TraceId};
use core::fmt;

/// The length of a `traceparent` of version 00.
const LENGTH_BYTES: usize = 55;

/// The text of a `traceparent` header: 55 bytes, on the stack.
///
/// ```
/// use heirloom_core::Context;
/// let context = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03")?;
/// let text = context.traceparent().ok_or("an invalid context has none")?;
/// assert_eq!(text.as_str(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traceparent([u8; LENGTH_BYTES]);

impl Traceparent {
    fn new(trace: TraceId, span: SpanId, flags: u8) -> Self {
        let mut text = *b"00-................................-................-..";
        write_hex(&mut text[3..35], trace.to_u128());
        write_hex(&mut text[36..52], u128::from(span.to_u64()));
        write_hex(&mut text[53..55], u128::from(flags));
        Self(text)
    }

    /// The text. No allocation.
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever written into it.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<str> for Traceparent {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traceparent({self})")
    }
}

impl Context {
    /// The context in a `traceparent` header or environment variable. It counts as remote.
    ///
    /// - Version 00 is exactly 55 bytes. A later version is read as far as this one is defined, if the rest starts with
    ///   `-`. Version `ff` is rejected ([versioning]).
    /// - Hexadecimal digits are lower case, and neither id is zero.
    /// - The sampled and the random flag are kept, unknown flags are cleared.
    /// - Spaces and tabs around the value are ignored, as in any HTTP header.
    ///
    /// No clock read, lock or allocation.
    ///
    /// [versioning]: https://www.w3.org/TR/trace-context-2/#versioning-of-traceparent
    ///
    /// # Errors
    ///
    /// The text is not a `traceparent`. The specification then demands a new trace, as if there were no header.
    ///
    /// ```
    /// use heirloom_core::Context;
    /// let parent = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    /// assert!(parent.is_sampled() && parent.is_remote() && !parent.is_random());
    ///
    /// let error = Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01");
    /// assert!(error.is_err_and(|e| e.to_string().contains("span id is zero")));
    /// # Ok::<(), heirloom_core::ParseTraceparentError>(())
    /// ```
    pub fn from_traceparent(text: &str) -> Result<Context, ParseTraceparentError> {
        parse(text.trim_matches(OPTIONAL_WHITESPACE).as_bytes()).map_err(ParseTraceparentError)
    }

    /// The `traceparent` for another process; `None` if there is no trace or no span to name.
    ///
    /// A transparent context gives its nearest recorded ancestor's ids, so that the other process's spans never get a
    /// parent that isn't exported. The sampled flag of a root that could not be recorded is cleared.
    ///
    /// A span that is not sampled gets a new span id at each call (see [`to_remote`](Self::to_remote)).
    ///
    /// No clock read, lock or allocation.
    ///
    /// ```
    /// use heirloom_core::{Context, SpanId, TraceId};
    /// let context = Context::from_ids(TraceId::from_u128(7), SpanId::from_u64(9), true);
    /// let text = context.traceparent().map(|t| t.to_string());
    /// assert_eq!(text.as_deref(), Some("00-00000000000000000000000000000007-0000000000000009-01"));
    /// assert!(Context::INERT.traceparent().is_none());
    /// ```
    pub fn traceparent(&self) -> Option<Traceparent> {
        let sent = self.to_remote();
        sent.is_valid().then(|| Traceparent::new(sent.trace_id(), sent.span_id(), sent.trace_flags()))
    }
}

/// Writes the low digits of `value`, one into each byte of `digits`.
fn write_hex(digits: &mut [u8], mut value: u128) {
    for digit in digits.iter_mut().rev() {
        let nibble = (value & 15) as u8;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        value >>= 4;
    }
}

fn parse(text: &[u8]) -> Result<Context, Problem> {
    let Some(head) = text.get(..LENGTH_BYTES).and_then(|head| <&[u8; LENGTH_BYTES]>::try_from(head).ok()) else {
        return Err(Problem::Length(text.len()));
    };
    let version = read_hex(head, 0, 2)?;
    read_dashes(head)?;
    match (version, text.get(LENGTH_BYTES)) {
        (0xff, _) => return Err(Problem::VersionFf),
        (0, Some(_)) => return Err(Problem::Length(text.len())),
        (_, Some(&byte)) if byte != b'-' => return Err(Problem::Dash { at: LENGTH_BYTES, byte }),
        _ => {}
    }
    let trace = TraceId::from_u128(read_hex(head, 3, 32)?);
    let span = SpanId::from_u64(read_hex(head, 36, 16)? as u64);
    let flags = read_hex(head, 53, 2)? as u8;
    if !trace.is_valid() {
        return Err(Problem::ZeroTraceId);
    }
    if !span.is_valid() {
        return Err(Problem::ZeroSpanId);
    }
    Ok(Context::remote(trace, span, flags))
}

fn read_dashes(head: &[u8; LENGTH_BYTES]) -> Result<(), Problem> {
    for (at, byte) in [(2, head[2]), (35, head[35]), (52, head[52])] {
        if byte != b'-' {
            return Err(Problem::Dash { at, byte });
        }
    }
    Ok(())
}

/// The value of the `digits` lower-case hexadecimal digits that start at byte `from`.
fn read_hex(head: &[u8; LENGTH_BYTES], from: usize, digits: usize) -> Result<u128, Problem> {
    head.iter().enumerate().skip(from).take(digits).try_fold(0, |value: u128, (at, &byte)| match byte {
        b'0'..=b'9' => Ok(value << 4 | u128::from(byte - b'0')),
        b'a'..=b'f' => Ok(value << 4 | u128::from(byte - b'a' + 10)),
        _ => Err(Problem::Digit { at, byte }),
    })
}

/// Why a text is not a `traceparent`: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTraceparentError(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Length(usize),
    VersionFf,
    Dash { at: usize, byte: u8 },
    Digit { at: usize, byte: u8 },
    ZeroTraceId,
    ZeroSpanId,
}

impl fmt::Display for ParseTraceparentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a traceparent is `00-<32 digits>-<16 digits>-<2 digits>` (lower-case hexadecimal), but ")?;
        match self.0 {
            Problem::Length(1) => write!(f, "the text has 1 byte instead of {LENGTH_BYTES}"),
            Problem::Length(n) => write!(f, "the text has {n} bytes instead of {LENGTH_BYTES}"),
            Problem::VersionFf => f.write_str("the version is ff, which is forbidden"),
            Problem::Dash { at, byte } => write!(f, "byte {at} is '{}' instead of '-'", byte.escape_ascii()),
            Problem::Digit { at, byte } => write!(f, "byte {at} is '{}'", byte.escape_ascii()),
            Problem::ZeroTraceId => f.write_str("the trace id is zero"),
            Problem::ZeroSpanId => f.write_str("the span id is zero"),
        }
    }
}

impl std::error::Error for ParseTraceparentError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::test_bytes::Random;
    use super::*;
    use crate::context::{RANDOM, TRANSPARENT};

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn printed(text: &str) -> String {
        Context::from_traceparent(text).unwrap().traceparent().unwrap().to_string()
    }

    fn problem(text: &str) -> Problem {
        Context::from_traceparent(text).unwrap_err().0
    }

    #[test]
    fn a_valid_traceparent_is_read_and_printed_unchanged() {
        let context = Context::from_traceparent(VALID).unwrap();
        assert_eq!(context.trace_id().to_u128(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.span_id().to_u64(), 0xb7ad_6b71_6920_3331);
        assert!(context.is_sampled() && context.is_remote() && !context.is_random() && !context.is_transparent());
        assert_eq!(printed(VALID), VALID);
    }

    #[test]
    fn random_contexts_round_trip() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..10_000 {
            let trace = TraceId::from_u128(u128::from(random.next()) << 64 | u128::from(random.next()));
            let context = Context::from_ids_with_flags(trace, SpanId::from_u64(random.next()), random.next() as u8);
            let text = context.traceparent().unwrap();
            assert_eq!(Context::from_traceparent(text.as_str()), Ok(context));
        }
    }

    #[test]
    fn unknown_flags_are_cleared_and_the_random_flag_is_kept() {
        for (flags, kept) in [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")] {
            let printed = printed(&VALID.replace("-01", &format!("-{flags}")));
            assert_eq!(&printed[53..], kept, "flags {flags}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_version_00_goes() {
        for version in ["01", "cc", "fe"] {
            let later = VALID.replacen("00", version, 1);
            assert_eq!(printed(&later), VALID);
            assert_eq!(printed(&format!("{later}-")), VALID);
            assert_eq!(printed(&format!("{later}-what-the-future-will-be-like é")), VALID);
            assert_eq!(problem(&format!("{later}.what")), Problem::Dash { at: 55, byte: b'.' });
            assert_eq!(problem(&later[..54]), Problem::Length(54));
        }
    }

    #[test]
    fn version_00_is_exactly_55_bytes() {
        assert_eq!(problem(&format!("{VALID}-")), Problem::Length(56));
        assert_eq!(problem(&format!("{VALID}0")), Problem::Length(56));
        assert_eq!(problem(""), Problem::Length(0));
        for end in 0..55 {
            assert_eq!(problem(&VALID[..end]), Problem::Length(end));
        }
    }

    #[test]
    fn version_ff_is_refused() {
        assert_eq!(problem(&VALID.replacen("00", "ff", 1)), Problem::VersionFf);
        assert_eq!(problem(&format!("{}-x", VALID.replacen("00", "ff", 1))), Problem::VersionFf);
    }

    #[test]
    fn a_zero_trace_id_is_refused() {
        assert_eq!(problem("00-00000000000000000000000000000000-b7ad6b7169203331-01"), Problem::ZeroTraceId);
    }

    #[test]
    fn a_zero_span_id_is_refused() {
        assert_eq!(problem("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"), Problem::ZeroSpanId);
    }

    #[test]
    fn every_byte_is_checked() {
        for at in 0..55 {
            for wrong in [b'g', b'A', b'F', b'.', b'_', b' ', b'/', b':', b'`', 0, 0x7f] {
                let mut text = VALID.as_bytes().to_vec();
                text[at] = wrong;
                let text = String::from_utf8(text).unwrap();
                // White space at the ends is trimmed. Then the length is wrong instead.
                assert!(Context::from_traceparent(&text).is_err(), "byte {at}: {text}");
            }
        }
        let text = VALID.to_uppercase();
        assert_eq!(problem(&text), Problem::Digit { at: 4, byte: b'A' });
    }

    #[test]
    fn whitespace_around_the_value_is_not_part_of_it() {
        assert_eq!(printed(&format!("\t {VALID} \t")), VALID);
        assert!(Context::from_traceparent(&format!("{VALID}\n")).is_err());
    }

    #[test]
    fn nonsense_never_panics() {
        let mut random = Random(42);
        for _ in 0..20_000 {
            let text = random.text("0123456789abcdefABCDEF- \té\u{1F600}\0", 70);
            let _ = Context::from_traceparent(&text);
            let mut mutated: Vec<char> = VALID.chars().collect();
            let at = random.below(55);
            mutated[at] = char::from_u32(random.next() as u32 % 0x3000).unwrap();
            let mutated: String = mutated.into_iter().collect();
            if let Ok(context) = Context::from_traceparent(&mutated) {
                assert!(context.is_valid());
            }
        }
    }

    #[test]
    fn a_context_without_a_span_prints_nothing() {
        assert_eq!(Context::INERT.traceparent(), None);
        let mut no_span = Context::from_traceparent(VALID).unwrap();
        no_span.span = SpanId::INVALID;
        assert_eq!(no_span.traceparent(), None);
    }

    #[test]
    fn a_transparent_context_prints_its_recorded_ancestor() {
        let mut transparent = Context::from_traceparent(VALID).unwrap();
        transparent.flags = crate::context::SAMPLED | TRANSPARENT;
        assert_eq!(transparent.traceparent().unwrap().as_str(), VALID);
    }

    #[test]
    fn a_root_that_could_not_be_recorded_prints_not_sampled() {
        let mut root = Context::from_traceparent(VALID).unwrap();
        root.flags = TRANSPARENT | RANDOM;
        assert!(root.traceparent().unwrap().as_str().ends_with("-02"));
    }

    #[test]
    fn an_error_says_what_was_found_and_where() {
        let said = |text: &str| Context::from_traceparent(text).unwrap_err().to_string();
        assert!(said("00-x").ends_with("but the text has 4 bytes instead of 55"));
        assert!(said(&VALID.replace("0af", "0Af")).ends_with("but byte 4 is 'A'"));
        assert!(said(&VALID.replacen('-', "_", 1)).ends_with("byte 2 is '_' instead of '-'"));
        let two_bytes = said(&VALID.replacen("af", "é", 1));
        assert!(two_bytes.ends_with("byte 4 is '\\xc3'"), "{two_bytes}");
    }
}
