//! Values of any type as JSON in a span's attribute: inputs, outputs, metadata.
//!
//! A value is captured only where code says so. It is serialised once, into a buffer of its thread that is used again,
//! with no tree of values in between, and copied into the shard from there.
//!
//! | what | how |
//! |---|---|
//! | how long | up to [`Capture::max_bytes`]; what is longer is cut and stays valid JSON. The attribute says how long it would have been *at least*: writing stops at the limit, and what is behind it isn't looked at. `heirloom.truncated` on the exported span has it |
//! | secrets | the value of a key that is denied is `"<redacted>"` ([`Capture::deny`]), be it the attribute's own key. What stands inside a text isn't looked into, and serde_json's `RawValue` is a text |
//! | any other wish | a function sees each value before it is recorded ([`Capture::mask`]) |
//! | not at all | [`Capture::enabled`], `HEIRLOOM_CAPTURE=false` |
//! | a value that can't be serialised, or panics | a text that says so, without the error's text |
//! | integers beyond ±(2^53 − 1) | texts, since most readers of JSON would round them |
//! | `NaN`, infinities | `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | bytes | how many there are |
//! | more than 128 levels | cut |
//!
//! | file | what it does |
//! |---|---|
//! | `config/capture.rs`, `config/deny.rs` | the settings |
//! | `json.rs`, `escape.rs` | JSON that can stop anywhere |
//! | `value.rs` | from a value to an attribute |
//! | `serializer.rs`, `key.rs` | serde's side of it |

#[cfg(feature = "record")]
pub use crate::config::Capture;

#[cfg(all(feature = "record", feature = "capture"))]
mod escape;
#[cfg(all(feature = "record", feature = "capture"))]
mod json;
#[cfg(all(feature = "record", feature = "capture"))]
mod key;
#[cfg(all(feature = "record", feature = "capture"))]
mod serializer;
#[cfg(all(feature = "record", feature = "capture"))]
mod value;

#[cfg(all(feature = "record", feature = "capture"))]
pub use value::{arguments, debug, is_denied, record, text, to_json, to_text, Captured, Debugged};

#[cfg(all(not(feature = "record"), feature = "capture"))]
mod disabled;
#[cfg(all(not(feature = "record"), feature = "capture"))]
pub use disabled::{arguments, debug, is_denied, record, text, to_json, to_text, Captured, Debugged};
