//! Turns a value into an attribute.

use super::json::{Bracket, Json, Stop};
use super::serializer::Serializer;
use super::Capture;
use crate::record::{self, CaptureInto};
use crate::text::cut;
use crate::{Name, SetError, Span};
use serde::Serialize;
use std::cell::Cell;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Recorded instead of a value that can't be serialised.
const FAILED: &[u8] = b"\"<not captured: it can't be serialised>\"";
/// Recorded instead of a value whose `Serialize` panicked.
const PANICKED: &[u8] = b"\"<not captured: its Serialize panicked>\"";
/// The longest buffer that a thread keeps, in bytes, so that one large value doesn't hold memory permanently.
const MAX_KEPT: usize = 1 << 20;

thread_local! {
    /// The buffer of the last capture, for the next one. Empty during a capture: a `Serialize` that captures uses another
    /// buffer.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Values that can be captured: every type that serde serialises, and the result of [`debug`] for other types.
pub trait Captured {
    #[doc(hidden)]
    fn write(&self, json: &mut Json<'_>) -> Result<(), Stop>;
}

impl<T: Serialize + ?Sized> Captured for T {
    #[inline]
    fn write(&self, json: &mut Json<'_>) -> Result<(), Stop> {
        self.serialize(Serializer(json))
    }
}

/// A value that is captured as its `Debug` text.
#[derive(Clone, Copy, Debug)]
pub struct Debugged<'a, T: ?Sized>(&'a T);

/// Captures a value as its `Debug` text. The keys inside that text are unknown to the rules, so none is redacted.
///
/// ```
/// use heirloom_core::{capture, testing};
/// #[derive(Debug)]
/// struct Point { x: i32, y: i32 }
/// testing::run(|t| {
///     let span = heirloom_core::root("draw");
///     capture::record(&span, "input.value", &capture::debug(&Point { x: 1, y: 2 }))?;
///     drop(span);
///     let input = t.spans()[0].attributes[0].1.to_string();
///     assert_eq!(input, r#""Point { x: 1, y: 2 }""#);
///     Ok::<(), heirloom_core::SetError>(())
/// }).unwrap();
/// ```
pub fn debug<T: fmt::Debug + ?Sized>(value: &T) -> Debugged<'_, T> {
    Debugged(value)
}

impl<T: fmt::Debug + ?Sized> Serialize for Debugged<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

/// Sets an attribute to a value as JSON, under the rules of the span's tracer ([`Capture`]). If the attribute's own key
/// is denied, the value isn't read.
///
/// Cost: one test if the span isn't recorded, or if it is this thread's and capture is off; the value's size doesn't
/// matter then. Otherwise the value is serialised into a buffer of the thread, up to the limit, and copied; no lock, and
/// no allocation once the buffer has grown.
///
/// # Errors
/// As [`Span::try_set`]; or capture is switched off. A value that can't be serialised is no error: a fixed text is
/// recorded instead.
///
/// ```
/// use heirloom_core::{capture, testing};
/// testing::run(|t| {
///     let span = heirloom_core::root("login");
///     let request = serde_json::json!({ "password": "hunter2", "tries": 1, "user": "u1" });
///     capture::record(&span, "input.value", &request)?;
///     drop(span);
///     let input = t.spans()[0].attributes[0].1.to_string();
///     assert_eq!(input, r#"{"password":"<redacted>","tries":1,"user":"u1"}"#);
///     Ok::<(), heirloom_core::SetError>(())
/// }).unwrap();
/// ```
#[inline]
pub fn record<'k>(span: &Span, key: impl Into<Name<'k>>, value: &(impl Captured + ?Sized)) -> Result<(), SetError> {
    if let Some(why) = record::why_not_captured(span) {
        return Err(why);
    }
    record_with(span, key.into(), |json| value.write(json))
}

/// As [`record`], and returns the JSON instead of setting the attribute: for JSON that is recorded elsewhere, such as in
/// an event. Cost: as there, and an allocation.
///
/// # Errors
/// As [`record`], except for errors of writing to the shard.
///
/// ```
/// use heirloom_core::{capture, testing};
/// testing::run(|t| {
///     let span = heirloom_core::root("login");
///     let json = capture::to_json(&span, "request", &serde_json::json!({ "token": "abc" }))?;
///     assert_eq!(json, r#"{"token":"<redacted>"}"#);
///     Ok::<(), heirloom_core::SetError>(())
/// }).unwrap();
/// ```
pub fn to_json(span: &Span, key: &str, value: &(impl Captured + ?Sized)) -> Result<String, SetError> {
    if let Some(why) = record::why_not_captured(span) {
        return Err(why);
    }
    let (json, _) = ruled(span, key, |json| value.write(json))?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}

/// Recorded instead of a text whose key is denied.
const REDACTED: &str = "<redacted>";

/// Sets an attribute to a text from other code, unchanged, under the rules of the span's tracer ([`Capture`]): for
/// bridges to other tracing systems. Only the mask reads the content of the text.
///
/// Cost: one test if the span isn't recorded or capture is off. Otherwise two copies and one allocation.
///
/// # Errors
/// As [`record`].
///
/// ```
/// use heirloom_core::{capture, testing};
/// testing::run(|t| {
///     let span = heirloom_core::root("chat");
///     capture::text(&span, "gen_ai.prompt", "2 + 3?")?;
///     capture::text(&span, "password", "hunter2")?;
///     drop(span);
///     let values: Vec<_> = t.spans()[0].attributes.iter().map(|(_, value)| value.to_string()).collect();
///     assert_eq!(values, ["2 + 3?", "<redacted>"]);
///     Ok::<(), heirloom_core::SetError>(())
/// }).unwrap();
/// ```
pub fn text<'k>(span: &Span, key: impl Into<Name<'k>>, text: &str) -> Result<(), SetError> {
    if let Some(why) = record::why_not_captured(span) {
        return Err(why);
    }
    let key = key.into();
    let (text, whole) = ruled_text(span, key.as_str(), text)?;
    record::set_captured(span, key, &text, whole)
}

/// As [`text`], and returns the text instead of setting the attribute: for a text that is recorded elsewhere, such as in
/// an event. Cost: as there.
///
/// # Errors
/// As [`record`], except for errors of writing to the shard.
///
/// ```
/// use heirloom_core::{capture, testing};
/// testing::run(|t| {
///     let span = heirloom_core::root("chat");
///     assert_eq!(capture::to_text(&span, "gen_ai.prompt", "2 + 3?")?, "2 + 3?");
///     assert_eq!(capture::to_text(&span, "password", "hunter2")?, "<redacted>");
///     Ok::<(), heirloom_core::SetError>(())
/// }).unwrap();
/// ```
pub fn to_text(span: &Span, key: &str, text: &str) -> Result<String, SetError> {
    if let Some(why) = record::why_not_captured(span) {
        return Err(why);
    }
    ruled_text(span, key, text).map(|(text, _)| String::from_utf8_lossy(&text).into_owned())
}

/// Applies the rules to a text. The number is its length before the cut; zero if it wasn't cut.
fn ruled_text(span: &Span, key: &str, text: &str) -> Result<(Vec<u8>, usize), SetError> {
    let CaptureInto { rules, limit } = record::capture_into(span)?;
    let limit = limit.min(rules.limit());
    let text = if rules.denies(key.as_bytes()) { REDACTED } else { text };
    let kept = cut(text, limit);
    let whole = if kept.len() < text.len() { text.len() } else { 0 };
    Ok((rules.masked(key, kept.as_bytes().to_vec(), limit), whole))
}

/// Whether the rules of the span's tracer deny the values of this key. `false` for a non-recording span.
///
/// Cost: a look-up by the end of the key.
///
/// ```
/// use heirloom_core::{capture, root, testing};
/// testing::run(|_| {
///     let span = root("login");
///     assert!(capture::is_denied(&span, "api_key") && !capture::is_denied(&span, "user"));
/// });
/// ```
pub fn is_denied(span: &Span, key: &str) -> bool {
    span.is_recording() && record::denies(span, key)
}

/// As [`record`], for several values as one object: the arguments of a function, by their names.
///
/// # Errors
/// As [`record`].
pub fn arguments<'k>(
    span: &Span,
    key: impl Into<Name<'k>>,
    arguments: &[(&str, &dyn Captured)],
) -> Result<(), SetError> {
    if let Some(why) = record::why_not_captured(span) {
        return Err(why);
    }
    record_with(span, key.into(), |json| object(json, arguments))
}

fn object(json: &mut Json<'_>, entries: &[(&str, &dyn Captured)]) -> Result<(), Stop> {
    json.open(Bracket::Object)?;
    for (i, (key, value)) in entries.iter().enumerate() {
        json.key(key, i == 0)?;
        json.begin_value()?;
        if !json.is_muted() {
            value.write(json)?;
        }
        json.end_value();
    }
    json.close();
    Ok(())
}

/// Not inlined, so that a caller's code stays small when nothing is captured.
#[inline(never)]
fn record_with(
    span: &Span,
    key: Name<'_>,
    write: impl FnOnce(&mut Json<'_>) -> Result<(), Stop>,
) -> Result<(), SetError> {
    let (json, whole) = ruled(span, key.as_str(), write)?;
    let set = record::set_captured(span, key, &json, whole);
    if json.capacity() <= MAX_KEPT {
        let _ = BUFFER.try_with(|kept| kept.set(json));
    }
    set
}

/// The JSON of a value after the rules, and a lower bound of its uncut length; zero if it wasn't cut.
fn ruled(
    span: &Span,
    key: &str,
    write: impl FnOnce(&mut Json<'_>) -> Result<(), Stop>,
) -> Result<(Vec<u8>, usize), SetError> {
    let CaptureInto { rules, limit } = record::capture_into(span)?;
    let limit = limit.min(rules.limit());
    let buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    let (json, whole) = match rules.denies(key.as_bytes()) {
        true => (super::json::REDACTED.to_vec(), 0),
        false => captured(&rules, limit, buffer, write),
    };
    Ok(within(limit, rules.masked(key, json, limit), whole))
}

/// Keeps nothing that is longer than the limit, because a part of it is no valid JSON. Even a replacement text can be too
/// long if attributes must be very short.
fn within(limit: usize, json: Vec<u8>, whole: usize) -> (Vec<u8>, usize) {
    const NOTHING: &[u8] = b"null";
    match json.len() {
        length if length <= limit => (json, whole),
        length if limit < NOTHING.len() => (Vec::new(), whole.max(length)),
        length => (NOTHING.to_vec(), whole.max(length)),
    }
}

/// The JSON of a value, and a lower bound of its uncut length; zero if it wasn't cut.
fn captured(
    rules: &Capture,
    limit: usize,
    buffer: Vec<u8>,
    write: impl FnOnce(&mut Json<'_>) -> Result<(), Stop>,
) -> (Vec<u8>, usize) {
    let mut json = Json::new(rules.denied(), limit, buffer);
    let failed = || (FAILED.to_vec(), 0);
    match catch_unwind(AssertUnwindSafe(|| write(&mut json))) {
        Ok(Ok(()) | Err(Stop::Full)) => json.finish().unwrap_or_else(failed),
        Ok(Err(Stop::Failed)) => failed(),
        Err(_) => (PANICKED.to_vec(), 0),
    }
}

#[cfg(test)]
mod tests;
