//! The recording API, compiled in or out: two modules with the same names, `enabled/` and `disabled.rs`. The code that
//! calls them (futures, streams, captures, observations, `#[observe]`) is the same for both. Elsewhere, a `cfg(feature =
//! "record")` only leaves out a whole module (`lib.rs`, `capture/mod.rs`) or those parts of a basic type that recording
//! needs (`id.rs`, `context.rs`, `kind.rs`).

#[cfg(feature = "record")]
mod enabled;
#[cfg(all(feature = "record", feature = "capture"))]
pub(crate) use enabled::{capture_into, denies, set_captured, why_not_captured, CaptureInto};
#[cfg(feature = "record")]
pub use enabled::{in_root, in_span, root, span, Entered, Span, SpanBuilder, Update};
#[cfg(feature = "record")]
pub(crate) use enabled::{mark, set_trace_value, updatable};

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
pub use disabled::{
    in_root, in_span, name_lanes, on_finish, root, span, Entered, PerProcess, Span, SpanBuilder, Update,
};
#[cfg(not(feature = "record"))]
pub(crate) use disabled::{mark, set_trace_value, updatable};
