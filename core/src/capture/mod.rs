//! Values of any type as JSON in a span's attribute: inputs, outputs, metadata.
//!
//! A value is captured only if code names it. It is serialised once, into a reused buffer of its thread, with no tree of
//! values in between, and copied from there into the shard.
//!
//! | question | answer |
//! |---|---|
//! | length | up to [`Capture::max_bytes`]. A longer value is cut and stays valid JSON. `heirloom.truncated` on the exported span has a *lower bound* of its uncut length: writing stops at the limit, and the rest isn't read |
//! | secrets | the value of a denied key is `"<redacted>"` ([`Capture::deny`]); this includes the attribute's own key. The content of a text isn't examined, and serde_json's `RawValue` is a text |
//! | other rules | your function gets each value before it is recorded ([`Capture::mask`]) |
//! | off | [`Capture::enabled`], `HEIRLOOM_CAPTURE=false` |
//! | a value that can't be serialised, or panics | a fixed text, without the error's text |
//! | integers beyond ±(2^53 − 1) | texts, because most readers of JSON would round them |
//! | `NaN`, infinities | `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | bytes | their number |
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
