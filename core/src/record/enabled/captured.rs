//! Captured values: the rules for them, and how they are set.

use super::any_shard::on_any_shard;
use super::attribute;
use super::Span;
use crate::thread;
use crate::wire::Encoded;
use crate::{Capture, Name, SetError};

/// What a captured value must fit: its tracer's rules, and the longest value that its shard takes.
pub(crate) struct CaptureInto {
    pub(crate) rules: Capture,
    pub(crate) limit: usize,
}

/// Why nothing can be captured into a span, from what a cheap check shows: an early return when capture is off.
#[inline(always)]
pub(crate) fn why_not_captured(span: &Span) -> Option<SetError> {
    if span.lease == 0 {
        return Some(SetError::NotRecording);
    }
    let state = thread::state();
    let slot = state.take_lease(span.lease)?;
    let enabled = slot.tracer.settings.capture.is_enabled();
    state.put_back(slot);
    (!enabled).then_some(SetError::CaptureOff)
}

/// The rules of the tracer of a recorded span.
pub(crate) fn capture_into(span: &Span) -> Result<CaptureInto, SetError> {
    on_any_shard(span, |slot, _| {
        let rules = &slot.tracer.settings.capture;
        if !rules.is_enabled() {
            return Err(SetError::CaptureOff);
        }
        Ok(CaptureInto { rules: rules.clone(), limit: slot.writer.max_value_bytes() as usize })
    })?
}

/// Whether the deny list of the span's tracer contains the key.
pub(crate) fn denies(span: &Span, key: &str) -> bool {
    on_any_shard(span, |slot, _| slot.tracer.settings.capture.denies(key.as_bytes())).unwrap_or(false)
}

/// Sets an attribute to JSON. `whole` is its length in bytes before it was cut; zero if it wasn't.
pub(crate) fn set_captured(span: &Span, key: Name<'_>, json: &[u8], whole: usize) -> Result<(), SetError> {
    let whole = whole.max(json.len()).min(u32::MAX as usize);
    attribute::set_encoded(span, &key, Encoded::text(json, whole))
}
