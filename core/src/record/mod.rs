//! The recording API, compiled in or out: two files with the same names, `enabled/` and `disabled.rs`. What calls it
//! (futures, streams, captures, observations, `#[observe]`) is one code for both. A `cfg(feature = "record")` elsewhere
//! leaves out a whole module (`lib.rs`, `capture/mod.rs`) or what only recording needs of a low type (`id.rs`,
//! `context.rs`, `kind.rs`).

#[cfg(feature = "record")]
mod enabled;
#[cfg(all(feature = "record", feature = "capture"))]
pub(crate) use enabled::{capture_into, denies, refuses, set_captured, CaptureInto};
#[cfg(feature = "record")]
pub use enabled::{in_root, in_span, root, span, Entered, Span, SpanBuilder, Update};
#[cfg(feature = "record")]
pub(crate) use enabled::{set_trace_value, updatable};

#[cfg(all(feature = "record", feature = "macros"))]
pub(crate) use enabled::current;
#[cfg(all(feature = "record", feature = "async"))]
pub(crate) use enabled::Polled;

#[cfg(not(feature = "record"))]
mod disabled;
#[cfg(all(not(feature = "record"), feature = "macros"))]
pub(crate) use disabled::current;
#[cfg(all(not(feature = "record"), feature = "async"))]
pub(crate) use disabled::Polled;
#[cfg(not(feature = "record"))]
pub use disabled::{in_root, in_span, name_lanes, on_finish, root, span, Entered, Span, SpanBuilder, Update};
#[cfg(not(feature = "record"))]
pub(crate) use disabled::{set_trace_value, updatable};
