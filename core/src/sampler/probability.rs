//! Which share of all traces is kept: by OpenTelemetry's ratio, and by [consistent probability sampling].
//!
//! [consistent probability sampling]: https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/

use crate::TraceId;

/// The number of random bits of a trace id ([W3C Trace Context level 2]).
///
/// [W3C Trace Context level 2]: https://www.w3.org/TR/trace-context-2/#randomness-of-trace-id
const RANDOM_BITS: u32 = 56;
/// The number of hexadecimal digits of 56 bits.
const DIGITS: usize = 14;

/// How many of the 2^63 values of [`ratio_value`] are kept.
pub(super) fn ratio_bound(ratio: f64) -> u64 {
    const ALL: u64 = 1 << 63;
    // Scaling by a power of two is exact. The conversion rounds down, saturates, and converts NaN to zero.
    ((ratio * ALL as f64) as u64).min(ALL)
}

/// The part of a trace id that OpenTelemetry's SDKs compare with a ratio: 63 bits.
pub(super) fn ratio_value(trace: TraceId) -> u64 {
    trace.lo >> 1
}

/// How many of the 2^56 random values are rejected: 0 rejects none, 2^56 all.
pub(super) fn rejection_threshold(ratio: f64) -> u64 {
    let all = 1_u64 << RANDOM_BITS;
    // Scaling by a power of two is exact. The conversion saturates, and converts NaN to zero.
    let kept = (ratio * all as f64).round() as u64;
    all.saturating_sub(kept)
}

/// The random value of a trace: `rv` in the member `ot` of its tracestate, else the last 56 bits of its id.
pub(super) fn randomness(trace: TraceId, ot: &str) -> u64 {
    let explicit = ot.split(';').filter_map(|field| field.split_once(':')).find(|(key, _)| *key == "rv");
    let explicit = explicit.map(|(_, digits)| digits);
    let explicit = explicit.filter(|digits| digits.len() == DIGITS).and_then(parse_hex);
    explicit.unwrap_or(trace.lo & ((1 << RANDOM_BITS) - 1))
}

/// What becomes of the threshold `th` in the tracestate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threshold {
    /// It stays as it arrived.
    Keep,
    /// The trace was kept with this rejection threshold.
    Set(u64),
    /// The trace was dropped, or kept with an unknown probability.
    Erase,
}

impl Threshold {
    /// The member `ot` to hand on, empty if there is none; `None` if that is the same one.
    pub(crate) fn apply(self, ot: &str) -> Option<String> {
        let mut fields: Vec<String> = match self {
            Threshold::Keep => return None,
            Threshold::Set(threshold) => vec![format!("th:{}", digits(threshold))],
            Threshold::Erase => Vec::new(),
        };
        let others = ot.split(';').filter(|field| !field.is_empty() && !field.starts_with("th:"));
        fields.extend(others.map(str::to_owned));
        Some(fields.join(";")).filter(|changed| changed != ot)
    }
}

fn parse_hex(digits: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.bytes().all(is_digit).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// A threshold's 14 hexadecimal digits without the zeros at the end; `0` if all are zeros.
fn digits(threshold: u64) -> String {
    let all = format!("{threshold:0DIGITS$x}");
    match all.trim_end_matches('0') {
        "" => "0".to_owned(),
        some => some.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_written_as_the_specification_shows_it() {
        for (ratio, expected) in [(1.0, "0"), (0.5, "8"), (0.25, "c"), (0.0625, "f"), (1.0 / 16384.0, "fffc")] {
            assert_eq!(digits(rejection_threshold(ratio)), expected, "{ratio}");
        }
        assert_eq!(digits(1), "00000000000001");
    }

    #[test]
    fn only_the_threshold_changes_in_the_member() {
        for (threshold, before, after) in [
            (Threshold::Set(8 << 52), "", "th:8"),
            (Threshold::Set(8 << 52), "rv:00000000000001;x:y;th:c", "th:8;rv:00000000000001;x:y"),
            (Threshold::Erase, "th:8", ""),
            (Threshold::Erase, "th:8;rv:00000000000001", "rv:00000000000001"),
        ] {
            assert_eq!(threshold.apply(before).unwrap(), after, "{before}");
        }
        for (threshold, same) in
            [(Threshold::Keep, "th:8"), (Threshold::Erase, "x:y"), (Threshold::Set(8 << 52), "th:8")]
        {
            assert_eq!(threshold.apply(same), None, "{same}");
        }
    }

    #[test]
    fn the_random_value_of_the_tracestate_precedes_the_trace_id() {
        let trace = TraceId::from_u128(u128::MAX);
        let all = (1 << 56) - 1;
        assert_eq!(randomness(trace, "th:8;rv:0000000000002a"), 42);
        for other in ["", "th:8", "rv:2a", "rv:0000000000002A", "rv:+000000000002a", "xrv:0000000000002a"] {
            assert_eq!(randomness(trace, other), all, "{other}");
        }
    }
}
