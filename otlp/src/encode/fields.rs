//! What both forms have of a span: the numbers of its flags, kind and status; the attributes of events and links.

use super::attributes::{Attributes, Truncated};
use heirloom_core::export::AttributeRef;
use heirloom_core::{SpanKind, Status};

/// Flags of OTLP: the lowest byte has W3C's flags; these two bits say that it is known whether the parent is remote, and whether it
/// is ([SpanFlags]).
///
/// [SpanFlags]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

#[inline(always)]
pub(super) fn flags(trace_flags: u8, is_remote: bool) -> u32 {
    u32::from(trace_flags) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 }
}

/// The number of a kind. Zero is "unspecified".
#[inline(always)]
pub(super) fn kind(kind: SpanKind) -> u8 {
    kind as u8 + 1
}

/// The code of a status, and its text.
#[inline(always)]
pub(super) fn status(status: &Status) -> Option<(u8, &str)> {
    match status {
        Status::Unset => None,
        Status::Ok => Some((1, "")),
        Status::Error(text) => Some((2, text)),
    }
}

/// The attributes of an event or a link: as they were recorded.
pub(super) fn plain<'a>(recorded: impl Iterator<Item = AttributeRef<'a>> + Clone, to: &mut Attributes<'_>) {
    let (mut is_known, mut is_cut) = (false, false);
    for attribute in recorded.clone() {
        is_known |= attribute.key == Truncated::KEY;
        is_cut |= attribute.truncated_from.is_some();
        to.add(attribute.key, &attribute.value);
    }
    if is_cut && !is_known {
        Truncated::of(recorded).add_to(to);
    }
}
